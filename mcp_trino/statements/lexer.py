"""
The lexical rules of Trino's SQL, no more and no less.

What may be run is decided by tokens, so a string, a comment or a quoted name
must end here exactly where it ends for Trino. Where Trino knows no token at
all, the statement is refused.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import islice

from attrs import frozen

from mcp_trino.errors import StatementRefused

_BLANK = r"[ \t\r\n]++"
_COMMENT = r"--[^\r\n]*+\r?+\n?+|/\*(?s:.*?)\*/"
_QUOTED = r"'[^']*+(?:''[^']*+)*+'"
_STRING = rf"{_QUOTED}|[Uu]&{_QUOTED}|[Xx]'[^']*+'|\$\$(?s:.*?)\$\$"
_QUOTED_NAME = r'"[^"]*+(?:""[^"]*+)*+"'
_DIGITS = r"[0-9](?:_?[0-9])*+"
_NUMBER = (
    r"[0-9]++\.[0-9]*+[Ee][+-]?[0-9]++"
    r"|[0-9]++[Ee][+-][0-9]++"
    r"|\.[0-9]++[Ee][+-]?[0-9]++"
    rf"|{_DIGITS}\.(?:{_DIGITS})?+"
    rf"|\.{_DIGITS}"
    # Integers of any base, and what Trino calls a name that begins with a digit.
    r"|[0-9][A-Za-z0-9_]*+"
)
_WORD = r"[A-Za-z_][A-Za-z0-9_]*+"
_SYMBOL = (
    r"\{-|-\}|->|=>|<>|!=|<=|>=|\|\|"
    r"|[-+*%=<>?;.,()\[\]{}:|^$]"
    r"|/(?!\*)"  # else a comment without end
)

TRIVIA = rf"(?:{_BLANK}|{_COMMENT})*+"
"""Pattern of the blanks and comments that may stand between two tokens."""

NAME = rf"(?:{_WORD}|{_QUOTED_NAME})"
"""Pattern of one part of a name, quoted or not; also of a keyword."""


class Kind(Enum):
    """What a token is; the value is its pattern, in the order of trial."""

    BLANK = _BLANK
    COMMENT = _COMMENT
    STRING = _STRING
    QUOTED_NAME = _QUOTED_NAME
    NUMBER = _NUMBER
    WORD = _WORD
    SYMBOL = _SYMBOL
    END = r"\Z"


NAME_KINDS = frozenset({Kind.WORD, Kind.QUOTED_NAME})
"""What may be a part of a name."""


@frozen
class Token:
    """
    The smallest part of a statement that means something.

    :ivar text: as the statement has it.
    :ivar offset: characters of the statement before it.
    """

    kind: Kind
    text: str
    offset: int

    @property
    def end(self) -> int:
        """Characters of the statement up to its end."""
        return self.offset + len(self.text)

    @property
    def keyword(self) -> str:
        """
        What it is to the grammar: an upper-case word or a symbol, empty for
        a quoted name, a literal and the end.
        """
        if self.kind is Kind.WORD:
            return self.text.upper()
        return self.text if self.kind is Kind.SYMBOL else ""


_TRIVIA = re.compile(TRIVIA)
_TOKEN = re.compile("|".join(f"(?P<{kind.name}>{kind.value})" for kind in Kind))


def tokens(text: str, offset: int = 0) -> Iterator[Token]:
    """
    All tokens in their order, blanks and comments too, without the end.

    :param offset: where to begin, the beginning of a token.
    :raise StatementRefused: there is something that is no token for Trino.
    """
    while (token := _token_at(text, offset)).kind is not Kind.END:
        yield token
        offset = token.end


def following(text: str, offset: int) -> Token:
    """
    The next token that is neither blank nor comment.

    :param offset: where to begin, the beginning of a token.
    :raise StatementRefused: there is something that is no token for Trino.
    """
    return _token_at(text, next(_TRIVIA.finditer(text, offset)).end())


def significant(text: str, offset: int = 0, most: int | None = None) -> list[Token]:
    """
    Give the tokens that are neither blank nor comment, without the end.

    :param offset: where to begin, the beginning of a token.
    :param most: how many are enough, ``None`` for all.
    :raise StatementRefused: there is something that is no token for Trino.
    """
    trivia = (Kind.BLANK, Kind.COMMENT)
    found = (token for token in tokens(text, offset) if token.kind not in trivia)
    return list(islice(found, most))


def leading_name(found: Sequence[Token], begin: int = 0) -> list[Token]:
    """
    Give the parts of the name that begins at a token, none if there is none.

    :param found: what ``significant`` gives.
    """
    parts = []
    for index in range(begin, len(found), 2):
        if index > begin and found[index - 1].keyword != ".":
            break
        if found[index].kind not in NAME_KINDS:
            break
        parts.append(found[index])
    return parts


def blanked(text: str, offset: int) -> str:
    """Put blanks in place of all before an offset, so that positions stay."""
    return re.sub("[^\n]", " ", text[:offset]) + text[offset:]


def compile_search(pattern: str) -> Callable[[str, int], Token]:
    """
    Make a function that finds the first token at which a pattern matches.

    It passes over the tokens before within the regular expression: 10 KB take
    half a millisecond, where a loop over tokens takes ten.

    :param pattern: tried where a token begins; it may match several tokens.
    :return: given a statement and where to begin, the beginning of a token, it
        gives the token found or the end, and refuses what ``following`` refuses.
    """
    token = "|".join(kind.value for kind in Kind if kind is not Kind.END)
    passage = re.compile(f"(?:(?!{pattern})(?:{token}))*+")

    def search(text: str, offset: int) -> Token:
        return following(text, next(passage.finditer(text, offset)).end())

    return search


def refusal(text: str, offset: int, message: str) -> StatementRefused:
    """
    A refusal that names a place as Trino counts it.

    Only a line feed ends a line, and a column is a character.
    """
    line = text.count("\n", 0, offset) + 1
    return StatementRefused(message, line, offset - text.rfind("\n", 0, offset))


_UNFINISHED = {
    "'": "The string that begins here has no end; write a quote inside it twice.",
    "&'": "The string that begins here has no end; write a quote inside it twice.",
    '"': "The quoted name that begins here has no end; write a quote inside it twice.",
    "/*": "The comment that begins here has no end.",
    "`": 'Backquotes do not quote in Trino; quote a name with double quotes: "…".',
}


def _token_at(text: str, offset: int) -> Token:
    found = _TOKEN.match(text, offset)
    if found is None:
        raise _refused_character(text, offset)
    return Token(Kind[str(found.lastgroup)], found[0], offset)


def _refused_character(text: str, offset: int) -> StatementRefused:
    for opening, message in _UNFINISHED.items():
        if text.startswith(opening, offset):
            return refusal(text, offset, message)
    character = text[offset]
    name = unicodedata.name(character, "a character without a name")
    message = (
        f"{character!r} (U+{ord(character):04X}, {name}) has no meaning in Trino's SQL "
        "outside strings, quoted names and comments."
    )
    if character.isalnum():
        message += ' Quote a name that has other characters than A-Z, 0-9 and _: "…".'
    elif character.isspace():
        message += " Use an ordinary space."
    return refusal(text, offset, message)
