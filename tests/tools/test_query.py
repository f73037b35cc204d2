"""Tests of ``mcp_trino.tools.query`` and ``mcp_trino.tools.execution``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from mcp_trino.errors import (
    InvalidArgument,
    PageGone,
    StatementFailed,
    StatementRefused,
)
from mcp_trino.tools.tool import Reply
from tests.tools.scripted import (
    ALICE,
    QUERIES,
    WITHOUT_DEFAULTS,
    ToolsTestCase,
    page,
    running,
)

ONE = page({"x": "integer"}, [1])


class ExecuteQueryTests(ToolsTestCase):
    """``execute_query``."""

    def test_rows(self) -> None:
        """The statement runs as the caller in the default place and bounds."""
        self.coordinator.script = {"SELECT": ONE}
        reply = self.call("execute_query", query="SELECT 1;")
        self.assertEqual(reply.structured["rows"], [[1]])
        (asked,) = self.coordinator.asked
        statement, window = asked.statement, asked.window
        self.assertEqual(statement.text, "SELECT 1")
        self.assertEqual((statement.catalog, statement.schema), ("tpch", "tiny"))
        self.assertEqual(statement.timeout_seconds, 300.0)
        self.assertEqual(asked.principal, ALICE)
        self.assertEqual(window.max_rows, 100)
        self.assertEqual(window.max_bytes, 200_000)
        self.assertEqual(window.max_cell_chars, 2000)
        self.assertEqual(window.wait_seconds, 45.0)

    def test_bounds(self) -> None:
        """A call may ask for other bounds and another place."""
        self.coordinator.script = {"SELECT": ONE}
        self.call(
            "execute_query",
            query="SELECT 1",
            catalog="memory",
            schema="s",
            max_rows=5,
            timeout_seconds=2,
        )
        (asked,) = self.coordinator.asked
        statement = asked.statement
        self.assertEqual((statement.catalog, statement.schema), ("memory", "s"))
        self.assertEqual((statement.timeout_seconds, asked.window.max_rows), (2, 5))

    def test_other_catalog(self) -> None:
        """The default schema is not looked for in another catalog."""
        self.coordinator.script = {"SELECT": ONE}
        self.call("execute_query", query="SELECT 1", catalog="memory")
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.statement.catalog, "memory")
        self.assertIsNone(asked.statement.schema)

    def test_refused(self) -> None:
        """A statement that does not only read never reaches Trino."""
        self.error("execute_query", StatementRefused, query="DELETE FROM t")
        self.assertEqual(self.coordinator.asked, [])

    def test_hint(self) -> None:
        """An error about an unknown name carries the nearest real ones."""
        error = StatementFailed(
            "TABLE_NOT_FOUND", "USER_ERROR", "Table 'a.b.ordes' does not exist"
        )
        self.coordinator.script = {
            "FROM ordes": error,
            "levenshtein": page({"table_name": "varchar"}, ["orders"]),
        }
        failed = self.error(
            "execute_query", StatementFailed, query="TABLE x FROM ordes"
        )
        self.assertEqual(failed.hint, "nearest tables: orders")

    def test_watch(self) -> None:
        """The coordinator is given the watch of the call."""
        self.coordinator.script = {"SELECT": ONE}
        watch = print
        self.successResultOf(self.start("execute_query", watch, query="SELECT 1"))
        self.assertIs(self.coordinator.asked[0].watch, watch)

    def test_cancel(self) -> None:
        """A call that is canceled cancels its query."""
        canceled: list[Any] = []
        self.coordinator.script = {"SELECT": Deferred(canceled.append)}
        call = self.start("execute_query", query="SELECT 1")
        call.cancel()
        self.assertEqual(len(canceled), 1)
        self.failureResultOf(call, CancelledError)


class WithoutDefaultsTests(ToolsTestCase):
    """Calls to a server without a default catalog and schema."""

    trino = WITHOUT_DEFAULTS

    def test_no_place(self) -> None:
        """A statement runs without a catalog."""
        self.coordinator.script = {"SELECT": ONE}
        self.call("execute_query", query="SELECT 1")
        (asked,) = self.coordinator.asked
        self.assertIsNone(asked.statement.catalog)

    def test_schema_alone(self) -> None:
        """A schema without a catalog is refused before Trino is asked."""
        error = self.error(
            "execute_query", InvalidArgument, query="SELECT 1", schema="tiny"
        )
        self.assertEqual(str(error), "schema needs a catalog: pass catalog too")


class FetchPageTests(ToolsTestCase):
    """``fetch_page``."""

    def test_hint(self) -> None:
        """An error that comes while a query is waited for has the same hint."""
        self.coordinator.script = {
            "a.b.ordes": running("h.1"),
            "levenshtein": page({"table_name": "varchar"}, ["orders"]),
        }
        self.coordinator.pages = {"h.1": running("h.1")}
        text = "SELECT 1 FROM a.b.ordes"
        token = self.call("execute_query", query=text).structured["next_page"]
        self.call("fetch_page", page=token)
        self.coordinator.failure = StatementFailed(
            "TABLE_NOT_FOUND", "USER_ERROR", "Table 'a.b.ordes' does not exist"
        )
        error = self.error("fetch_page", StatementFailed, page=token)
        self.assertEqual(error.hint, "nearest tables: orders")
        error = self.error("fetch_page", StatementFailed, page="other.1.100")
        self.assertIsNone(error.hint)

    def test_pages(self) -> None:
        """Each page names the next, and all have the size that was asked for."""
        rows = {"x": "integer"}
        self.coordinator.script = {"SELECT": page(rows, [1], [2], handle="h.1")}
        self.coordinator.pages = {
            "h.1": page(rows, [3], [4], handle="h.2", row_offset=2),
            "h.2": page(rows, [5], row_offset=4),
        }
        first = self.call("execute_query", query="SELECT x", max_rows=2)
        second = self.call("fetch_page", page=first.structured["next_page"])
        third = self.call("fetch_page", page=second.structured["next_page"])
        self.assertEqual(third.structured["rows"], [[5]])
        self.assertNotIn("next_page", third.structured)
        self.assertEqual(
            [(handle, window.max_rows) for handle, window in self.coordinator.fetched],
            [("h.1", 2), ("h.2", 2)],
        )

    def test_running(self) -> None:
        """A query still running can be waited for with its page."""
        self.coordinator.script = {"SELECT": running("h.0")}
        self.coordinator.pages = {"h.0": running("h.0", 50.0)}
        first = self.call("execute_query", query="SELECT x")
        second = self.call("fetch_page", page=first.structured["next_page"])
        self.assertEqual(second.structured["progress"], 50.0)
        self.assertEqual(first.structured["next_page"], second.structured["next_page"])

    def test_size_is_bounded(self) -> None:
        """A page that was tampered with brings no more rows than one may have."""
        self.coordinator.pages = {"h": ONE}
        self.call("fetch_page", page="h.999999999999")
        self.call("fetch_page", page="h.0")
        sizes = [window.max_rows for _, window in self.coordinator.fetched]
        self.assertEqual(sizes, [1000, 1])

    def test_nonsense(self) -> None:
        """What never was a page is like one that is gone."""
        for text in ("", "x", "x.", "x.y", ".5", "x.-1", "x.٣"):
            self.error("fetch_page", PageGone, page=text)


class ExplainQueryTests(ToolsTestCase):
    """``explain_query``."""

    def explain(self, query: str, plan: Any, **arguments: Any) -> Reply:
        """Explain a statement that has that plan."""
        rows = [[line] for line in str(plan).splitlines()]
        self.coordinator.script = {"EXPLAIN": page({"Query Plan": "varchar"}, *rows)}
        return self.call("explain_query", query=query, **arguments)

    def test_plan(self) -> None:
        """The plan is shown as it is, in the default format."""
        reply = self.explain("SELECT 1", "Output[]\n└─ Values[]\n\n")
        self.assertEqual(reply.structured, {"plan": "Output[]\n└─ Values[]"})
        self.assertEqual(reply.text, "Output[]\n└─ Values[]")
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.statement.text, "EXPLAIN (TYPE LOGICAL)\nSELECT 1")
        self.assertTrue(asked.statement.is_plan)
        self.assertLess(asked.window.max_bytes, QUERIES.max_bytes)

    def test_formats(self) -> None:
        """Each format asks Trino for its own."""
        reply = self.explain("SELECT 1", '{\n  "a" : [ ]\n}', format="IO")
        self.assertEqual(reply.structured, {"plan": {"a": []}})
        self.assertEqual(reply.text, '{"a":[]}')
        reply = self.explain("SELECT 1", True, format="VALIDATE")
        self.assertEqual(reply.structured, {"plan": "valid"})
        self.explain("SELECT 1", "x", format="DISTRIBUTED")
        self.assertEqual(
            [text.partition("\n")[0] for text in self.coordinator.texts()],
            [
                "EXPLAIN (TYPE IO, FORMAT JSON)",
                "EXPLAIN (TYPE VALIDATE)",
                "EXPLAIN (TYPE DISTRIBUTED)",
            ],
        )

    def test_cut(self) -> None:
        """A plan that is cut says so, also when it would have been JSON."""
        for form in ("IO", "LOGICAL"):
            self.coordinator.script = {
                "EXPLAIN": page({"Query Plan": "varchar"}, ['{"a": ['], cut_cells=1)
            }
            reply = self.call("explain_query", query="SELECT 1", format=form)
            self.assertEqual(reply.structured["plan"], '{"a": [')
            self.assertIn("long lines of the plan are cut: 1", reply.text)
            self.assertIn("lines of the plan", reply.structured["notice"])

    def test_long(self) -> None:
        """Of a long plan the rest is read by page, and JSON is then text."""
        for form in ("IO", "LOGICAL"):
            self.coordinator.script = {
                "EXPLAIN": page({"Query Plan": "varchar"}, ["{"], ["}"], handle="h.1")
            }
            reply = self.call("explain_query", query="SELECT 1", format=form)
            self.assertEqual(
                reply.structured,
                {"plan": "{\n}", "truncated": True, "next_page": "h.1.1000"},
            )
            self.assertIn('fetch_page(page="h.1.1000")', reply.text)

    def test_never_runs(self) -> None:
        """What would run or change something is refused before Trino is asked."""
        for query in (
            "ANALYZE SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "CREATE TABLE t AS SELECT 1",
            "(TYPE IO) DELETE FROM t",
        ):
            self.error("explain_query", StatementRefused, query=query)
        self.assertEqual(self.coordinator.asked, [])

    def test_position(self) -> None:
        """The position of an error is the one in the caller's own text."""
        for query, line, column in (
            ("SELECT nope", 1, 8),
            ("EXPLAIN SELECT nope", 1, 16),
            ("explain (type io)\n select nope", 2, 9),
            ("EXPLAIN SELECT nope ; -- SELECT nope", 1, 16),
        ):
            # Trino counts in the text that it was sent.
            def fail() -> StatementFailed:
                text = self.coordinator.asked[-1].statement.text
                before = text[: text.index("nope")]
                return StatementFailed(
                    "X",
                    "USER_ERROR",
                    "m",
                    line=before.count("\n") + 1,
                    column=len(before) - before.rfind("\n"),
                )

            self.coordinator.script = {"EXPLAIN": fail}
            error = self.error("explain_query", StatementFailed, query=query)
            self.assertEqual((error.line, error.column), (line, column))

    def test_no_position(self) -> None:
        """An error without a position stays without one."""
        error = StatementFailed("X", "USER_ERROR", "m")
        self.coordinator.script = {"EXPLAIN": error}
        failed = self.error("explain_query", StatementFailed, query="SELECT 1")
        self.assertIsNone(failed.line)

    def test_running(self) -> None:
        """A plan that takes long is a page to wait for."""
        self.coordinator.script = {"EXPLAIN": running("h")}
        reply = self.call("explain_query", query="SELECT 1")
        self.assertEqual(reply.structured["next_page"], "h.1000")
