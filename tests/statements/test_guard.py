"""Tests of ``mcp_trino.statements.guard`` and what it decides by."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.name_lists import FUNCTIONS, patterns_of
from mcp_trino.errors import StatementFailed, StatementRefused
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.classify import classify
from mcp_trino.statements.guard import UNRESTRICTED, Guard, Permit
from mcp_trino.statements.tables import MAX_CHARS, NOWHERE, Place
from tests.statements.corpus import READS, REFUSED

HERE = Place("tpch", "tiny")
TABLES = GuardSettings(
    allowed_tables=patterns_of(3).read("tpch.tiny.region, tpch.tiny.written")
)
LISTED = Guard.of(TABLES)
WRITING = Guard.of(GuardSettings(allow_writes=True))
LISTED_WRITING = Guard.of(
    GuardSettings(allowed_tables=TABLES.allowed_tables, allow_writes=True)
)


class GuardTestCase(SynchronousTestCase):
    """What the tests of all ways have in common."""

    def refused(self, decide, text: str, *args: object) -> StatementRefused:
        """The refusal of a statement."""
        with self.assertRaises(StatementRefused, msg=text) as caught:
            decide(text, *args)
        return caught.exception


class ReadTests(GuardTestCase):
    """How statements may be run that only read."""

    def test_without_lists(self) -> None:
        """They are sent as they are, and nothing is asked besides."""
        for text in READS:
            permit = UNRESTRICTED.read(text, HERE)
            self.assertIsNone(permit.probe or permit.inspection)
            self.assertFalse(permit.writes)
            self.assertEqual(permit.is_plan, classify(text).explained)

    def test_query(self) -> None:
        """With lists Trino is asked what a query reads."""
        permit = LISTED.read("SELECT * FROM nation;", HERE)
        self.assertEqual(permit.text, "SELECT * FROM nation")
        self.assertIsNone(permit.probe)
        refused = self.refused(permit.inspection.allow, [("tpch", "tiny", "nation")])
        self.assertEqual((refused.line, refused.column), (1, 15))
        permit.inspection.allow([("tpch", "tiny", "region")])

    def test_explain(self) -> None:
        """What is explained is asked about by a query of its own, at its place."""
        for guard in (
            LISTED.read,
            lambda text, place: LISTED.explain(text, "X", place),
        ):
            permit = guard("EXPLAIN (TYPE IO)\n SELECT 1 -- a", HERE)
            lines = permit.probe.split("\n")
            self.assertEqual(lines[0], 'WITH "_p" AS (')
            self.assertEqual(lines[2], " SELECT 1 -- a")
            self.assertEqual(lines[3], ") SELECT 1")
        self.assertEqual(permit.text.split("\n")[2], " SELECT 1 -- a")
        self.assertEqual(permit.lines_before, 1)

    def test_routine(self) -> None:
        """What cannot be asked about is refused."""
        text = "EXPLAIN WITH FUNCTION f() RETURNS bigint RETURN 1 SELECT f()"
        self.assertIn("WITH FUNCTION", self.refused(LISTED.read, text, HERE).message)
        self.assertIsNotNone(LISTED.read(text[8:], HERE).inspection)

    def test_shown(self) -> None:
        """Of SHOW and DESCRIBE only what names something listed passes."""
        for text in (
            "DESCRIBE region",
            "DESC Tpch.TINY.Region",
            "SHOW COLUMNS IN tiny.region LIKE 'a'",
            "SHOW STATS FOR region",
            "SHOW CREATE TABLE region",
            "SHOW CREATE VIEW region",
            "SHOW CREATE MATERIALIZED VIEW region",
            "SHOW GRANTS ON region",
            "SHOW CREATE SCHEMA tiny",
            "SHOW CREATE FUNCTION tpch.tiny.f",
            "SHOW FUNCTIONS",
            "SHOW FUNCTIONS LIKE 'a'",
            "SHOW FUNCTIONS FROM tpch.tiny LIKE 'a' ESCAPE '$'",
            "SHOW ROLES FROM tpch",
            "SHOW CURRENT ROLES",
            "SHOW ROLE GRANTS IN tpch",
            "EXPLAIN SHOW COLUMNS FROM region",
        ):
            permit = LISTED.read(text, HERE)
            self.assertIsNone(permit.inspection or permit.probe, text)

    def test_not_shown(self) -> None:
        """All else of SHOW and DESCRIBE is refused, and says where it is told."""
        for text, told in (
            ("SHOW CATALOGS", "Call list_catalogs"),
            ("SHOW SCHEMAS FROM tpch", "Call list_schemas"),
            ("EXPLAIN SHOW TABLES", "Call list_tables"),
            ("SHOW SESSION", "SHOW SESSION could show"),
            ("SHOW GRANTS", "kept away"),
            ("SHOW BRANCHES FROM TABLE region", "kept away"),
            ("SHOW COLUMNS FROM nation", "tpch.tiny.nation is not among the tables"),
            ("SHOW CREATE SCHEMA sf1", "tpch.sf1 is not among the schemas"),
            ("SHOW CREATE FUNCTION memory.x.f", "memory.x is not among the schemas"),
            ("SHOW ROLES FROM memory", "memory is not among the catalogs"),
            ("SHOW ROLES FROM", "full name here: catalog."),
            # Trino takes the first word for a kind of thing and the next for its name.
            ("SHOW GRANTS ON region sf1.nation", "sf1 means nothing here"),
            ("SHOW GRANTS ON BRANCH sf1.nation", "not among the tables"),
            ("DESC region nation", "nation means nothing here"),
            ("SHOW ROLES memory", "memory means nothing here"),
            ("SHOW CREATE SCHEMA", "full name here: catalog.schema."),
            ("DESCRIBE a.b.c.d", "full name here: catalog.schema.table"),
        ):
            self.assertIn(told, self.refused(LISTED.read, text, HERE).message)
        refused = self.refused(LISTED.read, "DESC region", NOWHERE)
        self.assertIn("full name", refused.message)
        self.assertEqual(refused.column, 6)

    def test_stats_of_query(self) -> None:
        """The query of SHOW STATS is asked about."""
        permit = LISTED.read("SHOW STATS FOR (TABLE nation);", HERE)
        self.assertEqual(permit.probe.split("\n")[1].strip(), "(TABLE nation)")

    def test_long(self) -> None:
        """Long statements that name nothing are answered all the same."""
        for text in ("SHOW " + "a." * 400_000, "DESC " + "a." * 400_000):
            self.refused(LISTED.read, text, HERE)

    def test_functions(self) -> None:
        """A table function of an operator's may be called where all of it may be seen."""
        text = "SELECT * FROM TABLE(pg.system.query('x'))"
        functions = FUNCTIONS.read("pg.system.query")
        for catalogs, schemas, passes in (
            (None, None, True),
            ("pg", None, True),
            ("hive", None, False),
            ("pg", "pg.*", False),
        ):
            guard = Guard.of(
                GuardSettings(
                    allowed_catalogs=catalogs and patterns_of(1).read(catalogs),
                    allowed_schemas=schemas and patterns_of(2).read(schemas),
                    table_functions=functions,
                )
            )
            if passes:
                self.assertEqual(guard.read(text, HERE).text, text)
            else:
                self.refused(guard.read, text, HERE)


