"""The values of every type, as the documentation has them."""

import json
from pathlib import Path
from typing import Any

from attrs import frozen

_DOCUMENT = Path(__file__).parent.parent / "docs" / "values.rst"


@frozen
class Documented:
    """
    A row of the table in ``docs/values.rst``.

    :ivar sql: an expression.
    :ivar type: its type as it is shown.
    :ivar shown: its value as JSON.
    """

    sql: str
    type: str
    shown: Any


def documented_values() -> list[Documented]:
    """Give the rows of that table."""
    _, _, rest = _DOCUMENT.read_text(encoding="utf-8").partition("SQL | Type | JSON\n")
    table, _, _ = rest.partition("\n\n")
    rows = []
    for line in table.splitlines():
        sql, type_, shown = (cell.strip()[2:-2] for cell in line.split(" | "))
        rows.append(Documented(sql, type_, json.loads(shown)))
    return rows


def statement() -> str:
    """Give the query that asks for all of them in one row."""
    return f"SELECT {', '.join(value.sql for value in documented_values())}"
