"""
The nearest real names for one that Trino does not know.

Asked as the person herself, so that Trino names only what she may see.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.errors import StatementFailed
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement, Window
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.lexer import Kind, tokens
from mcp_trino.statements.names import fold, quote_identifier
from mcp_trino.tools import information_schema
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.functions import BUILT_IN_FUNCTIONS
from mcp_trino.tools.kept import Kept

_SECONDS = 2.0
_SHOWN = 3
_MOST_TABLES = 20
_MOST_NAMES = 500
_MOST_BYTES = 1_000_000
_LEARN_SECONDS = 20.0
_MOST_FUNCTIONS = 10_000
_FUNCTIONS_SECONDS = 3600.0
_MOST_IDENTITIES = 200
_FUNCTIONS = "functions"
_TABLE_FUNCTIONS = frozenset({"sequence", "exclude_columns"})
_TYPES = frozenset(
    """
    array bigint boolean char date decimal double hyperloglog integer interval
    ipaddress json map qdigest real row smallint tdigest time timestamp tinyint
    uuid varbinary varchar
    """.split()  # noqa: SIM905 - a list of literals says no more
)
_BEFORE_NAMES = frozenset({".", ",", "FROM", "JOIN", "TABLE", "DESCRIBE", "DESC"})
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*").fullmatch

_Identity = tuple[str, str | None]
Chain = tuple[str, ...]
Seen = tuple[tuple[str, str, str], ...]


@frozen
class _Unknown:
    """
    A name that Trino does not know, and where the known ones are.

    :ivar source: a query whose only column holds them, ``None`` when it takes
        no query.
    :ivar place: the catalog and schema that they are in, as far as it is known.
    :ivar names: those that are known without a query.
    """

    kind: str
    name: str
    source: str | None
    place: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


@define(eq=False)
class Suggestions:
    """
    Finds them with at most one quick query that somebody waits for.

    Functions are asked for beside the first error about one, since that takes
    Trino seconds; until then the built-in ones are known.

    :ivar clock: bounds what is waited for and how long it is known.
    """

    _log = Logger()

    _coordinator: ICoordinator = field(repr=False)
    clock: IReactorTime = field(repr=False)
    _allowlist: Allowlist = field(default=Allowlist(), repr=False)
    _functions: Kept[_Identity, frozenset[str]] = field(init=False, repr=False)

    @_functions.default
    def _none_kept(self) -> Kept[_Identity, frozenset[str]]:
        return Kept(self.clock, _FUNCTIONS_SECONDS, _MOST_IDENTITIES)

    async def nearest(
        self, error: StatementFailed, statement: Statement, principal: Principal
    ) -> str | None:
        """
        Give a sentence with the nearest names, ``None`` when nothing is known
        or cannot be known in time.

        :param statement: the statement that failed with the error.
        """
        find = _UNKNOWN.get(error.name)
        seen = _seen(statement, self._allowlist) if find else ()
        unknown = find(error.message, statement, seen) if find else None
        if unknown is None:
            return None
        names: Iterable[str] = unknown.names
        if unknown.kind == _FUNCTIONS:
            names = self._function_names(principal)
        elif unknown.source is not None:
            page = await self._asked(unknown.source, principal, _SECONDS, _MOST_NAMES)
            names = [name for name in page if self._may_be_seen(unknown, name)]
        near = ", ".join(map(written, _ranked(unknown.name, names)[:_SHOWN]))
        return f"nearest {unknown.kind}: {near}" if near else None

    def _may_be_seen(self, unknown: _Unknown, name: str) -> bool:
        allows: dict[str, Callable[..., bool]] = {
            "catalogs": self._allowlist.catalog,
            "schemas": self._allowlist.schema,
            "tables": self._allowlist.table,
        }
        decide = allows.get(unknown.kind)
        return decide is None or decide(*unknown.place, name.lower())

    def _function_names(self, principal: Principal) -> frozenset[str]:
        identity = principal.key, self._coordinator.user_of(principal)
        known = self._functions.get(identity)
        if known is None:
            known = BUILT_IN_FUNCTIONS
            self._functions.put(identity, known)
            learns = Deferred.fromCoroutine(self._learn_functions(principal, identity))
            learns.addErrback(
                lambda failure: self._log.failure("functions", failure=failure)
            )
        return known

    async def _learn_functions(self, principal: Principal, identity: _Identity) -> None:
        names = await self._asked(
            "SHOW FUNCTIONS", principal, _LEARN_SECONDS, _MOST_FUNCTIONS
        )
        if names:
            self._functions.put(identity, BUILT_IN_FUNCTIONS | set(names))

    async def _asked(
        self, source: str, principal: Principal, seconds: float, most: int
    ) -> list[str]:
        statement = Statement(source, None, None, timeout_seconds=seconds)
        window = Window(
            max_rows=most,
            max_bytes=_MOST_BYTES,
            max_cell_chars=200,
            wait_seconds=2 * seconds,
            further=False,
        )
        asked = self._coordinator.execute(statement, principal, window, None)
        try:
            page = await asked.addTimeout(seconds, self.clock)
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


def _column(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del statement
    found = re.match(
        r"Column '(.+)' (?:cannot be resolved|is missing from (?:left|right) side)",
        message,
    )
    if found is None or not seen:
        return None
    name = found[1].rpartition(".")[2]
    return _Unknown("columns", name, information_schema.column_names(seen))


def _table(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del statement, seen
    found = re.match(r"Table '([^.]+)\.([^.]+)\.(.+)' does not exist", message)
    if found is None:
        return None
    catalog, schema, name = found.groups()
    source = information_schema.tables_like(catalog, schema, name)
    return _Unknown("tables", name, source, (catalog, schema))


def _schema(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del seen
    found = re.match(r"Schema '(.+)' does not exist", message)
    if found is None:
        return None
    name = found[1]
    chains = _chains(statement.text)
    catalogs = [chain[0] for chain in chains if chain[1:2] == (name,)]
    catalog = catalogs[0] if catalogs else statement.catalog
    if catalog is None:
        return None
    source = information_schema.schemas_like(catalog, name)
    return _Unknown("schemas", name, source, (catalog.lower(),))


def _catalog(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del statement, seen
    found = re.match(r"Catalog '(.+)' not found", message)
    return (
        _Unknown("catalogs", found[1], information_schema.CATALOGS) if found else None
    )


def _function(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del statement, seen
    found = re.match(r"(Table f|F)unction '(.+)' not registered", message)
    if found is None:
        return None
    name = found[2].rpartition(".")[2]
    if found[1] == "F":
        return _Unknown(_FUNCTIONS, name, None)
    return _Unknown("table functions", name, None, names=_TABLE_FUNCTIONS)


def _type(message: str, statement: Statement, seen: Seen) -> _Unknown | None:
    del statement, seen
    found = re.match(r"Unknown type: ([a-z_]+)", message)
    return _Unknown("types", found[1], None, names=_TYPES) if found else None


_UNKNOWN: dict[str, Callable[[str, Statement, Seen], _Unknown | None]] = {
    "COLUMN_NOT_FOUND": _column,
    "TABLE_NOT_FOUND": _table,
    "SCHEMA_NOT_FOUND": _schema,
    "CATALOG_NOT_FOUND": _catalog,
    "FUNCTION_NOT_FOUND": _function,
    "TYPE_MISMATCH": _type,
    "TYPE_NOT_FOUND": _type,
}


def _seen(statement: Statement, allowlist: Allowlist) -> Seen:
    """Give what may be the tables of a statement, those that may be seen."""
    tables = []
    for chain in _chains(statement.text):
        catalog, schema, table = (None, None, *chain)[-3:]
        catalog, schema = catalog or statement.catalog, schema or statement.schema
        if catalog and schema and table:
            tables.append((catalog.lower(), schema.lower(), table))
    found = [table for table in dict.fromkeys(tables) if allowlist.table(*table)]
    return tuple(found[:_MOST_TABLES])


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
