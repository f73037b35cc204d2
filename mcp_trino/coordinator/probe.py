"""Whether Trino runs queries, asked seldom however often somebody wants to know."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from mcp_trino.coordinator.access import Access
from mcp_trino.coordinator.lanes import Lane, Lanes
from mcp_trino.coordinator.query import Query
from mcp_trino.coordinator.reading import Reading
from mcp_trino.queries import CoordinatorState, Statement, Window

_FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_STATEMENT = Statement("SELECT 1", None, None, _PATIENCE_SECONDS)
_WINDOW = Window(
    max_rows=1, max_bytes=1000, max_cell_chars=100, wait_seconds=_PATIENCE_SECONDS
)


@define(eq=False)
class Probe:
    """
    Runs ``SELECT 1``: a coordinator that answers may still have no workers.

    :ivar spawn: runs what nobody waits for.
    """

    _clock: IReactorTime = field(repr=False)
    _lanes: Lanes = field(repr=False)
    _access: Access = field(repr=False)
    _spawn: Callable[[Coroutine[Any, Any, None]], None] = field(repr=False)
    _state: CoordinatorState | None = field(init=False, default=None)
    _fresh_until: float = field(init=False, default=0.0)
    _waiting: list[Deferred[CoordinatorState]] = field(
        init=False, factory=list, repr=False
    )

    def state(self) -> Deferred[CoordinatorState]:
        """Give the state, at most 5 s old; all who ask at once wait together."""
        if self._state is not None and self._clock.seconds() < self._fresh_until:
            return succeed(self._state)
        asked: Deferred[CoordinatorState] = Deferred(self._waiting.remove)
        self._waiting.append(asked)
        if len(self._waiting) == 1:
            self._spawn(self._find_out())
        return asked

    async def _find_out(self) -> None:
        try:
            state = await self._ask()
        except Exception as error:  # noqa: BLE001 - every failure is an answer here
            state = CoordinatorState(reachable=False, problem=str(error))
        self._state = state
        self._fresh_until = self._clock.seconds() + _FRESH_SECONDS
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            asked.callback(state)

    async def _ask(self) -> CoordinatorState:
        query = Query(self._access.own_exchange(_STATEMENT), self._lanes, self._clock)
        reading = Reading(
            query.exchange, _WINDOW, self._clock.seconds, text=_STATEMENT.text
        )
        try:
            await query.read(reading, self._clock.seconds() + _PATIENCE_SECONDS, None)
        finally:
            if not reading.done:
                self._spawn(query.leave())
        if not reading.done:
            return CoordinatorState(
                reachable=False,
                problem=f"Trino did not run SELECT 1 within {_PATIENCE_SECONDS:g} s",
            )
        requests = self._access.own_requests()
        await requests.identity.renew()
        version = await self._lanes.run(Lane.QUICK, requests.version)
        return CoordinatorState(reachable=True, version=version)
