"""Tests of tokens that are kept."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.coordinator.tokens import Tokens
from mcp_trino.errors import CoordinatorUnreachable

DOWN = CoordinatorUnreachable("down")


class TokensTests(SynchronousTestCase):
    """Getting, keeping and renewing tokens on a clock."""

    def setUp(self):
        """Keep tokens that each test grants."""
        self.clock = Clock()
        self.asked = []
        self.tokens = Tokens(self.clock, Deferred.fromCoroutine, 2)

    async def _get(self):
        answer = Deferred()
        self.asked.append(answer)
        return await answer

    def get(self, key="a"):
        """Ask for a token."""
        return Deferred.fromCoroutine(self.tokens.get(key, self._get))

    def have(self, value="t", seconds=100.0, key="a"):
        """Have a token."""
        asked = self.get(key)
        self.asked.pop().callback((value, seconds))
        self.assertEqual(self.successResultOf(asked), value)

    def test_once_at_a_time(self):
        """All who ask while a token is on its way wait for that one."""
        waiting = [self.get() for _ in range(5)]
        self.assertEqual(len(self.asked), 1)
        self.asked[0].callback(("t", 100.0))
        self.assertEqual([self.successResultOf(w) for w in waiting], ["t"] * 5)
        self.assertEqual(self.successResultOf(self.get()), "t")
        self.assertEqual(len(self.asked), 1)

    def test_keys(self):
        """The token of one is never given to another."""
        self.have("t", key="a")
        self.have("u", key="b")
        self.assertEqual(self.successResultOf(self.get("a")), "t")

    def test_renewed_before_it_ends(self):
        """A token that is due is renewed while the old one is still used."""
        self.have(seconds=100.0)
        self.clock.advance(74.0)
        self.assertEqual(self.successResultOf(self.get()), "t")
        self.assertEqual(self.asked, [])
        self.clock.advance(2.0)
        for _ in range(3):
            self.assertEqual(self.successResultOf(self.get()), "t")
        self.assertEqual(len(self.asked), 1)
        self.asked.pop().callback(("u", 100.0))
        self.assertEqual(self.successResultOf(self.get()), "u")

    def test_over(self):
        """A token near its end is not used any more."""
        self.have(seconds=100.0)
        self.clock.advance(96.0)
        self.assertNoResult(self.get())

    def test_failure(self):
        """Those who wait are told, and the next who asks tries again."""
        waiting = [self.get(), self.get()]
        self.asked.pop().errback(DOWN)
        for asked in waiting:
            self.failureResultOf(asked, CoordinatorUnreachable)
        self.have()

    def test_renewal_fails(self):
        """A token that holds is used on when it cannot be renewed for a while."""
        self.have(seconds=100.0)
        self.clock.advance(80.0)
        self.successResultOf(self.get())
        self.asked.pop().errback(DOWN)
        self.assertEqual(self.successResultOf(self.get()), "t")
        self.assertEqual(self.asked, [])
        self.clock.advance(11.0)
        self.assertEqual(self.successResultOf(self.get()), "t")
        self.assertEqual(len(self.asked), 1)

    def test_one_leaves(self):
        """Who waits no longer does not stop the others' token."""
        first, second = self.get(), self.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.asked.pop().callback(("t", 100.0))
        self.assertEqual(self.successResultOf(second), "t")

    def test_forget(self):
        """A token that was refused is not given again."""
        self.have()
        self.tokens.forget("a", "t")
        self.tokens.forget("a", "t")
        self.have("u")

    def test_forget_the_refused(self):
        """A token that came in between is not forgotten with the refused one."""
        self.have("u")
        self.tokens.forget("a", "t")
        self.assertEqual(self.successResultOf(self.get()), "u")

    def test_bounded(self):
        """The tokens that were used least recently make room."""
        self.have(key="a")
        self.have(key="b")
        self.successResultOf(self.get("a"))
        self.have(key="c")
        self.assertEqual(self.successResultOf(self.get("a")), "t")
        self.assertNoResult(self.get("b"))
        self.assertEqual(len(self.tokens._tokens), 2)

    def test_not_shown(self):
        """No text of what is kept shows a token."""
        self.have("s3cret")
        self.assertNotIn("s3cret", repr(self.tokens) + repr(self.tokens._tokens))
