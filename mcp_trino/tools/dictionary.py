"""
Trino's data dictionary as a caller may see it.

Trino shows each person what she may see of it; of that the operator's lists
let some through. Every name that a tool, a resource, a completion or a hint
shows comes from here or has been required here.

Comments of tables come from ``system.metadata``, which an administrator may
have closed and which can be slow for a large schema: they are shown when they
come in time.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred

from mcp_trino.errors import InvalidArgument, StatementFailed
from mcp_trino.principal import Principal
from mcp_trino.queries import Page, PageState, Statement
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.names import parse_qualified_name
from mcp_trino.statements.refusals import kept_away
from mcp_trino.tools import information_schema
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.tool import Call

_COMMENT_SECONDS = 2.0
_MOST_CATALOGS = 10_000
_READ_AT_ONCE = 5_000
_ROW_BYTES = 8

Name = tuple[str, str, str]
"""Catalog, schema and table, in lower case."""

Row = list[Any]


@frozen
class Listed:
    """
    A part of a list of names.

    :ivar page: the rows with the names, and the query that found the last.
    :ivar after: the names of the last row, from which the list goes on; ``None``
        at its end.
    """

    page: Page
    after: tuple[str, ...] | None


@define(eq=False)
class Dictionary:
    """Asks Trino for names as the caller, and keeps to the operator's lists."""

    _execution: Execution = field(repr=False)

    @property
    def _allowlist(self) -> Allowlist:
        return self._execution.guard.allowlist

    @property
    def restricts(self) -> bool:
        """Whether the operator's lists keep anything away."""
        return self._allowlist.restricts

    @property
    def wait_seconds(self) -> float:
        """How long a call may wait for its answer."""
        return self._execution.queries.wait_seconds

    def catalog(self, arguments: Mapping[str, Any]) -> str:
        """
        Give the catalog of a call, in lower case.

        :raise InvalidArgument: none is known, or it may not be seen.
        """
        catalog, _ = self._execution.session(arguments)
        if catalog is None:
            raise InvalidArgument("catalog is missing; list_catalogs names them")
        self._require(catalog.lower())
        return catalog.lower()

    def place(self, arguments: Mapping[str, Any]) -> tuple[str, str | None]:
        """
        Give the catalog and, if known, the schema of a call, in lower case.

        :raise InvalidArgument: no catalog is known, or one of them may not be seen.
        """
        catalog = self.catalog(arguments)
        _, schema = self._execution.session(arguments)
        if schema is None:
            return catalog, None
        self._require(catalog, schema.lower())
        return catalog, schema.lower()

    def name(self, arguments: Mapping[str, Any]) -> Name:
        """
        Give the full name of the table of a call.

        :raise InvalidArgument: a part is missing, or it may not be seen.
        """
        *place, table = parse_qualified_name(arguments["table"])
        given = dict(zip(("schema", "catalog"), reversed(place), strict=False))
        catalog, schema = self.place({**arguments, **given})
        if schema is None:
            raise InvalidArgument("schema is missing; list_schemas names them")
        self._require(catalog, schema, table)
        return catalog, schema, table

    def may_see(self, *name: str) -> bool:
        """
        Say whether the operator's lists let a name through.

        :param name: one to three parts in lower case, the catalog first.
        """
        allows = (
            self._allowlist.catalog,
            self._allowlist.schema,
            self._allowlist.table,
        )
        decide: Callable[..., bool] = allows[len(name) - 1]
        return decide(*name)

    def user_of(self, principal: Principal) -> str | None:
        """See ``ICoordinator.user_of``."""
        return self._execution.user_of(principal)

    def _require(self, *name: str) -> None:
        if not self.may_see(*name):
            raise InvalidArgument(kept_away(*name))

    async def catalogs(self, call: Call) -> Page:
        """Give the names of the catalogs, in order."""
        page = await self.ask(information_schema.CATALOGS, call, _MOST_CATALOGS)
        rows = sorted(row for row in page.rows if self.may_see(row[0]))
        return evolve(page, rows=tuple(rows))

    async def schemas(
        self, call: Call, catalog: str, pattern: str, after: tuple[str, ...]
    ) -> Listed:
        """
        Give names of schemas, in order.

        :param pattern: of ``LIKE``, in lower case.
        :param after: of the ``Listed`` before, empty to begin.
        """

        def text(after: tuple[str, ...], count: int) -> str:
            return information_schema.schemas(catalog, pattern, after, count)

        def allows(row: Row) -> bool:
            return self.may_see(catalog, row[0])

        return await self._listed(call, text, allows, 1, after)

    async def tables(
        self,
        call: Call,
        catalog: str,
        schema: str | None,
        pattern: str,
        after: tuple[str, ...],
    ) -> Listed:
        """
        Give schemas, names and types of tables, in order.

        :param schema: the only one, ``None`` for all but ``information_schema``.
        :param pattern: of ``LIKE``, in lower case.
        :param after: of the ``Listed`` before, empty to begin.
        """

        def text(after: tuple[str, ...], count: int) -> str:
            return information_schema.tables(catalog, schema, pattern, after, count)

        def allows(row: Row) -> bool:
            return self.may_see(catalog, row[0], row[1])

        return await self._listed(call, text, allows, 2, after)

    async def _listed(
        self,
        call: Call,
        text: Callable[[tuple[str, ...], int], str],
        allows: Callable[[Row], bool],
        width: int,
        after: tuple[str, ...],
    ) -> Listed:
        """Read on until a page is full, the list ends or the time of a call is over."""
        queries, clock = self._execution.queries, self._execution.clock
        until = clock.seconds() + self.wait_seconds
        room, rows = queries.max_bytes // 2, list[Row]()
        count = queries.max_rows + 1
        at_once = _READ_AT_ONCE if self.restricts else count
        while True:
            # One more than there can be, to see the end.
            page = await self.ask(text(after, at_once), call, at_once + 1)
            for row in page.rows:
                after = tuple(row[:width])
                if not allows(row):
                    continue
                room -= sum(len(cell.encode()) for cell in row) + _ROW_BYTES
                if rows and (len(rows) + 1 == count or room < 0):
                    last = tuple(rows[-1][:width])
                    return Listed(evolve(page, rows=tuple(rows)), last)
                rows.append(row)
            ends = page.state is PageState.COMPLETE and len(page.rows) < at_once
            if ends or clock.seconds() >= until:
                return Listed(evolve(page, rows=tuple(rows)), None if ends else after)

    def comments(
        self, call: Call, catalog: str, schema: str, condition: str
    ) -> Deferred[dict[str, str]]:
        """
        Give the comments of tables by name, none when they take too long.

        :param condition: of ``information_schema.table_comments``.
        :return: ``drop`` it when nobody waits any more.
        """
        text = information_schema.table_comments(catalog, schema, condition)
        max_rows = self._execution.queries.max_rows

        async def comments() -> dict[str, str]:
            try:
                page = await self.ask(text, call, max_rows, _COMMENT_SECONDS)
            except FORESEEN:
                return {}
            return dict(page.rows)

        return Deferred.fromCoroutine(comments())

    async def ask(
        self,
        text: str,
        call: Call,
        max_rows: int,
        timeout_seconds: float | None = None,
        **bounds: int,
    ) -> Page:
        """
        Run a statement of this server's own, for a part of an answer.

        :param bounds: other bounds of the ``Window``.
        :raise: what ``Execution.rows`` raises; errors have no position, since
            the caller has not written the statement.
        """
        seconds = timeout_seconds or self.wait_seconds
        statement = Statement(text, None, None, seconds)
        with _own_text():
            return await self._execution.rows(statement, call, max_rows, **bounds)


@contextmanager
def _own_text() -> Generator[None]:
    try:
        yield
    except StatementFailed as error:
        raise evolve(error, line=None, column=None) from None


def drop(deferred: Deferred[Any]) -> None:
    """Cancel what nobody waits for any more, had or failed though it may be."""
    deferred.cancel()
    deferred.addErrback(lambda failure: failure.trap(CancelledError, *FORESEEN))
