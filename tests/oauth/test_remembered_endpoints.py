"""Tests of ``mcp_trino.oauth.remembered_endpoints``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import Undecidable
from mcp_trino.oauth.remembered_endpoints import START_SECONDS, RememberedEndpoints
from tests.oauth.world import NOW, PROVIDER, ScriptedProvider


class RememberedEndpointsTests(SynchronousTestCase):
    """Where the provider is."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.worker = ScriptedProvider(self.clock)
        self.remembered = RememberedEndpoints(self.worker, self.clock)

    def test_starting(self) -> None:
        """Who comes while the worker starts waits for it."""
        self.worker.undecidable = True
        asked = self.remembered.endpoints()
        self.clock.pump([0.5] * 4)
        self.assertNoResult(asked)
        self.worker.undecidable = False
        self.clock.advance(0.5)
        self.assertEqual(self.successResultOf(asked).issuer, PROVIDER)

    def test_never_started(self) -> None:
        """Nobody waits for it much longer than it may take."""
        self.worker.undecidable = True
        asked = self.remembered.endpoints()
        self.clock.pump([0.5] * int(2 * START_SECONDS + 1))
        self.failureResultOf(asked, Undecidable)
        self.failureResultOf(self.remembered.endpoints(), Undecidable)

    def test_no_longer(self) -> None:
        """Once it has answered nobody waits; what it said is good for a minute."""
        self.successResultOf(self.remembered.endpoints())
        self.worker.undecidable = True
        self.successResultOf(self.remembered.endpoints())
        self.clock.advance(60)
        self.failureResultOf(self.remembered.endpoints(), Undecidable)
