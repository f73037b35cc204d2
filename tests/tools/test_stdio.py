"""Tests of ``mcp_trino.tools.stdio``."""

import asyncio

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.tools import stdio
from mcp_trino.tools.stdio import StdioService


class Stoppable:
    """The part of a reactor that a service may use to end the process."""

    stopped = 0

    def stop(self) -> None:
        """Count."""
        self.stopped += 1


class StdioServiceTests(SynchronousTestCase):
    """One client on standard input and output."""

    def setUp(self) -> None:
        """Start it, with the transport replaced by a Deferred."""
        self.serving: Deferred[None] = Deferred()
        self.patch(stdio, "serve_stdio", lambda server, loop: self.serving)
        self.reactor = Stoppable()
        self.service = StdioService(None, asyncio.get_event_loop(), self.reactor)
        self.service.startService()

    def test_client_leaves(self) -> None:
        """The process ends with its client."""
        self.serving.callback(None)
        self.assertEqual(self.reactor.stopped, 1)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.reactor.stopped, 1)

    def test_stopped(self) -> None:
        """When the process ends, what is under way is canceled."""
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.reactor.stopped, 0)

    def test_failure(self) -> None:
        """A failure of the transport is logged and ends the process."""
        self.serving.errback(ValueError("broken"))
        self.assertEqual(self.reactor.stopped, 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
