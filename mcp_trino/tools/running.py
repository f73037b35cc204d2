"""The tools for a caller's own queries under way."""

from attrs import define, field

from mcp_trino.interfaces import ICoordinator
from mcp_trino.queries import Column, RunningQuery
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.output import PAGE_SCHEMA, output_schema, own_page, page_reply
from mcp_trino.tools.tool import Call, Hints, Reply, Tool

_COLUMNS = (
    Column("query_id", "varchar"),
    Column("state", "varchar"),
    Column("created", "varchar"),
    Column("percent", "double"),
    Column("query", "varchar"),
)
_SHOWN_CHARS = 200


@define(eq=False)
class RunningTools:
    """``list_queries`` and ``cancel_query``."""

    _coordinator: ICoordinator = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give them as they are listed."""
        return (
            Tool(
                name="list_queries",
                title="Running queries",
                description="List your own running queries, the latest first.",
                arguments=(),
                output_schema=PAGE_SCHEMA,
                function=self._list_queries,
            ),
            Tool(
                name="cancel_query",
                title="Cancel a query",
                description="Cancel a running query of your own.",
                arguments=(Argument("query_id", "string", required=True),),
                output_schema=output_schema(
                    {"canceled": {"type": "string"}}, ("canceled",)
                ),
                function=self._cancel_query,
                hints=Hints(read_only=False, destructive=True),
            ),
        )

    async def _list_queries(self, call: Call) -> Reply:
        queries = await self._coordinator.queries(call.principal)
        return page_reply(own_page(_COLUMNS, map(_row, queries)), None)

    async def _cancel_query(self, call: Call) -> Reply:
        query_id = call.arguments["query_id"]
        await self._coordinator.cancel(query_id, call.principal)
        return Reply({"canceled": query_id}, f"Canceled {query_id}.", query_id=query_id)


def _row(query: RunningQuery) -> list[str | float | None]:
    text = " ".join(query.text.split())
    if len(text) > _SHOWN_CHARS:
        text = f"{text[:_SHOWN_CHARS]}…"
    return [query.query_id, query.state, query.created, query.percentage, text]
