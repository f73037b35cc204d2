"""
The statements that ask Trino for names, chosen by their cost.

``information_schema`` shows each person what she may see and takes half the
time of ``SHOW``; its column ``comment`` of ``columns`` is hidden, but there.
Comments of tables are in ``system.metadata`` only. Trino keeps all names in
lower case, and so they have to be passed.
"""

# ruff: noqa: S608 - names and literals are written by statements.names

from collections.abc import Iterable

from mcp_trino.statements.names import quote_identifier, quote_literal

CATALOGS = "SHOW CATALOGS"


def qualified(*parts: str) -> str:
    """Write a name of several parts."""
    return ".".join(map(quote_identifier, parts))


def schemas(catalog: str, pattern: str, after: tuple[str, ...], count: int) -> str:
    """
    Ask for the names of schemas, in order.

    :param after: the name that they come after; ``()`` for all.
    """
    return (
        f"SELECT schema_name FROM {_relation(catalog, 'schemata')}"
        f" WHERE schema_name {like(pattern)}{_after(('schema_name',), after)}"
        f" ORDER BY 1 LIMIT {count}"
    )


def tables(
    catalog: str, schema: str | None, pattern: str, after: tuple[str, ...], count: int
) -> str:
    """
    Ask for the schemas, names and types of tables, in order.

    :param schema: ``None`` for all that are not Trino's own.
    :param after: the schema and name that they come after; ``()`` for all.
    """
    where = (
        "<> 'information_schema'" if schema is None else f"= {quote_literal(schema)}"
    )
    return (
        "SELECT table_schema, table_name, table_type"
        f" FROM {_relation(catalog, 'tables')} WHERE table_schema {where}"
        f" AND table_name {like(pattern)}"
        f"{_after(('table_schema', 'table_name'), after)} ORDER BY 1, 2 LIMIT {count}"
    )


def _after(columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    if not names:
        return ""
    compared = ", ".join(columns), ", ".join(map(quote_literal, names))
    return " AND ROW({}) > ROW({})".format(*compared)


def visible(catalog: str, schema: str) -> str:
    """Ask for tables in the way that fails when there is no such schema."""
    return f"SHOW TABLES FROM {qualified(catalog, schema)}"


def table_comments(catalog: str, schema: str, condition: str) -> str:
    """
    Ask for the names and comments of the tables that have one.

    :param condition: ``named`` or ``like``.
    """
    return (
        "SELECT table_name, comment FROM system.metadata.table_comments"
        f" WHERE catalog_name = {quote_literal(catalog)}"
        f" AND schema_name = {quote_literal(schema)}"
        f" AND table_name {condition} AND comment <> '' ORDER BY 1"
    )


def named(table: str) -> str:
    """Give the condition of one name."""
    return f"= {quote_literal(table)}"


def like(pattern: str, after: tuple[str, ...] = ()) -> str:
    """
    Give the condition of all names that a pattern of ``LIKE`` matches.

    :param after: the name of a table that they come after; ``()`` for all.
    """
    return f"LIKE {quote_literal(pattern)}{_after(('table_name',), after)}"


def columns(catalog: str, schema: str, table: str) -> str:
    """
    Ask for position, name, type, nullability and comment of a table's columns.

    The row of position 0 has the type of the table in place of the name.
    """
    where = (
        f"WHERE table_schema = {quote_literal(schema)}"
        f" AND table_name = {quote_literal(table)}"
    )
    return (
        "SELECT ordinal_position, column_name, data_type, is_nullable, comment"
        f" FROM {_relation(catalog, 'columns')} {where}"
        " UNION ALL SELECT 0, table_type, NULL, NULL, NULL"
        f" FROM {_relation(catalog, 'tables')} {where}"
    )


def described(catalog: str, schema: str, table: str) -> str:
    """Ask for columns in the way that finds hidden tables too, and fails for none."""
    return f"SHOW COLUMNS FROM {qualified(catalog, schema, table)}"


def sample(catalog: str, schema: str, table: str, rows: int) -> str:
    """Ask for some rows of a table."""
    return f"SELECT * FROM {qualified(catalog, schema, table)} LIMIT {rows}"


def all_tables(catalog: str) -> str:
    """Ask for the schemas and names of a catalog's tables, Trino's own left out."""
    return (
        f"SELECT table_schema, table_name FROM {_relation(catalog, 'tables')}"
        " WHERE table_schema <> 'information_schema'"
    )


def all_comments(catalog: str) -> str:
    """Ask for the schemas, names and comments of the tables that have one."""
    return (
        "SELECT schema_name, table_name, comment FROM system.metadata.table_comments"
        f" WHERE catalog_name = {quote_literal(catalog)}"
        " AND schema_name <> 'information_schema' AND comment <> ''"
    )


def all_columns(catalog: str) -> str:
    """
    Ask for the schemas, names and columns of a catalog's tables.

    The columns are lines; a comment comes after the name and a tab.
    """
    column = "column_name || coalesce(chr(9) || nullif(comment, ''), '')"
    line = f"replace({column}, chr(10), ' ')"
    return (
        f"SELECT table_schema, table_name, array_join(array_agg({line}"
        f" ORDER BY ordinal_position), chr(10)) FROM {_relation(catalog, 'columns')}"
        " WHERE table_schema <> 'information_schema' GROUP BY 1, 2"
    )


def statistics(catalog: str, schema: str, table: str) -> str:
    """Ask for what Trino estimates of a table."""
    return f"SHOW STATS FOR {qualified(catalog, schema, table)}"


def definition(kind: str, catalog: str, schema: str, table: str) -> str:
    """
    Ask for the statement that creates a table or a view.

    :param kind: ``TABLE``, ``VIEW`` or ``MATERIALIZED VIEW``.
    """
    return f"SHOW CREATE {kind} {qualified(catalog, schema, table)}"


def column_names(found_in: Iterable[tuple[str, str, str]]) -> str:
    """
    Ask for the names of the columns of tables.

    :param found_in: catalog, schema and table of each; one at least.
    """
    by_catalog: dict[str, list[str]] = {}
    for catalog, schema, table in found_in:
        by_catalog.setdefault(catalog, []).append(
            f"(table_schema = {quote_literal(schema)}"
            f" AND table_name = {quote_literal(table)})"
        )
    return " UNION ALL ".join(
        f"SELECT column_name FROM {_relation(catalog, 'columns')}"
        f" WHERE {' OR '.join(conditions)}"
        for catalog, conditions in by_catalog.items()
    )


def tables_like(catalog: str, schema: str, name: str) -> str:
    """Ask for the names of a schema's tables that are nearest to one."""
    return (
        f"SELECT table_name FROM {_relation(catalog, 'tables')}"
        f" WHERE table_schema = {quote_literal(schema)} {_nearest('table_name', name)}"
    )


def schemas_like(catalog: str, name: str) -> str:
    """Ask for the names of a catalog's schemas that are nearest to one."""
    return (
        f"SELECT schema_name FROM {_relation(catalog, 'schemata')}"
        f" {_nearest('schema_name', name)}"
    )


def _nearest(column: str, name: str) -> str:
    # Trino chooses, for there may be many thousand.
    distance = f"levenshtein_distance({column}, {quote_literal(name)})"
    return f"ORDER BY {distance} LIMIT 500"


def _relation(catalog: str, name: str) -> str:
    return f"{quote_identifier(catalog)}.information_schema.{name}"
