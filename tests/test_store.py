"""Tests of the store in memory."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino.interfaces import IStore
from mcp_trino.store import (
    MAX_KEY_CHARS,
    MAX_VALUE_BYTES,
    MemoryStore,
    get_long,
    put_long,
    take_long,
)


class MemoryStoreTests(SynchronousTestCase):
    """Keeping small values for a while."""

    def setUp(self):
        """Make an empty store on a clock."""
        self.clock = Clock()
        self.store = MemoryStore(self.clock)

    def get(self, key):
        """Give a value now."""
        return self.successResultOf(self.store.get(key))

    def test_interface(self):
        """The store provides what it says."""
        verifyObject(IStore, self.store)

    def test_put_and_get(self):
        """A value is given back as often as it is asked for; the last one counts."""
        self.store.put("k", b"1", 10)
        self.store.put("k", b"2", 10)
        self.assertEqual(
            [self.get("k"), self.get("k"), self.get("other")], [b"2", b"2", None]
        )

    def test_take_once(self):
        """Of two who take a value one gets it."""
        self.store.put("k", b"1", 10)
        taken = [self.successResultOf(self.store.take("k")) for _ in range(2)]
        self.assertEqual(taken, [b"1", None])

    def test_expiry(self):
        """A value is gone, and its memory free, when its time has passed."""
        self.store.put("k", b"1", 10)
        self.store.put("longer", b"2", 11)
        self.clock.advance(10)
        self.assertEqual([self.get("k"), self.get("longer")], [None, b"2"])
        self.assertEqual(list(self.store._values), ["longer"])

    def test_longer_life(self):
        """A value that is put again lives as long as it was said last."""
        self.store.put("k", b"1", 10)
        self.clock.advance(9)
        self.store.put("k", b"1", 10)
        self.clock.advance(9)
        self.assertEqual(self.get("k"), b"1")
        self.clock.advance(1)
        self.assertIsNone(self.get("k"))

    def test_limits(self):
        """What is too long for every store is refused by this one too."""
        for key, value in (
            ("k" * (MAX_KEY_CHARS + 1), b""),
            ("k", b"v" * (MAX_VALUE_BYTES + 1)),
        ):
            self.failureResultOf(self.store.put(key, value, 1), ValueError)

    def test_renewed_often(self):
        """Renewing a value again and again takes no more memory."""
        for _ in range(1000):
            self.store.put("k", b"1", 10)
            self.clock.advance(1)
        self.assertLess(len(self.store._expiries), 20)


class LongValueTests(SynchronousTestCase):
    """Values that no store takes in one piece."""

    def run_(self, coroutine):
        """Give the result of a coroutine that has one at once."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    @given(pieces=st.integers(0, 3), more=st.integers(-1, 1))
    def test_round_trip(self, pieces, more):
        """Any length around whole pieces comes back as it was."""
        store = MemoryStore(Clock())
        value = b"x" * max(0, pieces * MAX_VALUE_BYTES + more)
        self.run_(put_long(store, "k", value, 10))
        self.assertEqual(self.run_(get_long(store, "k")), value)
        self.assertEqual(self.run_(take_long(store, "k")), value)
        self.assertIsNone(self.run_(get_long(store, "k")))
        self.assertEqual(store._values, {})

    def test_piece_lost(self):
        """A value with a piece missing is no value."""
        store = MemoryStore(Clock())
        self.run_(put_long(store, "k", b"x" * 2 * MAX_VALUE_BYTES, 10))
        self.successResultOf(store.take("k/1"))
        self.assertIsNone(self.run_(get_long(store, "k")))
