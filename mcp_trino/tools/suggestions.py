"""
The nearest real names for one that Trino does not know.

Asked as the person herself, so that Trino names only what she may see.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from attrs import define, field, frozen
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime

from mcp_trino.errors import StatementFailed
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement, Window
from mcp_trino.statements.lexer import Kind, tokens
from mcp_trino.statements.names import fold, quote_identifier
from mcp_trino.tools import information_schema
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.functions import BUILT_IN_FUNCTIONS

_SECONDS = 2.0
_SHOWN = 3
_MOST_TABLES = 20
_MOST_NAMES = 500
_BEFORE_NAMES = frozenset({".", ",", "FROM", "JOIN", "TABLE", "DESCRIBE", "DESC"})
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*").fullmatch

Chain = tuple[str, ...]


@frozen
class _Unknown:
    """
    A name that Trino does not know, and where the known ones are.

    :ivar source: a query whose only column holds them, ``None`` when they are
        ``BUILT_IN_FUNCTIONS``.
    """

    kind: str
    name: str
    source: str | None


@define(eq=False)
class Suggestions:
    """Finds them with at most one quick query."""

    _coordinator: ICoordinator = field(repr=False)
    _clock: IReactorTime = field(repr=False)

    async def nearest(
        self, error: StatementFailed, statement: Statement, principal: Principal
    ) -> str | None:
        """
        Give a sentence with the nearest names, ``None`` when nothing is known
        or cannot be known in time.

        :param statement: the statement that failed with the error.
        """
        find = _UNKNOWN.get(error.name)
        unknown = find(error.message, statement) if find else None
        if unknown is None:
            return None
        if unknown.source is None:
            names: Iterable[str] = BUILT_IN_FUNCTIONS
        else:
            names = await self._names(unknown.source, principal)
        near = ", ".join(map(written, _ranked(unknown.name, names)[:_SHOWN]))
        return f"nearest {unknown.kind}: {near}" if near else None

    async def _names(self, source: str, principal: Principal) -> list[str]:
        statement = Statement(source, None, None, timeout_seconds=_SECONDS)
        window = Window(
            max_rows=_MOST_NAMES,
            max_bytes=100_000,
            max_cell_chars=200,
            wait_seconds=2 * _SECONDS,
            further=False,
        )
        asked = self._coordinator.execute(statement, principal, window, None)
        try:
            page = await asked.addTimeout(_SECONDS, self._clock)
        except DeferredTimeout:
            return []
        except FORESEEN:
            return []
        return [row[0] for row in page.rows]


def _ranked(wanted: str, names: Iterable[str]) -> list[str]:
    """Put first what has most pairs of letters in common (Sørensen and Dice)."""
    pairs = _pairs(wanted)

    def likeness(name: str) -> float:
        others = _pairs(name)
        return (pairs & others).total() / (pairs.total() + others.total())

    return sorted(sorted(set(names)), key=likeness, reverse=True)


def _pairs(name: str) -> Counter[str]:
    letters = f" {name.lower().replace('_', '')} "
    return Counter(map("".join, pairwise(letters)))


def written(name: str) -> str:
    """Give one part of a name as a statement may have it, quoted where it must be."""
    return name if _PLAIN(name) else quote_identifier(name)


def _column(message: str, statement: Statement) -> _Unknown | None:
    found = re.match(r"Column '(.+)' cannot be resolved", message)
    tables = _tables(statement)
    if found is None or not tables:
        return None
    name = found[1].rpartition(".")[2]
    return _Unknown("columns", name, information_schema.column_names(tables))


def _table(message: str, statement: Statement) -> _Unknown | None:
    del statement
    found = re.match(r"Table '([^.]+)\.([^.]+)\.(.+)' does not exist", message)
    if found is None:
        return None
    catalog, schema, name = found.groups()
    source = information_schema.tables_like(catalog, schema, name)
    return _Unknown("tables", name, source)


def _schema(message: str, statement: Statement) -> _Unknown | None:
    found = re.match(r"Schema '(.+)' does not exist", message)
    if found is None:
        return None
    name = found[1]
    chains = _chains(statement.text)
    catalogs = [chain[0] for chain in chains if chain[1:2] == (name,)]
    catalog = catalogs[0] if catalogs else statement.catalog
    if catalog is None:
        return None
    return _Unknown("schemas", name, information_schema.schemas_like(catalog, name))


def _catalog(message: str, statement: Statement) -> _Unknown | None:
    del statement
    found = re.match(r"Catalog '(.+)' not found", message)
    return (
        _Unknown("catalogs", found[1], information_schema.CATALOGS) if found else None
    )


def _function(message: str, statement: Statement) -> _Unknown | None:
    del statement
    found = re.match(r"Function '(.+)' not registered", message)
    return _Unknown("functions", found[1], None) if found else None


_UNKNOWN: dict[str, Callable[[str, Statement], _Unknown | None]] = {
    "COLUMN_NOT_FOUND": _column,
    "TABLE_NOT_FOUND": _table,
    "SCHEMA_NOT_FOUND": _schema,
    "CATALOG_NOT_FOUND": _catalog,
    "FUNCTION_NOT_FOUND": _function,
}


def _tables(statement: Statement) -> list[tuple[str, str, str]]:
    """Give the full names of what may be the tables of a statement."""
    tables = []
    for chain in _chains(statement.text):
        catalog, schema, table = (None, None, *chain)[-3:]
        catalog, schema = catalog or statement.catalog, schema or statement.schema
        if catalog and schema and table:
            tables.append((catalog, schema, table))
    return list(dict.fromkeys(tables))[:_MOST_TABLES]


def _chains(text: str) -> list[Chain]:
    """Give the names that stand where tables do, taken apart at their dots."""
    chains: list[Chain] = []
    before, collecting = "", False
    for token in tokens(text):
        if token.kind in (Kind.BLANK, Kind.COMMENT):
            continue
        if token.kind in (Kind.WORD, Kind.QUOTED_NAME) and before in _BEFORE_NAMES:
            if before != ".":
                chains.append((fold(token.text),))
                collecting = True
            elif collecting:
                chains[-1] += (fold(token.text),)
        elif token.keyword != ".":
            collecting = False
        before = token.keyword
    return chains
