"""
Ways around the lists of what may be seen, as data.

``{h}`` stands for a table that may not be seen, in some spelling; ``{a}`` for
one that may. Both have the columns ``regionkey``, ``name`` and ``comment``, the
hidden one ``nationkey`` too.
"""

import os

from attrs import frozen

MINE = f"memory.guard_escapes_{os.getpid()}"
"""A schema of this process's own at a Trino that others may use too."""


@frozen
class Profile:
    """
    What an operator lists, and what is hidden by it.

    :ivar lists: the texts of the three settings.
    :ivar hidden: catalog, schema and table.
    :ivar allowed: the same of a table that may be seen.
    """

    name: str
    lists: tuple[str | None, str | None, str | None]
    hidden: tuple[str, str, str]
    allowed: tuple[str, str, str] = ("tpch", "tiny", "region")


PROFILES = (
    Profile("catalogs", ("tpch", None, None), (*MINE.split("."), "nation")),
    Profile("schemas", (None, "tpch.t*, memory.x", None), ("tpch", "sf1", "nation")),
    Profile("tables", (None, None, "*.tiny.region"), ("tpch", "tiny", "nation")),
)

READS = (
    "SELECT * FROM {h}",
    "TABLE {h}",
    "((TABLE {h})) LIMIT 1",
    "SELECT count(*) FROM {h}",
    "SELECT * FROM {h} WHERE false",
    "SELECT 1 FROM {h} LIMIT 0",
    "SELECT * FROM {a}, {h}",
    "SELECT a.name FROM {a} a JOIN {h} h ON true",
    "SELECT * FROM {a} CROSS JOIN {h}",
    "SELECT a.name FROM {a} a LEFT JOIN {h} h ON false",
    "SELECT a.name FROM {a} a JOIN {h} USING (regionkey)",
    "SELECT name FROM {a} WHERE EXISTS (SELECT 1 FROM {h})",
    "SELECT name FROM {a} WHERE regionkey IN (SELECT nationkey FROM {h})",
    "SELECT name FROM {a} WHERE regionkey > ALL (SELECT nationkey FROM {h})",
    "SELECT (SELECT max(name) FROM {h})",
    "SELECT 1 FROM (VALUES 1) v (a) WHERE a < (SELECT max(nationkey) FROM {h})",
    "SELECT coalesce(NULL, (SELECT max(name) FROM {h}))",
    "SELECT CASE WHEN (SELECT count(*) FROM {h}) > 3 THEN 1 ELSE 0 END",
    "SELECT name FROM {a} ORDER BY (SELECT max(name) FROM {h})",
    "SELECT count(*) FROM {a} GROUP BY name HAVING max(name) > (SELECT max(name) FROM {h})",
    "SELECT transform((SELECT array_agg(name) FROM {h}), x -> upper(x))",
    "WITH x AS (SELECT * FROM {h}) SELECT * FROM x",
    "WITH x AS (SELECT * FROM {h}) SELECT 1",
    "WITH region AS (SELECT * FROM {h}) SELECT * FROM region",
    "WITH nation AS (SELECT 1 AS a), x AS (TABLE {h}) SELECT * FROM nation, x",
    "SELECT * FROM (WITH x (a) AS (SELECT name FROM {h}) SELECT * FROM x)",
    (
        "WITH RECURSIVE r (n) AS (SELECT count(*) FROM {h} UNION ALL"
        " SELECT n - 20 FROM r WHERE n > 0) SELECT * FROM r"
    ),
    "SELECT name FROM {a} UNION ALL SELECT name FROM {h}",
    "SELECT name FROM {a} EXCEPT SELECT name FROM {h}",
    "SELECT name FROM {h} INTERSECT SELECT name FROM {h}",
    "SELECT * FROM {a} r, LATERAL (SELECT max(name) FROM {h} h WHERE h.regionkey = r.regionkey)",
    "SELECT * FROM (SELECT name FROM {h}) AS region",
    "SELECT * FROM ({h})",
    "SELECT 1 FROM ({a} CROSS JOIN {h})",
    "SELECT * FROM UNNEST((SELECT array_agg(name) FROM {h}))",
    (
        "SELECT * FROM TABLE(exclude_columns(input => TABLE({h}),"
        " columns => DESCRIPTOR(comment)))"
    ),
    (
        "SELECT * FROM TABLE(exclude_columns(TABLE(SELECT name, 1 AS a FROM {h}),"
        " DESCRIPTOR(a)))"
    ),
    "SELECT * FROM TABLE(sequence(1, 3)) CROSS JOIN {h}",
    (
        "SELECT n FROM {h} MATCH_RECOGNIZE (ORDER BY nationkey MEASURES A.name AS n"
        " ONE ROW PER MATCH PATTERN (A) DEFINE A AS true)"
    ),
    "SELECT count(*) FROM {h} TABLESAMPLE BERNOULLI (100)",
    (
        "SELECT * FROM JSON_TABLE((SELECT '[' || cast(max(nationkey) AS varchar) || ']'"
        " FROM {h}), 'lax $[*]' COLUMNS (v integer PATH 'lax $'))"
    ),
    "SELECT row_number() OVER (ORDER BY name) FROM {h}",
    "SELECT listagg(name, ',') WITHIN GROUP (ORDER BY name) FROM {h}",
    "SELECT regionkey, count(*) FROM {h} GROUP BY ROLLUP (regionkey)",
    "WITH FUNCTION f(x bigint) RETURNS bigint RETURN x SELECT f(nationkey) FROM {h}",
    "SELECT * FROM /* {a} */ {h} -- {a}",
    'SELECT name AS "{a}" FROM {h}',
    "SELECT '{a}', h.name FROM {h} AS h (nationkey, name, regionkey, comment)",
    "SELECT try(cast(name AS integer)) FROM {h};",
    "EXPLAIN ANALYZE SELECT * FROM {h}",
    "EXPLAIN ANALYZE VERBOSE SELECT 1 FROM {a} WHERE EXISTS (TABLE {h})",
)
"""What reads the hidden table, by Trino's own list."""

