"""The way to Trino: one service for all principals."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mcp_trino.coordinator.access import Access, Requests, bounds_of
from mcp_trino.coordinator.admission import Places, busy
from mcp_trino.coordinator.credentials import PresentedTokens
from mcp_trino.coordinator.exchange import Exchange
from mcp_trino.coordinator.failures import Gone, Transient
from mcp_trino.coordinator.identity import identities_of
from mcp_trino.coordinator.lanes import Lane, Lanes
from mcp_trino.coordinator.probe import Probe
from mcp_trino.coordinator.query import Query
from mcp_trino.coordinator.reading import Reading
from mcp_trino.coordinator.records import (
    Record,
    dump_page,
    gone,
    load_page,
    page_of,
    split_handle,
)
from mcp_trino.coordinator.results import OpenResult, OpenResults
from mcp_trino.coordinator.transport import Transport
from mcp_trino.errors import (
    Busy,
    CoordinatorRefused,
    CoordinatorUnreachable,
    QueryCanceled,
    TimedOut,
)
from mcp_trino.interfaces import ICoordinator, IStore, ISubjectTokens, Watch
from mcp_trino.principal import Principal
from mcp_trino.queries import (
    CoordinatorState,
    Inspection,
    Page,
    PageState,
    RunningQuery,
    Statement,
    Window,
)
from mcp_trino.settings import QuerySettings, TrinoSettings

_T = TypeVar("_T")

# A result may be read for so many times its time to live before Trino ends its
# query by ``query_max_run_time``, which is also the net under our own deadline.
_READING_LIVES = 5
_NET_SECONDS = 5.0
_STOP_SECONDS = 5.0
_STOPPING = "this server is stopping"


@implementer(ICoordinator)
@define(eq=False)
class CoordinatorService(Service):
    """
    Runs statements at the one coordinator, within the bounds of the settings.

    :ivar mark_key: makes the marks by which a principal's queries are known;
        the same for all processes of one server.
    :ivar subject_tokens: what is exchanged for tokens of people.
    :ivar inspection: the decision on what results are about that were begun
        before it was made; ``None`` when nothing is kept away.
    """

    _reactor: Any = field(repr=False)
    _trino: TrinoSettings
    _settings: QuerySettings
    _store: IStore = field(repr=False)
    _mark_key: bytes = field(repr=False)
    _subject_tokens: ISubjectTokens = field(
        factory=PresentedTokens, repr=False, kw_only=True
    )
    _inspection: Inspection | None = field(default=None, kw_only=True)
    _lanes: Lanes = field(repr=False, kw_only=True)
    _transport: Transport = field(repr=False, kw_only=True)
    _access: Access = field(init=False, repr=False)
    _places: Places = field(init=False, repr=False)
    _short_places: Places = field(init=False, repr=False)
    _results: OpenResults = field(init=False, repr=False)
    _probe: Probe = field(init=False, repr=False)
    _calls: set[Deferred[Any]] = field(init=False, factory=set, repr=False)
    _tasks: set[Deferred[None]] = field(init=False, factory=set, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        reading_seconds = _READING_LIVES * self._settings.result_ttl_seconds
        identities = identities_of(
            self._trino, self._reactor, self._spawn, self._subject_tokens
        )
        self._access = Access(
            self._trino,
            self._transport,
            identities,
            self._mark_key,
            reading_seconds + _NET_SECONDS,
            bounds_of(self._settings),
        )
        settings = self._settings
        bounds = settings.concurrency, settings.queue, settings.concurrency_each
        self._places, self._short_places = Places(*bounds), Places(*bounds)
        self._results = OpenResults(
            self._reactor, self._store, self._settings, self._spawn
        )
        self._probe = Probe(self._reactor, self._lanes, self._access, self._spawn)

    @_lanes.default
    def _own_lanes(self) -> Lanes:
        return Lanes.of(
            self._reactor, self._settings.quick_threads, self._settings.slow_threads
        )

    @_transport.default
    def _own_transport(self) -> Transport:
        return Transport(self._trino)

    def startService(self) -> None:
        """Let statements run."""
        super().startService()
        self._lanes.start()

    def stopService(self) -> Deferred[None]:
        """Cancel every query at Trino within some seconds and end the threads."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for call in list(self._calls):
            call.cancel()
        self._results.drop_all()
        if self._tasks:
            left = DeferredList(list(self._tasks))
            await left.addTimeout(_STOP_SECONDS, self._reactor, lambda *_: None)
        self._transport.abort()
        self._lanes.stop()

    def execute(
        self,
        statement: Statement,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Deferred[Page]:
        """Run a statement and give the first page of its result."""
        return self._call(self._execute(statement, principal, window, watch))

    def fetch(
        self,
        handle: str,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Deferred[Page]:
        """Give the page that a handle names."""
        return self._call(self._fetch(handle, principal, window, watch))

    def cancel(self, query_id: str, principal: Principal) -> Deferred[None]:
        """Cancel a query of the principal's at Trino."""
        return self._call(self._ask(principal, Requests.cancel, query_id))

    def queries(self, principal: Principal) -> Deferred[tuple[RunningQuery, ...]]:
        """Give the principal's queries under way, the latest first."""
        return self._call(self._ask(principal, Requests.queries))

    def user_of(self, principal: Principal) -> str | None:
        """Give the Trino user that a principal's queries run as."""
        return self._access.user_of(principal)

    def probe(self) -> Deferred[CoordinatorState]:
        """Say whether Trino runs queries."""
        return self._probe.state()

    def _call(self, work: Coroutine[Any, Any, _T]) -> Deferred[_T]:
        """Run what a caller waits for; ``stopService`` cancels it."""
        if not self.running:
            work.close()
            return fail(QueryCanceled(_STOPPING))
        call = Deferred.fromCoroutine(work)
        self._calls.add(call)

        def over(result: _T | Failure) -> _T | Failure:
            self._calls.discard(call)
            canceled = isinstance(result, Failure) and result.check(CancelledError)
            if canceled and not self.running:
                return Failure(QueryCanceled(_STOPPING))
            return result

        return call.addBoth(over)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what nobody waits for but ``stopService``."""
        task = Deferred.fromCoroutine(work)
        self._tasks.add(task)

        def over(result: Failure | None) -> None:
            self._tasks.discard(task)
            if isinstance(result, Failure) and not result.check(CancelledError):
                self._log.failure("Work in the background failed", result)

        task.addBoth(over)

    async def _execute(
        self,
        statement: Statement,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Page:
        until = self._reactor.seconds() + window.wait_seconds
        query = self._query(self._access.exchange(principal, statement))
        reading = Reading(
            query.exchange,
            window,
            self._reactor.seconds,
            text=statement.text,
            inspection=statement.inspection,
            is_plan=statement.is_plan,
            read_only=statement.read_only,
        )
        try:
            async with self._place(principal.key, window):
                record = Record(
                    name=token_urlsafe(9),
                    owner=principal.key,
                    timeout_seconds=statement.timeout_seconds,
                    lists=self._lists,
                    is_plan=statement.is_plan,
                ).started(self._reactor.seconds())
                await self._read(query, reading, record, until, watch)
            following = record.after(reading)
            page = page_of(record, reading, following)
            if not window.further:
                self._spawn(query.leave())
                return evolve(page, handle=None)
            if following.position is not None:
                await self._results.keep(query, following)
            else:
                self._end(query)
        except Gone as error:
            raise CoordinatorUnreachable(str(error)) from error
        except BaseException:
            self._spawn(query.leave())
            raise
        return page

    async def _fetch(
        self, handle: str, principal: Principal, window: Window, watch: Watch | None
    ) -> Page:
        until = self._reactor.seconds() + window.wait_seconds
        name, number = split_handle(handle)
        record = await self._results.record(name, principal)
        if record.lists != self._lists:
            raise gone()
        user = self._access.user_of(principal)
        if record.has_page(number):
            result = self._results.get(record, lambda: self._adopt(record, principal))
            async with result.lock:
                identity = result.query.exchange.identity
                if identity.user != user:
                    raise gone()
                identity.go_on(principal)
                record = await self._results.record(name, principal)
                if record.has_page(number):
                    return await self._read_on(result, record, window, until, watch)
        content = await self._results.page(record, number)
        return await self._lanes.run(Lane.QUICK, load_page, content)

    async def _read_on(
        self,
        result: OpenResult,
        record: Record,
        window: Window,
        until: float,
        watch: Watch | None,
    ) -> Page:
        reading = Reading(
            result.query.exchange,
            window,
            self._reactor.seconds,
            position=record.position,
            columns=record.columns,
            inspection=None if record.inspected else self._inspection,
            is_plan=record.is_plan,
        )
        self._results.use(result)
        try:
            async with self._place(record.owner, window):
                current = record.started(self._reactor.seconds())
                await self._read(result.query, reading, current, until, watch)
            following = current.after(reading)
            page = page_of(current, reading, following)
            if page.state is not PageState.RUNNING:
                content = await self._lanes.run(Lane.QUICK, dump_page, page)
                await self._results.keep_page(current, content)
            await self._results.keep(result.query, following)
            if following.position is None:
                self._end(result.query)
        except (Busy, CoordinatorUnreachable):
            await self._results.keep(result.query, record)
            raise
        except Gone:
            self._results.drop(result)
            raise gone() from None
        except BaseException:
            self._results.drop(result)
            raise
        return page

    async def _ask(
        self, principal: Principal, ask: Callable[..., _T], *args: Any
    ) -> _T:
        """Ask about queries; ``ask`` is a method of ``Requests``."""
        requests = self._access.requests(principal)
        while True:
            await requests.identity.renew()
            try:
                return await self._lanes.run(Lane.QUICK, ask, requests, *args)
            except Transient as failure:
                raise CoordinatorUnreachable(failure.message) from failure
            except CoordinatorRefused as refused:
                if not requests.identity.forget(refused):
                    raise

    async def _read(
        self,
        query: Query,
        reading: Reading,
        record: Record,
        until: float,
        watch: Watch | None,
    ) -> None:
        """Fill a page before the record's deadline."""

        def timed_out(*_: object) -> Failure:
            return Failure(TimedOut(record.timeout_seconds, query.exchange.query_id))

        left_seconds = max(record.deadline - self._reactor.seconds(), 0.0)
        reads = Deferred.fromCoroutine(query.read(reading, until, watch))
        await reads.addTimeout(left_seconds, self._reactor, timed_out)

    @asynccontextmanager
    async def _place(self, principal_key: str, window: Window) -> AsyncGenerator[None]:
        """
        Have one of the places for queries under way.

        What is a part of an answer never waits behind results of any length.
        """
        places = self._places if window.further else self._short_places
        turn = places.take(principal_key)
        if not turn.called:
            turn.addTimeout(
                window.wait_seconds, self._reactor, lambda *_: Failure(busy())
            )
        await turn
        try:
            yield
        finally:
            places.give_back(principal_key)

    @property
    def _lists(self) -> str:
        """The mark of what may be seen now."""
        return "" if self._inspection is None else self._inspection.mark

    def _end(self, query: Query) -> None:
        """End the transaction of a query that is over, while nobody waits for it."""
        if query.exchange.transaction is not None:
            self._spawn(query.leave())

    def _query(self, exchange: Exchange) -> Query:
        return Query(exchange, self._lanes, self._reactor)

    def _adopt(self, record: Record, principal: Principal) -> Query:
        """Give the query of a result that another process has opened."""
        query = self._query(self._access.exchange(principal))
        query.exchange.query_id = record.query_id
        query.exchange.transaction = record.transaction
        if record.position is not None:
            query.exchange.uri = record.position.uri
        return query
