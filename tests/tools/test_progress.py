"""Tests of ``mcp_trino.tools.progress``."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.tools.progress import ProgressReports
from tests.tools.scripted import progress


class ProgressReportsTests(SynchronousTestCase):
    """What a client is told of a running query, and how often."""

    def setUp(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)
        self.clock = Clock()
        self.sent: list[tuple[float, float, str]] = []
        self.reports = ProgressReports(self.report, self.loop, self.clock)

    def report(self, *values: Any) -> Coroutine[Any, Any, None]:
        """Send a report at once."""

        async def send() -> None:
            self.sent.append(values)

        return send()

    def turn(self) -> None:
        """Let the tasks of the loop go on."""
        for _ in range(3):
            self.loop.run_until_complete(asyncio.sleep(0))

    def watch(self, after_seconds: float, percentage: float | None) -> None:
        """Let the query report a progress after some time."""
        self.clock.advance(after_seconds)
        self.reports.watch(progress("RUNNING", percentage))
        self.turn()

    def test_quick(self) -> None:
        """A call of less than a second sends none."""
        self.watch(0.0, 1.0)
        self.watch(0.9, 50.0)
        self.assertEqual(self.sent, [])

    def test_once_a_second(self) -> None:
        """Then at most one a second is sent."""
        for _ in range(16):
            self.watch(0.25, 10.0)
        self.assertEqual(len(self.sent), 4)
        self.assertEqual(self.sent[0], (10.0, 100.0, "RUNNING, 7 rows read"))

    def test_grows(self) -> None:
        """The value grows with each, whatever Trino says."""
        for percentage in (None, None, 30.0, 20.0, 30.0, 100.0):
            self.watch(1.0, percentage)
        values = [value for value, _, _ in self.sent]
        self.assertEqual(len(values), 6)
        self.assertEqual(values, sorted(set(values)))
        self.assertEqual((values[2], values[-1]), (30.0, 100.0))

    def test_slow_client(self) -> None:
        """While one report is being sent no other is made."""
        gate = asyncio.Event()

        async def send(*values: Any) -> None:
            self.sent.append(values)
            await gate.wait()

        self.reports = ProgressReports(send, self.loop, self.clock)
        self.watch(1.0, 1.0)
        self.watch(1.0, 2.0)
        self.assertEqual(len(self.sent), 1)
        gate.set()
        self.turn()
        self.watch(1.0, 3.0)
        self.assertEqual(len(self.sent), 2)

    def test_close(self) -> None:
        """When the call has its answer, a report still being sent is given up."""
        ended: list[str] = []

        async def send(*values: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("given up")

        self.reports = ProgressReports(send, self.loop, self.clock)
        self.watch(1.0, 1.0)
        self.reports.close()
        self.turn()
        self.assertEqual(ended, ["given up"])

    def test_close_without(self) -> None:
        """Closing before the first report does nothing."""
        self.reports.close()
        self.assertEqual(self.sent, [])

    def test_client_gone(self) -> None:
        """A report that cannot be sent ends nothing."""

        async def send(*values: Any) -> None:
            raise ConnectionError

        self.reports = ProgressReports(send, self.loop, self.clock)
        self.watch(1.0, 1.0)
        self.watch(1.0, 2.0)
        self.assertEqual(self.sent, [])
