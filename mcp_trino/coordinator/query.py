"""
One query at Trino as the reactor sees it: jobs for threads, retries, its end.

The loop, deadlines, progress and cancellation live here, on the reactor's
clock; requests run as jobs in threads. A job is one request, or as many as fit
in a short slice of time while the query is young. Cancelling what waits never
loses track of a job under way: its query is canceled at Trino as soon as there
is something to cancel.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mcp_trino.coordinator.exchange import Exchange
from mcp_trino.coordinator.failures import Transient
from mcp_trino.coordinator.lanes import Lane, Lanes
from mcp_trino.coordinator.reading import SETTLE_SECONDS, Reading
from mcp_trino.errors import CoordinatorRefused, CoordinatorUnreachable, NoTrinoUser
from mcp_trino.interfaces import Watch

# A call that takes longer goes on in the slow lane.
_QUICK_SECONDS = 0.5
_QUICK_WAIT_SECONDS = 0.2
_SLOW_WAIT_SECONDS = 1.0
_LEAST_WAIT_SECONDS = 0.1
_RETRY_DELAYS_SECONDS = (0.1, 0.5, 1.5)


@define(eq=False)
class Query:
    """A query, its exchange and the job under way."""

    exchange: Exchange
    _lanes: Lanes = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _flight: Deferred[None] | None = field(init=False, default=None, repr=False)
    _log = Logger()

    async def read(self, reading: Reading, until: float, watch: Watch | None) -> None:
        """
        Fill a page; it is not ``done`` when the time was up before.

        :param until: the time, in the clock's seconds, to answer at the latest.
        :raise CoordinatorUnreachable: also after some attempts.
        """
        quick_until = self._clock.seconds() + _QUICK_SECONDS
        while not reading.done:
            await self._attempt(reading, quick_until, until)
            if watch is not None and reading.progress is not None:
                watch(reading.progress)
            # With rows at hand it pays to see whether they are the last.
            grace = SETTLE_SECONDS if reading.rows else 0.0
            if self._clock.seconds() >= until + grace:
                return

    async def _attempt(
        self, reading: Reading, quick_until: float, until: float
    ) -> None:
        now = self._clock.seconds()
        left = max(until - now, _LEAST_WAIT_SECONDS)
        if now < quick_until:
            lane, wait = Lane.QUICK, min(_QUICK_WAIT_SECONDS, left)
            slice_seconds = wait
        else:
            lane, wait = Lane.SLOW, min(_SLOW_WAIT_SECONDS, left)
            slice_seconds = 0.0
        for delay in (*_RETRY_DELAYS_SECONDS, None):
            try:
                await self.exchange.identity.renew()
                await self._job(lane, reading.advance, slice_seconds, wait)
            except Transient as failure:
                if delay is None:
                    raise CoordinatorUnreachable(failure.message) from failure
                await deferLater(self._clock, max(delay, failure.retry_after_seconds))
            except CoordinatorRefused as refused:
                if not self.exchange.identity.forget(refused):
                    raise
            else:
                return

    def _job(self, lane: Lane, job: Callable[..., None], *args: Any) -> Deferred[None]:
        """Run a job; who cancels its Deferred does not stop the job."""
        waiting: Deferred[None] = Deferred()
        flight = self._flight = Deferred[None]()

        def landed(result: Failure | None) -> None:
            self._flight = None
            if not waiting.called:
                waiting.callback(result)
            flight.callback(None)

        self._lanes.run(lane, job, *args).addBoth(landed)
        return waiting

    async def leave(self) -> None:
        """Leave nothing of the query behind at Trino; never fails."""
        self.exchange.given_up = True
        if self.exchange.uri is None and self._flight is not None:
            # Only the answer to the POST under way says what there is to cancel.
            await self._flight
        for delay in (*_RETRY_DELAYS_SECONDS, None):
            if self.exchange.uri is None and self.exchange.transaction is None:
                return
            try:
                # A login that has ended leaves the last credential, which may do.
                with suppress(NoTrinoUser, CoordinatorRefused, CoordinatorUnreachable):
                    await self.exchange.identity.renew()
                await self._lanes.run(Lane.CANCEL, self.exchange.leave)
            except Exception:  # noqa: BLE001 - whatever it is: try again, then tell
                if delay is None:
                    self._log.failure(
                        "Query {query_id} could not be canceled at Trino",
                        query_id=self.exchange.query_id,
                    )
                else:
                    await deferLater(self._clock, delay)
