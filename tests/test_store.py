"""Tests of the store in memory."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.store import (
    MAX_VALUE_BYTES,
    MemoryStore,
    get_long,
    put_long,
    take_long,
)
from tests.store_contract import StoreContract


class MemoryStoreTests(StoreContract, TestCase):
    """The contract, and what only this store has to keep."""

    memory = None

    def make_store(self):
        """Give the one store of the process."""
        self.memory = self.memory or MemoryStore(self.clock)
        return self.memory

    async def test_memory(self):
        """The memory of a value is free when its time has passed."""
        await self.store.put("k", b"1", 10)
        await self.store.put("longer", b"2", 11)
        self.clock.advance(10)
        await self.store.get("k")
        self.assertEqual(list(self.store._values), ["longer"])

    async def test_too_much(self):
        """What would expire first makes room, and not more than is needed."""
        store = MemoryStore(self.clock, most_bytes=10)
        await store.put("late", b"1234", 20)
        await store.put("early", b"1234", 10)
        await store.put("early", b"12345", 10)
        self.assertEqual(await store.get("late"), b"1234")
        await store.put("new", b"12", 20)
        self.assertIsNone(await store.get("early"))
        await store.take("late")
        await store.put("more", b"12345678", 20)
        self.assertEqual(await store.get("new"), b"12")

    async def test_renewed_often(self):
        """Renewing a value again and again takes no more memory."""
        for _ in range(1000):
            await self.store.put("k", b"1", 10)
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
