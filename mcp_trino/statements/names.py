"""Names and literals: read from an argument, written into a statement."""

import re

from mcp_trino.errors import InvalidArgument

_MOST_PARTS = 3
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*").fullmatch
_PART = re.compile(r"""\s*("[^"]*(?:""[^"]*)*"|[^\s."'`;,()]+)\s*(\.|\Z)""")


def parse_qualified_name(text: str) -> tuple[str, ...]:
    """
    Take apart the name of a table: ``table``, ``schema.table`` or
    ``catalog.schema.table``.

    A part in double quotes may have any character. One without quotes is taken
    as it stands, reserved or not, as the lists of names show it.

    :return: one to three parts in lower case: so Trino resolves every name, a
        quoted one too.
    :raise InvalidArgument: it is no such name.
    """
    parts: list[str] = []
    offset, separator = 0, "."
    while separator:
        part = _PART.match(text, offset)
        if part is None or part[1] == '""':
            raise InvalidArgument(
                f"{text!r} is not a name such as orders, sales.orders or "
                'hive.sales."My Table": put a part with blanks, dots or quotes in '
                "double quotes, and write a double quote inside it twice."
            )
        parts.append(fold(part[1]))
        offset, separator = part.end(), part[2]
    if len(parts) > _MOST_PARTS:
        raise InvalidArgument(
            f"{text!r} has {len(parts)} parts, a table has at most {_MOST_PARTS}: "
            "catalog.schema.table. Put a part that has a dot in double quotes."
        )
    return tuple(parts)


def fold(name: str) -> str:
    """
    One part of a name as Trino resolves it: without its quotes, in lower case.

    :param name: a word or a quoted name as a statement has it.
    """
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    return name.lower()


def quote_identifier(name: str) -> str:
    """
    Write one part of a name so that no character of it means anything else.

    :raise InvalidArgument: it is empty, which no name may be.
    """
    if not name:
        raise InvalidArgument("a name must not be empty")
    return '"' + name.replace('"', '""') + '"'


def written(name: str) -> str:
    """Write one part of a name as a person would, quoted only where it must be."""
    return name if _PLAIN(name) else quote_identifier(name)


def quote_literal(value: str) -> str:
    """Write a string so that no character of it means anything else."""
    return "'" + value.replace("'", "''") + "'"
