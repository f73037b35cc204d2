"""The tools that tell about one table: its columns, statistics and definition."""

import re
from operator import itemgetter

from attrs import define, evolve, field

from mcp_trino.errors import StatementFailed
from mcp_trino.queries import PageState
from mcp_trino.statements.names import written
from mcp_trino.tools import information_schema
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.description import (
    DESCRIPTION_SCHEMA,
    ColumnShown,
    Description,
)
from mcp_trino.tools.dictionary import Dictionary, Name, drop
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.failures import FORESEEN, failure_of
from mcp_trino.tools.output import output_schema
from mcp_trino.tools.statistics import STATISTICS_SCHEMA, Statistics
from mcp_trino.tools.tool import Call, Reply, Tool

_MOST_COLUMNS = 10_000
_KINDS = ("TABLE", "VIEW", "MATERIALIZED VIEW")
_is = re.compile("is a (view|materialized view), not a ").search


@define(eq=False)
class MetadataTools:
    """``get_table_schema``, ``get_table_stats`` and ``show_create``."""

    _execution: Execution = field(repr=False)
    _dictionary: Dictionary = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give them as they are listed."""
        return self._schema(), self._stats(), self._create()

    def _schema(self) -> Tool:
        return Tool(
            name="get_table_schema",
            title="Columns of a table",
            description=(
                "Show a table's or view's columns (name, type, nullability, "
                "comment), its comment and, if asked, some rows."
            ),
            arguments=(
                *self._arguments('table, schema.table or catalog.schema."My Table".'),
                Argument("sample_rows", "integer", minimum=0, maximum=20),
            ),
            output_schema=DESCRIPTION_SCHEMA,
            function=self._get_table_schema,
        )

    def _stats(self) -> Tool:
        return Tool(
            name="get_table_stats",
            title="Statistics of a table",
            description=(
                "Show the estimates that Trino plans with: rows of the table; of "
                "each column distinct values, nulls, range, bytes."
            ),
            arguments=self._arguments(),
            output_schema=STATISTICS_SCHEMA,
            function=self._get_table_stats,
        )

    def _create(self) -> Tool:
        return Tool(
            name="show_create",
            title="Definition of a table",
            description="Show the statement that creates a table or view.",
            arguments=self._arguments(),
            output_schema=output_schema({"sql": {"type": "string"}}, ("sql",)),
            function=self._show_create,
        )

    def _arguments(self, description: str = "") -> tuple[Argument, ...]:
        table = Argument("table", "string", description, required=True)
        return table, *self._execution.place()

    async def _get_table_schema(self, call: Call) -> Reply:
        catalog, schema, table = name = self._dictionary.name(call.arguments)
        comments = self._dictionary.comments(
            call, catalog, schema, information_schema.named(table)
        )
        try:
            description = await self._description(name, call)
            comment = (await comments).get(table)
        finally:
            drop(comments)
        description = evolve(description, comment=comment)
        if count := call.arguments.get("sample_rows"):
            description = await self._sampled(description, name, count, call)
        return description.reply()

    async def _description(self, name: Name, call: Call) -> Description:
        text = information_schema.columns(*name)
        page = await self._dictionary.ask(text, call, _MOST_COLUMNS)
        kind = None
        columns = []
        rows = sorted(page.rows, key=itemgetter(0))
        for position, column, type_, nullable, comment in rows:
            if position:
                columns.append(ColumnShown(column, type_, nullable == "YES", comment))
            else:
                kind = column
        if not columns:
            # Not listed: a table such as "orders$snapshots", or no table at all.
            text = information_schema.described(*name)
            page = await self._dictionary.ask(text, call, _MOST_COLUMNS)
            columns = [
                ColumnShown(row[0], row[1], nullable=True, comment=row[3])
                for row in page.rows
            ]
        notices: tuple[str, ...] = ()
        if page.state is not PageState.COMPLETE:
            notices = (f"more columns: {information_schema.described(*name)}",)
        return Description(_full(name), kind, tuple(columns), notices=notices)

    async def _sampled(
        self, description: Description, name: Name, count: int, call: Call
    ) -> Description:
        text = information_schema.sample(*name, count)
        try:
            # One more than there can be, to see the end.
            page = await self._dictionary.ask(text, call, count + 1)
        except FORESEEN as error:
            notice = f"no sample: {failure_of(error).reply().text}"
            return evolve(description, notices=(*description.notices, notice))
        notices = description.notices
        if page.cut_cells:
            notices += (f"cells of the sample cut: {page.cut_cells}",)
        if page.state is not PageState.COMPLETE:
            notices += ("the sample is shorter than asked for: its rows are long",)
        return evolve(description, sample=page.rows, notices=notices)

    async def _get_table_stats(self, call: Call) -> Reply:
        name = self._dictionary.name(call.arguments)
        text = information_schema.statistics(*name)
        page = await self._dictionary.ask(text, call, _MOST_COLUMNS)
        whole = page.state is PageState.COMPLETE
        return Statistics(_full(name), page.rows, whole=whole).reply()

    async def _show_create(self, call: Call) -> Reply:
        name = self._dictionary.name(call.arguments)
        sql = await self._definition(name, call)
        return Reply({"sql": sql}, sql)

    async def _definition(self, name: Name, call: Call) -> str:
        """Ask for the kind that it mostly is, and then for what Trino says it is."""
        kind, *others = _KINDS
        while True:
            text = information_schema.definition(kind, *name)
            try:
                page = await self._dictionary.ask(
                    text, call, 1, max_cell_chars=self._execution.queries.max_bytes // 2
                )
            except StatementFailed as error:
                said = [
                    o for o in others if f"is a {o.lower()}, not a" in error.message
                ]
                if not said:
                    raise
                others.remove(kind := said[0])
            else:
                return str(page.rows[0][0])


def _full(name: Name) -> str:
    return ".".join(map(written, name))
