"""
The tables that a statement names, as far as its tokens tell.

What a statement reads is for Trino to say. This serves where Trino has not said
it: to find the place of a name, and to judge an error that came before Trino
knew what is read. Where it cannot tell it takes a name for that of a table.
"""

from collections import Counter
from collections.abc import Iterator

from attrs import define, field, frozen

from mcp_trino.queries import Table
from mcp_trino.statements.lexer import (
    NAME_KINDS,
    Kind,
    Token,
    leading_name,
    significant,
)
from mcp_trino.statements.names import fold

MAX_CHARS = 100_000
"""Characters of a statement in which names are looked for."""

_PARTS = 3
_INTRODUCE = frozenset({"FROM", "JOIN", "TABLE"})
# Reserved words, which no name and no alias can be; after them no table follows.
_END_FROM = frozenset(
    {
        *("SELECT", "VALUES", "WHERE", "GROUP", "HAVING", "ORDER"),
        *("UNION", "INTERSECT", "EXCEPT"),
    }
)
_RESERVED = _END_FROM | _INTRODUCE | {"WITH"}
# Functions within which FROM belongs to the call.
_OWN_FROM = frozenset({"EXTRACT", "TRIM", "SUBSTRING"})


@frozen
class Place:
    """Where unqualified names are: a catalog and a schema, ``None`` for none."""

    catalog: str | None
    schema: str | None

    def full(self, parts: tuple[str, ...]) -> Table | None:
        """
        Give the full name of a table, in lower case.

        :param parts: those that were written, in lower case.
        :return: ``None`` when a part is missing, or there are too many.
        """
        missing = (self.catalog, self.schema)[: max(_PARTS - len(parts), 0)]
        given = missing + parts
        if len(given) != _PARTS or not all(given):
            return None
        catalog, schema, table = (str(part).lower() for part in given)
        return catalog, schema, table


NOWHERE = Place(None, None)
"""No unqualified names."""


@frozen
class Named:
    """
    A name that stands where a table's does.

    :ivar parts: in lower case.
    :ivar offset: where it begins.
    """

    parts: tuple[str, ...]
    offset: int


@define
class _Level:
    """
    What is between two parentheses that belong together.

    :ivar opener: the word before the first of them.
    :ivar in_from: a comma comes before another table.
    :ivar declares: the common table expression whose query this is.
    :ivar names: of the common table expressions that are known within.
    """

    opener: str = ""
    in_from: bool = False
    declares: str = ""
    names: list[str] = field(factory=list)


@define
class _Finder:
    """
    Goes through the tokens once.

    :ivar expects: the next name is that of a table.
    :ivar listing: the query of a common table expression ended just now.
    :ivar declared: the next one, and where its query opens.
    :ivar known: how often a common table expression of a name is known here.
    """

    _tokens: list[Token]
    _levels: list[_Level] = field(factory=lambda: [_Level()])
    _expects: bool = False
    _listing: bool = False
    _declared: tuple[str, int] = ("", -1)
    _known: Counter[str] = field(factory=Counter)

    def find(self) -> Iterator[Named]:
        """Give the names in their order."""
        index = 0
        while index < len(self._tokens):
            chain = leading_name(self._tokens, index) if self._expects else []
            end = index + 2 * len(chain) - 1
            if chain and self._is_table(chain, end):
                parts = tuple(fold(part.text) for part in chain)
                yield Named(parts, chain[0].offset)
                self._expects = self._listing = False
                index = end
            else:
                self._step(index)
                index += 1

    def _is_table(self, chain: list[Token], end: int) -> bool:
        if self._keyword(end) == "(":  # LATERAL, UNNEST, a table function
            return False
        if len(chain) > 1:
            return True
        is_known = self._known[fold(chain[0].text)] > 0
        return chain[0].keyword not in _RESERVED and not is_known

    def _step(self, index: int) -> None:
        """Take note of a token that is no table's name."""
        level, word = self._levels[-1], self._keyword(index)
        expected, self._expects = self._expects, False
        listing, self._listing = self._listing, False
        if word == "(":
            name, opens = self._declared
            opened = _Level(self._keyword(index - 1), in_from=expected)
            opened.declares = name if index == opens else ""
            self._levels.append(opened)
            self._expects = expected
        elif word == ")":
            self._close()
        elif word in ("WITH", "RECURSIVE") or (word == "," and listing):
            self._declare(index)
        elif word in _INTRODUCE and not self._is_own_from(index):
            level.in_from = level.in_from or word != "TABLE"
            self._expects = True
        elif word == ",":
            self._expects = level.in_from
        elif word in _END_FROM and self._keyword(index - 1) != "WITHIN":
            level.in_from = False

    def _is_own_from(self, index: int) -> bool:
        distinct = self._keyword(index - 1) == "DISTINCT"
        return self._keyword(index) == "FROM" and (
            (distinct and self._keyword(index - 2) in ("IS", "NOT"))
            or self._levels[-1].opener in _OWN_FROM
        )

    def _close(self) -> None:
        if len(self._levels) > 1:
            closed = self._levels.pop()
            self._known.subtract(closed.names)
            if closed.declares:
                self._know(closed.declares)
                self._listing = True

    def _know(self, name: str) -> None:
        self._levels[-1].names.append(name)
        self._known[name] += 1

    def _declare(self, index: int) -> None:
        """See whether ``name [(columns)] AS (`` follows, and remember the name."""
        after = index + 2
        if self._kind(index + 1) not in NAME_KINDS:
            return
        if self._keyword(after) == "(":
            after += 1
            while self._kind(after) in NAME_KINDS or self._keyword(after) == ",":
                after += 1
            after += 1
        if (self._keyword(after), self._keyword(after + 1)) == ("AS", "("):
            name = fold(self._tokens[index + 1].text)
            self._declared = name, after + 1
            if self._keyword(index) == "RECURSIVE":
                self._know(name)

    def _keyword(self, index: int) -> str:
        return self._tokens[index].keyword if 0 <= index < len(self._tokens) else ""

    def _kind(self, index: int) -> Kind:
        return self._tokens[index].kind if index < len(self._tokens) else Kind.END


def named_tables(text: str) -> list[Named]:
    """
    Give the names that may be those of tables, common table expressions left out.

    :param text: a query, or a statement around one.
    :raise StatementRefused: there is something that is no token for Trino.
    """
    return list(_Finder(significant(text)).find())
