"""
Taking one page of rows out of the pages that Trino sends.

Trino gives the *current* page again as often as it is asked for and forgets the
ones before. So a place in a result is an address and a number of rows, and a
page of Trino's that has been read past is kept when rows of it are left.
"""

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field, frozen

from mcp_trino.coordinator.exchange import Answer, Exchange
from mcp_trino.coordinator.values import Room, take_rows
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    StatementFailed,
    StatementRefused,
)
from mcp_trino.queries import Column, Inspection, Progress, Table, Window
from mcp_trino.store import MAX_VALUE_BYTES

# Trino fills its pages to about 1 MiB: a smaller one is likely to be the last.
_LAST_PAGE_BYTES = 512 * 1024
SETTLE_SECONDS = 0.3
_SETTLE_WAIT_SECONDS = 0.1
_QUERY = "SELECT"
_HARMLESS = ("state", "elapsedTimeMillis")


@frozen
class Position:
    """
    Where the next row of a result is.

    :ivar uri: the address of the page of Trino's that has it, ``None`` when
        Trino has no more rows. It is a secret.
    :ivar skip: how many rows of that page were given already.
    :ivar kept: a page of Trino's that was read past; its rows after ``skip``
        come before those at ``uri``.
    """

    uri: str | None = field(repr=False)
    skip: int = 0
    kept: bytes | None = field(default=None, repr=False)


