"""Tests of ``search`` and ``index`` in ``mcp_trino.tools``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import (
    Busy,
    CoordinatorUnreachable,
    InvalidArgument,
    PageGone,
    StatementFailed,
)
from mcp_trino.tools.index import Index, Table, Told, in_order, scored, stems_of
from tests.tools.scripted import ToolsTestCase, only, page

TWO = dict.fromkeys(("table_schema", "table_name"), "varchar")
THREE = dict.fromkeys(("table_schema", "table_name", "text"), "varchar")
DENIED = StatementFailed("PERMISSION_DENIED", "USER_ERROR", "Access Denied")


class IndexTests(SynchronousTestCase):
    """Which tables fit, and in what order."""

    tables = Told(
        "hive",
        {("shop", "parcels"): "What was sent for an Order"},
        {
            ("shop", "orders"): "orderkey\tthe key\ncustomer_id\nplaced_at",
            ("shop", "people"): "id\nlast_order\nemail\twork address",
        },
    ).tables(
        [
            ("shop", "orders"),
            ("shop", "order_lines"),
            ("shop", "reorders"),
            ("shop", "parcels"),
            ("shop", "people"),
            ("ordering", "x"),
            ("web", "Ünïcode"),
        ],
    )

    def found(self, text: str, schema: str | None = None) -> list[str]:
        """Give the names of what fits, the best first."""
        fit = scored(stems_of(text), schema, self.tables)
        return [table.name for table in in_order(fit)]

    def test_order(self) -> None:
        """A table's own name counts most, then words, columns, comments, schemas."""
        best = ["orders", "order_lines", "reorders", "people", "parcels", "x"]
        for text in ("orders", "ORDER", "order"):
            self.assertEqual(self.found(text), best)

    def test_words(self) -> None:
        """More words that fit count more than one that fits well."""
        self.assertEqual(self.found("order of a customer")[0], "orders")
        self.assertEqual(self.found("last order")[0], "people")
        self.assertEqual(self.found("work-address"), ["people"])
        self.assertEqual(self.found("ünïcode"), ["Ünïcode"])
        self.assertEqual(self.found("nothing"), [])

    def test_schema(self) -> None:
        """Only one schema may be asked for."""
        self.assertEqual(self.found("order", "ordering"), ["x"])

    def test_columns(self) -> None:
        """The columns with a word in name or comment are told."""
        orders, people = self.tables[0], self.tables[4]
        self.assertEqual(
            orders.matching_columns(["order", "customer"]), ["orderkey", "customer_id"]
        )
        self.assertEqual(people.matching_columns(["address"]), ["email"])

    def test_words_of_a_search(self) -> None:
        """Endings of plurals and short words are left out, where others are left."""
        self.assertEqual(stems_of("Orders of a customer"), ["order", "customer"])
        self.assertEqual(stems_of("a-b id"), ["a", "b", "id"])
        self.assertEqual(stems_of(" _ sss"), [])

    def test_size(self) -> None:
        """What is remembered is counted."""
        table = Table("c", "s", "t", "x" * 1000, "y" * 1000)
        self.assertGreater(table.size, 4000)
        self.assertGreater(Index(tuple(self.tables)).size, 7 * 200)


