"""A short name for a statement's shape, for records that must not tell its values."""

from hashlib import sha256

from mcp_trino.errors import StatementRefused
from mcp_trino.statements.lexer import Kind, tokens

_LETTERS = 16
_VALUES = frozenset({Kind.STRING, Kind.NUMBER})
_TRIVIA = frozenset({Kind.BLANK, Kind.COMMENT})
_MOST_CHARS = 20_000


def fingerprint(text: str) -> str:
    """
    Give 16 hexadecimal digits that are the same for statements that differ only
    in literals, blanks, comments and the case of words.

    Of a text that is longer than 20,000 characters, or has what is no token for
    Trino, it is a digest of the text itself.
    """
    shape = text
    if len(text) <= _MOST_CHARS:
        try:
            shape = " ".join(_words(text))
        except StatementRefused:
            shape = text
    return sha256(shape.encode(errors="surrogatepass")).hexdigest()[:_LETTERS]


def _words(text: str) -> list[str]:
    return [
        "?" if token.kind in _VALUES else token.keyword or token.text
        for token in tokens(text)
        if token.kind not in _TRIVIA
    ]
