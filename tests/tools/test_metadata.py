"""Tests of ``mcp_trino.tools.metadata`` and ``mcp_trino.tools.description``."""

from typing import Any

from twisted.internet.defer import Deferred

from mcp_trino.errors import Busy, InvalidArgument, StatementFailed, TimedOut
from tests.tools.scripted import (
    ALICE,
    QUERIES,
    WITHOUT_DEFAULTS,
    ToolsTestCase,
    page,
    running,
)

NAMES = {"table_name": "varchar", "table_type": "varchar"}
COMMENTS = {"table_name": "varchar", "comment": "varchar"}
COLUMNS = {
    "ordinal_position": "bigint",
    "column_name": "varchar",
    "data_type": "varchar",
    "is_nullable": "varchar",
    "comment": "varchar",
}
NO_SCHEMA = StatementFailed(
    "SCHEMA_NOT_FOUND", "USER_ERROR", "Schema 'x' does not exist", line=1, column=1
)
DENIED = StatementFailed(
    "PERMISSION_DENIED", "USER_ERROR", "Access Denied: Cannot access catalog system"
)


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
        self.assertEqual(asked.window.max_rows, QUERIES.max_rows)
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
            "tables": page(NAMES, ["a", "BASE TABLE"], ["b", "VIEW"]),
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
                "tables": page(NAMES, ["a", "BASE TABLE"]),
            }
            reply = self.call("list_tables")
            self.assertEqual(reply.structured["rows"], [["a", "BASE TABLE"]])
            self.assertEqual(len(reply.structured["columns"]), 2)

    def test_comments_are_bounded(self) -> None:
        """The query for comments is short and leaves no result open."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS, ["a", "the a"], handle="h"),
            "tables": page(NAMES, ["a", "BASE TABLE"], ["b", "VIEW"]),
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
            call.addErrback(lambda failure: failure.trap(StatementFailed))
            self.successResultOf(call)
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
        self.coordinator.script = {"tables": page({"table_schema": "varchar"}, ["s"])}
        self.call("list_tables", catalog="memory", pattern="ORD%")
        (text,) = self.coordinator.texts()
        self.assertIn("SELECT table_schema, table_name, table_type", text)
        self.assertIn("LIKE 'ord%'", text)

    def test_many(self) -> None:
        """A large schema is read page by page, in order."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "tables": page(NAMES, ["a", "BASE TABLE"], handle="h.1"),
        }
        reply = self.call("list_tables")
        self.assertEqual(reply.structured["next_page"], "h.1.1000")
        self.assertIn("ORDER BY 1", self.coordinator.texts()[1])

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


