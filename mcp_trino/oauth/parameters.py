"""
The parameters of a request (RFC 6749 appendix B), from a query or a form.

``twisted.web`` would merge a body into the query and split at ``;``.
"""

from collections.abc import Iterable
from typing import Self
from urllib.parse import parse_qsl

from attrs import frozen

_MAX_PARAMETERS = 64


@frozen
class Unreadable(Exception):
    """Nothing can be said of the parameters: answer ``invalid_request``."""

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class Parameters:
    """
    Names and values in the order of the request.

    One without a value counts as left out (RFC 6749 section 3.1).
    """

    _pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, encoded: bytes) -> Self:
        """
        Read a query or a body of ``application/x-www-form-urlencoded``.

        :raise Unreadable: it is not ASCII, not UTF-8 when decoded, holds a NUL
            or has too many parameters.
        """
        try:
            pairs = parse_qsl(
                encoded.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            raise Unreadable("the parameters cannot be read") from None
        if any("\0" in name + value for name, value in pairs):
            raise Unreadable("the parameters have a NUL")
        return cls(tuple(pairs))

    def all(self, name: str) -> tuple[str, ...]:
        """Give all values of a parameter that may be repeated."""
        return tuple(value for other, value in self._pairs if other == name and value)

    def get(self, name: str) -> str | None:
        """
        Give the value of a parameter, ``None`` when it is left out.

        :raise Unreadable: it is repeated (RFC 6749 section 3.1).
        """
        values = [value for other, value in self._pairs if other == name]
        if len(values) > 1:
            raise Unreadable(f"{name} is repeated")
        return (values or [""])[0] or None

    def require_single(self, but: Iterable[str] = ()) -> None:
        """
        Make sure that no parameter is repeated.

        :param but: those that may be.
        :raise Unreadable: one is; the message does not say which, since names
            are the client's words.
        """
        names = [name for name, _ in self._pairs if name not in but]
        if len(set(names)) < len(names):
            raise Unreadable("a parameter is repeated")
