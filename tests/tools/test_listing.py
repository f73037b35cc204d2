"""Tests of ``listing``, ``paging`` and ``dictionary`` in ``mcp_trino.tools``."""

import re
from typing import Any

from twisted.internet.defer import Deferred

from mcp_trino.errors import (
    Busy,
    InvalidArgument,
    PageGone,
    StatementFailed,
    TimedOut,
)
from mcp_trino.queries import Page
from tests.tools.scripted import (
    ALICE,
    QUERIES,
    WITHOUT_DEFAULTS,
    ScriptedCoordinator,
    ToolsTestCase,
    only,
    page,
    running,
)

NAMES = dict.fromkeys(("table_schema", "table_name", "table_type"), "varchar")
COMMENTS = {"table_name": "varchar", "comment": "varchar"}
NO_SCHEMA = StatementFailed(
    "SCHEMA_NOT_FOUND", "USER_ERROR", "Schema 'x' does not exist", line=1, column=1
)
DENIED = StatementFailed(
    "PERMISSION_DENIED", "USER_ERROR", "Access Denied: Cannot access catalog system"
)


def many_tables(coordinator: ScriptedCoordinator, names: list[str]) -> Any:
    """Give what answers as Trino does when a schema has tables of these names."""

    def tables() -> Page:
        text = coordinator.texts()[-1]
        limit = re.search(r"LIMIT ([0-9]+)$", text)
        after = re.search(r"> ROW\('([^']*)', '([^']*)'\)", text)
        found = [name for name in names if after is None or name > after[2]]
        assert limit is not None, text
        rows = [["tiny", name, "BASE TABLE"] for name in found[: int(limit[1])]]
        return page(NAMES, *rows)

    return tables


class ListTests(ToolsTestCase):
    """``list_catalogs``, ``list_schemas`` and ``list_tables``."""

    def test_catalogs(self) -> None:
        """Catalogs are a page of names."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["memory"], ["tpch"])
        }
        reply = self.call("list_catalogs")
        self.assertEqual(reply.structured["rows"], [["memory"], ["tpch"]])
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.principal, ALICE)

    def test_schemas(self) -> None:
        """Schemas are those of the catalog that is named, else of the default."""
        self.coordinator.script = {"schemata": page({"schema_name": "varchar"}, ["x"])}
        self.call("list_schemas")
        self.call("list_schemas", catalog='My"Cat', pattern="S_%'")
        default, named = self.coordinator.texts()
        self.assertIn('FROM "tpch".information_schema.schemata', default)
        self.assertIn('FROM "my""cat".information_schema.schemata', named)
        self.assertIn("LIKE 's_%'''", named)

    def test_tables(self) -> None:
        """Tables come with their type, and with comments when one has any."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS, ["b", "the b"]),
            "tables": page(NAMES, ["tiny", "a", "BASE TABLE"], ["tiny", "b", "VIEW"]),
        }
        reply = self.call("list_tables")
        self.assertEqual(
            reply.structured["rows"],
            [["a", "BASE TABLE", None], ["b", "VIEW", "the b"]],
        )
        self.assertEqual(reply.structured["columns"][2], ["comment", "varchar"])
        for asked in self.coordinator.asked:
            self.assertIn("'tiny'", asked.statement.text)

    def test_without_comments(self) -> None:
        """Comments that are none, forbidden, late or refused are left out."""
        for answer in (
            page(COMMENTS),
            DENIED,
            TimedOut(2.0),
            running("h"),
            Busy("full", 1),
        ):
            self.coordinator.script = {
                "table_comments": answer,
                "tables": page(NAMES, ["tiny", "a", "BASE TABLE"]),
            }
            reply = self.call("list_tables")
            self.assertEqual(reply.structured["rows"], [["a", "BASE TABLE"]])
            self.assertEqual(len(reply.structured["columns"]), 2)

    def test_comments_are_bounded(self) -> None:
        """The query for comments is short and leaves no result open."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS, ["a", "the a"], handle="h"),
            "tables": page(NAMES, ["tiny", "a", "BASE TABLE"], ["tiny", "b", "VIEW"]),
        }
        self.call("list_tables")
        comments = self.coordinator.asked[0]
        self.assertIn("table_comments", comments.statement.text)
        self.assertEqual(comments.statement.timeout_seconds, 2.0)
        self.assertEqual(comments.window.wait_seconds, 2.0)
        self.assertFalse(comments.window.further)

    def test_comments_are_dropped(self) -> None:
        """Nobody waits for comments when the tables are late or an error."""
        for tables in (running("h"), DENIED):
            canceled: list[Any] = []
            self.coordinator.script = {
                "table_comments": Deferred(canceled.append),
                "tables": tables,
            }
            call = self.start("list_tables")
            self.failureResultOf(call, StatementFailed, TimedOut)
            self.assertEqual(len(canceled), 1)

    def test_cancel(self) -> None:
        """A call that is canceled cancels both of its queries."""
        canceled: list[Any] = []
        self.coordinator.script = {
            "table_comments": Deferred(canceled.append),
            "tables": Deferred(canceled.append),
        }
        call = self.start("list_tables")
        call.cancel()
        self.assertEqual(len(canceled), 2)
        self.failureResultOf(call)

    def test_all_schemas(self) -> None:
        """Without a schema the tables of all schemas are listed."""
        self.coordinator.script = {"tables": page(NAMES, ["s", "t", "VIEW"])}
        reply = self.call("list_tables", catalog="memory", pattern="ORD%")
        self.assertEqual(reply.structured["rows"], [["s", "t", "VIEW"]])
        (text,) = self.coordinator.texts()
        self.assertIn("SELECT table_schema, table_name, table_type", text)
        self.assertIn("LIKE 'ord%'", text)

    def test_empty_schema(self) -> None:
        """No tables is no error; a schema that is not there is one."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "information_schema.tables": page(NAMES),
            "SHOW TABLES": page({"Table": "varchar"}),
        }
        self.assertEqual(self.call("list_tables").structured["row_count"], 0)
        self.coordinator.script |= {"SHOW TABLES": NO_SCHEMA, "schemata": DENIED}
        error = self.error("list_tables", StatementFailed, schema="x")
        self.assertEqual(error.name, "SCHEMA_NOT_FOUND")
        self.assertIsNone(error.line, "not a position in the caller's text")


