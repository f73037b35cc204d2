"""The tools that list the names of catalogs, schemas and tables."""

from attrs import define, evolve, field

from mcp_trino.queries import Column, Page
from mcp_trino.tools import information_schema
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.dictionary import Dictionary, drop
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.output import PAGE_SCHEMA, page_reply
from mcp_trino.tools.paging import next_page
from mcp_trino.tools.tool import Call, Function, Reply, Tool

_CATALOG = (Column("catalog", "varchar"),)
_SCHEMA = (Column("schema", "varchar"),)
_TABLE: tuple[Column, ...] = (Column("table", "varchar"), Column("type", "varchar"))
_COMMENT = (Column("comment", "varchar"),)

_PATTERN = Argument("pattern", "string", "SQL LIKE: % and _.")


@define(eq=False)
class ListTools:
    """``list_catalogs``, ``list_schemas`` and ``list_tables``."""

    _execution: Execution = field(repr=False)
    _dictionary: Dictionary = field(repr=False)

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
        )

    async def _list_catalogs(self, call: Call) -> Reply:
        page = await self._dictionary.catalogs(call)
        return _shown("list_catalogs", call, evolve(page, columns=_CATALOG))

    async def _list_schemas(self, call: Call) -> Reply:
        catalog = self._dictionary.catalog(call.arguments)
        listed = await self._dictionary.schemas(
            call, catalog, _pattern(call), call.after
        )
        page = evolve(listed.page, columns=_SCHEMA)
        return _shown("list_schemas", call, page, listed.after)

    async def _list_tables(self, call: Call) -> Reply:
        catalog, schema = self._dictionary.place(call.arguments)
        if schema is not None:
            return await self._list_of_schema(call, catalog, schema)
        listed = await self._dictionary.tables(
            call, catalog, None, _pattern(call), call.after
        )
        page = evolve(listed.page, columns=_SCHEMA + _TABLE)
        return _shown("list_tables", call, page, listed.after)

    async def _list_of_schema(self, call: Call, catalog: str, schema: str) -> Reply:
        pattern = _pattern(call)
        condition = information_schema.like(pattern, call.after[1:])
        comments = self._dictionary.comments(call, catalog, schema, condition)
        try:
            listed = await self._dictionary.tables(
                call, catalog, schema, pattern, call.after
            )
            if not (listed.page.rows or listed.after or call.after):
                # Is it empty, or is there no such schema? This one says so.
                visible = information_schema.visible(catalog, schema)
                await self._dictionary.ask(visible, call, max_rows=1)
            known = await comments if listed.page.rows else {}
        finally:
            drop(comments)
        rows = [row[1:] for row in listed.page.rows]
        columns = _TABLE
        if known.keys() & {row[0] for row in rows}:
            columns += _COMMENT
            rows = [[*row, known.get(row[0])] for row in rows]
        page = evolve(listed.page, columns=columns, rows=tuple(rows))
        return _shown("list_tables", call, page, listed.after)


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


def _shown(
    tool: str, call: Call, page: Page, after: tuple[str, ...] | None = None
) -> Reply:
    return page_reply(page, None if after is None else next_page(tool, call, after))


def _pattern(call: Call) -> str:
    pattern: str = call.arguments.get("pattern", "%")
    return pattern.lower()
