"""
Whether a statement only reads.

In Trino's grammar the first word decides: only a query begins with ``SELECT``,
``TABLE``, ``VALUES``, ``WITH`` or a parenthesis, there are no data-modifying
common table expressions, and ``EXPLAIN`` is what it explains. What is not known
to read is refused.

A query that only reads can still reach beyond its tables or this server's
limits. Refused are ``WITH SESSION``, which overrides the limits, and table
functions that are not on a list: those of connectors hand their argument
unread to another system (``query``, ``raw_query``, ``procedure``,
``query_range``), open what no catalog lists (``sheet``), or read tables that
Trino does not report as read (``table_changes``). Not to be seen in the text,
and so left to Trino's access control, are:

- views, which read with the rights of their owner;
- scalar functions of catalogs: stored routines, and those of the ``ai``
  connector, which send their arguments to a language model;
- quoted names that a connector takes for a query in a language of its own
  (dynamic tables of Pinot, which only read);
- what costs much but tells nothing, bounded by time limits.

Functions in a ``WITH FUNCTION`` clause, also those in Python, run within Trino
and reach nothing else.
"""

import re
from collections.abc import Collection

from attrs import frozen

from mcp_trino.errors import StatementRefused
from mcp_trino.statements.lexer import (
    NAME,
    NAME_KINDS,
    TRIVIA,
    Kind,
    Token,
    blanked,
    compile_search,
    following,
    leading_name,
    refusal,
    significant,
)
from mcp_trino.statements.names import fold
from mcp_trino.statements.refusals import (
    function_refused,
    head_refused,
    shown,
    word_refused,
)

MAX_CHARS = 1_000_000
"""Characters of a statement that Trino takes by default (``query.max-length``)."""

BUILT_IN_TABLE_FUNCTIONS = frozenset(
    (*qualifier, name)
    for qualifier in ((), ("system", "builtin"))
    for name in ("exclude_columns", "sequence")
)
"""Trino's own table functions, which read nothing but what they are given."""

_QUERY_HEADS = frozenset({"SELECT", "TABLE", "VALUES", "WITH"})
_READING_HEADS = frozenset({"SHOW", "DESCRIBE", "DESC"})


def _keyword(words: str) -> str:
    return rf"(?ai:(?:{words})\b)"


def _sequence(*patterns: str) -> str:
    return TRIVIA.join(patterns)


_QUALIFIED_NAME = rf"{NAME}(?:{TRIVIA}\.{TRIVIA}{NAME})*+"

_PARENTHESES = re.compile(rf"(?:\({TRIVIA})*+")
_ANALYZE = rf"(?P<analyze>{_keyword('analyze')}){TRIVIA}(?:{_keyword('verbose')})?+"
_OPTIONS = _sequence(r"\(", _keyword("format|type"), rf"(?:(?:{NAME}|,){TRIVIA})*+\)")
_EXPLAIN = re.compile(_sequence(_keyword("explain"), f"(?:{_ANALYZE}|{_OPTIONS})?+"))

_SESSION_CLAUSE = _sequence(
    _keyword("with"), _keyword("session"), rf"(?!\(|{_keyword('as')})"
)
_FUNCTION = rf"(?!{_keyword('select|values')}){_QUALIFIED_NAME}"
_TABLE_FUNCTION = _sequence(_keyword("table"), r"\(", _FUNCTION, r"\(")
_CALL = re.compile(_sequence(_keyword("table"), r"\(", f"({_FUNCTION})"))
# Trino has no such thing, but its syntax error does not say so.
_NESTED_WRITE = _sequence(
    r"\(",
    "(?:{}|{}|{})".format(
        _sequence(_keyword("insert|merge"), _keyword("into")),
        _sequence(_keyword("delete"), _keyword("from")),
        _sequence(_keyword("update"), _QUALIFIED_NAME, _keyword("set"), NAME, "="),
    ),
)
_LANDMARKS = f"{_SESSION_CLAUSE}|{_TABLE_FUNCTION}|{_NESTED_WRITE}"
_LIKELY = "(?=[;(WwTt])"  # spares most tokens the rest, a third of the time
_search = compile_search(f"{_LIKELY}(?:;|{_LANDMARKS})")
_search_routine = compile_search(rf"{_LIKELY}(?:;{TRIVIA}\Z|{_LANDMARKS})")


MAX_TABLE_FUNCTIONS = 1_000
"""Calls of table functions in one statement, each of which takes time to look at."""


@frozen
class Classified:
    """
    A statement that only reads.

    :ivar text: the whole of it, cut before a semicolon at its end.
    :ivar head: the first token of the statement proper, which is what stands
        after every ``EXPLAIN``.
    :ivar explained: whether an ``EXPLAIN`` stands before it.
    :ivar analyze: where the ``ANALYZE`` of the last ``EXPLAIN ANALYZE`` before it
        begins, ``None`` when there is none.
    """

    text: str
    head: Token
    explained: bool
    analyze: int | None

    @property
    def explainee(self) -> str:
        """The statement proper, blanks in place of all before it."""
        return blanked(self.text, self.head.offset)

    @property
    def defines_routine(self) -> bool:
        """Whether the statement proper begins with ``WITH FUNCTION``."""
        return _defines_routine(self.text, self.head)


