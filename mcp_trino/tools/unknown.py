"""
What an error of Trino's says about a name that it does not know.

Its messages are for people and may change: what is not understood has no hint.
"""

import re
from collections.abc import Callable

from attrs import frozen

from mcp_trino.errors import StatementFailed
from mcp_trino.queries import Statement, Table
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.tables import Place, named_tables
from mcp_trino.tools import information_schema

FUNCTIONS = "functions"
_MOST_TABLES = 20
# Names are looked for in the reactor's thread, 10 KB in some milliseconds.
_MOST_CHARS = 20_000
_TABLE_FUNCTIONS = frozenset({"sequence", "exclude_columns"})
_TYPES = frozenset(
    """
    array bigint boolean char date decimal double hyperloglog integer interval
    ipaddress json map qdigest real row smallint tdigest time timestamp tinyint
    uuid varbinary varchar
    """.split()  # noqa: SIM905 - a list of literals says no more
)

_Seen = tuple[Table, ...]


@frozen
class Unknown:
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


def unknown_name(
    error: StatementFailed, statement: Statement, allowlist: Allowlist
) -> Unknown | None:
    """
    Give the name that an error is about, ``None`` when it is about none, or the
    statement is too long to be looked through.

    :param statement: the one that failed.
    :param allowlist: the columns of what it keeps away are not looked for.
    """
    find = _FINDERS.get(error.name)
    if find is None or len(statement.text) > _MOST_CHARS:
        return None
    return find(error.message, statement, _seen(statement, allowlist))


def _column(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del statement
    found = re.match(
        r"Column '(.+)' (?:cannot be resolved|is missing from (?:left|right) side)",
        message,
    )
    if found is None or not seen:
        return None
    name = found[1].rpartition(".")[2]
    return Unknown("columns", name, information_schema.column_names(seen))


def _table(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del statement, seen
    found = re.match(r"Table '([^.]+)\.([^.]+)\.(.+)' does not exist", message)
    if found is None:
        return None
    catalog, schema, name = found.groups()
    source = information_schema.tables_like(catalog, schema, name)
    return Unknown("tables", name, source, (catalog, schema))


def _schema(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del seen
    found = re.match(r"Schema '(.+)' does not exist", message)
    if found is None:
        return None
    name = found[1]
    named = [table.parts for table in named_tables(statement.text)]
    catalogs = [parts[0] for parts in named if parts[1:2] == (name,)]
    catalog = catalogs[0] if catalogs else statement.catalog
    if catalog is None:
        return None
    source = information_schema.schemas_like(catalog, name)
    return Unknown("schemas", name, source, (catalog.lower(),))


def _catalog(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del statement, seen
    found = re.match(r"Catalog '(.+)' not found", message)
    return Unknown("catalogs", found[1], information_schema.CATALOGS) if found else None


def _function(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del statement, seen
    found = re.match(r"(Table f|F)unction '(.+)' not registered", message)
    if found is None:
        return None
    name = found[2].rpartition(".")[2]
    if found[1] == "F":
        return Unknown(FUNCTIONS, name, None)
    return Unknown("table functions", name, None, names=_TABLE_FUNCTIONS)


def _type(message: str, statement: Statement, seen: _Seen) -> Unknown | None:
    del statement, seen
    found = re.match(r"Unknown type: ([a-z_]+)", message)
    return Unknown("types", found[1], None, names=_TYPES) if found else None


_FINDERS: dict[str, Callable[[str, Statement, _Seen], Unknown | None]] = {
    "COLUMN_NOT_FOUND": _column,
    "TABLE_NOT_FOUND": _table,
    "SCHEMA_NOT_FOUND": _schema,
    "CATALOG_NOT_FOUND": _catalog,
    "FUNCTION_NOT_FOUND": _function,
    "TYPE_MISMATCH": _type,
    "TYPE_NOT_FOUND": _type,
}


def _seen(statement: Statement, allowlist: Allowlist) -> _Seen:
    """Give what may be the tables of a statement, those that may be seen."""
    place = Place(statement.catalog, statement.schema)
    named = (place.full(table.parts) for table in named_tables(statement.text))
    tables = dict.fromkeys(table for table in named if table is not None)
    return tuple(table for table in tables if allowlist.table(*table))[:_MOST_TABLES]
