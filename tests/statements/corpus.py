"""
Statements of every kind in the grammar of Trino 476, and what becomes of them.

Those that read run on catalog ``tpch``, schema ``tiny``. The others are never
sent to be run.
"""

READS = (
    "SELECT 1",
    "select 1;",
    "SELECT 1 ; -- the end",
    "SELECT 1 /* ; */",
    "SELECT ';' AS \";\"",
    "(SELECT 1)",
    "((SELECT 1) UNION (SELECT 2)) ORDER BY 1 LIMIT 1",
    "( /* a */ ( -- b\n SELECT 1))",
    "TABLE nation",
    "TABLE tpch.tiny.nation LIMIT 1",
    "VALUES 1",
    "VALUES (1, 'a'), (2, 'b')",
    "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
    "WITH RECURSIVE r (n) AS (VALUES 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) TABLE r",
    'WITH "DELETE FROM t" AS (SELECT 1) TABLE "DELETE FROM t"',
    "WITH session AS (SELECT 1 AS a) SELECT session.a FROM session",
    "WITH session /* x */ (a, b) AS (VALUES (1, 2)) SELECT a FROM session",
    "WITH a AS (SELECT 1), session AS (SELECT 2) TABLE session",
    "WITH input AS (SELECT 1) TABLE input",
    "WITH function AS (SELECT 1) TABLE function",
    "WITH function (a) AS (SELECT 1) TABLE function",
    "WITH FUNCTION twice(x bigint) RETURNS bigint RETURN x * 2 SELECT twice(2)",
    (
        "WITH FUNCTION up(x bigint) RETURNS bigint BEGIN DECLARE y bigint DEFAULT 1;"
        " SET y = y + x; RETURN y; END SELECT up(1);"
    ),
    "EXPLAIN SELECT 1",
    "EXPLAIN (SELECT 1)",
    "EXPLAIN (TYPE LOGICAL, FORMAT TEXT) (SELECT 1)",
    "EXPLAIN (FORMAT JSON) TABLE nation",
    "explain(type io, format json)select 1",
    "EXPLAIN (TYPE VALIDATE) VALUES 1",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN ANALYZE VERBOSE (SELECT 1)",
    "EXPLAIN EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN SHOW TABLES",
    "/* 'a' */ -- \"b\n EXPLAIN SELECT 1",
    "DESCRIBE nation",
    "DESC nation",
    'DESCRIBE "nation"',
    "DESC tpch.tiny.nation",
    "SHOW CATALOGS",
    "SHOW CATALOGS LIKE 't%'",
    "SHOW SCHEMAS FROM tpch",
    "SHOW TABLES",
    "SHOW TABLES IN tpch.tiny LIKE 'n%'",
    "SHOW COLUMNS FROM nation",
    "SHOW CREATE TABLE nation",
    "SHOW CREATE SCHEMA tpch.tiny",
    "SHOW STATS FOR nation",
    "SHOW STATS FOR (SELECT * FROM nation WHERE nationkey < 3)",
    "SHOW FUNCTIONS LIKE 'abs'",
    "SHOW SESSION LIKE 'query_max_run%'",
    "SHOW ROLES",
    "SHOW CURRENT ROLES",
    "SHOW ROLE GRANTS",
    "SHOW GRANTS ON TABLE nation",
    (
        "SELECT update, call, merge, grant, set, truncate AS comment, execute AS use"
        " FROM (VALUES (1, 2, 3, 4, 5, 6, 7))"
        " AS t (update, call, merge, grant, set, truncate, execute)"
    ),
    'SELECT \'INSERT INTO t\', "DROP" AS "delete" FROM (VALUES 1) AS t ("DROP")',
    "SELECT 1 -- ; DROP TABLE nation",
    "SELECT 1 /* EXPLAIN ANALYZE DELETE FROM nation */",
    "SELECT count(*) FROM nation TABLESAMPLE BERNOULLI (100)",
    "SELECT * FROM TABLE(sequence(start => 1, stop => 5))",
    'SELECT * FROM TABLE ( "system" . BUILTIN /* x */ . sequence ( 1, 5 ) )',
    (
        "SELECT * FROM TABLE(exclude_columns("
        "input => TABLE(nation), columns => DESCRIPTOR(comment))) LIMIT 1"
    ),
    (
        "SELECT * FROM TABLE(exclude_columns("
        "TABLE(SELECT (1) AS a, 2 AS b), DESCRIPTOR(a)))"
    ),
    (
        "SELECT * FROM TABLE(exclude_columns("
        "TABLE(VALUES (1, 2)) AS t (a, b), DESCRIPTOR(a)))"
    ),
    "SELECT x FROM UNNEST(ARRAY[1, 2]) WITH ORDINALITY AS t (x, n)",
    "SELECT * FROM (VALUES 1) AS t (a) CROSS JOIN LATERAL (SELECT a + 1)",
    "SELECT * FROM JSON_TABLE('[1, 2]', 'lax $[*]' COLUMNS (v integer PATH 'lax $'))",
    (
        "SELECT * FROM nation MATCH_RECOGNIZE (ORDER BY nationkey MEASURES A.name AS n"
        " ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN ({- A -} B+?)"
        " DEFINE B AS true) LIMIT 1"
    ),
    "SELECT listagg(name, ',') WITHIN GROUP (ORDER BY name) FROM region",
    "SELECT transform(ARRAY[1, 2], x -> x + 1), 1 <> 2, 1 != 2, 'a' || 'b', 5 % 2",
    "SELECT U&'\\0041', u&'!0041' UESCAPE '!', X'4 1', x'41', 1e5, .5, 1., 1_000, 0xFF",
    "SELECT DATE '2020-01-01', INTERVAL '1' DAY, TIMESTAMP '2020-01-01 00:00:00 UTC'",
    "SELECT current_user, current_catalog, current_schema",
    "SELECT node_id FROM system.runtime.nodes",
    "SELECT table_name FROM information_schema.tables LIMIT 1",
    "SELECT query FROM system.runtime.queries LIMIT 0",
    'SELECT "\'" FROM (VALUES 1) AS t ("\'") -- \'',
    "SELECT 1 --\rAS a",
    "--\rSELECT 1",
    "\t\r\n SELECT\n1",
)

