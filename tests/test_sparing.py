"""Tests of ``mcp_trino.sparing``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sparing import Sparing


class SparingTests(SynchronousTestCase):
    """What is told one by one, and what in one number."""

    def setUp(self) -> None:
        """Tell two things a minute."""
        self.clock, self.sums = Clock(), []
        self.sparing = Sparing(self.clock, self.sums.append, per_minute=2)

    def told(self, times: int) -> int:
        """Have something happen, and give how often it was told by itself."""
        return sum(self.sparing.may_tell() for _ in range(times))

    def test_many(self) -> None:
        """Of many in a minute a few are told, and in the next one how many more."""
        self.assertEqual(self.told(10), 2)
        self.clock.advance(59)
        self.assertEqual((self.told(1), self.sums), (0, []))
        self.clock.advance(1)
        self.assertEqual((self.told(3), self.sums), (2, [9]))

    def test_few(self) -> None:
        """Where all were told there is no number."""
        for _ in range(3):
            self.assertEqual(self.told(2), 2)
            self.clock.advance(60)
        self.assertEqual(self.sums, [])

    def test_end(self) -> None:
        """At the end nothing is left untold."""
        self.told(5)
        self.sparing.stopService()
        self.sparing.stopService()
        self.assertEqual(self.sums, [3])

    def test_not_told(self) -> None:
        """A number that could not be told is not forgotten."""
        broken = Sparing(self.clock, lambda _: 1 // 0, per_minute=1)
        self.assertEqual([broken.may_tell(), broken.may_tell()], [True, False])
        self.assertRaises(ZeroDivisionError, broken.stopService)
        self.assertRaises(ZeroDivisionError, broken.stopService)
