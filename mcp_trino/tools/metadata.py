"""
The tools that say what there is to query.

Comments of tables come from ``system.metadata``, which an administrator may
have closed and which can be slow for a large schema: they are shown when they
come in time.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred

from mcp_trino.errors import InvalidArgument, StatementFailed
from mcp_trino.queries import Column, Page, PageState, Statement
from mcp_trino.statements.names import parse_qualified_name
from mcp_trino.tools import information_schema
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.description import DESCRIPTION_SCHEMA, ColumnShown, Description
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.failures import FORESEEN, failure_of
from mcp_trino.tools.output import PAGE_SCHEMA
from mcp_trino.tools.suggestions import written
from mcp_trino.tools.tool import Call, Function, Reply, Tool

_COMMENT_SECONDS = 2.0
_MOST_COLUMNS = 10_000

_PATTERN = Argument("pattern", "string", "SQL LIKE: % and _.")

_Name = tuple[str, str, str]
"""Catalog, schema and table, in lower case."""


@define(eq=False)
class MetadataTools:
    """``list_catalogs``, ``list_schemas``, ``list_tables`` and ``get_table_schema``."""

    _execution: Execution = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give them as they are listed."""
        catalog, schema = self._execution.place()
        return (
            _listing("catalogs", "List the catalogs.", self._list_catalogs),
            _listing(
                "schemas",
                "List the schemas of a catalog.",
                self._list_schemas,
                catalog,
                _PATTERN,
            ),
            _listing(
                "tables",
                "List tables and views with type and comment.",
                self._list_tables,
                catalog,
                schema,
                _PATTERN,
            ),
            self._describe(),
        )

    def _describe(self) -> Tool:
        return Tool(
            name="get_table_schema",
            title="Columns of a table",
            description=(
                "Show a table's or view's columns (name, type, nullability, "
                "comment), its comment and, if asked, some rows."
            ),
            arguments=(
                Argument(
                    "table",
                    "string",
                    'table, schema.table or catalog.schema."My Table".',
                    required=True,
                ),
                *self._execution.place(),
                Argument("sample_rows", "integer", minimum=0, maximum=20),
            ),
            output_schema=DESCRIPTION_SCHEMA,
            function=self._get_table_schema,
        )

    async def _list_catalogs(self, call: Call) -> Reply:
        return self._show(await self._ask(information_schema.CATALOGS, call))

    async def _list_schemas(self, call: Call) -> Reply:
        catalog, _ = self._place(call.arguments)
        text = information_schema.schemas(catalog, _pattern(call))
        return self._show(await self._ask(text, call))

    async def _list_tables(self, call: Call) -> Reply:
        catalog, schema = self._place(call.arguments)
        pattern = _pattern(call)
        if schema is None:
            text = information_schema.all_tables(catalog, pattern)
            return self._show(await self._ask(text, call))
        comments = self._comments(
            call, catalog, schema, information_schema.like(pattern)
        )
        try:
            text = information_schema.tables(catalog, schema, pattern)
            # The other half of the bytes is for comments.
            max_bytes = self._execution.queries.max_bytes // 2
            page = await self._ask(text, call, max_bytes)
            if not page.rows and page.state is PageState.COMPLETE:
                # Is it empty, or is there no such schema? This one says so.
                await self._ask(information_schema.visible(catalog, schema), call)
            known = await comments if page.rows else {}
        finally:
            _drop(comments)
        if known:
            page = evolve(
                page,
                columns=(*page.columns, Column("comment", "varchar")),
                rows=tuple([*row, known.get(row[0])] for row in page.rows),
            )
        return self._show(page)

    async def _get_table_schema(self, call: Call) -> Reply:
        catalog, schema, table = name = self._name(call.arguments)
        comments = self._comments(
            call, catalog, schema, information_schema.named(table)
        )
        try:
            description = await self._description(name, call)
            comment = (await comments).get(table)
        finally:
            _drop(comments)
        description = evolve(description, comment=comment)
        if count := call.arguments.get("sample_rows"):
            description = await self._sampled(description, name, count, call)
        return description.reply()

    async def _description(self, name: _Name, call: Call) -> Description:
        queries = self._execution.queries
        text = information_schema.columns(*name)
        page = await self._part(text, call, queries.wait_seconds, _MOST_COLUMNS)
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
            page = await self._part(text, call, queries.wait_seconds, _MOST_COLUMNS)
            columns = [
                ColumnShown(row[0], row[1], nullable=True, comment=row[3])
                for row in page.rows
            ]
        notices: tuple[str, ...] = ()
        if page.state is not PageState.COMPLETE:
            notices = (f"more columns: {information_schema.described(*name)}",)
        table = ".".join(map(written, name))
        return Description(table, kind, tuple(columns), notices=notices)

    async def _sampled(
        self, description: Description, name: _Name, count: int, call: Call
    ) -> Description:
        queries = self._execution.queries
        text = information_schema.sample(*name, count)
        try:
            # One more than there can be, to see the end.
            page = await self._part(text, call, queries.wait_seconds, count + 1)
        except FORESEEN as error:
            notice = f"no sample: {failure_of(error).reply().text}"
            return evolve(description, notices=(*description.notices, notice))
        notices = description.notices
        if page.cut_cells:
            notices += (f"cells of the sample cut: {page.cut_cells}",)
        if page.state is not PageState.COMPLETE:
            notices += ("the sample is shorter than asked for: its rows are long",)
        return evolve(description, sample=page.rows, notices=notices)

    def _comments(
        self, call: Call, catalog: str, schema: str, condition: str
    ) -> Deferred[dict[str, str]]:
        """Give the comments of tables by name, none when they take too long."""
        text = information_schema.table_comments(catalog, schema, condition)
        max_rows = self._execution.queries.max_rows

        async def comments() -> dict[str, str]:
            try:
                page = await self._part(text, call, _COMMENT_SECONDS, max_rows)
            except FORESEEN:
                return {}
            return dict(page.rows)

        return Deferred.fromCoroutine(comments())

    async def _ask(self, text: str, call: Call, max_bytes: int | None = None) -> Page:
        """Run what a call comes down to; it may go on as pages."""
        queries = self._execution.queries
        statement = Statement(text, None, None, queries.timeout_seconds)
        window = self._execution.window(queries.max_rows)
        if max_bytes is not None:
            window = evolve(window, max_bytes=max_bytes)
        with _own_text():
            return await self._execution.page(statement, call, window)

    async def _part(
        self, text: str, call: Call, timeout_seconds: float, max_rows: int
    ) -> Page:
        """Run what is a part of an answer only."""
        statement = Statement(text, None, None, timeout_seconds)
        with _own_text():
            return await self._execution.rows(statement, call, max_rows)

    def _show(self, page: Page) -> Reply:
        return self._execution.show(page, self._execution.queries.max_rows)

    def _place(self, arguments: Mapping[str, Any]) -> tuple[str, str | None]:
        """Give the catalog and, if known, the schema of a call, in lower case."""
        catalog, schema = self._execution.session(arguments)
        if catalog is None:
            raise InvalidArgument("catalog is missing; list_catalogs names them")
        return catalog.lower(), None if schema is None else schema.lower()

    def _name(self, arguments: Mapping[str, Any]) -> _Name:
        """Give the full name of the table of a call."""
        *place, table = parse_qualified_name(arguments["table"])
        given = dict(zip(("schema", "catalog"), reversed(place), strict=False))
        catalog, schema = self._place({**arguments, **given})
        if schema is None:
            raise InvalidArgument("schema is missing; list_schemas names them")
        return catalog, schema, table


def _listing(
    what: str, description: str, function: Function, *arguments: Argument
) -> Tool:
    return Tool(
        name=f"list_{what}",
        title=what.capitalize(),
        description=description,
        arguments=arguments,
        output_schema=PAGE_SCHEMA,
        function=function,
    )


@contextmanager
def _own_text() -> Generator[None]:
    """Leave positions out of errors: the caller has not written the statement."""
    try:
        yield
    except StatementFailed as error:
        raise evolve(error, line=None, column=None) from None


def _pattern(call: Call) -> str:
    pattern: str = call.arguments.get("pattern", "%")
    return pattern.lower()


def _drop(deferred: Deferred[Any]) -> None:
    """Cancel what nobody waits for any more; nothing happens when it was had."""
    deferred.cancel()
    deferred.addErrback(lambda failure: failure.trap(CancelledError))