TELLS = (
    "EXPLAIN SELECT * FROM {h}",
    "EXPLAIN (TYPE LOGICAL, FORMAT JSON) SELECT * FROM {h}",
    "EXPLAIN (TYPE DISTRIBUTED) TABLE {h}",
    "EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM {h} WHERE nationkey = 1",
    "EXPLAIN (TYPE VALIDATE) SELECT nationkey FROM {h}",
    "EXPLAIN SELECT * FROM {h} WHERE false",
    "EXPLAIN WITH x AS (TABLE {h}) SELECT 1",
    "EXPLAIN (SELECT (SELECT count(*) FROM {h}))",
    "EXPLAIN EXPLAIN SELECT * FROM {h}",
    "EXPLAIN EXPLAIN ANALYZE SELECT * FROM {h}",
    "EXPLAIN ANALYZE EXPLAIN SELECT * FROM {h}",
    "EXPLAIN SHOW COLUMNS FROM {h}",
    "EXPLAIN SHOW STATS FOR {h}",
    "EXPLAIN SELECT * FROM TABLE(exclude_columns(TABLE({h}), DESCRIPTOR(comment)))",
    "SHOW STATS FOR {h}",
    "SHOW STATS FOR (SELECT * FROM {h})",
    "SHOW STATS FOR (SELECT name FROM {h} WHERE nationkey > 5)",
    "SHOW /* {a} */ STATS FOR (TABLE {h});",
    "SHOW COLUMNS FROM {h}",
    "SHOW COLUMNS IN {h} LIKE '%'",
    "DESCRIBE {h}",
    "DESC {h}",
    "desc/**/{h}",
    "SHOW CREATE TABLE {h}",
    "SHOW GRANTS ON TABLE {h}",
    "SHOW GRANTS ON {h}",
    "SHOW GRANTS ON VIEW {h}",
    "EXPLAIN ANALYZE SHOW CREATE TABLE {h}",
)
"""What tells about the hidden table without reading it."""

FAILS = (
    "SELECT cast(name AS integer) FROM {h}",
    "SELECT json_parse(name) FROM {h}",
    "SELECT date(name) FROM {h}",
    "SELECT 1 / (nationkey - nationkey) FROM {h}",
    "SELECT fail(name) FROM {h}",
    "SELECT from_hex(name) FROM {h}",
    "SELECT map(ARRAY[name, name], ARRAY[1, 2]) FROM {h}",
    "SELECT name, (SELECT r.name FROM {a} r) FROM {h}",
    "SELECT cast((SELECT max(name) FROM {h}) AS integer) FROM {a}",
    "WITH x AS (SELECT cast(name AS integer) AS i FROM {h}) SELECT max(i) FROM x",
    "EXPLAIN ANALYZE SELECT cast(name AS integer) FROM {h}",
    "SELECT nope FROM {h}",
    "SELECT h.nope FROM {a}, {h} AS h",
    "SELECT name + 1 FROM {h}",
    "SELECT name, count(*) FROM {h}",
    "SELECT regionkey FROM {a}, {h}",
    "SELECT * FROM {h} WHERE name = 1",
    "SELECT upper(nationkey) FROM {h}",
    "SELECT name FROM {a} UNION SELECT nationkey FROM {h}",
    "WITH x AS (SELECT nope FROM {h}) SELECT 1",
    "WITH region AS (SELECT name + 1 FROM {h}) SELECT * FROM region",
    "SELECT (SELECT name, comment FROM {h})",
    "SELECT * FROM (TABLE {h}) AS t (a)",
    "SELECT * FROM {a} CROSS JOIN ({h} h JOIN {a} r ON h.name = r.regionkey)",
    "SELECT * FROM {h} FOR VERSION AS OF 1",
    "EXPLAIN SELECT nope FROM {h}",
    "EXPLAIN (TYPE VALIDATE) SELECT name + 1 FROM {h}",
    "SHOW STATS FOR (SELECT nope FROM {h})",
    "SELECT extract(day FROM name) FROM {h}",
    "SELECT trim(BOTH FROM nationkey) FROM {h}",
    "SELECT * FROM {a} a JOIN {h} h ON a.name IS DISTINCT FROM h.nationkey",
)
"""What fails, and would tell of the hidden table by the error."""

