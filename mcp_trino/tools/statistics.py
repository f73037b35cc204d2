"""How the statistics of a table are shown to a model."""

from typing import Any

from attrs import frozen

from mcp_trino.tools.output import csv, output_schema
from mcp_trino.tools.tool import Reply

STATISTICS_SCHEMA = output_schema(
    {
        "table": {"type": "string"},
        "rows": {"type": ["number", "null"], "description": "Of the table."},
        "columns": {
            "type": "array",
            "description": (
                "Name, distinct values, fraction of nulls, least and greatest "
                "value, bytes in all; null where it is not known."
            ),
            "items": {"type": "array", "minItems": 6, "maxItems": 6},
        },
        "notice": {"type": "string"},
    },
    ("table", "rows", "columns"),
)
_NAMES = ("column", "distinct", "null_fraction", "low", "high", "bytes")
_NONE = "Trino has no statistics of this table"
_CUT = "more columns: SHOW STATS FOR {}"


@frozen
class Statistics:
    """
    What ``SHOW STATS`` said.

    :ivar table: the full name, quoted where a statement has to.
    :ivar found: its rows; the one of the table has no column.
    :ivar whole: these are all rows.
    """

    table: str
    found: tuple[list[Any], ...]
    whole: bool

    def reply(self) -> Reply:
        """Show it."""
        rows, columns = None, []
        for name, size, distinct, nulls, row_count, low, high in self.found:
            if name is None:
                rows = _whole(row_count)
            else:
                numbers = (_whole(distinct), _whole(nulls), low, high, _whole(size))
                columns.append([name, *numbers])
        structured: dict[str, Any] = {
            "table": self.table,
            "rows": rows,
            "columns": columns,
        }
        known = "unknown" if rows is None else rows
        parts = [csv(_NAMES, columns), f"{self.table}: rows: {known}"]
        if notice := self._notice(rows, columns):
            structured["notice"] = notice
            parts.append(notice)
        return Reply(structured, "\n".join(parts), rows=len(columns))

    def _notice(self, rows: Any, columns: list[list[Any]]) -> str:
        if not self.whole:
            return _CUT.format(self.table)
        known = any(v is not None for column in columns for v in column[1:])
        return "" if known or rows is not None else _NONE


def _whole(value: Any) -> Any:
    """Give a count without a fraction that is none; texts such as NaN stay."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
