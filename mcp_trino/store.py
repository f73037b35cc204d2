"""Where small values wait to be found again by another request."""

from collections.abc import Callable
from heapq import heappop, heappush

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from mcp_trino.interfaces import IStore

MAX_KEY_CHARS = 200
MAX_VALUE_BYTES = 1024 * 1024
MAX_MEMORY_BYTES = 256 * 1024 * 1024


@implementer(IStore)
@define(eq=False)
class MemoryStore:
    """
    A store for one process; what it holds ends with the process.

    Values whose time has passed are dropped at the next use of the store, and
    those whose time passes first when there are too many.

    :ivar most_bytes: of all values together.
    """

    _clock: IReactorTime = field(repr=False)
    most_bytes: int = MAX_MEMORY_BYTES
    _values: dict[str, tuple[float, bytes]] = field(
        init=False, factory=dict, repr=False
    )
    _bytes: int = field(init=False, default=0)
    _expiries: list[tuple[float, str]] = field(init=False, factory=list, repr=False)

    def put(self, key: str, value: bytes, ttl_seconds: float) -> Deferred[None]:
        """Keep a value, in place of any earlier one of that key."""
        try:
            refuse_too_long(key, value)
        except ValueError:
            return fail(Failure())
        self._drop_expired()
        self._pop(key)
        expires_at = self._clock.seconds() + ttl_seconds
        self._values[key] = (expires_at, value)
        self._bytes += len(value)
        heappush(self._expiries, (expires_at, key))
        while self._bytes > self.most_bytes:
            self._drop_first()
        return succeed(None)

    def get(self, key: str) -> Deferred[bytes | None]:
        """Give a value back, ``None`` when there is none or its time passed."""
        self._drop_expired()
        _, value = self._values.get(key, (0.0, None))
        return succeed(value)

    def take(self, key: str) -> Deferred[bytes | None]:
        """Give a value back and forget it; of two takers one gets ``None``."""
        self._drop_expired()
        return succeed(self._pop(key))

    def swap(
        self, key: str, old: bytes | None, new: bytes, ttl_seconds: float
    ) -> Deferred[bool]:
        """Keep a value only if the present one is ``old``, ``None`` for none."""
        self._drop_expired()
        _, present = self._values.get(key, (0.0, None))
        if present != old:
            return succeed(False)
        return self.put(key, new, ttl_seconds).addCallback(lambda _: True)

    def _drop_expired(self) -> None:
        now = self._clock.seconds()
        while self._expiries and self._expiries[0][0] <= now:
            self._drop_first()

    def _drop_first(self) -> None:
        """Drop what expires first, unless it was put anew since it was noted."""
        expires_at, key = heappop(self._expiries)
        if key in self._values and self._values[key][0] <= expires_at:
            self._pop(key)

    def _pop(self, key: str) -> bytes | None:
        _, value = self._values.pop(key, (0.0, None))
        self._bytes -= len(value or b"")
        return value


def refuse_too_long(key: str, value: bytes) -> None:
    """:raise ValueError: no store takes that."""
    if len(key) > MAX_KEY_CHARS or len(value) > MAX_VALUE_BYTES:
        raise ValueError("the key or the value is too long for the store")


async def put_long(store: IStore, key: str, value: bytes, ttl_seconds: float) -> None:
    """Keep a value of any length, in pieces that a store takes."""
    pieces = range(0, len(value) + 1, MAX_VALUE_BYTES)
    for number, start in enumerate(pieces):
        piece = value[start : start + MAX_VALUE_BYTES]
        await store.put(f"{key}/{number}", piece, ttl_seconds)


async def get_long(store: IStore, key: str) -> bytes | None:
    """Give back what ``put_long`` kept, ``None`` when it or a piece of it is gone."""
    return await _pieces(store.get, key)


async def take_long(store: IStore, key: str) -> bytes | None:
    """Give back what ``put_long`` kept and forget it."""
    return await _pieces(store.take, key)


async def _pieces(
    get: Callable[[str], Deferred[bytes | None]], key: str
) -> bytes | None:
    """Collect pieces up to the first that is not full, which may be empty."""
    pieces: list[bytes] = []
    while True:
        piece = await get(f"{key}/{len(pieces)}")
        if piece is None:
            return None
        pieces.append(piece)
        if len(piece) < MAX_VALUE_BYTES:
            return b"".join(pieces)
