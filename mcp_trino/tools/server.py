"""The MCP server: the official SDK's ``Server`` with the tools of this product."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from attrs import define, field
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.server import Server
from mcp_types import (
    CallToolRequestParams,
    ListToolsResult,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool
from mcp_types.methods import CacheableMethod
from twisted.internet.interfaces import IReactorTime

from mcp_trino.interfaces import IAudit, ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.settings import QuerySettings, TrinoSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from mcp_trino.tools.arguments import input_schema
from mcp_trino.tools.calls import Calls
from mcp_trino.tools.completion import Completions
from mcp_trino.tools.dictionary import Dictionary
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.identity import IdentityTools
from mcp_trino.tools.listing import ListTools
from mcp_trino.tools.messages import Context, Messages, PrincipalOf
from mcp_trino.tools.metadata import MetadataTools
from mcp_trino.tools.paging import PagingTools
from mcp_trino.tools.progress import ProgressReports
from mcp_trino.tools.prompts import Prompts
from mcp_trino.tools.query import QueryTools
from mcp_trino.tools.resources import Resources
from mcp_trino.tools.running import RunningTools
from mcp_trino.tools.search import SearchTools
from mcp_trino.tools.statement import StatementTools
from mcp_trino.tools.suggestions import Suggestions
from mcp_trino.tools.tool import Tool

# The list is the same for as long as the process lives.
_LISTED = CacheHint(ttl_ms=300_000, scope="private")
# Somebody may make a table, or be allowed to see one.
_READ = CacheHint(ttl_ms=60_000, scope="private")
_CACHE_HINTS: dict[CacheableMethod, CacheHint] = {
    "server/discover": _LISTED,
    "tools/list": _LISTED,
    "prompts/list": _LISTED,
    "resources/templates/list": _LISTED,
    "resources/list": _READ,
    "resources/read": _READ,
}


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
    may_write: Callable[[Principal], bool] = lambda _: True,
) -> Server[Any]:
    """
    Give the server that every transport serves.

    :param principal_of: who is asking, decided anew for each call.
    :param loop: the event loop that serves, the one of the reactor.
    :param guard: the decision on statements and names.
    :param may_write: whether somebody's token allows to write.
    """
    suggestions = Suggestions(coordinator, clock, guard.allowlist)
    execution = Execution(coordinator, queries, trino, suggestions, guard)
    dictionary = Dictionary(execution)
    lists = (
        *ListTools(execution, dictionary).tools(),
        *SearchTools(dictionary, clock).tools(),
    )
    tools = (
        *QueryTools(execution).tools(),
        *StatementTools(execution).tools(),
        *RunningTools(coordinator).tools(),
        *PagingTools(execution, lists).tools(),
        *lists,
        *MetadataTools(execution, dictionary).tools(),
        *IdentityTools(execution, dictionary, may_write).tools(),
    )
    messages = Messages(
        {tool.name: tool for tool in tools},
        Calls(clock, audit, audit_statements),
        principal_of,
        loop,
    )
    surface = _Surface(messages, clock, loop)
    resources = Resources(messages, trino)
    prompts = Prompts(messages)
    server: Server[Any] = Server(
        "mcp-trino",
        version=version("mcp-trino"),
        title="Trino",
        instructions=_instructions(queries, trino, guard),
        cache_hints=_CACHE_HINTS,
        get_tool_input_schema=surface.input_schema,
        on_list_tools=surface.list_tools,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read_resource,
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get_prompt,
        on_completion=Completions(messages).complete,
    )
    # Not as on_call_tool, which takes a model only: a dict saves its validation.
    server.add_request_handler("tools/call", CallToolRequestParams, surface.call_tool)
    return server


def _instructions(queries: QuerySettings, trino: TrinoSettings, guard: Guard) -> str:
    place = ".".join(name for name in (trino.catalog, trino.schema) if name)
    default = f" Unqualified names are in {place}." if place else ""
    writes = guard.settings.allow_writes
    reads = "execute_statement is for what changes data" if writes else "read-only"
    return (
        "Trino SQL (ANSI; double quotes for names, single quotes for strings), "
        f"{reads}.{default} An answer has up to {queries.default_rows} rows "
        f"(max_rows: up to {queries.max_rows}); fetch_page gives the rest. A query "
        f"may take {queries.timeout_seconds:.0f} s; after "
        f"{queries.wait_seconds:.0f} s without a row its answer is a next_page to "
        "wait on. Look at get_table_schema before writing SQL."
    )


@define(eq=False)
class _Surface:
    """What the SDK calls."""

    _messages: Messages = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _loop: AbstractEventLoop = field(repr=False)
    _listed: dict[str, ListedTool] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        tools = self._messages.tools
        self._listed = {name: _listed(tool) for name, tool in tools.items()}

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
        # A client that did not ask for progress is not told any.
        reports = ProgressReports(
            context.session.report_progress, self._loop, self._clock
        )
        try:
            reply = await self._messages.reply(
                context, params.name, params.arguments or {}, reports.watch
            )
        finally:
            reports.close()
        return {
            "content": [{"type": "text", "text": reply.text}],
            "structuredContent": reply.structured,
            "isError": reply.failure is not None,
            "resultType": "complete",
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