class DiscloseTests(GuardTestCase):
    """What may be shown of an error."""

    error = StatementFailed("TYPE_MISMATCH", "USER_ERROR", "varchar(25)", line=1)

    def inspection(self, text: str):
        """The inspection of a query."""
        return LISTED.read(text, HERE).inspection

    def test_analyzed(self) -> None:
        """Once Trino has said what is read, that alone counts."""
        shown = self.inspection("SELECT 1 FROM nation").disclose(
            self.error, [("tpch", "tiny", "region")]
        )
        self.assertEqual(shown, self.error)
        inspection = self.inspection("SELECT 1 FROM region")
        tables = [("tpch", "sf1", "region")]
        self.refused(lambda text: inspection.disclose(self.error, tables), "")

    def test_not_analyzed(self) -> None:
        """Before that the names in the statement count."""
        for text in (
            "SELECT x FROM region",
            "WITH a AS (TABLE region) TABLE a",
            "VALUES x",
        ):
            self.assertEqual(self.inspection(text).disclose(self.error, ()), self.error)
        for text in ("SELECT x FROM region, nation", "SELECT 1 FROM memory.a.b"):
            inspection = self.inspection(text)
            self.refused(lambda _, i=inspection: i.disclose(self.error, ()), text)

    def test_unknown(self) -> None:
        """When nobody can say, only the kind of the error is shown."""
        long = "SELECT x FROM region".ljust(MAX_CHARS + 1)
        for shown in (
            self.inspection("SELECT x FROM region").disclose(self.error, None),
            LISTED.inspection.disclose(self.error, ()),
            self.inspection(long).disclose(self.error, ()),
        ):
            self.assertEqual((shown.name, shown.line), ("TYPE_MISMATCH", 1))
            self.assertNotIn("varchar", shown.message)

    def test_syntax(self) -> None:
        """An error of the parser is about the statement only."""
        error = StatementFailed("SYNTAX_ERROR", "USER_ERROR", "mismatched input")
        shown = self.inspection("SELECT 1 FROM nation nation x").disclose(error, ())
        self.assertEqual(shown, error)


