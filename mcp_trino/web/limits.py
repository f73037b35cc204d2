"""Bounds that all connections of the process share."""

from collections import Counter, OrderedDict
from collections.abc import Callable

from attrs import define, field

_SHARES = 10
_LEAST_SHARE = 4


def share_of(total: int) -> int:
    """Give how many of all one caller may have: a tenth, but some at least."""
    return max(_LEAST_SHARE, total // _SHARES)


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


@define(eq=False)
class Places:
    """
    Places of which no known caller has more than a share.

    :ivar total: places there are.
    :ivar each: places of one caller.
    """

    total: int
    each: int
    _held: Counter[str] = field(factory=Counter, init=False, repr=False)

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._held.total()

    def take(self, caller: str) -> bool:
        """
        Take one, or none and say ``False``.

        :param caller: empty where nobody was asked who she is; that is no share.
        """
        if self.taken >= self.total or (caller and self._held[caller] >= self.each):
            return False
        self._held[caller] += 1
        return True

    def give_back(self, caller: str) -> None:
        """Return one."""
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]


@define(eq=False)
class Shares:
    """
    The sessions of each caller, of which nobody has more than a share.

    :ivar each: sessions of one caller.
    :ivar callers: that are known at once; those seen last.
    """

    each: int
    callers: int
    _used: OrderedDict[str, OrderedDict[str, None]] = field(
        factory=OrderedDict, init=False, repr=False
    )

    def use(self, caller: str, session: str) -> str | None:
        """
        Note that a caller uses a session.

        :return: the one that she has not used for longest, when she has one too
            many; it is then forgotten.
        """
        used = self._used.setdefault(caller, OrderedDict())
        self._used.move_to_end(caller)
        if len(self._used) > self.callers:
            self._used.popitem(last=False)
        used[session] = None
        used.move_to_end(session)
        return used.popitem(last=False)[0] if len(used) > self.each else None
