"""The tool that finds tables by what they are called and what is said of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator

from mcp_trino.errors import InvalidArgument, PageGone
from mcp_trino.queries import Column, Page, PageState
from mcp_trino.statements.names import written
from mcp_trino.tools import information_schema
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.dictionary import Dictionary, drop
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.index import (
    Index,
    Table,
    Told,
    in_order,
    scored,
    stems_of,
)
from mcp_trino.tools.kept import Kept
from mcp_trino.tools.output import PAGE_SCHEMA, own_page, page_reply
from mcp_trino.tools.paging import next_page
from mcp_trino.tools.tool import Call, Reply, Tool

_T = TypeVar("_T")
_R = TypeVar("_R")
Row = Sequence[str]

_KEPT_SECONDS = 300.0
_KEPT_BYTES = 64_000_000
_ANSWER_BYTES = 8_000_000
_MOST_TABLES = 50_000
_MOST_CELL_CHARS = 20_000
_CATALOG_SECONDS = 15.0
_ALL_SECONDS = 40.0
_CATALOGS_AT_ONCE = 2
_IN_ONE_TURN = 500
_MOST_WORDS = 50
_SHOWN = 25
_SHOWN_COLUMNS = 8
_SHOWN_COMMENT = 120
_NOT_BY_ITSELF = "system"
_UNANSWERED: tuple[type[Exception], ...] = (DeferredTimeout, *FORESEEN)

_TABLE = Column("table", "varchar")
_COMMENT = Column("comment", "varchar")
_COLUMNS = Column("columns", "array(varchar)")

Key = tuple[str, str | None, str]
"""Principal, Trino user and catalog."""


@define(eq=False)
class SearchTools:
    """
    ``search_tables``.

    What a catalog told a person is remembered for five minutes, for her alone.
    """

    _dictionary: Dictionary = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _kept: Kept[Key, Index] = field(init=False, repr=False)
    _asking: WeakValueDictionary[Key, DeferredLock] = field(
        init=False, factory=WeakValueDictionary, repr=False
    )
    _turns: Cooperator = field(init=False, repr=False)

    @_turns.default
    def _own_turns(self) -> Cooperator:
        return Cooperator(scheduler=lambda work: self._clock.callLater(0, work))

    @_kept.default
    def _none_kept(self) -> Kept[Key, Index]:
        return Kept(self._clock, _KEPT_SECONDS, _KEPT_BYTES)

    def tools(self) -> tuple[Tool, ...]:
        """Give it as it is listed."""
        return (
            Tool(
                name="search_tables",
                title="Search for tables",
                description=(
                    "Find tables by words in the names and comments of tables and "
                    "columns, best first, with the columns that match."
                ),
                arguments=(
                    Argument("text", "string", required=True),
                    Argument("catalog", "string", "Default: all."),
                    Argument("schema", "string", "Default: all."),
                ),
                output_schema=PAGE_SCHEMA,
                function=self._search_tables,
            ),
        )

    async def _search_tables(self, call: Call) -> Reply:
        stems = stems_of(call.arguments["text"])
        if not stems:
            raise InvalidArgument("text has no word to look for")
        if len(stems) > _MOST_WORDS:
            raise InvalidArgument(
                f"text has {len(stems)} words: at most {_MOST_WORDS} can be looked for"
            )
        begin = _offset(call.after)
        indexes = await self._indexes(call)
        schema = call.arguments.get("schema")
        tables = [table for index in indexes.values() for table in index.tables]
        fit = partial(scored, stems, schema and schema.lower())
        found = in_order(await self._in_turns(fit, tables))
        shown = found[begin : begin + _SHOWN]
        more = None
        if begin + _SHOWN < len(found):
            more = next_page("search_tables", call, (str(begin + _SHOWN),))
        return page_reply(_page(shown, stems, begin, _notices(indexes)), more)

    async def _indexes(self, call: Call) -> dict[str, Index]:
        """Give what is known of each catalog that is to be looked through."""
        if "catalog" in call.arguments:
            catalog = self._dictionary.catalog(call.arguments)
            return {catalog: await self._index(catalog, call)}
        names = [row[0] for row in (await self._dictionary.catalogs(call)).rows]
        at_once = DeferredSemaphore(_CATALOGS_AT_ONCE)
        asked = {
            name: at_once.run(self._index, name, call).addTimeout(
                min(_ALL_SECONDS, self._dictionary.wait_seconds), self._clock
            )
            for name in names
            if name != _NOT_BY_ITSELF
        }
        indexes = {}
        try:
            for name, index in asked.items():
                try:
                    indexes[name] = await index
                except _UNANSWERED:
                    indexes[name] = Index(missing=("all",))
        finally:
            for index in asked.values():
                drop(index)
        return indexes

    async def _index(self, catalog: str, call: Call) -> Index:
        principal = call.principal
        key = principal.key, self._dictionary.user_of(principal), catalog
        # Who searches twice at once has Trino asked once.
        lock = self._asking.setdefault(key, DeferredLock())
        async with lock:
            index = self._kept.get(key)
            if index is None:
                index = await self._asked(catalog, call)
                self._kept.put(key, index, index.size)
            return index

    async def _asked(self, catalog: str, call: Call) -> Index:
        """
        Ask a catalog for all that it has.

        :raise: what ``Dictionary.ask`` raises when it does not give the names.
        """
        more = {
            "comments": information_schema.all_comments(catalog),
            "columns": information_schema.all_columns(catalog),
        }
        asked = {
            what: Deferred.fromCoroutine(self._page_of(text, call))
            for what, text in more.items()
        }
        missing, told = [], dict[str, Sequence[Row]]()
        try:
            names = await self._page_of(information_schema.all_tables(catalog), call)
            if names.state is not PageState.COMPLETE:
                missing.append("rest")
            for what, page in asked.items():
                try:
                    told[what] = (await page).rows
                except FORESEEN:
                    missing.append(what)
        finally:
            for page in asked.values():
                drop(page)
        seen = [
            (schema, name)
            for schema, name in names.rows
            if self._dictionary.may_see(catalog, schema, name)
        ]
        by_name = {
            what: {(schema, name): text for schema, name, text in rows}
            for what, rows in told.items()
        }
        tables = Told(
            catalog, by_name.get("comments", {}), by_name.get("columns", {})
        ).tables
        return Index(tuple(await self._in_turns(tables, seen)), tuple(missing))

    async def _in_turns(
        self, work: Callable[[Sequence[_T]], list[_R]], items: Sequence[_T]
    ) -> list[_R]:
        """Do something with very many, while others have their turn."""
        results: list[_R] = []

        def turns() -> Iterator[None]:
            for begin in range(0, len(items), _IN_ONE_TURN):
                results.extend(work(items[begin : begin + _IN_ONE_TURN]))
                yield

        await self._turns.coiterate(turns())
        return results

    async def _page_of(self, text: str, call: Call) -> Page:
        return await self._dictionary.ask(
            text,
            call,
            _MOST_TABLES,
            min(_CATALOG_SECONDS, self._dictionary.wait_seconds),
            max_bytes=_ANSWER_BYTES,
            max_cell_chars=_MOST_CELL_CHARS,
        )


def _offset(after: tuple[str, ...]) -> int:
    if not after:
        return 0
    if len(after) > 1 or not (after[0].isascii() and after[0].isdigit()):
        raise PageGone("no such page")
    return int(after[0][:9])


def _page(
    found: Sequence[Table],
    stems: Sequence[str],
    begin: int,
    notices: tuple[str, ...],
) -> Page:
    """Show tables with the columns that match, and comments where there are any."""
    commented = any(table.comment for table in found)
    rows: list[list[Any]] = []
    for table in found:
        name = ".".join(map(written, (table.catalog, table.schema, table.name)))
        comment = [_cut(table.comment) or None] if commented else []
        columns = table.matching_columns(stems)[:_SHOWN_COLUMNS]
        rows.append([name, *comment, columns])
    columns_shown = (_TABLE, _COMMENT, _COLUMNS) if commented else (_TABLE, _COLUMNS)
    return own_page(columns_shown, rows, row_offset=begin, warnings=notices)


def _cut(comment: str) -> str:
    return comment if len(comment) <= _SHOWN_COMMENT else f"{comment[:_SHOWN_COMMENT]}…"


def _notices(indexes: Mapping[str, Index]) -> tuple[str, ...]:
    """Say what was not looked through."""
    notices = []
    for what, sentence in (
        ("all", "not searched, for they did not answer: {}"),
        ("rest", "only the first of its very many tables were searched: {}"),
        ("columns", "searched without columns, by names of tables only: {}"),
        ("comments", "searched without comments: {}"),
    ):
        names = [name for name, index in indexes.items() if what in index.missing]
        if names:
            notices.append(sentence.format(", ".join(names)))
    return tuple(notices)
