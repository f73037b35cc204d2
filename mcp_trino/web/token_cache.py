"""Which tokens were found good a short time ago, and who came with them."""

from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field, frozen

from mcp_trino.active import Active
from mcp_trino.principal import Principal

_MOST = 10_000


@frozen
class Known:
    """
    What is remembered of a token; never the token itself.

    :ivar until: it is asked about again then, in seconds since the epoch.
    """

    active: Active
    principal: Principal
    until: float


@define(eq=False)
class TokenCache:
    """
    The tokens of the last minutes, by their SHA-256 and the resource asked for.

    What was last used longest ago is forgotten first. All is forgotten when
    the keys that tokens are judged by are no longer the same.

    :ivar ttl_seconds: how long a token is remembered at most, never past its
        end; 0 remembers none.
    :ivar generation: the state of the keys.
    """

    ttl_seconds: float
    _now: Callable[[], float] = field(repr=False)
    generation: str = field(default="", init=False)
    _known: OrderedDict[tuple[bytes, str], Known] = field(
        factory=OrderedDict, init=False, repr=False
    )

    def find(self, digest: bytes, resource: str) -> Known | None:
        """Give what is remembered of a token, ``None`` when it has to be asked."""
        known = self._known.get((digest, resource))
        if known is None or known.until <= self._now():
            return None
        self._known.move_to_end((digest, resource))
        return known

    def keep(
        self, digest: bytes, resource: str, active: Active, principal: Principal
    ) -> None:
        """Remember a token that was found good just now."""
        self.renew(active.generation)
        until = min(self._now() + self.ttl_seconds, active.expires_at)
        self._known[digest, resource] = Known(active, principal, until)
        self._known.move_to_end((digest, resource))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def evict(self, gone: Callable[[Active], bool]) -> None:
        """Forget the tokens of which ``gone`` says so: what it vouches for ended."""
        for key in [key for key, known in self._known.items() if gone(known.active)]:
            del self._known[key]

    def renew(self, generation: str) -> None:
        """Take notice of the keys that hold now."""
        if generation != self.generation:
            self._known.clear()
            self.generation = generation
