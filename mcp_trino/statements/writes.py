"""
Which statements that write may be run, where an operator lets some.

Lists of what may be seen hold for writing too. Trino says what a statement
writes only when it writes, so the name is taken out of the statement, and what
it reads has to be a query by itself, which Trino can be asked about before.
Where that is not so, the statement is refused.
"""

from collections.abc import Collection
from enum import Enum

from attrs import frozen

from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.classify import cut, require_sendable
from mcp_trino.statements.lexer import (
    Token,
    blanked,
    following,
    leading_name,
    refusal,
    significant,
)
from mcp_trino.statements.names import fold
from mcp_trino.statements.refusals import kept_away, not_a_write, shown
from mcp_trino.statements.tables import MAX_CHARS, Place

HEADS = frozenset(
    {
        *("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "DROP", "ALTER"),
        *("COMMENT", "GRANT", "REVOKE", "DENY", "ANALYZE", "REFRESH", "CALL"),
    }
)
"""The words that a statement begins with that changes something."""

_QUERY_HEADS = frozenset({"SELECT", "TABLE", "VALUES", "WITH", "("})
_ROUTINES = (("CREATE", "FUNCTION"), ("CREATE", "OR", "REPLACE", "FUNCTION"))


class _Reads(Enum):
    """What stands after the name that is written."""

    NOTHING = 1
    """No other table."""
    QUERY = 2
    """Names of columns, and a query."""
    AS_QUERY = 3
    """What a table is to be like, and a query after AS."""


# The first that fits counts.
_FORMS = (
    (("INSERT", "INTO"), _Reads.QUERY),
    (("CREATE", "TABLE", "IF", "NOT", "EXISTS"), _Reads.AS_QUERY),
    (("CREATE", "OR", "REPLACE", "TABLE"), _Reads.AS_QUERY),
    (("CREATE", "TABLE"), _Reads.AS_QUERY),
    (("DELETE", "FROM"), _Reads.NOTHING),
    (("UPDATE",), _Reads.NOTHING),
    (("TRUNCATE", "TABLE"), _Reads.NOTHING),
    (("DROP", "TABLE", "IF", "EXISTS"), _Reads.NOTHING),
    (("DROP", "TABLE"), _Reads.NOTHING),
    (("DROP", "VIEW", "IF", "EXISTS"), _Reads.NOTHING),
    (("DROP", "VIEW"), _Reads.NOTHING),
    (("ANALYZE",), _Reads.NOTHING),
    (("COMMENT", "ON", "TABLE"), _Reads.NOTHING),
    (("COMMENT", "ON", "VIEW"), _Reads.NOTHING),
)


@frozen
class Write:
    """
    A statement that writes.

    :ivar text: the whole of it, cut before a semicolon at its end.
    :ivar head: its first token.
    """

    text: str
    head: Token

    def query(self, place: Place, allowlist: Allowlist) -> str | None:
        """
        Let it pass if it writes only what may be seen.

        :return: the query whose tables it reads, blanks in place of the rest;
            ``None`` when it reads none.
        :raise StatementRefused: it does not, or nobody can say.
        """
        if len(self.text) > MAX_CHARS:
            message = f"Split it: {MAX_CHARS:,} characters are the most here."
            raise refusal(self.text, self.head.offset, message)
        found = significant(self.text, self.head.offset)
        words = tuple(token.keyword for token in found[:5])
        for form, reads in _FORMS:
            if words[: len(form)] == form:
                rest = self._written(found[len(form) :], place, allowlist)
                return self._query(rest, reads)
        raise self._undecidable(self.head)

    def _written(
        self, found: list[Token], place: Place, allowlist: Allowlist
    ) -> list[Token]:
        """Let the name pass that is written, and give the tokens after it."""
        parts = leading_name(found)
        name = place.full(tuple(fold(part.text) for part in parts))
        offset = found[0].offset if found else len(self.text)
        if name is None:
            message = "Write the full name here: catalog.schema.table."
            raise refusal(self.text, offset, message)
        if not allowlist.table(*name):
            raise refusal(self.text, offset, kept_away(*name))
        return found[2 * len(parts) - 1 :]

    def _query(self, rest: list[Token], reads: _Reads) -> str | None:
        begin = None
        if reads is _Reads.QUERY:
            begin = _after_columns(rest)
        elif reads is _Reads.AS_QUERY:
            begin = _after_as(rest)
        fixed = rest if begin is None else rest[:begin]
        for token in fixed:
            # Subqueries, and tables that others are to be like.
            if token.keyword in ("SELECT", "TABLE", "LIKE"):
                raise self._undecidable(token)
        if begin is None:
            return None
        end = _before_data(rest)
        return blanked(self.text[:end], rest[begin].offset)

    def _undecidable(self, token: Token) -> Exception:
        return refusal(
            self.text,
            token.offset,
            f"What {shown(token)} reads or changes here cannot be held against what "
            "may be seen. INSERT and CREATE TABLE … AS take a query; UPDATE, DELETE, "
            "TRUNCATE, ANALYZE and DROP are possible without another table.",
        )


def writing(text: str, table_functions: Collection[tuple[str, ...]]) -> Write:
    """
    Let a statement pass that changes data, definitions or permissions.

    :param table_functions: as in ``classify``.
    :raise StatementRefused: it does not, or what it changes is not for callers:
        their session, or which catalogs there are.
    """
    require_sendable(text)
    head = following(text, 0)
    second = following(text, head.end)
    if head.keyword not in HEADS:
        raise refusal(text, head.offset, not_a_write(head))
    if head.keyword in ("CREATE", "DROP") and second.keyword == "CATALOG":
        message = "Which catalogs there are is for an administrator of Trino to say."
        raise refusal(text, second.offset, message)
    words = [head, second]
    while len(words) < len(_ROUTINES[-1]):
        words.append(following(text, words[-1].end))
    keywords = tuple(word.keyword for word in words)
    is_routine = any(keywords[: len(form)] == form for form in _ROUTINES)
    return Write(cut(text, head, table_functions, is_routine=is_routine), head)


def _after_columns(rest: list[Token]) -> int | None:
    """Say where the query begins that may have names of columns before it."""
    index = 0
    if len(rest) > 1 and rest[0].keyword == "(" and rest[1].keyword not in _QUERY_HEADS:
        while index < len(rest) and rest[index].keyword != ")":
            index += 1
        index += 1
    return index if index < len(rest) else None


def _after_as(rest: list[Token]) -> int | None:
    """Say where the query after the first AS begins that is in no parentheses."""
    depth = 0
    for index, token in enumerate(rest[:-1]):
        depth += {"(": 1, ")": -1}.get(token.keyword, 0)
        if depth == 0 and token.keyword == "AS":
            return index + 1
    return None


def _before_data(rest: list[Token]) -> int | None:
    """Say where ``WITH [NO] DATA`` begins at the end, if it is there."""
    for words in (("WITH", "DATA"), ("WITH", "NO", "DATA")):
        if tuple(token.keyword for token in rest[-len(words) :]) == words:
            return rest[-len(words)].offset
    return None
