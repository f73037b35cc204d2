"""Progress notifications of a call (MCP, basic utilities)."""

from asyncio import AbstractEventLoop, Task
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.queries import Progress

_INTERVAL_SECONDS = 1.0
_SMALLEST_STEP = 0.01

Report = Callable[[float, float, str], Coroutine[Any, Any, None]]
"""Sends progress, total and message to the client."""


@define(eq=False)
class ProgressReports:
    """
    Tells a client how far its query is, at most once a second.

    A quick call sends none. What a client does not read is not piled up: the
    next report is made when the last one has been sent.
    """

    _log = Logger()

    _report: Report = field(repr=False)
    _loop: AbstractEventLoop = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _due_seconds: float = field(init=False)
    _told: float = field(default=0.0, init=False)
    _sending: Task[None] | None = field(default=None, init=False, repr=False)

    @_due_seconds.default
    def _first_seconds(self) -> float:
        return self._clock.seconds() + _INTERVAL_SECONDS

    def watch(self, progress: Progress) -> None:
        """Take note of a progress; send it when it is time."""
        now = self._clock.seconds()
        if now < self._due_seconds or not (
            self._sending is None or self._sending.done()
        ):
            return
        self._due_seconds = now + _INTERVAL_SECONDS
        # The value has to grow with each notification, even when the query
        # does not.
        self._told = max(progress.percentage or 0.0, self._told + _SMALLEST_STEP)
        message = f"{progress.state}, {progress.processed_rows} rows read"
        self._sending = self._loop.create_task(self._report(self._told, 100.0, message))
        self._sending.add_done_callback(self._sent)

    def close(self) -> None:
        """Send no more: the call has its answer."""
        if self._sending is not None:
            self._sending.cancel()

    def _sent(self, task: Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.debug("Progress was not sent: {error}", error=error)
