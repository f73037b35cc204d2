"""What is asked of Trino and what comes back: plain values that all rooms share."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol

from attrs import field, frozen

from mcp_trino.errors import StatementFailed

Table = tuple[str, str, str]
"""The full name of a table or view: catalog, schema and table, in lower case."""


class Inspection(Protocol):
    """
    The decision on what Trino says that a statement reads; called in threads.

    :ivar mark: a text that is the same for the same decisions.
    """

    @property
    def mark(self) -> str:
        """What changes when decisions do."""

    def allow(self, tables: Sequence[Table]) -> None:
        """
        Let a statement pass that names these tables and no other.

        :raise StatementRefused: one of them may not be seen.
        """

    def disclose(
        self, error: StatementFailed, tables: Sequence[Table] | None
    ) -> StatementFailed:
        """
        Give what of an error may be shown.

        :param tables: as for ``allow``; none when Trino's analysis failed, or
            ``None`` when they could not be had.
        :raise StatementRefused: one of them may not be seen.
        """


@frozen
class Statement:
    """
    One SQL statement that has been found fit to run.

    :ivar text: the SQL, without a trailing semicolon.
    :ivar catalog: the catalog for unqualified names, ``None`` for none.
    :ivar schema: the schema for unqualified names, ``None`` for none.
    :ivar timeout_seconds: the wall time that the query may take at most,
        bounded here and at Trino (``query_max_run_time``).
    :ivar inspection: asked before anything is given out of what Trino answers;
        ``None`` for a statement that this server made, and without lists.
    :ivar is_plan: its answer is one long text, given as a row for each line.
    :ivar read_only: it runs in a transaction that Trino lets only read.
    """

    text: str
    catalog: str | None
    schema: str | None
    timeout_seconds: float
    inspection: Inspection | None = field(default=None, kw_only=True)
    is_plan: bool = field(default=False, kw_only=True)
    read_only: bool = field(default=False, kw_only=True)


@frozen
class Window:
    """
    How much of a result one answer may carry and how long it may be waited for.

    :ivar max_rows: rows at most, at least 1.
    :ivar max_bytes: bytes at most of all rows together as compact JSON in
        UTF-8; a single row is always given, its cells cut.
    :ivar max_cell_chars: characters at most of one cell; a longer one is cut.
    :ivar wait_seconds: how long to wait for the first row; a query that takes
        longer answers with its state and a handle to ask again.
    :ivar further: what does not fit can be read on by handle; if not, the
        query is canceled then and the page has no handle.
    """

    max_rows: int
    max_bytes: int
    max_cell_chars: int
    wait_seconds: float
    further: bool = True


@frozen
class Column:
    """A column of a result: its name as the statement gave it and its Trino type."""

    name: str
    type: str


@frozen
class Progress:
    """
    How far a query is, from the ``stats`` of Trino's protocol.

    :ivar state: ``QUEUED``, ``PLANNING``, ``RUNNING``, ``FINISHING``, …
    :ivar percentage: 0 to 100, or ``None`` while Trino cannot say.
    :ivar elapsed_ms: milliseconds since Trino took the query.
    :ivar processed_rows: rows read from tables so far.
    :ivar processed_bytes: bytes read from tables so far.
    """

    query_id: str
    state: str
    percentage: float | None
    elapsed_ms: int
    processed_rows: int
    processed_bytes: int


class PageState(Enum):
    """Whether the rows of a page are all there, or the query goes on."""

    COMPLETE = "complete"
    MORE = "more"
    RUNNING = "running"


@frozen
class Page:
    """
    A part of a result.

    :ivar state: ``COMPLETE``: the last rows of the result are here. ``MORE``:
        more rows can be had by ``handle``. ``RUNNING``: no row yet, ask again
        by ``handle``.
    :ivar query_id: Trino's id of the query.
    :ivar columns: the columns, empty for a statement without a result or while
        they are not known yet.
    :ivar rows: JSON-ready values in the order of the columns, nothing rounded.
    :ivar row_offset: the number of rows of the result before this page.
    :ivar handle: the handle of the next page or of the running query.
    :ivar progress: the last known progress.
    :ivar cut_cells: the number of cells that were cut to ``max_cell_chars``.
    :ivar warnings: Trino's warnings, one sentence each.
    :ivar update_type: what a statement did that does not only read, as Trino
        names it, for example ``INSERT``.
    """

    state: PageState
    query_id: str
    columns: tuple[Column, ...]
    rows: tuple[list[Any], ...]
    row_offset: int
    handle: str | None
    progress: Progress
    cut_cells: int = 0
    warnings: tuple[str, ...] = ()
    update_type: str | None = None


@frozen
class RunningQuery:
    """
    A query under way, as Trino describes it.

    :ivar text: the statement; Trino cuts a long one.
    :ivar created: when Trino took it, in ISO 8601.
    :ivar percentage: 0 to 100, or ``None`` while Trino cannot say.
    """

    query_id: str
    state: str
    text: str
    created: str
    percentage: float | None = None


@frozen
class CoordinatorState:
    """
    What a probe of the coordinator found.

    :ivar reachable: a query could be run.
    :ivar version: Trino's version, when known.
    :ivar problem: one sentence for the operator when not reachable, without a
        secret; never shown beyond loopback.
    """

    reachable: bool
    version: str | None = None
    problem: str | None = None