OTHERS = (
    "SHOW CATALOGS",
    "SHOW CATALOGS LIKE '%'",
    "SHOW SCHEMAS",
    "SHOW SCHEMAS FROM {c}",
    "SHOW TABLES",
    "SHOW TABLES FROM {c}.{s}",
    "SHOW TABLES IN {c}.{s} LIKE 'n%'",
    "SHOW SESSION",
    "SHOW SESSION LIKE '{c}.%'",
    "SHOW GRANTS",
    "EXPLAIN SHOW TABLES",
    "EXPLAIN ANALYZE SHOW SCHEMAS",
    "SHOW CREATE SCHEMA {x}.information_schema",
    "SELECT * FROM {x}.information_schema.tables",
    "SELECT * FROM {x}.information_schema.columns",
    "SELECT * FROM {x}.information_schema.schemata",
    "SELECT * FROM {x}.information_schema.views",
    "SELECT * FROM {x}.information_schema.table_privileges",
    "SELECT * FROM {x}.information_schema.roles",
    'SELECT * FROM {x}.INFORMATION_SCHEMA."TABLES"',
    "DESCRIBE {x}.information_schema.tables",
    "SELECT * FROM system.metadata.catalogs",
    "SELECT * FROM system.metadata.table_comments",
    "SELECT * FROM system.metadata.materialized_views",
    "SELECT * FROM system.metadata.schema_properties",
    "SELECT * FROM system.jdbc.tables",
    "SELECT * FROM system.jdbc.columns",
    "SELECT * FROM system.jdbc.catalogs",
    "SELECT * FROM system.jdbc.schemas",
    "SELECT * FROM system.runtime.queries",
    "SELECT * FROM system.runtime.nodes",
    'SELECT * FROM "SYSTEM"."Runtime".tasks',
    "SELECT * FROM system.information_schema.tables",
    "EXPLAIN SELECT * FROM system.jdbc.tables",
    "SHOW STATS FOR (SELECT * FROM system.jdbc.tables)",
    "SELECT * FROM TABLE({c}.system.query(query => 'SELECT 1'))",
    "SELECT * FROM TABLE({c}.system.table_changes('{s}', '{t}', 1, 2))",
    "EXECUTE IMMEDIATE 'SELECT * FROM {c}.{s}.{t}'",
    "WITH SESSION query_max_run_time = '1h' SELECT * FROM {c}.{s}.{t}",
    "SELECT 1; SELECT * FROM {c}.{s}.{t}",
    "EXPLAIN SELECT 1), x AS (SELECT * FROM {c}.{s}.{t}",
    "SHOW STATS FOR (SELECT 1), x AS (TABLE {c}.{s}.{t})",
    "SELECT '' FROM {c}.{s}.{t} WHERE '''' = '/*' OR 1 = 1 --*/",
    'SELECT "/*" FROM (SELECT name FROM {c}.{s}.{t}) AS t ("/*")',
    "SELECT 1 /* /* */ FROM {c}.{s}.{t} -- */",
    "SELECT 1 --\rFROM {c}.{s}.{t}",
    "PREPARE p FROM SELECT * FROM {c}.{s}.{t}",
    "DESCRIBE OUTPUT p",
    "INSERT INTO {c}.{s}.{t} VALUES 1",
    "EXPLAIN INSERT INTO memory.default.t SELECT * FROM {c}.{s}.{t}",
    "CREATE VIEW memory.default.v AS SELECT * FROM {c}.{s}.{t}",
)
"""What would enumerate, or reach by another road; ``{x}`` tells of hidden names."""