class WriteTests(GuardTestCase):
    """How statements may be run that change something."""

    texts = tuple(
        text
        for head, texts in REFUSED.items()
        for text in texts
        if text.upper().startswith(head)
        and head.isalpha()
        and not text.startswith(("EXPLAIN", "CREATE CATALOG", "DROP CATALOG"))
    )
    session = ("USE", "SET", "RESET", "START", "COMMIT", "ROLLBACK", "PREPARE")
    session += ("EXECUTE", "DEALLOCATE")

    def test_written(self) -> None:
        """All that writes may be run, all that is about the session may not."""
        for text in self.texts:
            if text.partition(" ")[0] in self.session:
                self.refused(WRITING.write, text, HERE)
            else:
                permit = WRITING.write(f"{text} ;", HERE)
                self.assertEqual(permit, Permit(f"{text} ", writes=True))
        self.assertGreater(len(self.texts), 40)

    def test_not_written(self) -> None:
        """What reads, and what is for administrators, is refused with advice."""
        for text, told in (
            ("SELECT 1", "Call execute_query"),
            ("EXPLAIN ANALYZE INSERT INTO t VALUES 1", "Call execute_query"),
            ("", "The statement is empty"),
            ("CREATE CATALOG c USING memory", "administrator"),
            ("DROP CATALOG c", "administrator"),
            ("USE a.b", "forgotten"),
            ("INSERT INTO t VALUES 1; DROP TABLE t", "second statement"),
            ("INSERT INTO t SELECT * FROM TABLE(pg.system.query('x'))", "unread"),
            ("INSERT INTO t WITH SESSION a = 1 SELECT 1", "WITH SESSION"),
            ("INSERT INTO t VALUES '", "no end"),
        ):
            self.assertIn(told, self.refused(WRITING.write, text, HERE).message)

    def test_routine(self) -> None:
        """The body of a function keeps its semicolons."""
        for head in ("CREATE", "CREATE OR REPLACE"):
            text = f"{head} FUNCTION f() RETURNS bigint BEGIN RETURN 1; END"
            self.assertEqual(WRITING.write(text + ";", HERE).text, text)

    def test_told_to_call(self) -> None:
        """execute_query says which tool is for it."""
        for text in ("INSERT INTO t VALUES 1", "DROP TABLE t"):
            refused = self.refused(WRITING.read, text, HERE)
            self.assertIn("Call execute_statement", refused.message)
        self.assertNotIn("Call", self.refused(WRITING.read, "USE a", HERE).message)

    def test_asked_about(self) -> None:
        """With lists the query in it is asked about, and only that."""
        for text, query in (
            ("INSERT INTO written SELECT 1", "SELECT 1"),
            ("INSERT INTO written (a, b) (SELECT 1)", "(SELECT 1)"),
            ("INSERT INTO written (TABLE region)", "(TABLE region)"),
            (
                "INSERT INTO written (a) WITH x AS (TABLE y) TABLE x",
                "WITH x AS (TABLE y) TABLE x",
            ),
            ("CREATE TABLE written AS TABLE region WITH NO DATA", "TABLE region"),
            ("CREATE TABLE IF NOT EXISTS written (a) AS SELECT 1;", "SELECT 1"),
            (
                "CREATE OR REPLACE TABLE written WITH (p = cast(1 AS bigint)) AS (SELECT 1)",
                "(SELECT 1)",
            ),
        ):
            probe = LISTED_WRITING.write(text, HERE).probe
            self.assertEqual(probe.split("\n")[1].strip(), query, text)

    def test_alone(self) -> None:
        """What touches one listed table only needs no question."""
        for text in (
            "DELETE FROM written WHERE a = 'SELECT'",
            "UPDATE tiny.written SET a = 1",
            "TRUNCATE TABLE written",
            "DROP TABLE IF EXISTS written",
            "ANALYZE written",
            "COMMENT ON TABLE written IS 'TABLE'",
            "CREATE TABLE written (a bigint)",
        ):
            self.assertIsNone(LISTED_WRITING.write(text, HERE).probe, text)

    def test_kept_away(self) -> None:
        """What is not listed is refused at its name, what is undecidable too."""
        for text, told in (
            ("INSERT INTO nation SELECT 1", "tpch.tiny.nation is not"),
            ("DROP TABLE sf1.written", "tpch.sf1.written is not"),
            ("INSERT INTO", "full name"),
            ("CREATE TABLE written (LIKE nation)", "cannot be held"),
            ("UPDATE written SET a = (SELECT 1)", "cannot be held"),
            ("DELETE FROM written WHERE a IN (TABLE nation)", "cannot be held"),
            (
                "MERGE INTO written USING nation ON true WHEN MATCHED THEN DELETE",
                "MERGE",
            ),
            ("ALTER TABLE written RENAME TO x", "ALTER"),
            ("CALL system.runtime.kill_query('x')", "CALL"),
            ("GRANT SELECT ON written TO alice", "GRANT"),
            ("INSERT INTO written SELECT 1".ljust(MAX_CHARS + 1), "Split it"),
        ):
            refused = self.refused(LISTED_WRITING.write, text, HERE)
            self.assertIn(told, refused.message, text)
