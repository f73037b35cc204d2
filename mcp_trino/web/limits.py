"""Bounds that all connections of the process share."""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field


@define(eq=False)
class Budget:
    """
    A bounded quantity, of bytes or of places, that users take and give back.

    :ivar total: what may be taken at once.
    """

    total: int
    _taken: int = field(default=0, init=False)

    @property
    def taken(self) -> int:
        """What is taken now."""
        return self._taken

    def take(self, count: int = 1) -> bool:
        """Take that many, or none and say ``False``."""
        if self._taken + count > self.total:
            return False
        self._taken += count
        return True

    def give_back(self, count: int = 1) -> None:
        """Return what was taken."""
        self._taken -= count


@define(eq=False)
class Backlog:
    """
    What clients have left unread; whoever has read nothing longest is cut first.

    :ivar total: bytes that may wait at once, unless it is for one client.
    """

    total: int
    _waiting: OrderedDict[Callable[[], None], int] = field(
        factory=OrderedDict, init=False
    )
    _bytes: int = field(default=0, init=False)

    @property
    def waiting(self) -> int:
        """Bytes that wait now."""
        return self._bytes

    def add(self, cut: Callable[[], None], count: int) -> None:
        """
        Note an answer that waits for its client.

        :param cut: closes the client's connection; the answer is then forgotten.
        :param count: bytes of the answer that are still to be written.
        """
        self._waiting[cut] = count
        self._bytes += count
        while self._bytes > self.total and len(self._waiting) > 1:
            longest_waiting, _ = next(iter(self._waiting.items()))
            self.discard(longest_waiting)
            longest_waiting()

    def discard(self, cut: Callable[[], None]) -> None:
        """Forget an answer: its client reads again, or has gone."""
        self._bytes -= self._waiting.pop(cut, 0)