@define(eq=False)
class Reading:
    """
    One page on the way to the caller; used by one thread at a time.

    :ivar text: the statement, until it was sent.
    :ivar position: where the next row is; ``None`` at the end of the result.
    :ivar inspection: asked before anything of an answer is seen; ``None`` once
        it let the query pass.
    :ivar is_plan: every line of a row's text is a row.
    :ivar read_only: the statement runs in a transaction that only reads.
    :ivar done: the page is complete.
    """

    exchange: Exchange
    window: Window
    _seconds: Callable[[], float] = field(repr=False)
    position: Position | None = None
    text: str | None = field(default=None, repr=False)
    inspection: Inspection | None = None
    is_plan: bool = False
    read_only: bool = False
    done: bool = False
    columns: tuple[Column, ...] = ()
    rows: list[list[Any]] = field(factory=list, repr=False)
    cut_cells: int = 0
    progress: Progress | None = None
    warnings: tuple[str, ...] = ()
    update_type: str | None = None
    _size: int = 0
    _settle_until: float | None = None

    def advance(self, slice_seconds: float, max_wait_seconds: float) -> None:
        """
        Go on for a slice of time: at least one request, then as many as it takes.

        Short queries are through within one slice, so that they change between
        the reactor and a thread once and not for each of their requests.

        :param max_wait_seconds: how long one request may wait for rows.
        :raise Transient: nothing was lost, the same call may be made again.
        """
        until = self._seconds() + slice_seconds
        while True:
            try:
                self._step(max_wait_seconds)
            except StatementFailed as error:
                raise self._disclosed(error) from None
            if self.done or self.exchange.given_up or self._seconds() >= until:
                return

    def _step(self, max_wait_seconds: float) -> None:
        if self.exchange.given_up:
            return
        if self.text is not None:
            if self.read_only and self.exchange.transaction is None:
                self.exchange.begin()
            answer = self._inspected(self.exchange.post(self.text))
            self.text = None
            self._take(answer, Position(None))
            if self.done or self.exchange.given_up:
                return
            # Only the first GET makes the query run.
        position = self.position
        if position is None:
            self.done = True
        elif self._settle_until is not None:
            self._settle(position)
        elif position.kept is not None:
            self._take(self.exchange.reread(position.kept), position)
        elif position.uri is not None:
            answer = self.exchange.get(position.uri, max_wait_seconds)
            self._take(self._inspected(answer), position)

    def _inspected(self, answer: Answer) -> Answer:
        """
        Give an answer of which something may be seen.

        Its columns are the first that Trino says of what the query is about.
        """
        known = answer.status.columns or answer.status.next_uri is None
        if self.inspection is not None and known:
            analysis = self.exchange.analysis()
            if analysis.kind != _QUERY:
                raise StatementRefused(
                    f"Trino takes this for {analysis.kind}, not for a query."
                )
            self.inspection.allow(analysis.tables)
            self.inspection = None
        return answer

    def _disclosed(self, error: StatementFailed) -> StatementFailed:
        """Give what of an error may be seen."""
        if self.inspection is None:
            return error
        tables: tuple[Table, ...] | None = ()
        if self.exchange.query_id is not None:
            try:
                tables = self.exchange.analysis().tables
            except (CoordinatorRefused, CoordinatorUnreachable):
                tables = None
        return self.inspection.disclose(error, tables)

    def _note(self, answer: Answer) -> None:
        stats: dict[str, Any] = answer.status.stats
        if self.inspection is not None:
            # How much was read tells of what was read.
            stats = {name: stats[name] for name in _HARMLESS if name in stats}
        self.progress = Progress(
            query_id=answer.status.id,
            state=str(stats.get("state", "")),
            percentage=stats.get("progressPercentage"),
            elapsed_ms=int(stats.get("elapsedTimeMillis", 0)),
            processed_rows=int(stats.get("processedRows", 0)),
            processed_bytes=int(stats.get("processedBytes", 0)),
        )
        warnings = answer.status.warnings if self.inspection is None else ()
        self.warnings = tuple(str(w.get("message", "")) for w in warnings)
        self.update_type = answer.status.update_type

    def _take(self, answer: Answer, source: Position) -> None:
        """Take what fits of the rows that the page at ``source`` has left."""
        following = answer.status.next_uri if source.kept is None else source.uri
        columns = answer.status.columns or []
        if columns:
            self.columns = tuple(Column(c["name"], c["type"]) for c in columns)
        self._note(answer)
        rows: list[Any] = list(answer.status.rows)
        if self.is_plan:
            rows = [[line] for row in rows for line in _lines(row[0])]
        rows = rows[source.skip :]
        taken = take_rows(columns, rows, self._room())
        self.rows += taken.rows
        self.cut_cells += taken.cut_cells
        self._size += taken.size
        if len(taken.rows) < len(rows):
            skip = source.skip + len(taken.rows)
            if source.kept is not None:
                self.position = evolve(source, skip=skip)
                self.done = True
            elif source.uri is None or _worth_keeping(answer):
                self.position = Position(following, skip, answer.content)
                self._settle_until = self._seconds() + SETTLE_SECONDS
            else:
                self.position = evolve(source, skip=skip)
                self.done = True
        elif following is None:
            self.position = None
            self.done = True
        else:
            self.position = Position(following)
            if len(self.rows) >= self.window.max_rows:
                self._settle_until = self._seconds() + SETTLE_SECONDS

    def _settle(self, position: Position) -> None:
        """
        See whether the query ends with the rows at hand.

        It mostly does, and is then off Trino, and the page known to be the last.
        """
        if position.uri is None or self._seconds() >= (self._settle_until or 0):
            self.done = True
            return
        answer = self.exchange.get(position.uri, _SETTLE_WAIT_SECONDS)
        self._note(answer)
        if answer.status.rows:
            self.done = True
        elif answer.status.next_uri is None and position.kept is None:
            self.position = None
            self.done = True
        else:
            self.position = evolve(position, uri=answer.status.next_uri)

    def _room(self) -> Room:
        return Room(
            rows=self.window.max_rows - len(self.rows),
            size=self.window.max_bytes - self._size,
            cell_chars=self.window.max_cell_chars,
            empty=not self.rows,
        )


def _lines(cell: Any) -> list[Any]:
    """Give the lines of a text, and anything else as it is."""
    return cell.splitlines() if isinstance(cell, str) else [cell]


def _worth_keeping(answer: Answer) -> bool:
    """Say whether a page is short enough to keep and likely to be the last."""
    size = len(answer.content)
    return size <= _LAST_PAGE_BYTES or (
        size <= MAX_VALUE_BYTES and answer.status.stats.get("state") == "FINISHED"
    )
