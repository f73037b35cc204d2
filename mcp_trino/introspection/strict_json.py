"""
JSON that means one thing only (RFC 8725 section 2.4, RFC 7515 section 4).

The parsers at hand take what two readers understand in two ways: of names that
are there twice the last one, numbers that are none or that no float can hold.
"""

import json
import math
from typing import Any

MAX_DEPTH = 8
_MAX_WHOLE = 2**53
_MAX_DIGITS = 16


class Unsound(ValueError):
    """What was read is not what it should be; the text says why."""


def read_object(data: bytes) -> dict[str, Any]:
    """
    Read an object.

    :raise ValueError: it is none, or means more than one thing; mostly
        ``Unsound``.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
    except RecursionError:
        raise Unsound("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise Unsound("it is not an object")
    _check(value, MAX_DEPTH)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Unsound("it has a name twice")
    return value


def _no_constant(_: str) -> None:
    raise Unsound("it has a number that is none")


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _MAX_DIGITS or abs(int(text)) > _MAX_WHOLE:
        raise Unsound("it has a number that is too large")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Unsound("it has a number that is too large")
    return value


def _check(value: Any, depth: int) -> None:
    """See to it that it is flat enough and that its texts are Unicode."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict | list):
        if depth == 0:
            raise Unsound("it is nested too deeply")
        for item in value:
            _check(item, depth - 1)
        if isinstance(value, dict):
            for item in value.values():
                _check(item, depth - 1)