def classify(
    text: str,
    table_functions: Collection[tuple[str, ...]] = BUILT_IN_TABLE_FUNCTIONS,
) -> Classified:
    """
    Let a statement pass that only reads.

    :param table_functions: the table functions that may be called: names in
        lower case, in each length in which they may be written.
    :raise StatementRefused: it may do more than read, or it is no statement.
    """
    require_sendable(text)
    explained, analyze = False, None
    token = following(text, 0)
    while found := _EXPLAIN.match(text, token.offset):
        explained = True
        if found["analyze"]:
            analyze = found.start("analyze")
        token = following(text, found.end())
    _require_reading(text, token, explained=explained)
    is_routine = _defines_routine(text, token)
    text = cut(text, token, table_functions, is_routine=is_routine)
    return Classified(text, token, explained, analyze)


def read_only(
    text: str,
    table_functions: Collection[tuple[str, ...]] = BUILT_IN_TABLE_FUNCTIONS,
) -> str:
    """Give the text to send of a statement that ``classify`` lets pass."""
    return classify(text, table_functions).text


def explainable(
    text: str,
    table_functions: Collection[tuple[str, ...]] = BUILT_IN_TABLE_FUNCTIONS,
) -> Classified:
    """
    Let a statement pass whose plan may be asked for: one that only reads.

    :param table_functions: as in ``classify``.
    :raise StatementRefused: it may do more than read, it is no statement, or
        its ``EXPLAIN ANALYZE`` would run it.
    """
    classified = classify(text, table_functions)
    if classified.analyze is not None:
        raise refusal(
            text,
            classified.analyze,
            "EXPLAIN ANALYZE runs the statement. Send it with execute_query, or "
            "leave these two words out to get the plan without running it.",
        )
    return classified


def require_sendable(text: str) -> None:
    """
    Refuse what no statement may be.

    :raise StatementRefused: it is longer than Trino takes, or no text at all.
    """
    if len(text) > MAX_CHARS:
        raise StatementRefused(
            f"The statement has {len(text):,} characters, and Trino takes "
            f"{MAX_CHARS:,} at most. Shorten it."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusal(
            text, error.start, "Half of a surrogate pair is not a character."
        ) from error


def _require_reading(text: str, head: Token, *, explained: bool) -> None:
    if head.keyword not in _READING_HEADS:
        opened = next(_PARENTHESES.finditer(text, head.offset)).end()
        head = following(text, opened)
        if head.keyword not in _QUERY_HEADS:
            raise refusal(text, head.offset, head_refused(head, explained=explained))
    if head.keyword in _READING_HEADS or head.keyword == "WITH":
        _require_second(text, head)


def _require_second(text: str, head: Token) -> None:
    """
    Refuse a head that is none by what comes after it.

    ``EXPLAIN ANALYZE show WITH (…)`` is not about ``SHOW`` or ``WITH``: it
    explains ``ANALYZE`` for a table called show.
    """
    second = following(text, head.end)
    if second.kind not in NAME_KINDS or second.keyword == "WITH":
        raise refusal(text, second.offset, f"After {head.keyword} a word is missing.")
    if (
        head.keyword == "DESCRIBE"
        and second.keyword in ("INPUT", "OUTPUT")
        and following(text, second.end).kind in NAME_KINDS
    ):
        message = word_refused(f"DESCRIBE {second.keyword}")
        raise refusal(text, second.offset, message)


def cut(
    text: str,
    head: Token,
    table_functions: Collection[tuple[str, ...]],
    *,
    is_routine: bool,
) -> str:
    """
    Cut a statement before a semicolon at its end.

    :param head: its first token.
    :param is_routine: there may be semicolons in the body of a function.
    :raise StatementRefused: it reaches further than the head tells.
    """
    search = _search_routine if is_routine else _search
    token = search(text, head.offset)
    calls = 0
    while token.keyword == "TABLE":
        calls += 1
        if calls > MAX_TABLE_FUNCTIONS:
            raise refusal(
                text,
                token.offset,
                f"More than {MAX_TABLE_FUNCTIONS:,} table functions are called. "
                "Split the statement.",
            )
        end = _require_listed(text, token, table_functions)
        token = search(text, end)
    if token.kind is Kind.END:
        return text
    after = following(text, token.end)
    match token.keyword:
        case ";" if after.kind is Kind.END:
            return text[: token.offset]
        case ";":
            message = (
                f"{shown(after)} begins a second statement. "
                "Send one statement at a time."
            )
        case "WITH":
            message = (
                "WITH SESSION sets limits and options that are for this server to "
                "set. Leave the clause out."
            )
        case _:
            message = word_refused(after.keyword)
    raise refusal(text, after.offset, message)


def _defines_routine(text: str, head: Token) -> bool:
    """Say whether the head is ``WITH FUNCTION``, whose body has semicolons."""
    second = following(text, head.end)
    if (head.keyword, second.keyword) != ("WITH", "FUNCTION"):
        return False
    return following(text, second.end).keyword not in ("AS", "(")


def _require_listed(
    text: str, table: Token, table_functions: Collection[tuple[str, ...]]
) -> int:
    """Refuse a table function that is not listed, and find the end of its name."""
    call = next(_CALL.finditer(text, table.offset))
    name = tuple(fold(part.text) for part in leading_name(significant(call[1])))
    if name not in table_functions:
        listed = sorted(".".join(listed) for listed in table_functions)
        raise refusal(text, call.start(1), function_refused(name, listed))
    return call.end(1)
