"""The tools that run and explain statements."""

import json
from typing import Any

from attrs import define, evolve, field

from mcp_trino.queries import Page, PageState
from mcp_trino.statements.tables import Place
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.output import PAGE_SCHEMA, compact, output_schema
from mcp_trino.tools.tool import Call, Reply, Tool

_EXPLAIN = {
    "LOGICAL": "TYPE LOGICAL",
    "DISTRIBUTED": "TYPE DISTRIBUTED",
    "IO": "TYPE IO, FORMAT JSON",
    "VALIDATE": "TYPE VALIDATE",
}

_MOST_PLAN_BYTES = 20_000

_QUERY = Argument("query", "string", required=True)


@define(eq=False)
class QueryTools:
    """``execute_query`` and ``explain_query``."""

    _execution: Execution = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give them as they are listed."""
        return self._execute(), self._explain()

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

    async def _execute_query(self, call: Call) -> Reply:
        execution = self._execution
        place = Place(*execution.session(call.arguments))
        permit = execution.guard.read(call.arguments["query"], place)
        max_rows = call.arguments.get("max_rows", execution.queries.default_rows)
        page = await execution.permitted(
            permit,
            call,
            execution.window(max_rows),
            call.arguments.get("timeout_seconds"),
        )
        return execution.show(page, max_rows)

    async def _explain_query(self, call: Call) -> Reply:
        execution = self._execution
        form = call.arguments.get("format", "LOGICAL")
        place = Place(*execution.session(call.arguments))
        permit = execution.guard.explain(call.arguments["query"], _EXPLAIN[form], place)
        window = execution.window(execution.queries.max_rows)
        window = evolve(window, max_bytes=min(window.max_bytes, _MOST_PLAN_BYTES))
        page = await execution.permitted(permit, call, window)
        if page.state is PageState.RUNNING:
            return execution.show(page, window.max_rows)
        next_page = execution.token(page, window.max_rows)
        plan = _plan(page, form)
        text = plan if isinstance(plan, str) else compact(plan)
        structured = {"plan": plan}
        if next_page:
            structured |= {"truncated": True, "next_page": next_page}
            text += f'\nMore of the plan: fetch_page(page="{next_page}")'
        if page.cut_cells:
            structured["notice"] = f"long lines of the plan are cut: {page.cut_cells}"
            text += f"\n{structured['notice']}"
        return Reply(structured, text, query_id=page.query_id)


def _plan(page: Page, form: str) -> Any:
    if form == "VALIDATE":
        return "valid"
    text = "\n".join(row[0] for row in page.rows).rstrip()
    whole = page.state is PageState.COMPLETE and not page.cut_cells
    return json.loads(text) if form == "IO" and whole else text