ICEBERG = (
    *(
        f'SELECT * FROM {{s}}."orders${kind}"'
        for kind in (
            *("snapshots", "files", "history", "manifests", "partitions", "refs"),
            *("properties", "entries", "all_entries", "all_manifests", "data"),
            "metadata_log_entries",
        )
    ),
    'TABLE {s}."ORDERS$Snapshots"',
    'SELECT "$path", "$file_modified_time" FROM {s}.orders',
    "SELECT * FROM {s}.orders FOR VERSION AS OF {v}",
    "SELECT * FROM {s}.orders FOR VERSION AS OF 'main'",
    "SELECT * FROM {s}.orders FOR TIMESTAMP AS OF current_timestamp",
    'SELECT 1 WHERE {v} IN (SELECT snapshot_id FROM {s}."orders$snapshots")',
    "TABLE {s}.totals",
    "SELECT count(*) FROM {s}.totals",
    "SELECT cast(total AS integer) / 0 FROM {s}.totals",
    "SELECT nope FROM {s}.totals",
    'SELECT nope FROM {s}."orders$files"',
    "SELECT nope FROM {s}.orders FOR VERSION AS OF {v}",
    "SHOW CREATE MATERIALIZED VIEW {s}.totals",
    "SHOW CREATE TABLE {s}.orders",
    "SHOW COLUMNS FROM {s}.totals",
    'SHOW COLUMNS FROM {s}."orders$partitions"',
    'DESC {s}."orders$files"',
    "SHOW STATS FOR {s}.totals",
    'SHOW STATS FOR {s}."orders$files"',
    "SHOW STATS FOR (SELECT * FROM {s}.orders FOR VERSION AS OF {v})",
    "SHOW GRANTS ON TABLE {s}.totals",
    "EXPLAIN TABLE {s}.totals",
    'EXPLAIN (TYPE IO, FORMAT JSON) SELECT * FROM {s}."orders$files"',
    "EXPLAIN (TYPE VALIDATE) SELECT nope FROM {s}.totals",
    "EXPLAIN ANALYZE VERBOSE TABLE {s}.totals",
    "EXPLAIN SELECT * FROM {s}.orders FOR VERSION AS OF {v}",
    (
        "SELECT * FROM TABLE(iceberg.system.table_changes(schema_name => 'shop',"
        " table_name => 'orders', start_snapshot_id => 1, end_snapshot_id => {v}))"
    ),
    "SELECT * FROM TABLE(system.table_changes('shop', 'orders', 1, {v}))",
    "SELECT * FROM iceberg.system.iceberg_tables",
    "DESCRIBE iceberg.system.iceberg_tables",
    "SELECT * FROM iceberg.information_schema.tables",
    "SELECT * FROM system.metadata.materialized_views",
    "SELECT * FROM system.metadata.table_comments WHERE catalog_name = 'iceberg'",
    "REFRESH MATERIALIZED VIEW {s}.totals",
    "ALTER TABLE {s}.orders EXECUTE optimize",
)
"""What Iceberg has besides: ``{s}`` is a hidden schema, ``{v}`` a version in it."""


def spellings(name: tuple[str, str, str]) -> tuple[str, ...]:
    """Ways to write a full name."""
    catalog, schema, table = name
    return (
        f"{catalog}.{schema}.{table}",
        f"{catalog.upper()}.{schema.title()}.{table.upper()}",
        f'"{catalog}"."{schema.upper()}"."{table.title()}"',
        f'{catalog} . /* . */ {schema}--\r.\t"{table}"',
    )


@frozen
class Try:
    """
    A statement, and the place of its unqualified names.

    :ivar certain: Trino runs it, and says itself that it reads what is hidden.
    """

    text: str
    catalog: str
    schema: str
    certain: bool = False


def filled(template: str, hidden: str, allowed: str) -> str:
    """Write a template with the names of the tables."""
    return template.replace("{h}", hidden).replace("{a}", allowed)


def tries(profile: Profile) -> list[Try]:
    """All of them under a profile: each template with a full and a short name."""
    catalog, schema, table = profile.hidden
    allowed = ".".join(profile.allowed)
    written = spellings(profile.hidden)
    found = []
    for number, template in enumerate((*READS, *TELLS, *FAILS)):
        text = filled(template, written[number % len(written)], allowed)
        certain = number < len(READS)
        found.append(Try(text, *profile.allowed[:2], certain))
        short = table if number % 2 else f"{schema}.{table}"
        # A shadowing expression would be read instead of the hidden table.
        if "nation AS" not in template:
            found.append(Try(filled(template, short, allowed), catalog, schema))
    telling = profile.hidden[0] if profile.lists[0] else "tpch"
    for template in OTHERS:
        text = template.replace("{c}", catalog).replace("{s}", schema)
        text = text.replace("{t}", table).replace("{x}", telling)
        found.append(Try(text, *profile.allowed[:2]))
    return found
