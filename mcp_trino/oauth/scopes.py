"""Which scope a message of the protocol needs, and which scopes contain others."""

from collections.abc import Mapping

from attrs import frozen

ADMIN = "trino:admin"
"""Contains all other scopes."""

READS, WRITES = "reads", "writes"

WRITING_TOOL = "execute_statement"
"""The tool that changes what is in Trino."""

TOOLS: dict[str, str] = {
    "cancel_query": READS,
    "execute_query": READS,
    WRITING_TOOL: WRITES,
    "explain_query": READS,
    "fetch_page": READS,
    "get_table_schema": READS,
    "get_table_stats": READS,
    "list_catalogs": READS,
    "list_queries": READS,
    "list_schemas": READS,
    "list_tables": READS,
    "search_tables": READS,
    "show_create": READS,
    "whoami": READS,
}
"""What each tool does. One that is not here needs every scope there is."""

CALL = "tools/call"
# They tell nothing of Trino's.
_OPEN = frozenset(
    (
        "initialize",
        "logging/setLevel",
        "ping",
        "prompts/list",
        "resources/templates/list",
        "server/discover",
        "subscriptions/listen",
        "tools/list",
    )
)


def is_open(method: str) -> bool:
    """Whether whoever has a token may send such a message, allowed in or not."""
    return method in _OPEN or method.startswith("notifications/")


@frozen
class Scopes:
    """
    The scopes of this server.

    :ivar read: what every message needs that tells something of Trino's; empty
        for none.
    :ivar write: what changes something; it contains ``read``.
    """

    read: str
    write: str

    @property
    def supported(self) -> tuple[str, ...]:
        """Those that a client may ask for at first: the least."""
        return (self.read,) if self.read else ()

    def needed(self, method: str, params: object) -> tuple[str, ...]:
        """
        Give all scopes that a message needs.

        :param method: that of the JSON-RPC message.
        :param params: its parameters.
        """
        if is_open(method):
            return ()
        if method != CALL:
            return self.supported
        name = params.get("name") if isinstance(params, Mapping) else None
        reads = isinstance(name, str) and TOOLS.get(name) == READS
        return self.supported if reads else (*self.supported, self.write)

    def allow(self, granted: frozenset[str], needed: tuple[str, ...]) -> bool:
        """Whether what was granted contains all that is needed."""
        contained = {ADMIN: {self.write, self.read}, self.write: {self.read}}
        held = granted.union(*(contained.get(scope, set()) for scope in granted))
        return held.issuperset(needed)
