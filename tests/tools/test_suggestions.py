"""Tests of ``mcp_trino.tools.suggestions``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import Busy, StatementFailed
from mcp_trino.queries import Page, Statement
from mcp_trino.tools.suggestions import Suggestions
from tests.tools.scripted import ALICE, ScriptedCoordinator, only, page

MESSAGES = {
    "COLUMN_NOT_FOUND": "Column '{}' cannot be resolved",
    "TABLE_NOT_FOUND": "Table '{}' does not exist",
    "SCHEMA_NOT_FOUND": "Schema '{}' does not exist",
    "CATALOG_NOT_FOUND": "Catalog '{}' not found",
    "FUNCTION_NOT_FOUND": "Function '{}' not registered",
}

COLUMNS: dict[str, tuple[str, ...]] = {
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

TABLES: dict[str, tuple[str, ...]] = {
    "customers": ("customer", "custumers", "dim_customers"),
    "customer_addresses": ("customeraddress", "addresses"),
    "invoices": ("invoice", "invioces"),
    "invoice_lines": ("invoicelines", "invoice_line_items"),
    "products": ("product", "prodcuts", "dim_product"),
    "product_categories": ("product_category", "categories"),
    "shipments": ("shipment", "shippments"),
    "page_views": ("pageviews", "page_view"),
    "web_sessions": ("sessions",),
    "returns": ("retuns",),
}
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "date_trunc": ("datetrunc", "trunc_date"),
    "date_format": ("dateformat",),
    "json_extract_scalar": ("json_extract_scaler", "jsonextractscalar"),
    "regexp_replace": ("regex_replace",),
    "array_agg": ("arrayagg",),
    "strpos": ("str_pos",),
    "approx_distinct": ("approxdistinct",),
    "row_number": ("rownumber",),
}
"""Others, which the ranking was not made with."""


class SuggestionsTests(SynchronousTestCase):
    """The nearest real names."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.coordinator = ScriptedCoordinator()
        self.suggestions = Suggestions(self.coordinator, self.clock)

    def start(self, name: str, unknown: str, text: str) -> Deferred[str | None]:
        """Ask for the nearest names of one in a statement of tpch.tiny."""
        error = StatementFailed(name, "USER_ERROR", MESSAGES[name].format(unknown))
        return self.hint(error, text)

    def hint(self, error: StatementFailed, text: str) -> Deferred[str | None]:
        """Ask for the nearest names of the one that an error is about."""
        statement = Statement(text, "tpch", "tiny", 300.0)
        return Deferred.fromCoroutine(self.suggestions.nearest(error, statement, ALICE))

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

    def test_long_statement(self) -> None:
        """A long statement is not gone through while others wait."""
        text = "SELECT x, " + "1, " * 10_000 + "1 FROM t"
        self.assertIsNone(self.nearest("COLUMN_NOT_FOUND", "x", text, self.names("y")))
        self.assertEqual(self.coordinator.asked, [])

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
        self.assertIn("table_name, 'order_lines') LIMIT 500", text)

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
        """The built-in functions are known before Trino has told them."""
        asked: Deferred[Page] = Deferred()
        name, text = "FUNCTION_NOT_FOUND", "SELECT uper('a')"
        hint = self.nearest(name, "uper", text, asked)
        self.assertTrue(str(hint).startswith("nearest functions: upper, "), hint)
        hint = self.nearest(name, "c.s.uper", text, asked)
        self.assertTrue(str(hint).startswith("nearest functions: upper, "), hint)
        self.assertEqual(self.coordinator.texts(), ["SHOW FUNCTIONS"])
        asked.callback(self.names("uper_2", "abs"))
        hint = self.nearest(name, "uper2", text, asked)
        self.assertTrue(str(hint).startswith("nearest functions: uper_2, "), hint)
        self.assertEqual(len(self.coordinator.asked), 1)
        self.clock.advance(3600)
        self.nearest(name, "uper2", text, Busy("full", 1))
        self.assertEqual(len(self.coordinator.asked), 2)

    def test_without_asking(self) -> None:
        """Table functions and types are known without asking."""
        for name, message, nearest in (
            ("FUNCTION_NOT_FOUND", "Table function 'seqence' not registered", "sequ"),
            ("TYPE_MISMATCH", "Unknown type: varchr", "types: varchar"),
        ):
            error = StatementFailed(name, "USER_ERROR", message)
            hint = self.successResultOf(self.hint(error, "SELECT 1"))
            self.assertIn(nearest, str(hint))
        self.assertEqual(self.coordinator.asked, [])

    def test_join(self) -> None:
        """A column that USING names is one of a table's."""
        error = StatementFailed(
            "COLUMN_NOT_FOUND",
            "USER_ERROR",
            "Column 'regionky' is missing from left side of join",
        )
        self.coordinator.script = {"": self.names("regionkey")}
        hint = self.successResultOf(self.hint(error, "TABLE a JOIN b USING (regionky)"))
        self.assertEqual(hint, "nearest columns: regionkey")

    def test_hidden(self) -> None:
        """What is kept away is never suggested."""
        self.suggestions = Suggestions(
            self.coordinator,
            self.clock,
            only("tpch.s.orders", "hive.sales.t").allowlist,
        )
        for name, unknown, answer, expected in (
            ("TABLE_NOT_FOUND", "tpch.s.ordes", ("ordess", "orders"), "orders"),
            ("SCHEMA_NOT_FOUND", "salse", ("sales", "salses"), "sales"),
            ("CATALOG_NOT_FOUND", "hiv", ("hiv2", "hive"), "hive"),
        ):
            text = "TABLE hive.salse.x"
            hint = self.nearest(name, unknown, text, self.names(*answer))
            self.assertEqual(str(hint).partition(": ")[2], expected)
        self.coordinator.asked.clear()
        text = "SELECT x FROM tpch.s.secret, tpch.s.orders"
        self.nearest("COLUMN_NOT_FOUND", "x", text, self.names("y"))
        self.assertNotIn("secret", self.coordinator.texts()[0])
        self.assertIsNone(
            self.nearest("COLUMN_NOT_FOUND", "x", "TABLE t", self.names("y"))
        )

    def test_asked_as_the_person(self) -> None:
        """Trino is asked as the caller, quickly and for little."""
        self.nearest("CATALOG_NOT_FOUND", "x", "TABLE x", self.names())
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.principal, ALICE)
        self.assertEqual(asked.statement.timeout_seconds, 2.0)
        self.assertLessEqual(asked.window.max_rows, 500)

    def test_misspelt(self) -> None:
        """Of common slips of columns the right name comes first."""
        self.assertEqual(sum(map(len, COLUMNS.values())), 30)
        right = self.right("COLUMN_NOT_FOUND", "{}", "nearest columns", COLUMNS)
        self.assertGreaterEqual(right, 29)

    def test_other_slips(self) -> None:
        """So it does of common slips of tables and of functions."""
        self.assertEqual(sum(map(len, (*TABLES.values(), *FUNCTIONS.values()))), 30)
        tables = self.right("TABLE_NOT_FOUND", "hive.shop.{}", "nearest tables", TABLES)
        functions = self.right(
            "FUNCTION_NOT_FOUND", "{}", "nearest functions", FUNCTIONS
        )
        self.assertGreaterEqual(tables + functions, 27)

    def right(
        self, error: str, written_as: str, hint: str, meant: dict[str, tuple[str, ...]]
    ) -> int:
        """Give the number of slips for which the right name comes first."""
        right = 0
        for name, slips in meant.items():
            for slip in slips:
                found = str(
                    self.nearest(
                        error, written_as.format(slip), "TABLE t", self.names(*meant)
                    )
                )
                right += found.startswith((f"{hint}: {name},", f"{hint}: {name}\n"))
        return right

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
            self.assertIsNone(self.successResultOf(self.hint(error, "SELECT x FROM t")))
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
