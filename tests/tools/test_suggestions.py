"""Tests of ``mcp_trino.tools.suggestions``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import Busy, StatementFailed
from mcp_trino.queries import Page, Statement
from mcp_trino.tools.suggestions import Suggestions, written
from tests.tools.scripted import ALICE, ScriptedCoordinator, page

MESSAGES = {
    "COLUMN_NOT_FOUND": "Column '{}' cannot be resolved",
    "TABLE_NOT_FOUND": "Table '{}' does not exist",
    "SCHEMA_NOT_FOUND": "Schema '{}' does not exist",
    "CATALOG_NOT_FOUND": "Catalog '{}' not found",
    "FUNCTION_NOT_FOUND": "Function '{}' not registered",
}

SLIPS: dict[str, tuple[str, ...]] = {
    "orderkey": ("order_key", "orderky", "o_orderkey", "order_id"),
    "custkey": ("cust_key", "custkye", "customer_id"),
    "orderstatus": ("order_status", "status"),
    "totalprice": ("total", "o_totalprice", "totalpric"),
    "orderdate": ("order_date", "orderDt", "date"),
    "orderpriority": (),
    "clerk": ("clerks",),
    "shippriority": ("ship_priority",),
    "comment": ("comments", "commment"),
    "name": ("nam", "nme", "c_name", "customer_name"),
    "nationkey": ("nation_key", "nationid"),
    "regionkey": ("region_key", "regoinkey"),
    "acctbal": ("acctball",),
    "mktsegment": ("market_segment", "segment"),
}
"""The columns of a table, and how people and models write them by mistake."""


class SuggestionsTests(SynchronousTestCase):
    """The nearest real names."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.coordinator = ScriptedCoordinator()

    def start(self, name: str, unknown: str, text: str) -> Deferred[str | None]:
        """Ask for the nearest names of one in a statement of tpch.tiny."""
        error = StatementFailed(name, "USER_ERROR", MESSAGES[name].format(unknown))
        statement = Statement(text, "tpch", "tiny", 300.0)
        suggestions = Suggestions(self.coordinator, self.clock)
        return Deferred.fromCoroutine(suggestions.nearest(error, statement, ALICE))

    def nearest(self, name: str, unknown: str, text: str, answer: Any) -> str | None:
        """Give them for an answer of Trino's."""
        self.coordinator.script = {"": answer}
        return self.successResultOf(self.start(name, unknown, text))

    def names(self, *names: str) -> Page:
        """An answer with these names."""
        return page({"name": "varchar"}, *([name] for name in names))

    def test_column(self) -> None:
        """Columns are those of the tables that the statement names."""
        hint = self.nearest(
            "COLUMN_NOT_FOUND",
            "o.custky",
            'SELECT o.custky, 1 FROM orders o JOIN /* x */ "S"."T" ON true, c.s.t',
            self.names("comment", "custkey", "orderkey", "cust_name", "custkey"),
        )
        self.assertEqual(hint, "nearest columns: custkey, cust_name, comment")
        (text,) = self.coordinator.texts()
        for place in (
            'FROM "tpch".information_schema.columns WHERE (',
            "(table_schema = 'tiny' AND table_name = 'orders')",
            "OR (table_schema = 's' AND table_name = 't')",
            'UNION ALL SELECT column_name FROM "c".information_schema.columns',
            " WHERE (table_schema = 's' AND table_name = 't')",
        ):
            self.assertIn(place, text)

    def test_column_without_table(self) -> None:
        """Where no table is named there is nothing to ask."""
        self.assertIsNone(self.nearest("COLUMN_NOT_FOUND", "x", "SELECT x", None))
        self.assertEqual(self.coordinator.asked, [])

    def test_many_tables(self) -> None:
        """A statement of a thousand tables asks a short question."""
        text = "SELECT x FROM " + ", ".join(f"t{number}" for number in range(1000))
        self.nearest("COLUMN_NOT_FOUND", "x", text, self.names("y"))
        self.assertEqual(self.coordinator.texts()[0].count("table_name ="), 20)

    def test_table(self) -> None:
        """Tables are those of the same schema, chosen by Trino."""
        hint = self.nearest(
            "TABLE_NOT_FOUND",
            "tpch.my-s.order_lines",
            "TABLE t",
            self.names("orders", "orderlines", "Lines-1"),
        )
        self.assertEqual(hint, 'nearest tables: orderlines, orders, "Lines-1"')
        (text,) = self.coordinator.texts()
        self.assertIn("table_schema = 'my-s' ORDER BY levenshtein_distance(", text)
        self.assertIn("table_name, 'order_lines') LIMIT 50", text)

    def test_schema(self) -> None:
        """Schemas are those of the catalog that the statement names, or the default."""
        for text, catalog in (
            ("SELECT 1 FROM memory.tyni.t", "memory"),
            ("SHOW TABLES FROM memory.tyni", "memory"),
            ("SELECT 1 FROM tyni.t", "tpch"),
        ):
            self.coordinator.asked.clear()
            hint = self.nearest("SCHEMA_NOT_FOUND", "tyni", text, self.names("tiny"))
            self.assertEqual(hint, "nearest schemas: tiny")
            asked = self.coordinator.texts()[0]
            self.assertIn(f'FROM "{catalog}".information_schema.schemata', asked)

    def test_catalog(self) -> None:
        """Catalogs are asked of Trino."""
        hint = self.nearest(
            "CATALOG_NOT_FOUND", "tcph", "TABLE x", self.names("memory", "tpch")
        )
        self.assertEqual(hint, "nearest catalogs: tpch, memory")

    def test_function(self) -> None:
        """Functions are known without asking."""
        hint = self.nearest("FUNCTION_NOT_FOUND", "uper", "SELECT uper('a')", None)
        self.assertTrue(str(hint).startswith("nearest functions: upper, "), hint)
        self.assertEqual(self.coordinator.asked, [])

    def test_asked_as_the_person(self) -> None:
        """Trino is asked as the caller, quickly and for little."""
        self.nearest("CATALOG_NOT_FOUND", "x", "TABLE x", self.names())
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.principal, ALICE)
        self.assertEqual(asked.statement.timeout_seconds, 2.0)
        self.assertLessEqual(asked.window.max_rows, 500)

    def test_misspelt(self) -> None:
        """Of common slips the right name comes first."""
        right = 0
        for meant, slips in SLIPS.items():
            for slip in slips:
                hint = self.nearest(
                    "COLUMN_NOT_FOUND", slip, "TABLE t", self.names(*SLIPS)
                )
                right += str(hint).startswith(f"nearest columns: {meant}")
        self.assertEqual(sum(map(len, SLIPS.values())), 30)
        self.assertGreaterEqual(right, 29)

    def test_nothing_there(self) -> None:
        """No names, no hint."""
        hint = self.nearest("CATALOG_NOT_FOUND", "x", "TABLE x", self.names())
        self.assertIsNone(hint)

    def test_other_errors(self) -> None:
        """Other errors, and texts that Trino may change to, ask nothing."""
        for name, message in (
            ("SYNTAX_ERROR", "mismatched input"),
            *((name, "in other words") for name in MESSAGES),
        ):
            error = StatementFailed(name, "USER_ERROR", message)
            statement = Statement("SELECT x FROM t", "c", "s", 300.0)
            suggestions = Suggestions(self.coordinator, self.clock)
            hint = suggestions.nearest(error, statement, ALICE)
            self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(hint)))
        self.assertEqual(self.coordinator.asked, [])

    def test_trino_fails(self) -> None:
        """When the names cannot be had the error is shown without."""
        hint = self.nearest("CATALOG_NOT_FOUND", "x", "TABLE x", Busy("full", 1))
        self.assertIsNone(hint)

    def test_too_slow(self) -> None:
        """Nobody waits longer than two seconds for a hint."""
        canceled: list[Deferred[Page]] = []
        self.coordinator.script = {"": Deferred(canceled.append)}
        hint = self.start("CATALOG_NOT_FOUND", "x", "TABLE x")
        self.clock.advance(1.9)
        self.assertNoResult(hint)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(hint))
        self.assertEqual(len(canceled), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class WrittenTests(SynchronousTestCase):
    """Names as a statement may have them."""

    def test_quotes(self) -> None:
        """A name is quoted only where it has to be."""
        self.assertEqual(
            [written(name) for name in ("a_1", "1a", "my-t", 'x"y', "ä")],
            ["a_1", '"1a"', '"my-t"', '"x""y"', '"ä"'],
        )
