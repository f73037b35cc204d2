"""The tool that runs what changes something, where the operator allows it."""

from attrs import define, field

from mcp_trino.queries import PageState
from mcp_trino.statements.tables import Place
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.output import output_schema
from mcp_trino.tools.tool import Call, Hints, Reply, Tool

_SCHEMA = output_schema(
    {
        "done": {"type": "string", "description": "What was done, as Trino names it."},
        "row_count": {"type": "integer", "description": "Rows that were changed."},
    },
    ("done", "query_id"),
    may_wait=True,
)


@define(eq=False)
class StatementTools:
    """``execute_statement``."""

    _execution: Execution = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give it as it is listed; nothing where statements may only read."""
        if not self._execution.guard.settings.allow_writes:
            return ()
        return (
            Tool(
                name="execute_statement",
                title="Change data",
                description=(
                    "Run one Trino SQL statement that changes data, definitions or "
                    "permissions (INSERT, CREATE TABLE …). It is run once and cannot "
                    "be undone. For queries call execute_query."
                ),
                arguments=(
                    Argument("query", "string", required=True),
                    *self._execution.place(),
                    Argument(
                        "timeout_seconds",
                        "number",
                        "Cancel it after that time.",
                        minimum=1,
                        maximum=self._execution.queries.timeout_seconds,
                    ),
                ),
                output_schema=_SCHEMA,
                function=self._execute_statement,
                hints=Hints(read_only=False, destructive=True, idempotent=False),
            ),
        )

    async def _execute_statement(self, call: Call) -> Reply:
        execution = self._execution
        place = Place(*execution.session(call.arguments))
        permit = execution.guard.write(call.arguments["query"], place)
        window = execution.window()
        page = await execution.permitted(
            permit, call, window, call.arguments.get("timeout_seconds")
        )
        if page.state is not PageState.COMPLETE:
            return execution.show(page, window.max_rows)
        done = {"done": page.update_type or "done", "query_id": page.query_id}
        if not page.rows:
            return Reply(done, f"{done['done']} done.", query_id=page.query_id)
        rows = page.rows[0][0]
        return Reply(
            {**done, "row_count": rows},
            f"{done['done']} done, rows: {rows}.",
            query_id=page.query_id,
        )
