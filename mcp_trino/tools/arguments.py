"""The arguments of tools: one table for their JSON Schema and for their check."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from mcp_trino.errors import InvalidArgument

_KINDS = {"string": "a string", "integer": "a whole number", "number": "a number"}


@frozen
class Argument:
    """
    One argument of a tool.

    :ivar type: ``string``, ``integer`` or ``number`` (JSON Schema).
    :ivar choices: the only values, in upper case; ``()`` for any.
    :ivar minimum: the least number allowed.
    :ivar maximum: the greatest number allowed.
    """

    name: str
    type: str
    description: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    def schema(self) -> dict[str, Any]:
        """Give its JSON Schema."""
        optional = {
            "description": self.description or None,
            "enum": list(self.choices) or None,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {
            "type": self.type,
            **{key: value for key, value in optional.items() if value is not None},
        }

    def checked(self, value: Any) -> Any:
        """
        Give a value as the tool wants it.

        :raise InvalidArgument: it has another type or is out of range.
        """
        if self.type == "string":
            return self._text(value)
        return self._number(value)

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._refused(value)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgument(
                f"{self.name} has half of a surrogate pair, which is no character"
            ) from error
        if not self.choices:
            return value
        if value.upper() not in self.choices:
            raise InvalidArgument(
                f"{self.name} must be one of {', '.join(self.choices)},"
                f" not {value!r:.50}"
            )
        return value.upper()

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refused(value)
        low = float("-inf") if self.minimum is None else self.minimum
        high = float("inf") if self.maximum is None else self.maximum
        if not low <= value <= high:
            raise InvalidArgument(
                f"{self.name} must be from {low:g} to {high:g}, not {value!r:.50}"
            )
        if self.type == "number":
            return value
        if value != int(value):
            raise self._refused(value)
        return int(value)

    def _refused(self, value: Any) -> InvalidArgument:
        string = "the string " if isinstance(value, str) else ""
        return InvalidArgument(
            f"{self.name} must be {_KINDS[self.type]}, not {string}{value!r:.50}"
        )


def input_schema(arguments: tuple[Argument, ...]) -> dict[str, Any]:
    """Give the ``inputSchema`` of a tool (JSON Schema 2020-12)."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {argument.name: argument.schema() for argument in arguments},
        "additionalProperties": False,
    }
    if required := [argument.name for argument in arguments if argument.required]:
        schema["required"] = required
    return schema


def checked(
    arguments: tuple[Argument, ...], given: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Check what a model gave; ``null`` and ``""`` stand for an argument left out.

    :raise InvalidArgument: something is missing, unknown or wrong; the message
        says what the tool takes.
    """
    known = {argument.name: argument for argument in arguments}
    if unknown := sorted(given.keys() - known.keys()):
        takes = ", ".join(known) if known else "no arguments"
        raise InvalidArgument(
            f"unknown argument {unknown[0]!r:.50}; this tool takes: {takes}"
        )
    values = {
        name: argument.checked(given[name])
        for name, argument in known.items()
        if given.get(name) not in (None, "")
    }
    for name, argument in known.items():
        if argument.required and name not in values:
            raise InvalidArgument(f"the argument {name} is missing")
    return values
