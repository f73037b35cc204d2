"""Tests of ``mcp_trino.statements.classify``."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import StatementRefused
from mcp_trino.statements.classify import MAX_CHARS, explainable, read_only
from mcp_trino.statements.lexer import Kind, Token, refusal, tokens
from tests.statements.corpus import READS, READS_ELSEWHERE, REFUSED
from tests.statements.strategies import trivia


def verdict(text: str) -> str:
    """The message of the refusal, or nothing for a statement that passes."""
    try:
        read_only(text)
    except StatementRefused as refused:
        return refused.message
    return ""


def proper(text: str) -> str:
    """What is explained, at its place."""
    return explainable(text).explainee


class Assertions(SynchronousTestCase):
    """What the tests of both ways have in common."""

    def assertRefused(
        self,
        text: str,
        word: str,
        message: str,
        check: Callable[[str], object] = read_only,
    ) -> None:
        """Assert that a statement is refused at the last place of a word, and why."""
        refused = self.assertRaises(StatementRefused, check, text)
        place = refusal(text, text.rindex(word), "")
        self.assertEqual((refused.line, refused.column), (place.line, place.column))
        self.assertIn(message, refused.message)


class ReadOnlyTests(Assertions):
    """Statements that read pass as they are, all others are refused."""

    def test_reads(self) -> None:
        """All that reads passes, and only a semicolon at the end is taken off."""
        for text in (*READS, *READS_ELSEWHERE):
            expected = text
            for token in tokens(text):
                if token.keyword == ";":
                    expected = text[: token.offset]
            self.assertEqual(read_only(text), expected)

    def test_refused(self) -> None:
        """All that writes or changes a session is refused by its word."""
        for words, texts in REFUSED.items():
            for text in texts:
                refused = self.assertRaises(StatementRefused, read_only, text)
                self.assertTrue(refused.message.startswith(words), text)
                line = text.split("\n")[refused.line - 1]
                self.assertTrue(
                    line[refused.column - 1 :].upper().startswith(words.split()[-1]),
                    text,
                )

    def test_known_traps(self) -> None:
        """Statements that deny lists, substring tests and parsers get wrong."""
        for text in (
            "EXPLAIN ANALYZE INSERT INTO t SELECT 1",
            "EXPLAIN ANALYZE /* ' */ INSERT INTO t SELECT 1 /* ' */",
            "EXPLAIN ANALYZE VERBOSE INSERT INTO t SELECT 1",
            "COMMENT ON TABLE t IS 'x'",
            "SET SESSION a.b = 1",
            "USE hive.x",
            "ANALYZE t",
            "REFRESH MATERIALIZED VIEW mv",
            "DENY SELECT ON t TO u",
            "PREPARE p FROM SELECT 1",
            "SELECT 1; DROP TABLE t",
            "WITH w AS (DELETE FROM t) SELECT 1",
            "SELECT * FROM TABLE(pg.system.query(query => 'DELETE FROM x'))",
            "DESCRIBE OUTPUT p",
        ):
            self.assertTrue(verdict(text), text)
        for text in (
            "VALUES 1",
            "TABLE t",
            "DESC t",
            "(SELECT 1)",
            "SELECT update FROM t",
            "SELECT a AS call FROM t",
            "-- a\n/* b */ EXPLAIN SELECT 1",
            "SELECT * FROM TABLE(sequence(start => 1, stop => 5))",
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN SELECT analyzed_at FROM t",
            "SELECT * FROM system.runtime.queries",
        ):
            self.assertEqual(verdict(text), "", text)

    def test_told_why(self) -> None:
        """A refusal says what to do instead."""
        for text, message in (
            ("INSERT INTO t SELECT 1", "write a SELECT"),
            ("CREATE TABLE t AS SELECT 1", "WITH clause"),
            ("ANALYZE t", "SHOW STATS"),
            ("USE hive.x", "catalog and schema as arguments"),
            ("START TRANSACTION", "Leave it out"),
            ("EXECUTE IMMEDIATE 'SELECT 1'", "Send the statement itself"),
            ("GRANT SELECT ON t TO u", "SHOW GRANTS"),
            ("WITH SESSION a = 1 SELECT 1", "Leave the clause out"),
        ):
            self.assertIn(message, verdict(text))

    def test_explain_of_write(self) -> None:
        """A write is refused in EXPLAIN too, and this is said."""
        self.assertRefused("EXPLAIN DROP TABLE t", "DROP", "EXPLAIN of it is refused")
        self.assertNotIn("EXPLAIN", verdict("DROP TABLE t"))

    def test_unknown_head(self) -> None:
        """What begins no statement is named, and what does."""
        for text in (
            *("BEGIN", "KILL x", "FROM t", "1", '"SELECT" 1', "'SELECT' 1", "{", ")"),
            *("EXPLAIN verbose", "EXPLAIN ANALYZE t", "EXPLAIN (FORMAT 'x') SELECT 1"),
            *("(SHOW TABLES)", "((DESC t))", "EXPLAIN (EXPLAIN SELECT 1)"),
        ):
            self.assertIn("Begin with SELECT", verdict(text))

    def test_long_head(self) -> None:
        """A refusal quotes the beginning of a long token only."""
        self.assertIn("a" * 40 + "… does not", verdict("a" * 100_000))

    def test_empty(self) -> None:
        """Nothing, or nothing but comments, is no statement."""
        for text in ("", " ", "-- a", "/* a */", ";", " ; SELECT 1", "(", "()"):
            self.assertTrue(verdict(text), text)
        self.assertEqual(verdict("/* a */"), "The statement is empty.")
        self.assertEqual(verdict(";"), "The statement is empty.")
        self.assertEqual(verdict("EXPLAIN ;"), "After EXPLAIN a statement is missing.")

    def test_second_statement(self) -> None:
        """Only one statement passes."""
        self.assertRefused("SELECT 1; DROP TABLE t", "DROP", "one statement at a time")
        self.assertRefused("SELECT 1;/* a */;", ";", "one statement at a time")
        self.assertRefused("SELECT 1;\n--\nSELECT 2", "SELECT", "a second statement")
        for function in ("function", "function (a)"):
            text = f"WITH {function} AS (SELECT 1) TABLE function; SELECT 1"
            self.assertRefused(text, "SELECT", "a second statement")

    def test_semicolon(self) -> None:
        """A semicolon at the end goes, with what follows it, and nothing else."""
        for text, sent in (
            ("SELECT 1;", "SELECT 1"),
            (" SELECT 1 /* a */ ; -- b", " SELECT 1 /* a */ "),
            ("SELECT ';' -- ;", "SELECT ';' -- ;"),
            ("SELECT 1 -- a\n;", "SELECT 1 -- a\n"),
        ):
            self.assertEqual(read_only(text), sent)

    def test_routine_semicolons(self) -> None:
        """The semicolons in the body of a function stay."""
        text = "WITH FUNCTION f() RETURNS bigint BEGIN RETURN 1; END SELECT f()"
        self.assertEqual(read_only(text), text)
        self.assertEqual(read_only(text + " ; "), text + " ")

    def test_analyze_of_table(self) -> None:
        """
        ``EXPLAIN ANALYZE`` of a word that is a table's name is not a read.

        To Trino it is a plain ``EXPLAIN`` of ``ANALYZE`` for that table.
        """
        for table in ("show", "desc", "explain", "verbose"):
            for rest in ("", " WITH (x = 1)", ".t"):
                self.assertTrue(verdict(f"EXPLAIN ANALYZE {table}{rest}"))

    def test_tables_like_prepared(self) -> None:
        """A table may be called what a prepared statement has."""
        for text in ("DESCRIBE input", "DESCRIBE output.t", "DESC input"):
            self.assertEqual(read_only(text), text)

    def test_nested_write(self) -> None:
        """A write as a common table expression, which Trino has not, is told apart."""
        for write, word in (
            ("DELETE FROM t", "DELETE"),
            ("INSERT /**/ INTO t VALUES 1", "INSERT"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE"),
            ('UPDATE a."b" SET c = 1', "UPDATE"),
        ):
            self.assertRefused(
                f"WITH w AS ( {write}) SELECT 1", word, "this server only reads"
            )
            self.assertIn("Begin with", verdict(f"({word}x SELECT 1)"))
        self.assertRefused("(INSERT INTO t VALUES 1)", "INSERT", "only reads")

    def test_lexical(self) -> None:
        """What is no SQL to Trino is refused wherever it stands."""
        self.assertRefused("SELECT 'a", "'", "no end")
        self.assertRefused("SELECT 1 FROM t WHERE a # b", "#", "NUMBER SIGN")
        self.assertRefused("EXPLAIN `a", "`", "Backquotes")

    def test_too_long(self) -> None:
        """A statement is no longer than Trino takes."""
        text = "SELECT 1".ljust(MAX_CHARS)
        self.assertEqual(read_only(text), text)
        self.assertIn("1,000,001", verdict(text + " "))

    def test_surrogate(self) -> None:
        """What cannot be sent as UTF-8 is refused."""
        self.assertRefused("SELECT\n'a\ud800'", "\ud800", "surrogate")

    def test_extremes(self) -> None:
        """Depth and length have no effect but the time they take."""
        deep = "(" * 5_000 + "SELECT 1" + ")" * 5_000
        self.assertEqual(read_only(deep), deep)
        self.assertEqual(read_only("SELECT " + deep), "SELECT " + deep)
        many = "EXPLAIN " * 5_000
        self.assertEqual(read_only(many + "SELECT 1"), many + "SELECT 1")
        self.assertIn("DROP changes", verdict(many + "DROP TABLE t"))
        long = "SELECT 'a' /* b */ -- c\n UNION ALL " * 28_000 + "SELECT 1"
        self.assertEqual(read_only(long), long)

    @given(st.data())
    def test_trivia(self, data: st.DataObject) -> None:
        """Blanks and comments between the tokens change no verdict."""
        texts = [*READS, *(text for texts in REFUSED.values() for text in texts)]
        text = data.draw(st.sampled_from(texts))
        parts = []
        for token in tokens(text):
            if token.kind not in (Kind.BLANK, Kind.COMMENT):
                parts += [token.text, data.draw(trivia), _needed(token)]
        changed = data.draw(trivia) + "".join(parts)
        self.assertEqual(verdict(changed), verdict(text), changed)

    @given(st.data())
    def test_hidden(self, data: st.DataObject) -> None:
        """A statement within a string, a quoted name or a comment has no effect."""
        text = data.draw(
            st.sampled_from([text for texts in REFUSED.values() for text in texts])
        )
        hidden = data.draw(
            st.sampled_from(
                (
                    "'" + text.replace("'", "''") + "'",
                    '"' + text.replace('"', '""') + '"',
                    "1 /*" + text.replace("*/", "") + "*/",
                    "1 --" + text.replace("\r", "").replace("\n", ""),
                )
            )
        )
        self.assertEqual(read_only(f"SELECT {hidden}"), f"SELECT {hidden}")


def _needed(token: Token) -> str:
    """A blank where a token might else run into the next one."""
    return "" if token.text in ("(", ")", ",", ";") else " "


class TableFunctionTests(Assertions):
    """Only listed table functions may be called."""

    def test_pass_through(self) -> None:
        """Functions that hand text to another system are refused, in any spelling."""
        for call in (
            "TABLE(pg.system.query(query => 'DELETE FROM x'))",
            'table ( "PG" . /* a */ System . "QUERY" ( query => \'x\'))',
            "TABLE(system.query('x'))",
            "TABLE(query('x'))",
            "TABLE(es.system.raw_query(schema => 's', index => 'i', query => 'q'))",
            "TABLE(ms.system.procedure(query => 'EXECUTE p'))",
        ):
            for text in (
                f"SELECT * FROM {call}",
                f"SELECT 1 FROM TABLE(sequence(1, 2)), {call}",
                f"SELECT (SELECT max(a) FROM {call} AS t (a))",
                f"EXPLAIN SELECT * FROM {call}",
                f"SHOW STATS FOR (SELECT * FROM {call})",
                f"SELECT * FROM TABLE(exclude_columns(TABLE(SELECT * FROM {call}), x))",
            ):
                self.assertIn("hands its text to another system", verdict(text))

    def test_position(self) -> None:
        """The refusal shows where the function's name is."""
        self.assertRefused(
            "SELECT *\nFROM TABLE(pg.system.query(query => ''))",
            "pg",
            "pg.system.query",
        )

    def test_unlisted(self) -> None:
        """A function that is not on the list is refused, and the list told."""
        for name in (
            "iceberg.system.table_changes",
            "builtin.sequence",
            "other.builtin.sequence",
            "system.builtin.other",
            '"system.builtin.sequence"',
        ):
            message = verdict(f"SELECT * FROM TABLE({name}())")
            self.assertIn("exclude_columns, sequence", message)

    def test_list(self) -> None:
        """The list can be another one; then that alone counts."""
        listed = {("iceberg", "system", "table_changes")}
        text = 'TABLE(Iceberg.system."table_changes"())'
        self.assertEqual(read_only(f"SELECT * FROM {text}", listed)[-len(text) :], text)
        explained = explainable(f"SELECT * FROM {text}", listed)
        self.assertEqual(explained.text[-len(text) :], text)
        for name in ("sequence", "system.table_changes"):
            self.assertRaises(
                StatementRefused,
                read_only,
                f"SELECT * FROM TABLE({name}(1, 2))",
                listed,
            )

    def test_not_calls(self) -> None:
        """Tables as arguments, tables as statements and names are no calls."""
        for text in (
            "TABLE query",
            "SELECT * FROM (TABLE query) AS t (a)",
            "SELECT query(1)",
            'SELECT "TABLE(query(1))"',
            "SELECT 'TABLE(query(1))' -- TABLE(query(1))",
            "SELECT * FROM JSON_TABLE('1', 'lax $' COLUMNS (a bigint))",
            "SELECT * FROM TABLE(sequence(1, (SELECT max(a) FROM query)))",
            "SELECT * FROM TABLE(exclude_columns(TABLE(query) AS t (a, b), DESCRIPTOR(a)))",
        ):
            self.assertEqual(read_only(text), text)


