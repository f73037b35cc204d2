"""How the columns of a table are shown to a model."""

from typing import Any

from attrs import frozen

from mcp_trino.tools.output import csv, output_schema
from mcp_trino.tools.tool import Reply

DESCRIPTION_SCHEMA = output_schema(
    {
        "table": {"type": "string"},
        "type": {"type": "string"},
        "comment": {"type": "string"},
        "columns": {
            "type": "array",
            "description": "Name, type, then NOT NULL or NULL, then the comment.",
            "items": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 2,
                "maxItems": 4,
            },
        },
        "sample": {"type": "array", "items": {"type": "array"}},
        "notice": {"type": "string"},
    },
    ("table", "columns"),
)


@frozen
class ColumnShown:
    """
    A column of a table.

    :ivar comment: ``None`` or empty for none.
    """

    name: str
    type: str
    nullable: bool
    comment: str | None

    def shown(self) -> list[str]:
        """Give it with what is not at its default."""
        if self.comment:
            null = "NULL" if self.nullable else "NOT NULL"
            return [self.name, self.type, null, self.comment]
        if self.nullable:
            return [self.name, self.type]
        return [self.name, self.type, "NOT NULL"]


@frozen
class Description:
    """
    What ``get_table_schema`` found.

    :ivar table: the full name, quoted where a statement has to.
    :ivar type: ``BASE TABLE``, ``VIEW``, … or ``None`` when Trino does not say.
    :ivar sample: rows in the order of the columns, ``None`` when not asked for.
    :ivar notices: what the assistant has to know besides, one sentence each.
    """

    table: str
    type: str | None
    columns: tuple[ColumnShown, ...]
    comment: str | None = None
    sample: tuple[list[Any], ...] | None = None
    notices: tuple[str, ...] = ()

    def reply(self) -> Reply:
        """Show it."""
        columns = [column.shown() for column in self.columns]
        notice = ". ".join(self.notices)
        known = {
            "table": self.table,
            "type": self.type,
            "comment": self.comment,
            "columns": columns,
            "sample": None if self.sample is None else list(self.sample),
            "notice": notice or None,
        }
        parts = [
            csv(("column", "type", "null", "comment"), columns),
            f"{self.table}: {self.type or 'table'}, columns: {len(columns)}"
            + (f". {self.comment}" if self.comment else ""),
        ]
        if self.sample is not None:
            names = (column.name for column in self.columns)
            parts += ["Sample:", csv(names, self.sample)]
        if notice:
            parts.append(notice)
        return Reply(
            {name: value for name, value in known.items() if value is not None},
            "\n".join(parts),
            rows=len(columns),
        )
