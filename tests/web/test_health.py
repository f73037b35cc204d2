"""Tests for ``mcp_trino.web.health``."""

import json
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.queries import CoordinatorState
from mcp_trino.web.health import Readiness
from tests.web.serving import ScriptedCoordinator


class ReadinessTests(SynchronousTestCase):
    """Tests for ``Readiness``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.coordinator = ScriptedCoordinator()
        self.readiness = Readiness(self.coordinator, self.clock)
        self.readiness.ready = True

    def report(self, *, local: bool = False) -> tuple[int, Any]:
        reply = self.successResultOf(self.readiness.report(local=local))
        return reply.status, json.loads(reply.body)

    def test_ready(self) -> None:
        """A process that takes requests is ready, and says how Trino is."""
        trino = {"reachable": True, "version": "476"}
        self.assertEqual(self.report(), (200, {"status": "ready", "trino": trino}))

    def test_trino_down(self) -> None:
        """It stays ready without Trino, and says why on this machine only."""
        self.coordinator.state = CoordinatorState(
            reachable=False, problem="connection refused by db-7"
        )
        self.assertEqual(
            self.report(), (200, {"status": "ready", "trino": {"reachable": False}})
        )
        trino = self.report(local=True)[1]["trino"]
        self.assertEqual(trino["problem"], "connection refused by db-7")

    def test_not_ready(self) -> None:
        """A process that stops is not ready."""
        self.readiness.ready = False
        status, body = self.report()
        self.assertEqual((status, body["status"]), (503, "not ready"))

    def test_slow_probe(self) -> None:
        """An answer does not wait for Trino, nor is Trino asked again meanwhile."""
        self.coordinator.state = Deferred()
        first = self.readiness.report(local=False)
        second = self.readiness.report(local=False)
        self.assertNoResult(first)
        self.clock.advance(1)
        reply = self.successResultOf(first)
        self.assertEqual(json.loads(reply.body), {"status": "ready"})
        self.successResultOf(second)
        self.assertEqual(self.coordinator.probes, 1)

    def test_late_probe(self) -> None:
        """What a slow probe found is told to those who ask later."""
        self.coordinator.state = late = Deferred()
        waiting = self.readiness.report(local=False)
        self.clock.advance(1)
        self.successResultOf(waiting)
        late.callback(CoordinatorState(reachable=False))
        self.coordinator.state = Deferred()
        later = self.readiness.report(local=False)
        self.clock.advance(1)
        reply = self.successResultOf(later)
        self.assertEqual(json.loads(reply.body)["trino"], {"reachable": False})

    def test_broken_probe(self) -> None:
        """A probe that fails unexpectedly is logged, and means not reachable."""
        self.coordinator.state = fail(RuntimeError("a defect"))
        self.assertEqual(self.report()[1]["trino"], {"reachable": False})
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
