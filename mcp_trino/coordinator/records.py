"""
What is remembered of a result, and the pages made of it.

A handle is ``<name of the result>.<number of the page>``.
"""

import orjson
from attrs import asdict, evolve, field, frozen

from mcp_trino.coordinator.reading import Position, Reading
from mcp_trino.errors import PageGone
from mcp_trino.queries import Column, Page, PageState, Progress

_MAX_HANDLE_CHARS = 40


@frozen
class Record:
    """
    Where the next page of a result begins, and whose it is.

    :ivar owner: the principal's key.
    :ivar timeout_seconds: how long Trino may take for the rows of a page.
    :ivar deadline: the time when it ends, 0 when it does not run.
    :ivar number: the number of the next page.
    :ivar row_offset: the rows before it.
    :ivar position: where it begins; its ``kept`` lies in the store by itself.
        ``None`` at the end of the result.
    :ivar timed_out: the query was canceled at the deadline.
    :ivar lists: the mark of what could be seen when it was begun; by other
        lists it is not read on.
    :ivar inspected: what it reads was held against those lists.
    :ivar is_plan: a row for each line of its text.
    :ivar transaction: that it runs in, ``None`` for its own. It is a secret.
    """

    name: str
    owner: str
    timeout_seconds: float
    deadline: float = 0.0
    query_id: str = ""
    number: int = 1
    row_offset: int = 0
    columns: tuple[Column, ...] = ()
    position: Position | None = None
    timed_out: bool = False
    lists: str = ""
    inspected: bool = False
    is_plan: bool = False
    transaction: str | None = field(default=None, repr=False)

    @property
    def handle(self) -> str:
        """What names the next page."""
        return f"{self.name}.{self.number}"

    def has_page(self, number: int) -> bool:
        """Whether a number is that of the next page, and there is one."""
        return number == self.number and self.position is not None

    def started(self, now: float) -> "Record":
        """Give the record with its time running, since now if not before."""
        return evolve(self, deadline=self.deadline or now + self.timeout_seconds)

    def after(self, reading: Reading) -> "Record":
        """Give the record for what comes after a page; one without rows stays."""
        given = bool(reading.rows) or reading.position is None
        return evolve(
            self,
            deadline=0.0 if given else self.deadline,
            query_id=reading.exchange.query_id or self.query_id,
            number=self.number + given,
            row_offset=self.row_offset + len(reading.rows),
            columns=reading.columns,
            position=reading.position,
            inspected=reading.inspection is None,
            transaction=reading.exchange.transaction,
        )


def page_of(record: Record, reading: Reading, following: Record) -> Page:
    """Make the page that a record stood for, now that it was read."""
    if following.position is None:
        state = PageState.COMPLETE
    else:
        state = PageState.MORE if reading.rows else PageState.RUNNING
    progress = reading.progress
    if progress is None:
        raise AssertionError("a page was made of no answer")
    return Page(
        state=state,
        query_id=following.query_id,
        columns=following.columns,
        rows=tuple(reading.rows),
        row_offset=record.row_offset,
        handle=None if state is PageState.COMPLETE else following.handle,
        progress=progress,
        cut_cells=reading.cut_cells,
        warnings=reading.warnings,
        update_type=reading.update_type,
    )


def dump_page(page: Page) -> bytes:
    """Write a page down to be given again."""
    return orjson.dumps(asdict(page, recurse=False), default=asdict)


def load_page(content: bytes) -> Page:
    """Give a page that was written down."""
    values = orjson.loads(content)
    return Page(
        **{
            **values,
            "state": PageState(values["state"]),
            "columns": tuple(Column(**column) for column in values["columns"]),
            "rows": tuple(values["rows"]),
            "progress": Progress(**values["progress"]),
            "warnings": tuple(values["warnings"]),
        }
    )


def split_handle(handle: str) -> tuple[str, int]:
    """
    Give the name of a result and the number of a page.

    :raise PageGone: that is no handle.
    """
    name, _, number = handle.partition(".")
    if (
        not number.isdecimal()
        or not number.isascii()
        or len(handle) > _MAX_HANDLE_CHARS
    ):
        raise gone()
    return name, int(number)


def gone() -> PageGone:
    """Say that there is no such page, always in the same words."""
    return PageGone(
        "there is no such page: the handle is unknown, its time has passed or the "
        "result was read on; run the statement again"
    )
