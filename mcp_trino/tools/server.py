"""The MCP server: the official SDK's ``Server`` with the tools of this product."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from attrs import define, field
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    ListToolsResult,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool
from twisted.internet.interfaces import IReactorTime

from mcp_trino.interfaces import IAudit, ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.settings import QuerySettings, TrinoSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from mcp_trino.tools.arguments import input_schema
from mcp_trino.tools.calls import Calls
from mcp_trino.tools.dictionary import Dictionary
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.identity import IdentityTools
from mcp_trino.tools.listing import ListTools
from mcp_trino.tools.metadata import MetadataTools
from mcp_trino.tools.paging import PagingTools
from mcp_trino.tools.progress import ProgressReports
from mcp_trino.tools.query import QueryTools
from mcp_trino.tools.suggestions import Suggestions
from mcp_trino.tools.tool import Tool

PRINCIPAL = "mcp_trino.principal"
"""The key of an ASGI scope that holds the ``Principal`` of its request."""

Context = ServerRequestContext[Any, Any]
PrincipalOf = Callable[[Context], Principal]

# The list is the same for as long as the process lives.
_LISTED = CacheHint(ttl_ms=300_000, scope="private")


def principal_of_request(context: Context) -> Principal:
    """Give who sent the HTTP request that carries a message."""
    request: Any = context.request
    principal: Principal = request.scope[PRINCIPAL]
    return principal


def make_server(
    *,
    coordinator: ICoordinator,
    queries: QuerySettings,
    trino: TrinoSettings,
    principal_of: PrincipalOf,
    clock: IReactorTime,
    loop: AbstractEventLoop,
    audit: IAudit,
    audit_statements: bool = False,
    guard: Guard = UNRESTRICTED,
) -> Server[Any]:
    """
    Give the server that every transport serves.

    :param principal_of: who is asking, decided anew for each call.
    :param loop: the event loop that serves, the one of the reactor.
    :param guard: the decision on statements and names.
    """
    suggestions = Suggestions(coordinator, clock)
    execution = Execution(coordinator, queries, trino, suggestions, guard)
    dictionary = Dictionary(execution, guard.allowlist)
    lists = ListTools(execution, dictionary).tools()
    tools = (
        *QueryTools(coordinator, execution).tools(),
        *PagingTools(execution, lists).tools(),
        *lists,
        *MetadataTools(execution, dictionary).tools(),
        *IdentityTools(queries, trino).tools(),
    )
    calls = Calls(clock, audit, audit_statements)
    surface = _Surface(tools, calls, principal_of, clock, loop)
    server: Server[Any] = Server(
        "mcp-trino",
        version=version("mcp-trino"),
        title="Trino",
        instructions=_instructions(queries, trino),
        cache_hints={"tools/list": _LISTED, "server/discover": _LISTED},
        get_tool_input_schema=surface.input_schema,
        on_list_tools=surface.list_tools,
    )
    # Not as on_call_tool, which takes a model only: a dict saves its validation.
    server.add_request_handler("tools/call", CallToolRequestParams, surface.call_tool)
    return server


def _instructions(queries: QuerySettings, trino: TrinoSettings) -> str:
    place = ".".join(name for name in (trino.catalog, trino.schema) if name)
    default = f" Unqualified names are in {place}." if place else ""
    return (
        "Trino SQL (ANSI; double quotes for names, single quotes for strings), "
        f"read-only.{default} An answer has up to {queries.default_rows} rows "
        f"(max_rows: up to {queries.max_rows}); fetch_page gives the rest. A query "
        f"may take {queries.timeout_seconds:.0f} s; after "
        f"{queries.wait_seconds:.0f} s without a row its answer is a next_page to "
        "wait on. Look at get_table_schema before writing SQL."
    )


@define(eq=False)
class _Surface:
    """What the SDK calls."""

    _tools: tuple[Tool, ...]
    _calls: Calls = field(repr=False)
    _principal_of: PrincipalOf = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _loop: AbstractEventLoop = field(repr=False)
    _by_name: dict[str, Tool] = field(init=False, repr=False)
    _listed: dict[str, ListedTool] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._by_name = {tool.name: tool for tool in self._tools}
        self._listed = {tool.name: _listed(tool) for tool in self._tools}

    def input_schema(self, name: str) -> dict[str, Any] | None:
        """Give the schema of a tool's arguments, ``None`` for an unknown tool."""
        tool = self._listed.get(name)
        return None if tool is None else tool.input_schema

    async def list_tools(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """Answer ``tools/list``."""
        del context, params
        return ListToolsResult(tools=list(self._listed.values()))

    async def call_tool(
        self, context: Context, params: CallToolRequestParams
    ) -> dict[str, Any]:
        """
        Answer ``tools/call``.

        :raise MCPError: there is no such tool.
        """
        tool = self._by_name.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name:.100}")
        # A client that did not ask for progress is not told any.
        reports = ProgressReports(
            context.session.report_progress, self._loop, self._clock
        )
        try:
            reply = await self._calls.call(
                tool,
                params.arguments or {},
                self._principal_of(context),
                reports.watch,
                **_message(context),
            ).asFuture(self._loop)
        finally:
            reports.close()
        return {
            "content": [{"type": "text", "text": reply.text}],
            "structuredContent": reply.structured,
            "isError": reply.failure is not None,
            "resultType": "complete",
        }


def _message(context: Context) -> dict[str, str | None]:
    """Give what the record tells of a message: where it came from."""
    headers = getattr(context.request, "headers", {})
    return {
        "session": headers.get("mcp-session-id"),
        "request": None if context.request_id is None else str(context.request_id),
    }


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=input_schema(tool.arguments),
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=tool.hints.read_only,
            destructive_hint=tool.hints.destructive,
            idempotent_hint=tool.hints.idempotent,
            open_world_hint=False,
        ),
    )
