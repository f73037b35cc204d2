"""Tests of the sandbox as a Twisted program sees it, without processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol, IReactorProcess
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.sandbox.launch import Event, TrinoLaunch
from mcp_trino.sandbox.process import SandboxServer, SandboxServers


@implementer(IReactorProcess)
class _Processes:
    """
    A reactor that starts nothing, and the transport of what it has not started.

    :ivar written: what the child would have read.
    :ivar closed: whether the child's input has ended.
    """

    # No process has this id, which is above the limit of every system.
    pid = 2**30

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: str,
        args: Sequence[str] = (),
        **_: Any,
    ) -> None:
        self.protocol = processProtocol
        processProtocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        self.written += data

    def closeStdin(self) -> None:
        self.closed = True

    def tell(self, event: Event, text: str) -> None:
        """Have the supervisor tell an event."""
        self.protocol.childDataReceived(1, event.to_line(text))

    def end(self, status: int = 0) -> None:
        """Have the supervisor end."""
        reason = ProcessTerminated(status) if status else ProcessDone(0)
        self.protocol.processEnded(Failure(reason))


class SandboxServerTests(SynchronousTestCase):
    """``SandboxServer`` above a supervisor that the test plays."""

    def setUp(self) -> None:
        self.processes = _Processes()
        self.launch = TrinoLaunch(cache=Path("/nowhere"))
        self.reports: list[str] = []
        self.sandbox = SandboxServer(self.processes, self.launch, self.reports.append)

    def test_ready(self) -> None:
        """The start fires with the URL, after the reports of what goes on."""
        started = self.sandbox.start()
        self.assertEqual(self.processes.written, self.launch.to_line())
        self.processes.tell(Event.REPORT, "downloading")
        self.assertNoResult(started)
        self.processes.tell(Event.READY, "http://127.0.0.1:1")
        self.assertEqual(self.successResultOf(started), "http://127.0.0.1:1")
        self.assertEqual(self.reports, ["downloading"])

    def test_any_pieces(self) -> None:
        """Events come through in whatever pieces the pipe gives."""
        started = self.sandbox.start()
        told = Event.REPORT.to_line("one") + Event.READY.to_line("two")
        for octet in told:
            self.processes.protocol.childDataReceived(1, bytes([octet]))
        self.assertEqual(self.successResultOf(started), "two")
        self.assertEqual(self.reports, ["one"])

    def test_unavailable(self) -> None:
        """What the machine lacks is the failure of the start."""
        started = self.sandbox.start()
        self.processes.tell(Event.UNAVAILABLE, "no disk")
        self.processes.end()
        failure = self.failureResultOf(started, SandboxUnavailable)
        self.assertEqual(str(failure.value), "no disk")

    def test_failed(self) -> None:
        """The end of the log of a server that does not start is the failure."""
        started = self.sandbox.start()
        self.processes.tell(Event.FAILED, "the log")
        self.processes.end()
        failure = self.failureResultOf(started, SandboxFailed)
        self.assertEqual(str(failure.value), "the log")

    def test_supervisor_dies(self) -> None:
        """A supervisor that ends without a word fails the start."""
        started = self.sandbox.start()
        self.processes.end(status=1)
        failure = self.failureResultOf(started, SandboxFailed)
        self.assertIn("exit code 1", str(failure.value))

    def test_ends_by_itself(self) -> None:
        """A server that ends after its start fails who waits for its end."""
        self.sandbox.start()
        ended = self.sandbox.ended()
        self.processes.tell(Event.READY, "http://127.0.0.1:1")
        self.processes.tell(Event.FAILED, "out of memory")
        self.assertNoResult(ended)
        self.processes.end()
        self.failureResultOf(ended, SandboxFailed)
        self.failureResultOf(self.sandbox.ended(), SandboxFailed)

    def test_stop(self) -> None:
        """The stop ends the supervisor's input and waits for its end."""
        self.sandbox.start()
        ended = self.sandbox.ended()
        self.processes.tell(Event.READY, "http://127.0.0.1:1")
        stopped = self.sandbox.stop()
        again = self.sandbox.stop()
        self.assertTrue(self.processes.closed)
        self.assertNoResult(stopped)
        self.processes.end()
        self.successResultOf(stopped)
        self.successResultOf(again)
        self.successResultOf(ended)
        self.successResultOf(self.sandbox.stop())

    def test_stop_while_starting(self) -> None:
        """A start that is stopped says that it was."""
        started = self.sandbox.start()
        stopped = self.sandbox.stop()
        self.processes.end()
        self.successResultOf(stopped)
        failure = self.failureResultOf(started, SandboxFailed)
        self.assertIn("stopped", str(failure.value))

    def test_cancel(self) -> None:
        """To cancel the start is to stop."""
        started = self.sandbox.start()
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.assertTrue(self.processes.closed)
        self.processes.end()
        self.successResultOf(self.sandbox.ended())

    def test_never_started(self) -> None:
        """What was not started has ended and can be stopped."""
        self.successResultOf(self.sandbox.stop())
        self.successResultOf(self.sandbox.ended())


@define(eq=False)
class _Server:
    """A server that does what a test says."""

    started: Deferred[str] = field(factory=Deferred)
    gone: Deferred[None] = field(factory=Deferred)
    stopped: Deferred[None] = field(factory=Deferred)
    stops: int = 0

    def start(self) -> Deferred[str]:
        """Begin."""
        return self.started

    def ended(self) -> Deferred[None]:
        """Last."""
        return self.gone

    def stop(self) -> Deferred[None]:
        """End."""
        self.stops += 1
        return self.stopped


class SandboxServersTests(SynchronousTestCase):
    """Two servers that live and end together."""

    def setUp(self) -> None:
        self.trino, self.keycloak = _Server(), _Server()
        self.both = SandboxServers(self.trino, self.keycloak)

    def test_start(self) -> None:
        """Both start at once; the URL is that of the first."""
        started = self.both.start()
        self.keycloak.started.callback("http://keycloak")
        self.assertNoResult(started)
        self.trino.started.callback("http://trino")
        self.assertEqual(self.successResultOf(started), "http://trino")

    def test_start_fails(self) -> None:
        """When one does not start, that is the failure, as it is."""
        started = self.both.start()
        self.keycloak.started.errback(SandboxUnavailable("no disk"))
        failure = self.failureResultOf(started, SandboxUnavailable)
        self.assertEqual(str(failure.value), "no disk")
        self.trino.started.errback(SandboxFailed("stopped"))

    def test_one_ends(self) -> None:
        """The end of one is the end of both."""
        for name in ("trino", "keycloak"):
            self.setUp()
            ended = self.both.ended()
            getattr(self, name).gone.errback(SandboxFailed("killed"))
            self.failureResultOf(ended, SandboxFailed)
        self.setUp()
        ended = self.both.ended()
        self.trino.gone.callback(None)
        self.successResultOf(ended)

    def test_stop(self) -> None:
        """Both are stopped, and waited for."""
        stopped = self.both.stop()
        self.assertEqual((self.trino.stops, self.keycloak.stops), (1, 1))
        self.trino.stopped.callback(None)
        self.assertNoResult(stopped)
        self.keycloak.stopped.callback(None)
        self.successResultOf(stopped)

    def test_start_canceled(self) -> None:
        """To cancel the start is to cancel both."""
        canceled: list[Deferred[str]] = []
        self.trino.started = Deferred(canceled.append)
        self.keycloak.started = Deferred(canceled.append)
        started = self.both.start()
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.assertEqual(canceled, [self.trino.started, self.keycloak.started])