class SearchTests(ToolsTestCase):
    """``search_tables``."""

    def script(self, **more: Any) -> None:
        """Have two catalogs, and Trino's own."""
        usual = {
            "SHOW CATALOGS": page({"c": "varchar"}, ["hive"], ["system"], ["tpch"]),
            "catalog_name = 'hive'": page(THREE, ["s", "orders", "What\nwas bought"]),
            "table_comments": page(THREE),
            '"hive".information_schema.columns': page(THREE, ["s", "orders", "id\nat"]),
            "information_schema.columns": page(THREE, ["tiny", "t", "order_id"]),
            '"hive".information_schema.tables': page(TWO, ["s", "orders"], ["s", "b"]),
            "information_schema.tables": page(TWO, ["tiny", "t"]),
        }
        # The first word that fits decides.
        self.coordinator.script = {**more, **(usual | more)}

    def test_all(self) -> None:
        """All catalogs are looked through, but Trino's own."""
        self.script()
        reply = self.call("search_tables", text="order")
        self.assertEqual(
            reply.structured["rows"],
            [
                ["hive.s.orders", "What\nwas bought", []],
                ["tpch.tiny.t", None, ["order_id"]],
            ],
        )
        self.assertNotIn("notice", reply.structured)
        self.assertNotIn('"system"', "".join(self.coordinator.texts()))
        for asked in self.coordinator.asked:
            self.assertFalse(asked.window.further)

    def test_one(self) -> None:
        """Only one catalog and schema may be asked for, Trino's own too."""
        self.script()
        reply = self.call("search_tables", text="order", catalog="HIVE", schema="S")
        self.assertEqual(
            [row[0] for row in reply.structured["rows"]], ["hive.s.orders"]
        )
        self.call("search_tables", text="order", catalog="system")
        self.assertIn(
            'FROM "system".information_schema.tables', self.coordinator.texts()[-1]
        )

    def test_kept(self) -> None:
        """What a catalog told is remembered for a while, for one person."""
        self.script()
        self.call("search_tables", text="order", catalog="hive")
        asked = len(self.coordinator.asked)
        self.call("search_tables", text="other", catalog="hive")
        self.assertEqual(len(self.coordinator.asked), asked)
        self.clock.advance(300)
        self.call("search_tables", text="other", catalog="hive")
        self.assertEqual(len(self.coordinator.asked), 2 * asked)

    def test_at_once(self) -> None:
        """Two searches of one person at once ask a catalog once."""
        late: Deferred[Any] = Deferred()
        self.script(**{'"hive".information_schema.tables': late})
        first = self.start("search_tables", text="order", catalog="hive")
        second = self.start("search_tables", text="orders", catalog="hive")
        asked = len(self.coordinator.asked)
        late.callback(page(TWO, ["s", "orders"]))
        self.clock.pump([0] * 9)
        for call in (first, second):
            rows = self.successResultOf(call).structured["rows"]
            self.assertEqual(rows[0][0], "hive.s.orders")
        self.assertEqual(len(self.coordinator.asked), asked)

    def test_first_given_up(self) -> None:
        """A search goes on when the one that it waited for is given up."""
        self.script(**{'"hive".information_schema.tables': Deferred})
        first = self.start("search_tables", text="order", catalog="hive")
        second = self.start("search_tables", text="order", catalog="hive")
        self.script()
        first.cancel()
        self.failureResultOf(first)
        self.clock.pump([0] * 9)
        self.assertTrue(self.successResultOf(second).structured["rows"])

    def test_failing_catalog(self) -> None:
        """A catalog that fails does not fail the others, and is named."""
        for error in (DENIED, Busy("full", 1)):
            self.script(**{'"tpch".information_schema.tables': error})
            reply = self.call("search_tables", text="order")
            self.assertEqual(len(reply.structured["rows"]), 1)
            self.assertIn("did not answer: tpch", reply.structured["notice"])
            self.assertIn("did not answer: tpch", reply.text)
            self.error("search_tables", type(error), text="order", catalog="tpch")
            self.clock.advance(300)

    def test_slow_catalog(self) -> None:
        """So it is with one that does not answer in time; nothing is left behind."""
        canceled: list[Any] = []
        late = Deferred(canceled.append)
        self.script(**{'"tpch".information_schema.tables': late})
        call = self.start("search_tables", text="order")
        self.assertNoResult(call)
        self.clock.advance(40)
        reply = self.successResultOf(call)
        self.assertIn("did not answer: tpch", reply.structured["notice"])
        self.assertEqual(len(canceled), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_canceled(self) -> None:
        """A search that nobody waits for cancels what it asked for."""
        canceled: list[Any] = []
        self.script(
            **{
                text: lambda: Deferred(canceled.append)
                for text in ("information_schema.", "table_comments")
            }
        )
        call = self.start("search_tables", text="order")
        call.cancel()
        self.failureResultOf(call)
        self.assertEqual(len(canceled), 6)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_partly(self) -> None:
        """Names are searched where comments or columns cannot be had."""
        self.script(
            table_comments=DENIED, **{'"hive".information_schema.columns': DENIED}
        )
        reply = self.call("search_tables", text="orders")
        self.assertEqual(reply.structured["rows"][0][0], "hive.s.orders")
        self.assertEqual(
            reply.structured["notice"],
            "searched without columns, by names of tables only: hive. "
            "searched without comments: hive, tpch",
        )

    def test_many(self) -> None:
        """Ten thousand tables that fit come page by page, the best first."""
        names = [["s", f"order_{number:05}"] for number in range(10_000)]
        self.script(**{'"hive".information_schema.tables': page(TWO, *names)})
        reply = self.call("search_tables", text="order", catalog="hive")
        rows = reply.structured["rows"]
        self.assertLess(len(reply.text), 5_000)
        for _ in range(3):
            reply = self.call("fetch_page", page=reply.structured["next_page"])
            rows += reply.structured["rows"]
        self.assertEqual(
            [row[0] for row in rows],
            [f"hive.s.order_{number:05}" for number in range(100)],
        )

    def test_too_many(self) -> None:
        """A catalog that has more tables than are remembered is named."""
        first = page(TWO, ["s", "orders"], handle="h")
        self.script(**{'"hive".information_schema.tables': first})
        reply = self.call("search_tables", text="order", catalog="hive")
        self.assertIn("only the first", reply.structured["notice"])

    def test_nothing(self) -> None:
        """Nothing found is no error; nothing to look for is one, so is too much."""
        self.script()
        self.assertEqual(self.call("search_tables", text="zzz").structured["rows"], [])
        self.error("search_tables", InvalidArgument, text=" - ")
        many = " ".join(f"word{number}" for number in range(51))
        self.error("search_tables", InvalidArgument, text=many)
        for after in ("x", "1/2"):
            token = f"search_tables?text=a&after={after}"
            self.error("fetch_page", PageGone, page=token)

    def test_unreachable(self) -> None:
        """Without Trino there is an error, not an empty answer."""
        self.coordinator.script = {"": CoordinatorUnreachable("Trino is away")}
        self.error("search_tables", CoordinatorUnreachable, text="x")


class HiddenTests(ToolsTestCase):
    """What the operator's lists keep away."""

    guard = only("hive.s.orders")

    def test_hidden(self) -> None:
        """It is neither asked for nor found, nor are its columns."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"c": "varchar"}, ["hive"], ["tpch"]),
            "table_comments": page(THREE, ["s", "b", "secret orders"]),
            "information_schema.columns": page(THREE, ["s", "b", "order_id"]),
            "information_schema.tables": page(TWO, ["s", "orders"], ["s", "b"]),
        }
        reply = self.call("search_tables", text="order secret")
        self.assertEqual(reply.structured["rows"], [["hive.s.orders", []]])
        self.assertNotIn("tpch", "".join(self.coordinator.texts()))
        self.error("search_tables", InvalidArgument, text="x", catalog="tpch")


class HiddenDefaultTests(ToolsTestCase):
    """A default schema that the operator's lists keep away."""

    guard = only("tpch.sf1.nation")

    def test_catalog(self) -> None:
        """It is no hindrance where only a catalog is asked for."""
        self.coordinator.script = {
            "schemata": page({"s": "varchar"}, ["sf1"], ["tiny"]),
            "table_comments": page(THREE),
            "information_schema.columns": page(THREE),
            "information_schema.tables": page(TWO, ["sf1", "nation"]),
        }
        reply = self.call("search_tables", text="nation", catalog="tpch")
        self.assertEqual(reply.structured["rows"], [["tpch.sf1.nation", []]])
        reply = self.call("list_schemas")
        self.assertEqual(reply.structured["rows"], [["sf1"]])
        self.error("list_tables", InvalidArgument)
