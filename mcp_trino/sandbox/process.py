"""A server of the sandbox as a Twisted program starts and stops it."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, FirstError, succeed
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.sandbox.launch import SUPERVISOR, Event, Launch


@define(eq=False)
class SandboxServer:
    """
    One server on the loopback interface that lives no longer than this process.

    It is started once.

    :ivar report: called with each sentence for the person who waits.
    """

    _reactor: IReactorProcess = field(repr=False)
    _launch: Launch
    _report: Callable[[str], None] = field(repr=False)
    _supervisor: "_Supervisor | None" = field(init=False, default=None, repr=False)

    def start(self) -> Deferred[str]:
        """
        Download what is missing and start the server; to cancel this is to stop.

        :return: its URL, once it has answered.
        :raise SandboxUnavailable: this machine lacks something.
        :raise SandboxFailed: it did not start, or was stopped before it had.
        """
        supervisor = self._supervisor = _Supervisor(self._launch, self._report)
        self._reactor.spawnProcess(
            supervisor,
            SUPERVISOR[0],
            SUPERVISOR,
            env=None,
            # What it has to say beyond events is for our standard error.
            childFDs={0: "w", 1: "r", 2: 2},
        )
        return supervisor.ready

    def ended(self) -> Deferred[None]:
        """
        Wait for the end of a server that was started; it fires after ``stop``.

        :raise SandboxFailed: it ended by itself.
        """
        if self._supervisor is None:
            return succeed(None)
        supervisor = self._supervisor
        return supervisor.wait().addCallback(lambda _: supervisor.check())

    def stop(self) -> Deferred[None]:
        """End the server; it fires when its processes and its files have gone."""
        if self._supervisor is None:
            return succeed(None)
        self._supervisor.stop()
        return self._supervisor.wait()


@define(eq=False)
class SandboxServers:
    """A server and another one that it is of no use without."""

    _server: SandboxServer
    _other: SandboxServer

    def start(self) -> Deferred[str]:
        """
        Start both at once; to cancel this is to stop.

        :return: the URL of the first, once both have answered.
        :raise: what ``SandboxServer.start`` raises.
        """
        started = DeferredList(
            [self._server.start(), self._other.start()],
            fireOnOneErrback=True,
            consumeErrors=True,
        )
        return started.addCallbacks(lambda results: str(results[0][1]), _first)

    def ended(self) -> Deferred[None]:
        """
        Wait for the end of one of them.

        :raise SandboxFailed: it ended by itself.
        """
        ended = DeferredList(
            [self._server.ended(), self._other.ended()],
            fireOnOneCallback=True,
            fireOnOneErrback=True,
            consumeErrors=True,
        )
        return ended.addCallbacks(lambda _: None, _first)

    def stop(self) -> Deferred[None]:
        """End both."""
        stopped = DeferredList([self._server.stop(), self._other.stop()])
        return stopped.addCallback(lambda _: None)


def _first(failure: Failure) -> Failure:
    """Give the failure of the one that failed first."""
    first = failure.value
    return first.subFailure if isinstance(first, FirstError) else failure


class _Supervisor(ProcessProtocol):
    """
    Our end of the supervisor's pipes.

    :ivar ready: fires with the URL of the server.
    """

    transport: IProcessTransport

    def __init__(self, launch: Launch, report: Callable[[str], None]) -> None:
        self.ready: Deferred[str] = Deferred(lambda _: self.stop())
        self._launch = launch
        self._report = report
        self._received = b""
        self._process_id: int
        self._stopped = False
        self._gone = False
        self._problem: SandboxFailed | SandboxUnavailable | None = None
        self._waiting: list[Deferred[None]] = []

    def stop(self) -> None:
        """Have the supervisor end everything, itself included."""
        self._stopped = True
        self.transport.closeStdin()

    def wait(self) -> Deferred[None]:
        """Fire when the supervisor has gone."""
        if self._gone:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def check(self) -> None:
        """Raise what went wrong, unless the end was asked for."""
        if self._problem is not None and not self._stopped:
            raise self._problem

    def connectionMade(self) -> None:
        """Say what to run; the pipe stays open until the end."""
        self._process_id = self.transport.pid
        self.transport.write(self._launch.to_line())

    def outReceived(self, data: bytes) -> None:
        """Take the supervisor's events."""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._take(*Event.from_line(line))

    def _take(self, event: Event, text: str) -> None:
        match event:
            case Event.REPORT:
                self._report(text)
            case Event.READY:
                self.ready.callback(text)
            case Event.UNAVAILABLE:
                self._problem = SandboxUnavailable(text)
            case Event.FAILED:
                self._problem = SandboxFailed(text)

    def processEnded(self, reason: Failure) -> None:
        """See to it that nothing is left, and tell all who wait."""
        if not reason.check(ProcessDone):
            # It could not end the server itself, which is in its process group.
            # A group of which only zombies are left is an EPERM on macOS.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process_id, signal.SIGKILL)
        self._gone = True
        if self._problem is None:
            self._problem = SandboxFailed(
                "the sandbox was stopped"
                if self._stopped
                else f"the sandbox's supervisor is gone: {reason.getErrorMessage()}"
            )
        if not self.ready.called:
            self.ready.errback(self._problem)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
