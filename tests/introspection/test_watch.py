"""Tests of ``mcp_trino.introspection.watch``."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.introspection.watch import WorkerWatch


@define(eq=False)
class ScriptedClient:
    """
    Says what a worker would.

    :ivar generation: the state of its keys, ``None`` when it does not answer.
    """

    generation: str | None = "k-1"
    heard_at: float = 0.0
    closed: bool = False
    waiting: list[Deferred[str | None]] = field(factory=list)
    hangs: bool = False

    def ready(self) -> Deferred[str | None]:
        """See ``Introspector``."""
        if self.hangs:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        return succeed(self.generation)

    def close(self) -> Deferred[None]:
        """See ``Introspector``."""
        self.closed = True
        return succeed(None)


class WatchTests(SynchronousTestCase):
    """Whether the worker answers, and by which keys it judges."""

    def setUp(self) -> None:
        """Watch a worker that answers."""
        self.clock, self.told = Clock(), []
        self.client: Any = ScriptedClient()
        self.watch = WorkerWatch(self.client, self.clock, self.told.append)

    def test_keys(self) -> None:
        """The state of its keys is told once a second."""
        self.assertFalse(self.watch.is_ready())
        self.watch.startService()
        self.client.generation = "k-2"
        self.clock.advance(1)
        self.assertEqual(self.told, ["k-1", "k-2"])
        self.assertTrue(self.watch.is_ready())

    def test_away(self) -> None:
        """It may be away for ten seconds; its keys are then those it had."""
        self.watch.startService()
        self.client.generation = None
        self.clock.pump([1] * 9)
        self.assertTrue(self.watch.is_ready())
        self.clock.advance(1)
        self.assertFalse(self.watch.is_ready())
        self.assertEqual(self.told, ["k-1"])
        self.client.generation = "k-1"
        self.clock.advance(1)
        self.assertTrue(self.watch.is_ready())

    def test_heard(self) -> None:
        """When it last answered anything is told, also when it could not judge."""
        heard: list[float] = []
        self.client.generation, self.client.heard_at = None, 5.0
        watch = WorkerWatch(self.client, self.clock, self.told.append, heard.append)
        watch.startService()
        self.assertEqual(heard, [5.0])
        watch.stopService()

    def test_one_question_at_a_time(self) -> None:
        """A worker that is slow is not asked again meanwhile."""
        self.client.hangs = True
        self.watch.startService()
        self.clock.pump([1] * 5)
        self.assertEqual(len(self.client.waiting), 1)
        self.client.waiting[0].callback("k-1")
        self.clock.advance(1)
        self.assertEqual(len(self.client.waiting), 2)

    def test_stop(self) -> None:
        """It lets go of the worker."""
        self.watch.startService()
        self.successResultOf(self.watch.stopService())
        self.assertTrue(self.client.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
