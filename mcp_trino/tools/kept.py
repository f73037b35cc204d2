"""What is remembered for a while: bounded, and never older than it may be."""

from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

_K = TypeVar("_K")
_V = TypeVar("_V")


@define(eq=False)
class Kept(Generic[_K, _V]):
    """
    Values by key; the oldest make room for new ones.

    :ivar ttl_seconds: how old a value may be.
    :ivar most: the sizes of all values together.
    """

    _clock: IReactorTime = field(repr=False)
    ttl_seconds: float
    most: int
    _values: dict[_K, tuple[float, int, _V]] = field(
        init=False, factory=dict, repr=False
    )
    _size: int = field(init=False, default=0)

    def put(self, key: _K, value: _V, size: int = 1) -> None:
        """Keep a value in place of any earlier one; one that is too large is not."""
        self.forget(key)
        if size > self.most:
            return
        self._values[key] = (self._clock.seconds(), size, value)
        self._size += size
        while self._size > self.most:
            self.forget(next(iter(self._values)))

    def get(self, key: _K) -> _V | None:
        """Give a value, ``None`` when there is none or it is too old."""
        if key not in self._values:
            return None
        since, _, value = self._values[key]
        if self._clock.seconds() - since >= self.ttl_seconds:
            self.forget(key)
            return None
        return value

    def forget(self, key: _K) -> None:
        """Keep nothing by that key."""
        if key in self._values:
            self._size -= self._values.pop(key)[1]
