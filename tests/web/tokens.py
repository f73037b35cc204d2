"""Tokens of tests, and who judges them."""

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from mcp_trino.interfaces import IIntrospector
from mcp_trino.providers import Endpoints

ORIGIN = "https://mcp.example"
NOW = 1_800_000_000.0


def active(subject: str = "ada", **changes: object) -> Active:
    """Give what a token of somebody for ``/mcp`` says."""
    said: dict[str, object] = {
        "issuer": "https://id.example",
        "subject": subject,
        "audiences": (f"{ORIGIN}/mcp",),
        "expires_at": NOW + 3600,
        "client_id": "claude",
        "scopes": frozenset({"trino:read"}),
        "username": subject,
        "token_id": f"jti-{subject}",
        "generation": "1",
        **changes,
    }
    return Active(**said)  # type: ignore[arg-type]  # by name


@implementer(IIntrospector)
@define(eq=False)
class ScriptedIntrospector:
    """
    Judges by a list.

    :ivar tokens: what they say; others do not hold.
    :ivar asked: the tokens that were asked about.
    :ivar broken: nobody can say anything.
    """

    tokens: dict[str, Active] = field(factory=dict)
    asked: list[str] = field(factory=list)
    broken: bool = False

    def introspect(self, token: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        self.asked.append(token)
        if self.broken:
            return fail(Undecidable("a test", 3))
        return succeed(self.tokens.get(token))

    def identify(self, id_token: str, nonce: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        raise NotImplementedError

    def endpoints(self) -> Deferred[Endpoints]:
        """See ``IIntrospector``."""
        raise NotImplementedError
