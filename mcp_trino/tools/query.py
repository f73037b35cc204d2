"""The tools that run, explain and cancel statements."""

import json
from typing import Any

from attrs import define, evolve, field

from mcp_trino.errors import StatementFailed
from mcp_trino.interfaces import ICoordinator
from mcp_trino.queries import PageState, Statement
from mcp_trino.statements.classify import explainable, read_only
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.output import PAGE_SCHEMA, compact, output_schema
from mcp_trino.tools.tool import Call, Hints, Reply, Tool

_EXPLAIN = {
    "LOGICAL": "TYPE LOGICAL",
    "DISTRIBUTED": "TYPE DISTRIBUTED",
    "IO": "TYPE IO, FORMAT JSON",
    "VALIDATE": "TYPE VALIDATE",
}

_QUERY = Argument("query", "string", required=True)


@define(eq=False)
class QueryTools:
    """``execute_query``, ``explain_query`` and ``cancel_query``."""

    _coordinator: ICoordinator = field(repr=False)
    _execution: Execution = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give them as they are listed."""
        return self._execute(), self._explain(), self._cancel()

    def _execute(self) -> Tool:
        queries = self._execution.queries
        return Tool(
            name="execute_query",
            title="Run SQL",
            description=(
                "Run one read-only Trino SQL statement. Rows and column types "
                "come back; if the answer has next_page, call fetch_page with "
                "it for more rows or, while the query runs, to go on waiting."
            ),
            arguments=(
                _QUERY,
                *self._execution.place(),
                Argument(
                    "max_rows",
                    "integer",
                    f"Rows per page, default {queries.default_rows}.",
                    minimum=1,
                    maximum=queries.max_rows,
                ),
                Argument(
                    "timeout_seconds",
                    "number",
                    "Cancel the query after that time.",
                    minimum=1,
                    maximum=queries.timeout_seconds,
                ),
            ),
            output_schema=PAGE_SCHEMA,
            function=self._execute_query,
        )

    def _explain(self) -> Tool:
        return Tool(
            name="explain_query",
            title="Explain SQL",
            description=(
                "Show Trino's plan of a statement without running it: LOGICAL "
                "(default), DISTRIBUTED by stages, IO: tables and estimates, "
                "VALIDATE: only check it."
            ),
            arguments=(
                _QUERY,
                Argument("format", "string", choices=tuple(_EXPLAIN)),
                *self._execution.place(),
            ),
            output_schema=output_schema(
                {"plan": {"description": "Text; an object for IO."}},
                ("plan",),
                may_wait=True,
            ),
            function=self._explain_query,
        )

    def _cancel(self) -> Tool:
        return Tool(
            name="cancel_query",
            title="Cancel a query",
            description="Cancel a running query of your own.",
            arguments=(Argument("query_id", "string", required=True),),
            output_schema=output_schema(
                {"canceled": {"type": "string"}}, ("canceled",)
            ),
            function=self._cancel_query,
            hints=Hints(read_only=False, destructive=True),
        )

    async def _execute_query(self, call: Call) -> Reply:
        queries = self._execution.queries
        statement = Statement(
            read_only(call.arguments["query"]),
            *self._execution.session(call.arguments),
            timeout_seconds=call.arguments.get(
                "timeout_seconds", queries.timeout_seconds
            ),
        )
        max_rows = call.arguments.get("max_rows", queries.default_rows)
        window = self._execution.window(max_rows)
        page = await self._execution.page(statement, call, window)
        return self._execution.show(page, max_rows)

    async def _explain_query(self, call: Call) -> Reply:
        queries = self._execution.queries
        form = call.arguments.get("format", "LOGICAL")
        statement = Statement(
            _explained(call.arguments["query"], _EXPLAIN[form]),
            *self._execution.session(call.arguments),
            timeout_seconds=queries.timeout_seconds,
        )
        window = self._execution.window(max_cell_chars=queries.max_bytes)
        try:
            page = await self._execution.page(statement, call, window)
        except StatementFailed as error:
            line = None if error.line is None else max(error.line - 1, 1)
            raise evolve(error, line=line) from None
        if page.state is not PageState.COMPLETE:
            return self._execution.show(page, window.max_rows)
        plan = _plan(page.rows[0][0], form)
        structured: dict[str, Any] = {"plan": plan}
        text = plan if isinstance(plan, str) else compact(plan)
        if page.cut_cells:
            structured["notice"] = "the plan is cut: explain a part of the statement"
            text = f"{text}\n{structured['notice']}"
        return Reply(structured, text, query_id=page.query_id)

    async def _cancel_query(self, call: Call) -> Reply:
        query_id = call.arguments["query_id"]
        await self._coordinator.cancel(query_id, call.principal)
        return Reply({"canceled": query_id}, f"Canceled {query_id}.", query_id=query_id)


def _explained(query: str, options: str) -> str:
    """
    Write ``EXPLAIN`` before a statement, on a line of its own.

    An ``EXPLAIN`` of the caller's becomes blanks, so that positions of errors,
    a line less, are those in the caller's own text.

    :raise StatementRefused: its plan may not be asked for.
    """
    classified = explainable(query)
    return f"EXPLAIN ({options})\n{classified.following(classified.head.offset)}"


def _plan(cell: Any, form: str) -> Any:
    if form == "VALIDATE":
        return "valid"
    if form == "IO":
        try:
            return json.loads(cell)
        except ValueError:  # cut
            return cell
    return str(cell).rstrip()
