"""The verdicts of ``mcp_trino.statements`` held against a real Trino."""

import contextlib
from typing import Any
from urllib.parse import urlsplit

import trino.dbapi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trino.exceptions import TrinoQueryError
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import StatementRefused
from mcp_trino.statements.classify import MAX_CHARS, explainable, read_only
from mcp_trino.statements.lexer import Kind, refusal, tokens
from tests.real_trino import real_trino
from tests.statements.corpus import READS, READS_ELSEWHERE, REFUSED
from tests.statements.strategies import comments, quoted_names, strings, trivia

few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])


class AgainstTrinoTests(SynchronousTestCase):
    """Trino agrees on what reads and on where tokens are."""

    def setUp(self) -> None:
        """Open a connection."""
        url = urlsplit(real_trino())
        self.connection = trino.dbapi.connect(
            host=url.hostname,
            port=url.port,
            user="statements",
            catalog="tpch",
            schema="tiny",
        )
        self.addCleanup(self.connection.close)

    def run_statement(self, text: str) -> tuple[list[list[Any]], str | None]:
        """Give the rows of a statement and what it updated."""
        cursor = self.connection.cursor()
        cursor.execute(text)
        return cursor.fetchall(), cursor.update_type

    def test_reads(self) -> None:
        """Each kind of statement that passes runs and updates nothing."""
        for text in READS:
            _, update_type = self.run_statement(read_only(text))
            self.assertIsNone(update_type, text)

    def test_corpus(self) -> None:
        """The statements of the tests are statements in Trino's grammar."""
        refused = (text for texts in REFUSED.values() for text in texts)
        for text in (*READS_ELSEWHERE, *refused):
            try:
                self.run_statement(f"PREPARE statement_of_test FROM {text}")
            except TrinoQueryError as error:
                # Some that it can read it cannot prepare.
                self.assertNotEqual(error.error_name, "SYNTAX_ERROR", text)

    def test_explained(self) -> None:
        """What may be explained is a statement after another EXPLAIN."""
        text = explainable("EXPLAIN (TYPE IO) (SELECT 1);").explainee
        self.assertEqual(
            self.run_statement(f"EXPLAIN (TYPE VALIDATE) {text}")[0], [[True]]
        )

    def test_longest(self) -> None:
        """Trino takes a statement as long as may pass, and none that is longer."""
        text = "SELECT 1".ljust(MAX_CHARS)
        self.assertEqual(self.run_statement(read_only(text))[0], [[1]])
        error = self.assertRaises(TrinoQueryError, self.run_statement, text + " ")
        self.assertEqual(error.error_name, "QUERY_TEXT_TOO_LARGE")

    @few
    @given(st.data())
    def test_no_update(self, data: st.DataObject) -> None:
        """What passes in any disguise and Trino accepts updates nothing."""
        text = data.draw(
            st.sampled_from(
                [*READS, *(text for texts in REFUSED.values() for text in texts)]
            )
        )
        wrapped = "".join(
            data.draw(
                st.lists(
                    comments
                    | st.sampled_from(
                        ("EXPLAIN ", "EXPLAIN ANALYZE ", "EXPLAIN (TYPE IO) ", "(")
                    ),
                    max_size=4,
                )
            )
        )
        try:
            passed = read_only(wrapped + text)
        except StatementRefused:
            return
        with contextlib.suppress(TrinoQueryError):
            self.assertIsNone(self.run_statement(passed)[1], passed)

    @few
    @given(st.lists(st.tuples(trivia, strings, trivia), min_size=1, max_size=12))
    def test_strings(self, parts: list[tuple[str, str, str]]) -> None:
        """Strings are for Trino what they are here, whatever is around them."""
        text = "SELECT " + ",".join(map("".join, parts))
        here = [
            token.text[1:-1].replace("''", "'")
            for token in tokens(text)
            if token.kind is Kind.STRING
        ]
        self.assertEqual(self.run_statement(text)[0], [here])

    @few
    @given(
        st.lists(trivia | strings.map("{},".format) | quoted_names.map("1 {},".format))
    )
    def test_positions(self, parts: list[str]) -> None:
        """Lines and columns are counted as Trino counts them."""
        text = f"SELECT{' '.join(('', *parts))} nowhere"
        error = self.assertRaises(TrinoQueryError, self.run_statement, text)
        there = refusal(text, text.index("nowhere"), "")
        self.assertEqual(error.error_name, "COLUMN_NOT_FOUND")
        self.assertTrue(error.message.startswith(f"line {there.line}:{there.column}:"))

    def test_not_tokens(self) -> None:
        """What is refused as no token is an error of syntax for Trino."""
        for text in (
            *("'a", "'a''", "x'a", "u&'a", '"a', "/* a", "`a`", "1 # a", "1 /*/"),
            *("\xa01", "\ufeff1", "1\0", "1\v", "\u2028 1", "é", "a & 1", "@a", "!1"),
        ):
            statement = f"SELECT {text}"
            self.assertRaises(StatementRefused, read_only, statement)
            error = self.assertRaises(TrinoQueryError, self.run_statement, statement)
            self.assertEqual(error.error_name, "SYNTAX_ERROR", statement)

    def test_analyze_of_table(self) -> None:
        """``EXPLAIN ANALYZE show`` is about a table, and so refused here."""
        text = "EXPLAIN ANALYZE show"
        self.assertRaises(StatementRefused, read_only, text)
        error = self.assertRaises(TrinoQueryError, self.run_statement, text)
        self.assertEqual(error.error_name, "TABLE_NOT_FOUND")

    def test_table_functions(self) -> None:
        """The table functions that may be called are all that Trino brings along."""
        rows, _ = self.run_statement("SHOW FUNCTIONS FROM system.builtin")
        names = {row[0] for row in rows if row[3] == "table"}
        self.assertEqual(names, {"sequence", "exclude_columns"})
