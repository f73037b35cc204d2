"""Tests of the sandbox as a Twisted program sees it, without processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol, IReactorProcess
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.sandbox.launch import Event, TrinoLaunch
from mcp_trino.sandbox.process import SandboxServer


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
