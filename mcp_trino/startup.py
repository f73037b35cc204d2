"""
How the process starts and stops.

A start that fails tells its reasons, one sentence each, and ends with exit
code 1 and no traceback. Services stop one after the other, last to first.
"""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from attrs import define, field
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.logger import Logger

from mcp_trino.errors import ConfigurationError


class CannotStart(SystemExit, Exception):
    """
    End the process with exit code 1; the reasons have been told.

    ``twistd`` takes it for an error: it removes its pid file and hands the
    text on to the terminal that the daemon was started from. The interpreter
    takes it for an exit.
    """

    def __init__(self, reasons: str) -> None:
        super().__init__(reasons)
        self.code = 1


def refuse_to_start(error: ConfigurationError) -> CannotStart:
    """
    Tell the operator what is wrong.

    :return: what to raise then.
    """
    # Once twistd logs, sys.stderr is a way into the log.
    print(error, file=sys.__stderr__)
    return CannotStart(str(error))


class Startup(MultiService):
    """
    All services of the process.

    :raise CannotStart: one of them cannot start; from both ways to start.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorCore, greeting: str) -> None:
        """:param greeting: what the log tells when all have started."""
        super().__init__()
        self._reactor = reactor
        self._greeting = greeting

    def privilegedStartService(self) -> None:
        """Bind the ports."""
        self._started(super().privilegedStartService)

    def startService(self) -> None:
        """Begin to serve."""
        self._started(super().startService)
        # Not before signals are heeded, for whoever waits to send one.
        self._reactor.callWhenRunning(
            self._log.info, "{greeting}", greeting=self._greeting
        )

    def _started(self, start: Callable[[], None]) -> None:
        try:
            start()
        except ConfigurationError as error:
            self._log.critical("{problems}", problems=str(error))
            raise refuse_to_start(error) from None

    def stopService(self) -> Deferred[None]:
        """Stop each service when the one after it has stopped."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for service in reversed(list(self)):
            stopped = maybeDeferred(service.stopService)
            await stopped.addErrback(
                lambda failure: self._log.failure("a service ended badly", failure)
            )


@define(eq=False)
class Hangup(Service):
    """
    Does what a ``SIGHUP`` asks for.

    :ivar reread: called by the reactor, not by the signal; one that fails is
        logged and keeps nothing from the others.
    """

    _reactor: IReactorFromThreads = field(repr=False)
    _reread: tuple[Callable[[], None], ...] = field(repr=False)
    _before: Any = field(default=None, init=False, repr=False)
    _log = Logger()

    def startService(self) -> None:
        """Listen to the signal."""
        super().startService()
        self._before = signal.signal(signal.SIGHUP, self._arrived)

    def stopService(self) -> None:
        """Listen to it no more."""
        super().stopService()
        signal.signal(signal.SIGHUP, self._before)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        # It may interrupt anything, so it does nothing but wake the reactor.
        self._reactor.callFromThread(self._reread_all)

    def _reread_all(self) -> None:
        for reread in self._reread:
            try:
                reread()
            except Exception:  # noqa: BLE001 - whatever it is, the rest goes on
                self._log.failure("SIGHUP: something could not be read again")
