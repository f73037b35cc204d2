"""How tools run statements: defaults of the session, windows, page tokens, hints."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime

from mcp_trino.errors import InvalidArgument, PageGone, StatementFailed, TimedOut
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import Page, PageState, Statement, Window
from mcp_trino.settings import QuerySettings, TrinoSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard, Permit
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.kept import Kept
from mcp_trino.tools.output import page_reply
from mcp_trino.tools.suggestions import Suggestions
from mcp_trino.tools.tool import Call, Reply

_MOST_RUNNING_CHARS = 5_000_000


@define(eq=False)
class Execution:
    """
    Runs the statements of tools with the operator's bounds.

    :ivar queries: the bounds.
    :ivar trino: the defaults of catalog and schema.
    :ivar guard: the decision on the statements of callers.
    """

    _coordinator: ICoordinator = field(repr=False)
    queries: QuerySettings
    trino: TrinoSettings
    _suggestions: Suggestions = field(repr=False)
    guard: Guard = UNRESTRICTED
    _running: Kept[str, Statement] = field(init=False, repr=False)

    @_running.default
    def _none_running(self) -> Kept[str, Statement]:
        return Kept(self.clock, self.queries.result_ttl_seconds, _MOST_RUNNING_CHARS)

    @property
    def clock(self) -> IReactorTime:
        """What the time of a call is measured by."""
        return self._suggestions.clock

    def place(self) -> tuple[Argument, Argument]:
        """Give the arguments that ``session`` reads."""
        catalog, schema = self.trino.catalog, self.trino.schema
        return (
            Argument("catalog", "string", f"Default: {catalog}." if catalog else ""),
            Argument("schema", "string", f"Default: {schema}." if schema else ""),
        )

    def session(self, arguments: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """
        Give the catalog and schema for unqualified names of a call.

        The default schema belongs to the default catalog only.

        :raise InvalidArgument: a schema without a catalog.
        """
        catalog = arguments.get("catalog", self.trino.catalog)
        schema = arguments.get("schema")
        if schema is None and catalog == self.trino.catalog:
            schema = self.trino.schema
        if schema is not None and catalog is None:
            raise InvalidArgument("schema needs a catalog: pass catalog too")
        return catalog, schema

    def user_of(self, principal: Principal) -> str | None:
        """See ``ICoordinator.user_of``."""
        user: str | None = self._coordinator.user_of(principal)
        return user

    def window(
        self, max_rows: int | None = None, max_cell_chars: int | None = None
    ) -> Window:
        """Give the operator's window with other bounds where they are named."""
        return Window(
            max_rows=max_rows or self.queries.default_rows,
            max_bytes=self.queries.max_bytes,
            max_cell_chars=max_cell_chars or self.queries.max_cell_chars,
            wait_seconds=self.queries.wait_seconds,
        )

    async def permitted(
        self,
        permit: Permit,
        call: Call,
        window: Window,
        timeout_seconds: float | None = None,
    ) -> Page:
        """
        Run a statement of the caller's as the guard permits it.

        :param timeout_seconds: the operator's when there is none.
        :raise StatementRefused: it is about what may not be seen.
        :raise: all that ``page`` raises; positions are those in what the caller
            has written.
        """
        statement = Statement(
            permit.text,
            *self.session(call.arguments),
            timeout_seconds=timeout_seconds or self.queries.timeout_seconds,
            is_plan=permit.is_plan,
            read_only=(
                self.guard.settings.read_only_transactions and not permit.writes
            ),
        )
        if permit.probe is None:
            statement = evolve(statement, inspection=permit.inspection)
        else:
            probe = evolve(
                statement,
                text=permit.probe,
                inspection=permit.inspection,
                is_plan=False,
            )
            with _lines_less(1):
                await self.rows(probe, call, 1)
        with _lines_less(permit.lines_before):
            return await self.page(statement, call, window)

    async def page(self, statement: Statement, call: Call, window: Window) -> Page:
        """
        Run a statement.

        :raise StatementFailed: with the nearest real names as its hint, when
            one was misspelt.
        :raise: all else that ``ICoordinator.execute`` raises.
        """
        try:
            page = await self._coordinator.execute(
                statement, call.principal, window, call.watch
            )
        except StatementFailed as error:
            raise await self._hinted(error, statement, call) from None
        self._remember(statement, page)
        return page

    async def _hinted(
        self, error: StatementFailed, statement: Statement, call: Call
    ) -> StatementFailed:
        hint = await self._suggestions.nearest(error, statement, call.principal)
        return evolve(error, hint=hint)

    def _remember(self, statement: Statement, page: Page) -> None:
        """Keep what hints are made from for an error that comes later."""
        if page.state is PageState.RUNNING and page.handle is not None:
            self._running.put(page.handle, statement, len(statement.text))

    async def rows(
        self, statement: Statement, call: Call, max_rows: int, **bounds: int
    ) -> Page:
        """
        Run a statement that is a part of an answer: rows or an error, no handle.

        Half of the bytes is left for what the rows are shown with.

        :param bounds: other bounds of the ``Window``.
        :return: the page; ``MORE`` when there were more rows than asked for.
        :raise TimedOut: there was no row in the time of the statement.
        :raise: all else that ``page`` raises.
        """
        part = {"max_bytes": self.queries.max_bytes // 2, **bounds}
        window = evolve(
            self.window(max_rows),
            wait_seconds=statement.timeout_seconds,
            further=False,
            **part,
        )
        page = await self.page(statement, evolve(call, watch=None), window)
        if page.state is PageState.RUNNING:
            raise TimedOut(statement.timeout_seconds, page.query_id)
        return page

    async def next_page(self, token: str, call: Call) -> Reply:
        """
        Show the page that a token of ``show`` names.

        :raise PageGone: it names none.
        """
        handle, _, rows = token.rpartition(".")
        if not (rows.isascii() and rows.isdigit()):
            raise PageGone("no such page")
        max_rows = min(max(int(rows[:9]), 1), self.queries.max_rows)
        statement = self._running.get(handle)
        try:
            page = await self._coordinator.fetch(
                handle, call.principal, self.window(max_rows), call.watch
            )
        except StatementFailed as error:
            if statement is None:
                raise
            raise await self._hinted(error, statement, call) from None
        if statement is not None:
            self._remember(statement, page)
        return self.show(page, max_rows)

    def token(self, page: Page, max_rows: int) -> str | None:
        """
        Give what ``next_page`` takes for the page after one, if there is one.

        It is the handle and the number of rows that the call asked for, so that
        all pages of a result have the same size.
        """
        return None if page.handle is None else f"{page.handle}.{max_rows}"

    def show(self, page: Page, max_rows: int) -> Reply:
        """Show a page with the token of the next one."""
        return page_reply(page, self.token(page, max_rows))


@contextmanager
def _lines_less(count: int) -> Generator[None]:
    """Count the lines of errors from the first that the caller has written."""
    try:
        yield
    except StatementFailed as error:
        line = None if error.line is None else max(error.line - count, 1)
        raise evolve(error, line=line) from None
