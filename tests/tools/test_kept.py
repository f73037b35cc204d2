"""Tests of ``mcp_trino.tools.kept``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.tools.kept import Kept


class KeptTests(SynchronousTestCase):
    """What is remembered for a while."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.kept: Kept[str, int] = Kept(self.clock, 10.0, 3)

    def test_expires(self) -> None:
        """A value is kept for its time, and a new one has its own."""
        self.kept.put("a", 1)
        self.clock.advance(9)
        self.assertEqual(self.kept.get("a"), 1)
        self.kept.put("a", 2)
        self.clock.advance(9)
        self.assertEqual(self.kept.get("a"), 2)
        self.clock.advance(1)
        self.assertIsNone(self.kept.get("a"))

    def test_bounded(self) -> None:
        """The oldest make room, by their sizes."""
        self.kept.put("a", 1)
        self.kept.put("b", 2)
        self.kept.put("a", 3)
        self.kept.put("c", 4, size=2)
        self.assertEqual([self.kept.get(key) for key in "abc"], [3, None, 4])
        self.kept.put("d", 5, size=4)
        self.assertEqual([self.kept.get(key) for key in "acd"], [3, 4, None])
        self.kept.put("a", 6, size=4)
        self.assertIsNone(self.kept.get("a"))
        self.kept.put("e", 7)
        self.assertEqual([self.kept.get(key) for key in "ce"], [4, 7])
