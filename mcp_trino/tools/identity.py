"""The tool that says who the caller is to this server and what it allows."""

from collections.abc import Callable

from attrs import define, field

from mcp_trino.principal import Principal, client_mark
from mcp_trino.tools.dictionary import Dictionary
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.output import compact, output_schema
from mcp_trino.tools.tool import Call, Reply, Tool

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}

_SCHEMA = output_schema(
    {
        "name": _TEXT,
        "issuer": _TEXT,
        "subject": _TEXT,
        "client_id": _TEXT,
        "scopes": {"type": "array", "items": _TEXT},
        "trino_user": _TEXT,
        "catalog": _TEXT,
        "schema": _TEXT,
        "catalogs": {
            "type": "array",
            "items": _TEXT,
            "description": "The only ones that may be seen here.",
        },
        "read_only": {"type": "boolean"},
        "max_rows": _NUMBER,
        "max_bytes": _NUMBER,
        "timeout_seconds": _NUMBER,
    },
    ("name", "read_only"),
)


@define(eq=False)
class IdentityTools:
    """
    ``whoami``.

    :ivar may_write: whether what somebody came with allows her to write, where
        the operator does.
    """

    _execution: Execution = field(repr=False)
    _dictionary: Dictionary = field(repr=False)
    _may_write: Callable[[Principal], bool] = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give it as it is listed."""
        return (
            Tool(
                name="whoami",
                title="Who am I",
                description="Show who you are here and to Trino, and your limits.",
                arguments=(),
                output_schema=_SCHEMA,
                function=self._whoami,
            ),
        )

    async def _whoami(self, call: Call) -> Reply:
        principal, execution = call.principal, self._execution
        trino, queries = execution.trino, execution.queries
        known = {
            "name": principal.name,
            "issuer": principal.issuer,
            "subject": principal.subject,
            "client_id": client_mark(principal.client_id),
            "scopes": sorted(principal.scopes),
            "trino_user": execution.user_of(principal),
            "catalog": trino.catalog,
            "schema": trino.schema,
            "catalogs": await self._catalogs(call),
            "read_only": not (
                execution.guard.settings.allow_writes and self._may_write(principal)
            ),
            "max_rows": queries.max_rows,
            "max_bytes": queries.max_bytes,
            "timeout_seconds": queries.timeout_seconds,
        }
        structured = {
            name: value for name, value in known.items() if value or name == "read_only"
        }
        return Reply(structured, compact(structured))

    async def _catalogs(self, call: Call) -> list[str] | None:
        """Give the catalogs that the operator has left, ``None`` if it is all."""
        if not self._dictionary.restricts:
            return None
        try:
            page = await self._dictionary.catalogs(call)
        except FORESEEN:
            # Who she is can be told without Trino.
            return None
        return [row[0] for row in page.rows]
