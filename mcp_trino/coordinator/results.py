"""
Results that are read on by handle.

The store holds a record of each result that says where its next page begins,
and the page that was given last: the same handle gives the same page until a
later one is used. Nobody polls Trino between two calls; a result that nobody
comes back for is canceled there.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from attrs import asdict, define, evolve, field
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcp_trino.coordinator.query import Query
from mcp_trino.coordinator.reading import Position
from mcp_trino.coordinator.records import Record, gone
from mcp_trino.errors import TimedOut, Undecidable
from mcp_trino.interfaces import IStore
from mcp_trino.principal import Principal
from mcp_trino.queries import Column
from mcp_trino.settings import QuerySettings
from mcp_trino.store import get_long, put_long, take_long


@define(eq=False)
class OpenResult:
    """
    A result whose reader may come back; the lock is held while one reads.

    :ivar record: where it stood when this process kept it.
    """

    record: Record
    query: Query = field(repr=False)
    lock: DeferredLock = field(factory=DeferredLock, repr=False)
    expiry: IDelayedCall | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name of the result."""
        return self.record.name

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.record.owner

    @property
    def waits(self) -> bool:
        """Whether nobody reads it now."""
        return self.expiry is not None and self.expiry.active()


@define(eq=False)
class OpenResults:
    """
    The results of this process, oldest use first.

    :ivar spawn: runs what nobody waits for.
    """

    _clock: IReactorTime = field(repr=False)
    _store: IStore = field(repr=False)
    _settings: QuerySettings
    _spawn: Callable[[Coroutine[Any, Any, None]], None] = field(repr=False)
    _open: dict[str, OpenResult] = field(init=False, factory=dict, repr=False)

    def get(self, record: Record, adopt: Callable[[], Query]) -> OpenResult:
        """Give the open result of a record, which another process may have opened."""
        if record.name not in self._open:
            self.wait(OpenResult(record, adopt()))
        return self._open[record.name]

    async def record(self, name: str, principal: Principal) -> Record:
        """
        Give the record of a principal's result.

        :raise PageGone: there is none.
        :raise TimedOut: its query took too long.
        """
        content = await get_long(self._store, _record_key(name))
        if content is None:
            raise gone()
        values = orjson.loads(content)
        if values["owner"] != principal.key:
            raise gone()
        if values["timed_out"]:
            raise TimedOut(values["timeout_seconds"], values["query_id"])
        columns = tuple(Column(**column) for column in values.pop("columns"))
        position = values.pop("position")
        if position is not None:
            kept = None
            if position.pop("is_kept"):
                kept = await get_long(self._store, _rows_key(name))
                if kept is None:
                    raise gone()
            position = Position(**position, kept=kept)
        return Record(**values, columns=columns, position=position)

    async def keep(self, query: Query, record: Record) -> None:
        """
        Keep a result for its next page, or for its last to be read again.

        The oldest results are canceled when there are too many.
        """
        await self._write(record)
        result = self._open.get(record.name) or OpenResult(record, query)
        result.record = record
        if record.position is None:
            self._remove(result)
            await take_long(self._store, _rows_key(record.name))
            return
        self.wait(result)
        waiting = [other for other in self._open.values() if other.waits]
        own = [other for other in waiting if other.owner == result.owner]
        for other in own[: -self._settings.open_results_per_principal]:
            self._give_up(other)
        for other in waiting[: -self._settings.open_results]:
            if other.waits:
                self._give_up(other)

    def use(self, result: OpenResult) -> None:
        """Let a result neither expire nor make room while it is being read."""
        self._disarm(result)

    def wait(self, result: OpenResult) -> None:
        """Let a result wait for its reader, for the time to live of results."""
        self._remove(result)
        self._open[result.name] = result
        delay = self._settings.result_ttl_seconds
        if deadline := result.record.deadline:
            delay = min(delay, max(deadline - self._clock.seconds(), 0.0))
        result.expiry = self._clock.callLater(delay, self._give_up, result)

    def drop(self, result: OpenResult) -> None:
        """Cancel the query of a result at Trino and forget the result."""
        self._remove(result)
        self._spawn(result.query.leave())
        self._spawn(self._forget(result.record))

    def drop_all(self) -> None:
        """Cancel all that are open, but those that another process reads."""
        for result in list(self._open.values()):
            self._give_up(result)

    async def page(self, record: Record, number: int) -> bytes:
        """
        Give the page that was given last, as ``keep_page`` got it.

        :raise PageGone: it is not that one.
        """
        content = None
        if number == record.number - 1:
            content = await get_long(self._store, _page_key(record.name, number))
        if content is None:
            raise gone()
        return content

    async def keep_page(self, record: Record, content: bytes) -> None:
        """Keep the page of a record to be given again, in place of the one before."""
        seconds = self._settings.result_ttl_seconds
        name, number = record.name, record.number
        await put_long(self._store, _page_key(name, number), content, seconds)
        await take_long(self._store, _page_key(name, number - 1))

    def _give_up(self, result: OpenResult) -> None:
        """Cancel a result that nobody came back for."""
        self._remove(result)
        self._spawn(self._end(result))

    async def _end(self, result: OpenResult) -> None:
        record = result.record
        try:
            found = await get_long(self._store, _record_key(record.name))
        except Undecidable:
            found = None
        if found is not None and found != _dump(record):
            # Another process has read on, and sees to its end.
            return
        self._spawn(result.query.leave())
        if record.deadline and self._clock.seconds() >= record.deadline:
            await self._write(evolve(record, position=None, timed_out=True))
        else:
            await self._forget(record)

    def _remove(self, result: OpenResult) -> None:
        self._disarm(result)
        self._open.pop(result.name, None)

    def _disarm(self, result: OpenResult) -> None:
        if result.expiry is not None and result.expiry.active():
            result.expiry.cancel()

    async def _write(self, record: Record) -> None:
        seconds = self._settings.result_ttl_seconds
        if record.position is not None and record.position.kept is not None:
            kept = record.position.kept
            await put_long(self._store, _rows_key(record.name), kept, seconds)
        await put_long(self._store, _record_key(record.name), _dump(record), seconds)

    async def _forget(self, record: Record) -> None:
        await take_long(self._store, _record_key(record.name))
        await take_long(self._store, _rows_key(record.name))
        await take_long(self._store, _page_key(record.name, record.number - 1))


def _dump(record: Record) -> bytes:
    """Write a record down, without the rows that it has kept."""
    values = asdict(record)
    if record.position is not None:
        values["position"]["is_kept"] = values["position"].pop("kept") is not None
    return orjson.dumps(values)


def _record_key(name: str) -> str:
    return f"result:{name}"


def _rows_key(name: str) -> str:
    return f"rows:{name}"


def _page_key(name: str, number: int) -> str:
    return f"page:{name}:{number}"