class PagesTests(ToolsTestCase):
    """Lists of many names."""

    def pages(self, names: list[str], **arguments: Any) -> list[list[str]]:
        """Give the names of the pages of list_tables."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "tables": many_tables(self.coordinator, sorted(names)),
        }
        reply = self.call("list_tables", **arguments)
        pages = [[row[0] for row in reply.structured["rows"]]]
        while token := reply.structured.get("next_page"):
            self.assertTrue(reply.structured["truncated"])
            self.assertEqual(
                self.call("fetch_page", page=token), self.call("fetch_page", page=token)
            )
            reply = self.call("fetch_page", page=token)
            pages.append([row[0] for row in reply.structured["rows"]])
        return pages

    def test_many(self) -> None:
        """Ten thousand tables come page by page, each once and in order."""
        names = [f"t{number:05}" for number in range(10_000)]
        pages = self.pages(names)
        self.assertEqual([name for page_ in pages for name in page_], names)
        self.assertEqual({len(page_) for page_ in pages}, {QUERIES.max_rows})

    def test_bytes(self) -> None:
        """A page of long names is bounded by its bytes."""
        names = [f"{'ä' * 200}{number:05}" for number in range(1_000)]
        pages = self.pages(names)
        self.assertEqual([name for page_ in pages for name in page_], names)
        for page_ in pages:
            size = sum(len(name.encode()) for name in page_)
            self.assertLess(size, QUERIES.max_bytes // 2)

    def test_odd_names(self) -> None:
        """A page may end with a name of any character."""
        odd = ["a&b=c", "a/b", "a?", "a%2F", 'ä "x"', "+"]
        for name in odd:
            last = f"0{name}"
            names = [f"0{number:03}" for number in range(QUERIES.max_rows - 1)]
            reply = self.pages([*names, last, "z"], pattern="%&%", schema="tiny")
            self.assertEqual(reply[1], ["z"], name)

    def test_other_tokens(self) -> None:
        """Only lists go on by a token that names a tool."""
        for token in (
            "execute_query?query=SELECT+1&after=x",
            "get_table_schema?table=t&after=x",
            "nope?after=x",
            "list_tables?",
            "list_tables?schema=tiny",
            "list_tables?after=a//b",
            "?",
        ):
            self.error("fetch_page", PageGone, page=token)
        self.error("fetch_page", InvalidArgument, page="list_tables?x=1&after=a")
        self.assertEqual(self.coordinator.asked, [])


class AllowlistTests(ToolsTestCase):
    """What the operator's lists keep away."""

    guard = only("tpch.tiny.nation|region", "hive.s[a-z0-9]*.[a-z0-9]*")

    def test_catalogs(self) -> None:
        """Catalogs that have nothing to see are left out."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["hive"], ["memory"])
        }
        reply = self.call("list_catalogs")
        self.assertEqual(reply.structured["rows"], [["hive"]])

    def test_schemas(self) -> None:
        """So are schemas."""
        self.coordinator.script = {
            "schemata": page({"s": "varchar"}, ["default"], ["sales"], ["sf1"])
        }
        reply = self.call("list_schemas", catalog="hive")
        self.assertEqual(reply.structured["rows"], [["sales"], ["sf1"]])

    def test_tables(self) -> None:
        """So are tables, and the list goes on until a page is full or it ends."""
        names = [f"n{number:05}" for number in range(6_000)]
        self.coordinator.script = {
            "table_comments": page(COMMENTS, ["n00001", "hidden"]),
            "tables": many_tables(self.coordinator, [*names, "nation", "region"]),
        }
        reply = self.call("list_tables")
        self.assertEqual(
            reply.structured["rows"],
            [["nation", "BASE TABLE"], ["region", "BASE TABLE"]],
        )
        self.assertNotIn("next_page", reply.structured)

    def test_long_search(self) -> None:
        """After the time of a call the list is told so far, and goes on from there."""
        names = [f"n{number:05}" for number in range(6_000)]
        answer = many_tables(self.coordinator, [*names, "nation"])

        def slow() -> Any:
            self.clock.advance(QUERIES.wait_seconds)
            return answer()

        self.coordinator.script = {"table_comments": page(COMMENTS), "tables": slow}
        reply = self.call("list_tables")
        self.assertEqual(reply.structured["rows"], [])
        reply = self.call("fetch_page", page=reply.structured["next_page"])
        self.assertEqual(reply.structured["rows"], [["nation", "BASE TABLE"]])
        self.assertNotIn("next_page", reply.structured)

    def test_arguments(self) -> None:
        """Names that are kept away are refused before Trino is asked."""
        for tool, arguments in (
            ("list_schemas", {"catalog": "memory"}),
            ("list_tables", {"schema": "sf1"}),
            ("list_tables", {"catalog": "Hive", "schema": "default"}),
            ("get_table_schema", {"table": "orders"}),
            ("get_table_schema", {"table": '"Orders"', "sample_rows": 1}),
            ("get_table_stats", {"table": "sf1.nation"}),
            ("show_create", {"table": 'tpch.tiny."nation$x"'}),
        ):
            error = self.error(tool, InvalidArgument, **arguments)
            self.assertIn("may be seen here", str(error))
        token = "list_tables?catalog=memory&schema=s&after=s%2Fa"
        self.error("fetch_page", InvalidArgument, page=token)
        self.assertEqual(self.coordinator.asked, [])


class WithoutDefaultsTests(ToolsTestCase):
    """Calls to a server without a default catalog and schema."""

    trino = WITHOUT_DEFAULTS

    def test_missing(self) -> None:
        """What is missing is named, with the tool that lists it."""
        for tool, arguments, missing in (
            ("list_schemas", {}, "catalog"),
            ("list_tables", {}, "catalog"),
            ("get_table_schema", {"table": "t"}, "catalog"),
            ("get_table_schema", {"table": "t", "catalog": "c"}, "schema"),
            ("get_table_stats", {"table": "t"}, "catalog"),
            ("show_create", {"table": "t", "catalog": "c"}, "schema"),
        ):
            error = self.error(tool, InvalidArgument, **arguments)
            self.assertIn(f"{missing} is missing; list_{missing}s", str(error))
        self.assertEqual(self.coordinator.asked, [])
