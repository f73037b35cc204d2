"""
How the rows of a page are shown to a model.

Structured content for clients that show JSON, and the same rows as CSV
(RFC 4180) with one closing line for those that show text. Every byte costs a
model its attention: what is at its default is left out.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from mcp_trino.queries import Column, Page, PageState, Progress
from mcp_trino.tools.tool import Reply

_SLOW_MS = 1000
_NEEDS_QUOTES = re.compile('[",\r\n]').search

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": _TEXT,
        "error_name": {**_TEXT, "description": "Trino's name of the error."},
        "message": _TEXT,
        "line": _COUNT,
        "column": _COUNT,
        "hint": _TEXT,
        "query_id": _TEXT,
    },
    "required": ["code", "message"],
}

_PAGE_PROPERTIES: dict[str, Any] = {
    "columns": {
        "type": "array",
        "description": "Name and Trino type of each column.",
        "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
    },
    "rows": {"type": "array", "items": {"type": "array"}},
    "row_count": {**_COUNT, "description": "The rows in this answer."},
    "truncated": {"type": "boolean", "description": "There are more rows."},
    "next_page": {**_TEXT, "description": "For fetch_page."},
    "query_id": _TEXT,
    "elapsed_ms": _COUNT,
    "notice": _TEXT,
    "state": {**_TEXT, "description": "Of a query that has no row yet."},
    "progress": {"type": "number", "description": "Per cent."},
}


def output_schema(
    properties: dict[str, Any], required: Sequence[str], *, may_wait: bool = False
) -> dict[str, Any]:
    """
    Give the ``outputSchema`` of a tool: its answer, or an error.

    :param may_wait: a third answer is possible, a query that still runs.
    """
    answers = [list(required), ["error"]]
    if may_wait:
        properties = {**_PAGE_PROPERTIES, **properties}
        answers.append(["state", "query_id", "next_page"])
    return {
        "type": "object",
        "properties": {**properties, "error": ERROR_SCHEMA},
        # Strict validators want a required property to be named beside it.
        "anyOf": [
            {"type": "object", "properties": {n: {} for n in names}, "required": names}
            for names in answers
        ],
    }


PAGE_SCHEMA = output_schema({}, ("columns", "rows", "row_count"), may_wait=True)


def csv(names: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """
    Give rows as CSV with a line of names, without a last line end.

    Null is an empty field, the empty string is ``""``.
    """
    lines = [",".join(map(_field, names))]
    lines.extend(",".join(map(_field, row)) for row in rows)
    return "\n".join(lines)


def compact(value: Any) -> str:
    """Give a value as JSON in as few bytes as it takes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool | list | dict):
        text = compact(value)
    else:
        return str(value)
    if text and not _NEEDS_QUOTES(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def own_page(
    columns: tuple[Column, ...],
    rows: Iterable[list[Any]],
    *,
    row_offset: int = 0,
    warnings: tuple[str, ...] = (),
) -> Page:
    """Give a page that this server has put together itself: no query gave it."""
    return Page(
        state=PageState.COMPLETE,
        query_id="",
        columns=columns,
        rows=tuple(rows),
        row_offset=row_offset,
        handle=None,
        progress=Progress("", "FINISHED", None, 0, 0, 0),
        warnings=warnings,
    )


def page_reply(page: Page, next_page: str | None) -> Reply:
    """
    Show a page.

    :param next_page: what to call ``fetch_page`` with, ``None`` when the
        result ends here.
    """
    notices = []
    if page.cut_cells:
        notices.append(
            f"cells cut: {page.cut_cells}; read long values in parts with substr()"
        )
    notices.extend(page.warnings)
    if page.state is PageState.RUNNING:
        return _running(page, next_page, notices)
    structured: dict[str, Any] = {
        "columns": [[column.name, column.type] for column in page.columns],
        "rows": list(page.rows),
        "row_count": len(page.rows),
    }
    if next_page:
        structured |= {"truncated": True, "next_page": next_page}
        if page.query_id:
            structured["query_id"] = page.query_id
    if page.progress.elapsed_ms >= _SLOW_MS:
        structured["elapsed_ms"] = page.progress.elapsed_ms
    if notices:
        structured["notice"] = ". ".join(notices)
    body = csv((column.name for column in page.columns), page.rows)
    return Reply(
        structured=structured,
        text=f"{body}\n{_closing_line(page, next_page, notices)}",
        rows=len(page.rows),
        query_id=page.query_id or None,
    )


def _closing_line(page: Page, next_page: str | None, notices: list[str]) -> str:
    count = len(page.rows)
    if page.row_offset:
        what = f"rows {page.row_offset + 1} to {page.row_offset + count}"
    else:
        what = "1 row" if count == 1 else f"{count} rows"
    parts = [f"{what} ({_types(page.columns)})"]
    if next_page:
        parts.append(f'more: fetch_page(page="{next_page}")')
    return ", ".join(parts) + "".join(f". {notice}" for notice in notices)


def _types(columns: Iterable[Column]) -> str:
    return ", ".join(column.type for column in columns)


def _running(page: Page, next_page: str | None, notices: list[str]) -> Reply:
    progress = page.progress
    structured: dict[str, Any] = {
        "state": progress.state,
        "elapsed_ms": progress.elapsed_ms,
        "query_id": page.query_id,
        "next_page": next_page,
        "notice": ". ".join(
            ["No row yet: call fetch_page with next_page to go on waiting", *notices]
        ),
    }
    done = ""
    if progress.percentage is not None:
        structured["progress"] = progress.percentage
        done = f", {progress.percentage:.0f} % done"
    text = (
        f"The query {page.query_id} still runs ({progress.state}{done}, "
        f"{progress.elapsed_ms / 1000:.0f} s), no row yet. "
        f'Go on waiting: fetch_page(page="{next_page}"); '
        f'give up: cancel_query(query_id="{page.query_id}")'
    )
    return Reply(
        structured=structured,
        text="".join([text, *(f". {notice}" for notice in notices)]),
        query_id=page.query_id,
    )
