"""The one way to say that a token does not hold."""

from attrs import frozen

_SHOWN_CHARS = 80


@frozen
class Refused(Exception):
    """
    A token does not hold, for good: answer ``{"active": false}`` and no more.

    :ivar reason: for the operator; it may quote claims, never the token.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


def shown(value: object) -> str:
    """Give a value of a token for a reason: printable and not long."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