class ExplainableTests(Assertions):
    """What a plan is asked for reads, and comes without its own EXPLAIN."""

    def test_statement(self) -> None:
        """A statement passes as it does to be run."""
        self.assertEqual(proper(" -- a\nSELECT 1 ;"), "     \nSELECT 1 ")

    def test_explain(self) -> None:
        """Of an EXPLAIN only what it explains is left, at its place."""
        for text in (
            "EXPLAIN SELECT 1",
            "/* a */ explain (TYPE io, FORMAT json)\nSELECT 1;",
            "EXPLAIN EXPLAIN(FORMAT TEXT)SELECT 1",
            "EXPLAIN SELECT 1; -- SELECT 1",
        ):
            left = proper(text)
            self.assertEqual(left.strip(), "SELECT 1")
            self.assertEqual(left.index("SELECT"), text.index("SELECT"))
            self.assertEqual(left.count("\n"), text.count("\n"))
        self.assertEqual(proper("EXPLAIN (SELECT 1)").strip(), "(SELECT 1)")

    def test_analyze(self) -> None:
        """EXPLAIN ANALYZE, which runs the statement, is refused at the word."""
        for text in (
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN (TYPE IO) EXPLAIN ANALYZE VERBOSE SELECT 1",
        ):
            self.assertRefused(text, "ANALYZE", "execute_query", explainable)

    def test_write(self) -> None:
        """A write is refused, whatever is before it."""
        for text in ("DROP TABLE t", "EXPLAIN DROP TABLE t"):
            self.assertRefused(text, "DROP", "only reads", explainable)

    def test_bare_analyze(self) -> None:
        """What would become EXPLAIN ANALYZE by writing EXPLAIN before it is refused."""
        for text in ("ANALYZE SELECT 1", "ANALYZE VERBOSE SELECT 1", "(ANALYZE t)"):
            self.assertRefused(text, "ANALYZE", "stores statistics", explainable)
        self.assertRefused("(TYPE IO) SELECT 1", "TYPE", "Begin with", explainable)
