"""The tool that says who the caller is to this server and what it allows."""

from attrs import define, field

from mcp_trino.interfaces import ICoordinator
from mcp_trino.settings import QuerySettings, TrinoSettings
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
        "read_only": {"type": "boolean"},
        "max_rows": _NUMBER,
        "max_bytes": _NUMBER,
        "timeout_seconds": _NUMBER,
    },
    ("name", "read_only"),
)


@define(eq=False)
class IdentityTools:
    """``whoami``."""

    _coordinator: ICoordinator = field(repr=False)
    _queries: QuerySettings = field(repr=False)
    _trino: TrinoSettings = field(repr=False)
    _read_only: bool = True

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
        principal = call.principal
        known = {
            "name": principal.name,
            "issuer": principal.issuer,
            "subject": principal.subject,
            "client_id": principal.client_id,
            "scopes": sorted(principal.scopes),
            "trino_user": self._coordinator.user_of(principal),
            "catalog": self._trino.catalog,
            "schema": self._trino.schema,
            "read_only": self._read_only,
            "max_rows": self._queries.max_rows,
            "max_bytes": self._queries.max_bytes,
            "timeout_seconds": self._queries.timeout_seconds,
        }
        structured = {
            name: value for name, value in known.items() if value or name == "read_only"
        }
        return Reply(structured, compact(structured))
