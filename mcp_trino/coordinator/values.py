"""
Rows of Trino's client protocol as JSON-ready values, nothing lost or rounded.

What Trino sends is JSON already and stays as it is, except:

- integers beyond ±(2⁵³ - 1), which many readers of JSON round, become texts;
- a ``row`` becomes an object by its field names, a list when they are not
  unique or some have none;
- a cell of more characters than wanted is cut, with a mark that says so; a
  nested one becomes the beginning of its JSON text.

Decimals, dates, times, intervals, ``NaN`` and ``Infinity`` are texts on the
wire, ``varbinary`` and sketches base64, keys of maps texts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from attrs import define, field, frozen

_MAX_SAFE_INTEGER = 2**53 - 1
_MIN_CUT = 8

_Convert = Callable[[Any], Any]

_SHORT = frozenset(
    {
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double",
        "decimal",
        "date",
        "time",
        "time with time zone",
        "timestamp",
        "timestamp with time zone",
        "interval year to month",
        "interval day to second",
        "uuid",
        "ipaddress",
        "unknown",
    }
)


@frozen
class Room:
    """
    How much more a page takes.

    :ivar rows: rows at most.
    :ivar size: bytes at most of the rows as compact JSON.
    :ivar cell_chars: characters at most of a cell.
    :ivar empty: the page has no row yet, so that it takes one of any size.
    """

    rows: int
    size: int
    cell_chars: int
    empty: bool


@define
class Taken:
    """
    The rows that fitted.

    :ivar size: their bytes as compact JSON.
    :ivar cut_cells: how many of their cells were cut.
    """

    rows: list[list[Any]] = field(factory=list)
    size: int = 0
    cut_cells: int = 0


def take_rows(
    columns: Sequence[dict[str, Any]], rows: Sequence[list[Any]], room: Room
) -> Taken:
    """
    Convert rows until the room is used up; the rows given are altered.

    :param columns: the columns as the protocol describes them.
    """
    converts = [
        (index, convert)
        for index, column in enumerate(columns)
        if (convert := _convert_of(column["typeSignature"])) is not None
    ]
    unbounded = [
        index
        for index, column in enumerate(columns)
        if not _is_short(column["typeSignature"], room.cell_chars)
    ]
    taken = Taken()
    for row in rows[: room.rows]:
        for index, convert in converts:
            if row[index] is not None:
                row[index] = convert(row[index])
        first = room.empty and not taken.rows
        original = row.copy() if first else row
        cut = _cut_cells(row, unbounded, room.cell_chars)
        size = len(orjson.dumps(row)) + 1
        if taken.size + size > room.size:
            if not first:
                break
            row, cut, size = _shrunk(original, room)  # noqa: PLW2901 - it replaces it
        taken.rows.append(row)
        taken.size += size
        taken.cut_cells += cut
    return taken


def _is_short(signature: dict[str, Any], limit: int) -> bool:
    """Say whether no value of the type can be longer than the limit."""
    raw_type, arguments = signature["rawType"], signature["arguments"]
    if raw_type in ("varchar", "char") and arguments:
        return bool(arguments[0]["value"] <= limit)
    return raw_type in _SHORT


def _cut_cells(row: list[Any], indexes: Iterable[int], limit: int) -> int:
    """Cut the cells of a row in place and give their number."""
    cut = 0
    for index in indexes:
        value = row[index]
        if isinstance(value, dict | list):
            text = orjson.dumps(value).decode()
        elif isinstance(value, str):
            text = value
        else:
            continue
        if len(text) > limit:
            row[index] = f"{text[:limit]}… [cut, {len(text)} characters in all]"
            cut += 1
    return cut


def _shrunk(row: list[Any], room: Room) -> tuple[list[Any], int, int]:
    """Give a row that does not fit on its own with all its cells cut shorter."""
    limit = room.cell_chars
    while True:
        shorter = row.copy()
        cut = _cut_cells(shorter, range(len(row)), limit)
        size = len(orjson.dumps(shorter)) + 1
        if size <= room.size or limit <= _MIN_CUT:
            return shorter, cut, size
        limit //= 2


def _convert_of(signature: dict[str, Any]) -> _Convert | None:
    """Give what turns a value that is not null to JSON, ``None`` for nothing to do."""
    inner = [argument["value"] for argument in signature["arguments"]]
    match signature["rawType"]:
        case "bigint":
            return _integer
        case "array":
            return _array(_convert_of(inner[0]))
        case "map":
            return _map(_convert_of(inner[1]))
        case "row":
            return _row(
                [
                    field_["fieldName"]["name"] if _named(field_) else ""
                    for field_ in inner
                ],
                [_convert_of(field_["typeSignature"]) for field_ in inner],
            )
        case _:
            return None


def _named(row_field: dict[str, Any]) -> bool:
    return row_field.get("fieldName") is not None


def _integer(value: int) -> int | str:
    return value if -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER else str(value)


def _array(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda values: [None if v is None else convert(v) for v in values]


def _map(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda values: {
        key: None if v is None else convert(v) for key, v in values.items()
    }


def _row(names: Sequence[str], converts: Sequence[_Convert | None]) -> _Convert:
    def fields(values: Sequence[Any]) -> list[Any]:
        return [
            v if v is None or convert is None else convert(v)
            for v, convert in zip(values, converts, strict=True)
        ]

    if "" in names or len(set(names)) < len(names):
        return fields
    return lambda values: dict(zip(names, fields(values), strict=True))