READS_ELSEWHERE = (
    "SHOW CREATE VIEW v",
    "SHOW CREATE MATERIALIZED VIEW v",
    "SHOW CREATE FUNCTION f",
    "SHOW FUNCTIONS FROM a.b",
    "SHOW ROLES FROM a",
    "SHOW ROLE GRANTS IN a",
    "SHOW GRANTS",
    "SHOW COLUMNS IN a.b.c LIKE 'x$_%' ESCAPE '$'",
    "SHOW SCHEMAS IN a LIKE 'x'",
    "SELECT * FROM t FOR VERSION AS OF 1",
    "SELECT * FROM t FOR TIMESTAMP AS OF TIMESTAMP '2020-01-01 00:00:00 UTC'",
    'SELECT * FROM iceberg.s."t$snapshots"',
)
"""Those that read and need what a Trino for tests does not have."""

REFUSED = {
    "CALL": ("CALL system.runtime.kill_query(query_id => 'x', message => 'y')",),
    "INSERT": (
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a, b) VALUES (1, 2)",
        "EXPLAIN INSERT INTO t SELECT 1",
        "EXPLAIN ANALYZE INSERT INTO t SELECT 1",
        "EXPLAIN ANALYZE VERBOSE INSERT INTO t SELECT 1",
        "EXPLAIN EXPLAIN ANALYZE INSERT INTO t SELECT 1",
        "EXPLAIN ANALYZE /* ' */ INSERT INTO t SELECT 1 /* ' */",
        "/* SELECT */ INSERT INTO t SELECT 1",
        "--SELECT\rINSERT INTO t SELECT 1",
        "/* /* */ INSERT INTO t SELECT 1 /* */",
    ),
    "UPDATE": ("UPDATE t SET a = 1 WHERE b = 2", "uPdAtE t SET a = 1"),
    "DELETE": ("DELETE FROM t", "DELETE FROM t WHERE a = 1"),
    "MERGE": (
        (
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE"
            " WHEN NOT MATCHED THEN INSERT VALUES (1)"
        ),
    ),
    "TRUNCATE": ("TRUNCATE TABLE t",),
    "CREATE": (
        "CREATE CATALOG c USING memory",
        "CREATE SCHEMA s",
        "CREATE TABLE t (a bigint)",
        "CREATE TABLE t AS SELECT 1 AS a",
        "CREATE OR REPLACE TABLE t AS SELECT 1 AS a WITH NO DATA",
        "EXPLAIN CREATE TABLE t AS SELECT 1 AS a",
        "EXPLAIN (TYPE IO) CREATE TABLE t AS SELECT 1 AS a",
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW v SECURITY INVOKER AS SELECT 1 AS a",
        "CREATE MATERIALIZED VIEW v AS SELECT 1 AS a",
        "CREATE FUNCTION f(x bigint) RETURNS bigint RETURN x",
        "CREATE ROLE r",
    ),
    "DROP": (
        "DROP CATALOG c",
        "DROP SCHEMA s CASCADE",
        "DROP TABLE IF EXISTS t",
        "DROP VIEW v",
        "DROP MATERIALIZED VIEW v",
        "DROP FUNCTION f(bigint)",
        "DROP ROLE r",
    ),
    "ALTER": (
        "ALTER SCHEMA s RENAME TO t",
        "ALTER SCHEMA s SET AUTHORIZATION alice",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t ADD COLUMN a bigint",
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER TABLE t ALTER COLUMN a SET DATA TYPE bigint",
        "ALTER TABLE t SET PROPERTIES x = 1",
        "ALTER TABLE t SET AUTHORIZATION alice",
        "ALTER TABLE t EXECUTE optimize",
        "ALTER TABLE t EXECUTE optimize(file_size_threshold => '1MB') WHERE a = 1",
        "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS a bigint COMMENT 'x' FIRST",
        "ALTER VIEW v RENAME TO w",
        "ALTER VIEW v SET AUTHORIZATION alice",
        "ALTER MATERIALIZED VIEW v RENAME TO w",
        "ALTER MATERIALIZED VIEW v SET PROPERTIES x = 1",
    ),
    "COMMENT": (
        "COMMENT ON TABLE t IS 'x'",
        "COMMENT ON VIEW t IS NULL",
        "COMMENT ON COLUMN t.a IS 'x'",
    ),
    "ANALYZE": (
        "ANALYZE t",
        "ANALYZE t WITH (x = 1)",
        "EXPLAIN (TYPE LOGICAL) ANALYZE t",
    ),
    "REFRESH": ("REFRESH MATERIALIZED VIEW v",),
    "GRANT": ("GRANT SELECT ON t TO alice", "GRANT r TO USER alice"),
    "REVOKE": (
        "REVOKE GRANT OPTION FOR SELECT ON t FROM alice",
        "REVOKE ADMIN OPTION FOR r FROM USER alice",
        "REVOKE SELECT ON t FROM alice",
        "REVOKE r FROM alice",
    ),
    "DENY": ("DENY SELECT ON t TO alice", "DENY ALL PRIVILEGES ON SCHEMA s TO ROLE r"),
    "USE": ("USE tiny", "USE hive.x"),
    "SET": (
        "SET SESSION query_max_run_time = '1h'",
        "SET SESSION a.b = 1",
        "SET SESSION AUTHORIZATION alice",
        "SET ROLE ALL",
        "SET PATH a.b",
        "SET TIME ZONE LOCAL",
        "SET TIME ZONE INTERVAL '1' HOUR",
        "SET ROLE r IN c",
    ),
    "RESET": ("RESET SESSION a.b", "RESET SESSION AUTHORIZATION"),
    "START": ("START TRANSACTION READ ONLY", "START TRANSACTION"),
    "COMMIT": ("COMMIT", "COMMIT WORK"),
    "ROLLBACK": ("ROLLBACK",),
    "PREPARE": ("PREPARE p FROM SELECT 1", "EXPLAIN PREPARE p FROM SELECT 1"),
    "EXECUTE": (
        "EXECUTE p",
        "EXECUTE p USING 1, 2",
        "EXECUTE IMMEDIATE 'DELETE FROM t'",
        "EXPLAIN ANALYZE EXECUTE p",
    ),
    "DEALLOCATE": ("DEALLOCATE PREPARE p",),
    "DESCRIBE INPUT": ("DESCRIBE INPUT p",),
    "DESCRIBE OUTPUT": ("DESCRIBE OUTPUT p",),
    "WITH SESSION": (
        "WITH SESSION query_max_run_time = '1h' SELECT 1",
        "WITH/**/session a.b = 1 SELECT 1",
        "EXPLAIN ANALYZE WITH SESSION query_max_run_time = '1h' SELECT 1",
        (
            "WITH SESSION query_max_run_time = '1h'"
            " WITH FUNCTION f() RETURNS bigint RETURN 1 SELECT f()"
        ),
    ),
}
"""What is valid in Trino and refused here, by the words that the refusal names."""
