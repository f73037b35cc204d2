"""Which queries may be under way: so many at once, the rest in turn."""

from collections import Counter, OrderedDict, deque

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
    :ivar each: places that one principal may have at once, and calls of hers
        that may wait.
    """

    _free: int
    _queue: int
    _each: int
    _held: Counter[str] = field(init=False, factory=Counter, repr=False)
    _lines: OrderedDict[str, deque[Deferred[None]]] = field(
        init=False, factory=OrderedDict, repr=False
    )
    _waiting: int = field(init=False, default=0)

    def take(self, principal_key: str) -> Deferred[None]:
        """
        Wait for a place; who cancels leaves the queue.

        :raise Busy: the queue is full, or the principal's part of it.
        """
        if self._free > 0 and self._held[principal_key] < self._each:
            self._free -= 1
            self._held[principal_key] += 1
            return succeed(None)
        line = self._lines.get(principal_key, ())
        if self._waiting >= self._queue or len(line) >= self._each:
            return fail(busy())
        turn: Deferred[None] = Deferred(
            lambda canceled: self._leave(principal_key, canceled)
        )
        self._lines.setdefault(principal_key, deque()).append(turn)
        self._waiting += 1
        return turn

    def give_back(self, principal_key: str) -> None:
        """Hand a principal's place to the next in turn who may have one more."""
        self._free += 1
        self._held[principal_key] -= 1
        if not self._held[principal_key]:
            del self._held[principal_key]
        for key in self._lines:
            if self._held[key] < self._each:
                self._serve(key)
                return

    def _serve(self, principal_key: str) -> None:
        line = self._lines.pop(principal_key)
        turn = line.popleft()
        self._waiting -= 1
        if line:
            self._lines[principal_key] = line
        self._free -= 1
        self._held[principal_key] += 1
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
