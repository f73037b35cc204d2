"""Tests of ``mcp_trino.startup``."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import ConfigurationError
from mcp_trino.startup import CannotStart, Hangup, Startup


@define(eq=False)
class Recorded(Service):
    """
    Notes what happens to it.

    :ivar notes: shared by several of them.
    :ivar problem: why it cannot start.
    """

    label: str
    notes: list[str]
    problem: ConfigurationError | None = None
    stopped: Deferred[None] = field(factory=Deferred)

    def privilegedStartService(self) -> None:
        """Note it, or fail."""
        if self.problem is not None:
            raise self.problem
        self.notes.append(f"{self.label} bound")

    def stopService(self) -> Deferred[None]:
        """Note it; it takes until ``stopped`` fires."""
        self.notes.append(f"{self.label} stops")
        return self.stopped


@define(eq=False)
class Queue:
    """The part of a reactor that takes calls for later."""

    calls: list[Callable[[], None]] = field(factory=list)

    def callFromThread(self, call: Callable[[], None]) -> None:
        """Take a call."""
        self.calls.append(call)

    def callWhenRunning(self, call: Callable[..., None], *args: Any, **kw: Any) -> None:
        """Take a call and its arguments."""
        self.calls.append(partial(call, *args, **kw))


class StartupTests(SynchronousTestCase):
    """All services of a process."""

    def setUp(self) -> None:
        """Catch standard error."""
        self.error = StringIO()
        self.patch(sys, "__stderr__", self.error)
        self.reactor = Queue()
        self.startup = Startup(self.reactor, "here we are")
        self.notes: list[str] = []

    def add(self, label: str, problem: ConfigurationError | None = None) -> Recorded:
        """Add a service."""
        service = Recorded(label, self.notes, problem)
        service.setServiceParent(self.startup)
        return service

    def test_greeting(self) -> None:
        """When all have started and the reactor runs, the log tells what it is."""
        self.add("one")
        with capturedLogs() as events:
            self.startup.privilegedStartService()
            self.startup.startService()
            self.assertEqual(events, [])
            (running,) = self.reactor.calls
            running()
        self.assertEqual([event["greeting"] for event in events], ["here we are"])

    def test_refusal(self) -> None:
        """A service that cannot start ends the process with a sentence and code 1."""
        self.add("one", ConfigurationError(("MCP_BIND: it is taken",)))
        with capturedLogs() as events:
            error = self.assertRaises(CannotStart, self.startup.privilegedStartService)
        self.assertEqual(error.code, 1)
        self.assertEqual(str(error), "MCP_BIND: it is taken")
        self.assertEqual(self.error.getvalue(), "MCP_BIND: it is taken\n")
        self.assertEqual(events[0]["problems"], "MCP_BIND: it is taken")

    def test_refusal_is_an_error_and_an_exit(self) -> None:
        """What cleans up after errors does so, and the interpreter just exits."""
        self.assertIsInstance(CannotStart("x"), Exception)
        self.assertIsInstance(CannotStart("x"), SystemExit)

    def test_stops_in_order(self) -> None:
        """A service stops only when those after it have stopped."""
        below, above = self.add("below"), self.add("above")
        self.startup.privilegedStartService()
        self.startup.startService()
        stopped = self.startup.stopService()
        self.assertEqual(self.notes[2:], ["above stops"])
        above.stopped.callback(None)
        self.assertEqual(self.notes[2:], ["above stops", "below stops"])
        self.assertNoResult(stopped)
        below.stopped.callback(None)
        self.successResultOf(stopped)

    def test_bad_end(self) -> None:
        """A service that ends badly does not keep the others from ending."""
        below, above = self.add("below"), self.add("above")
        self.startup.startService()
        stopped = self.startup.stopService()
        above.stopped.errback(ValueError("badly"))
        below.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class HangupTests(SynchronousTestCase):
    """The signal that asks to read files again."""

    def test_signal(self) -> None:
        """The reactor serves the signal; what fails keeps nothing from the rest."""
        reactor, done = Queue(), []
        before = signal.getsignal(signal.SIGHUP)
        hangup = Hangup(reactor, (lambda: 1 / 0, lambda: done.append("read")))
        hangup.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(done, [])
        (call,) = reactor.calls
        call()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(done, ["read"])
        hangup.stopService()
        self.assertEqual(signal.getsignal(signal.SIGHUP), before)
