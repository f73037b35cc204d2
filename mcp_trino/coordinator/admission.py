"""Which queries may be under way: so many at once, the rest in turn."""

from collections import OrderedDict, deque

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from mcp_trino.errors import Busy

RETRY_AFTER_SECONDS = 5


@define(eq=False)
class Places:
    """
    A bounded number of places and a bounded queue before them.

    Principals take turns; the calls of one are served in the order they came.

    :ivar free: places that nobody has.
    :ivar queue: calls that may wait at once.
    """

    _free: int
    _queue: int
    _lines: OrderedDict[str, deque[Deferred[None]]] = field(
        init=False, factory=OrderedDict, repr=False
    )
    _waiting: int = field(init=False, default=0)

    def take(self, principal_key: str) -> Deferred[None]:
        """
        Wait for a place; who cancels leaves the queue.

        :raise Busy: the queue is full.
        """
        if self._free > 0:
            self._free -= 1
            return succeed(None)
        if self._waiting >= self._queue:
            return fail(busy())
        line = self._lines.setdefault(principal_key, deque())
        turn: Deferred[None] = Deferred(
            lambda canceled: self._leave(principal_key, canceled)
        )
        line.append(turn)
        self._waiting += 1
        return turn

    def give_back(self) -> None:
        """Hand a place to the next in turn."""
        if not self._lines:
            self._free += 1
            return
        principal_key, line = self._lines.popitem(last=False)
        turn = line.popleft()
        self._waiting -= 1
        if line:
            self._lines[principal_key] = line
        turn.callback(None)

    def _leave(self, principal_key: str, turn: Deferred[None]) -> None:
        line = self._lines[principal_key]
        line.remove(turn)
        self._waiting -= 1
        if not line:
            del self._lines[principal_key]


def busy() -> Busy:
    """Say that too many queries are under way."""
    return Busy(
        "too many queries are under way; wait for one of them or try again later",
        RETRY_AFTER_SECONDS,
    )