class GetTableSchemaTests(ToolsTestCase):
    """``get_table_schema``."""

    def script(self, **more: Any) -> None:
        """Describe a table of three columns."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS, ["t", "the table"]),
            "ordinal_position": page(
                COLUMNS,
                [3, "c", "date", "NO", "when, exactly"],
                [0, "BASE TABLE", None, None, None],
                [1, "a", "bigint", "NO", None],
                [2, "b", "varchar(5)", "YES", ""],
            ),
            **more,
        }

    def test_columns(self) -> None:
        """Columns come in order, with what is not at its default."""
        self.script()
        reply = self.call("get_table_schema", table="t")
        self.assertEqual(
            reply.structured,
            {
                "table": "tpch.tiny.t",
                "type": "BASE TABLE",
                "comment": "the table",
                "columns": [
                    ["a", "bigint", "NOT NULL"],
                    ["b", "varchar(5)"],
                    ["c", "date", "NOT NULL", "when, exactly"],
                ],
            },
        )
        self.assertEqual(
            reply.text,
            "column,type,null,comment\n"
            "a,bigint,NOT NULL\n"
            "b,varchar(5)\n"
            'c,date,NOT NULL,"when, exactly"\n'
            "tpch.tiny.t: BASE TABLE, columns: 3. the table",
        )

    def test_comment_of_nullable(self) -> None:
        """A comment keeps its place when the column may be null."""
        self.script(ordinal_position=page(COLUMNS, [1, "a", "date", "YES", "when"]))
        reply = self.call("get_table_schema", table="t")
        self.assertEqual(reply.structured["columns"], [["a", "date", "NULL", "when"]])

    def test_names(self) -> None:
        """Every way to write a name means what it means in SQL."""
        self.script()
        for arguments, expected in (
            ({"table": "t"}, "tpch.tiny.t"),
            ({"table": "S.T"}, "tpch.s.t"),
            ({"table": "c.s.t"}, "c.s.t"),
            ({"table": 'c."my-s"."T.1 ""x"""'}, 'c."my-s"."t.1 ""x"""'),
            ({"table": "t", "schema": "s"}, "tpch.s.t"),
            ({"table": "t", "catalog": "C", "schema": "select"}, "c.select.t"),
            ({"table": "s.t", "catalog": "c", "schema": "other"}, "c.s.t"),
        ):
            reply = self.call("get_table_schema", **arguments)
            self.assertEqual(reply.structured["table"], expected)

    def test_quoting(self) -> None:
        """No name gets out of its quotes."""
        name = '''"'; DROP TABLE x --".s."t""'"'''
        self.script(
            **{
                "SHOW COLUMNS": page({"Column": "varchar"}),
                "SELECT *": page({"a": "bigint"}),
            }
        )
        self.call("get_table_schema", table=name, sample_rows=1)
        comments, columns, sample = self.coordinator.texts()
        self.assertIn("catalog_name = '''; drop table x --' AND", comments)
        self.assertIn('FROM "\'; drop table x --".information_schema.columns', columns)
        self.assertIn("table_name = 't\"'''", columns)
        self.assertEqual(
            sample, 'SELECT * FROM "\'; drop table x --"."s"."t""\'" LIMIT 1'
        )

    def test_not_listed(self) -> None:
        """A table that is not listed, such as one of metadata, is described."""
        self.script(
            ordinal_position=page(COLUMNS),
            **{
                "SHOW COLUMNS": page(
                    dict.fromkeys(("Column", "Type", "Extra", "Comment"), "varchar"),
                    ["id", "bigint", "", ""],
                    ["at", "date", "", "when"],
                )
            },
        )
        reply = self.call("get_table_schema", table='"t$snapshots"')
        self.assertEqual(
            reply.structured,
            {
                "table": 'tpch.tiny."t$snapshots"',
                "columns": [["id", "bigint"], ["at", "date", "NULL", "when"]],
            },
        )
        self.assertEqual(
            self.coordinator.texts()[-1],
            'SHOW COLUMNS FROM "tpch"."tiny"."t$snapshots"',
        )

    def test_unknown(self) -> None:
        """A table that is not there is Trino's error with the nearest names."""
        self.script(
            ordinal_position=page(COLUMNS),
            **{
                "SHOW COLUMNS": StatementFailed(
                    "TABLE_NOT_FOUND",
                    "USER_ERROR",
                    "Table 'tpch.tiny.ordr' does not exist",
                    line=1,
                    column=1,
                ),
                "levenshtein": page({"table_name": "varchar"}, ["orders"], ["part"]),
            },
        )
        error = self.error("get_table_schema", StatementFailed, table="ordr")
        self.assertEqual(error.hint, "nearest tables: orders, part")
        self.assertIsNone(error.line)

    def test_sample(self) -> None:
        """Rows are shown when asked for, in the order of the columns."""
        self.script(**{"SELECT *": page({"a": "bigint"}, [1, None, "…"], cut_cells=1)})
        reply = self.call("get_table_schema", table="t", sample_rows=3)
        self.assertEqual(reply.structured["sample"], [[1, None, "…"]])
        self.assertIn("\nSample:\na,b,c\n1,,…", reply.text)
        self.assertIn("cells of the sample cut: 1", reply.structured["notice"])
        self.assertTrue(self.coordinator.texts()[-1].endswith("LIMIT 3"))

    def test_short_sample(self) -> None:
        """A sample of fewer rows than there are says so."""
        self.script(**{"SELECT *": page({"a": "bigint"}, [1, 2, 3], handle="h")})
        reply = self.call("get_table_schema", table="t", sample_rows=3)
        self.assertEqual(len(reply.structured["sample"]), 1)
        self.assertIn("shorter than asked for", reply.structured["notice"])

    def test_no_sample(self) -> None:
        """A sample that cannot be had does not hide the columns."""
        self.script(**{"SELECT *": DENIED})
        reply = self.call("get_table_schema", table="t", sample_rows=3)
        self.assertEqual(len(reply.structured["columns"]), 3)
        self.assertIn("no sample: [PERMISSION_DENIED]", reply.structured["notice"])
        self.assertNotIn("sample", reply.structured)

    def test_slow(self) -> None:
        """A description that takes long is an error, and leaves no result open."""
        self.script(ordinal_position=running("h"))
        self.error("get_table_schema", TimedOut, table="t")
        self.assertFalse(any(asked.window.further for asked in self.coordinator.asked))

    def test_too_wide(self) -> None:
        """A table with more columns than fit says where the rest is."""
        self.script(
            ordinal_position=page(COLUMNS, [1, "a", "date", "YES", None], handle="h")
        )
        reply = self.call("get_table_schema", table="t")
        self.assertFalse(any(asked.window.further for asked in self.coordinator.asked))
        self.assertEqual(
            reply.structured["notice"],
            'more columns: SHOW COLUMNS FROM "tpch"."tiny"."t"',
        )


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
        ):
            error = self.error(tool, InvalidArgument, **arguments)
            self.assertIn(f"{missing} is missing; list_{missing}s", str(error))
        self.assertEqual(self.coordinator.asked, [])
