"""What every store promises, as tests."""

from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mcp_trino.interfaces import IStore
from mcp_trino.store import (
    MAX_KEY_CHARS,
    MAX_VALUE_BYTES,
    get_long,
    put_long,
    take_long,
)

_RACERS = 20


class StoreContract:
    """
    Mixed into a ``TestCase``.

    :ivar clock: of the stores, in seconds since the epoch.
    """

    clock: Clock

    def make_store(self) -> Any:
        """
        Give a store that works, an empty one at the first call of a test.

        At further calls it may be another one of the same values.
        """
        raise NotImplementedError

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = self.make_store()

    def test_interface(self) -> None:
        """The store provides what it says."""
        verifyObject(IStore, self.store)

    async def test_put_and_get(self) -> None:
        """A value is given back as often as it is asked for; the last one counts."""
        self.assertIsNone(await self.store.put("k", b"1", 10))
        await self.store.put("k", b"2", 10)
        self.assertEqual(await self.store.get("k"), b"2")
        self.assertEqual(await self.store.get("k"), b"2")
        self.assertIsNone(await self.store.get("other"))

    async def test_any_bytes(self) -> None:
        """Values are any bytes, also none."""
        for value in (b"", bytes(range(256)), b"\0" * 1000):
            await self.store.put("k", value, 10)
            self.assertEqual(await self.store.get("k"), value)

    async def test_any_key(self) -> None:
        """Keys are any text, and each is another."""
        keys = [
            "",
            "k",
            "K",
            "k ",
            "\0",
            "k\0",
            "ü",
            "u\u0308",
            "\ud800",
            "'",
            "%s",
            ":k",
        ]
        for number, key in enumerate(keys):
            await self.store.put(key, str(number).encode(), 10)
        found = [await self.store.get(key) for key in keys]
        self.assertEqual(found, [str(number).encode() for number in range(len(keys))])

    async def test_take(self) -> None:
        """A value that was taken is gone."""
        await self.store.put("k", b"1", 10)
        self.assertEqual(await self.store.take("k"), b"1")
        self.assertIsNone(await self.store.take("k"))
        self.assertIsNone(await self.store.get("k"))

    async def test_expiry(self) -> None:
        """A value is gone, for every method, as soon as its time has passed."""
        for key in ("get", "take", "swap", "new"):
            await self.store.put(key, b"1", 10)
        await self.store.put("longer", b"2", 11)
        self.clock.advance(10)
        self.assertIsNone(await self.store.get("get"))
        self.assertIsNone(await self.store.take("take"))
        self.assertFalse(await self.store.swap("swap", b"1", b"2", 10))
        self.assertTrue(await self.store.swap("new", None, b"2", 10))
        self.assertEqual(await self.store.get("new"), b"2")
        self.assertEqual(await self.store.get("longer"), b"2")

    async def test_longer_life(self) -> None:
        """A value that is put or swapped again lives as long as was said last."""
        await self.store.put("k", b"1", 10)
        self.clock.advance(9)
        await self.store.put("k", b"1", 10)
        self.clock.advance(9)
        self.assertTrue(await self.store.swap("k", b"1", b"2", 10))
        self.clock.advance(9)
        self.assertEqual(await self.store.get("k"), b"2")
        self.clock.advance(1)
        self.assertIsNone(await self.store.get("k"))

    async def test_swap(self) -> None:
        """A value is swapped only for what it is said to be in place of."""
        self.assertFalse(await self.store.swap("k", b"1", b"2", 10))
        self.assertIsNone(await self.store.get("k"))
        self.assertTrue(await self.store.swap("k", None, b"1", 10))
        self.assertFalse(await self.store.swap("k", None, b"2", 10))
        self.assertFalse(await self.store.swap("k", b"", b"2", 10))
        self.assertTrue(await self.store.swap("k", b"1", b"2", 10))
        self.assertEqual(await self.store.get("k"), b"2")

    async def test_one_taker(self) -> None:
        """Of many who take a value at once, from two processes, one gets it."""
        stores = [self.store, self.make_store()]
        await self.store.put("k", b"1", 10)
        taken = await gatherResults(
            [stores[number % 2].take("k") for number in range(_RACERS)]
        )
        self.assertEqual(sorted(taken, key=bool), [None] * (_RACERS - 1) + [b"1"])

    async def test_one_swapper(self) -> None:
        """Of many who swap one value at once, or make one, one does."""
        stores = [self.store, self.make_store()]
        for old in (None, b"1"):
            swapped = await gatherResults(
                [
                    stores[number % 2].swap("k", old, b"1" if old is None else b"2", 10)
                    for number in range(_RACERS)
                ]
            )
            self.assertEqual(sum(swapped), 1)

    async def test_limits(self) -> None:
        """The longest key and value are kept, longer ones are refused."""
        key, value = "ü" * MAX_KEY_CHARS, b"v" * MAX_VALUE_BYTES
        await self.store.put(key, value, 10)
        self.assertEqual(await self.store.take(key), value)
        for long_key, long_value in ((f"{key}k", b""), (key, value + b"v")):
            with self.assertRaises(ValueError):
                await self.store.put(long_key, long_value, 10)
            with self.assertRaises(ValueError):
                await self.store.swap(long_key, None, long_value, 10)

    async def test_long_values(self) -> None:
        """What is longer than a value may be is kept in pieces."""
        value = bytes(range(256)) * (MAX_VALUE_BYTES // 100)
        await put_long(self.store, "k", value, 10)
        self.assertEqual(await get_long(self.store, "k"), value)
        self.assertEqual(await take_long(self.store, "k"), value)
        self.assertIsNone(await take_long(self.store, "k"))
