"""Tests of ``metadata``, ``description`` and ``statistics`` in ``mcp_trino.tools``."""

from typing import Any

from mcp_trino.errors import StatementFailed, TimedOut
from tests.tools.scripted import (
    ToolsTestCase,
    page,
    running,
)

COMMENTS = {"table_name": "varchar", "comment": "varchar"}
COLUMNS = {
    "ordinal_position": "bigint",
    "column_name": "varchar",
    "data_type": "varchar",
    "is_nullable": "varchar",
    "comment": "varchar",
}
DENIED = StatementFailed(
    "PERMISSION_DENIED", "USER_ERROR", "Access Denied: Cannot access catalog system"
)


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


STATS = dict.fromkeys(
    (
        "column_name",
        "data_size",
        "distinct_values_count",
        "nulls_fraction",
        "row_count",
        "low_value",
        "high_value",
    ),
    "double",
)


class GetTableStatsTests(ToolsTestCase):
    """``get_table_stats``."""

    def test_known(self) -> None:
        """The rows of the table stand beside what is known of each column."""
        self.coordinator.script = {
            "SHOW STATS": page(
                STATS,
                ["a", None, 15000.0, 0.0, None, "1", "60000"],
                ["b", 42.5, 3.0, 0.25, None, None, None],
                [None, None, None, None, 15000.0, None, None],
            )
        }
        reply = self.call("get_table_stats", table='s."T 1"')
        self.assertEqual(
            reply.structured,
            {
                "table": 'tpch.s."t 1"',
                "rows": 15000,
                "columns": [
                    ["a", 15000, 0, "1", "60000", None],
                    ["b", 3, 0.25, None, None, 42.5],
                ],
            },
        )
        self.assertEqual(
            reply.text,
            "column,distinct,null_fraction,low,high,bytes\n"
            "a,15000,0,1,60000,\n"
            "b,3,0.25,,,42.5\n"
            'tpch.s."t 1": rows: 15000',
        )
        self.assertEqual(self.coordinator.texts(), ['SHOW STATS FOR "tpch"."s"."t 1"'])

    def test_unknown(self) -> None:
        """A table without statistics says so."""
        self.coordinator.script = {
            "SHOW STATS": page(STATS, ["a", *[None] * 6], [None] * 7)
        }
        reply = self.call("get_table_stats", table="t")
        self.assertIsNone(reply.structured["rows"])
        self.assertEqual(
            reply.structured["notice"], "Trino has no statistics of this table"
        )

    def test_too_wide(self) -> None:
        """A table with more columns than fit says where the rest is."""
        self.coordinator.script = {
            "SHOW STATS": page(STATS, ["a", *[1.0] * 6], handle="h")
        }
        reply = self.call("get_table_stats", table="t")
        self.assertEqual(
            reply.structured["notice"], "more columns: SHOW STATS FOR tpch.tiny.t"
        )


class ShowCreateTests(ToolsTestCase):
    """``show_create``."""

    def test_kinds(self) -> None:
        """The statement is asked for of the kind that Trino says it is."""
        for kind in ("TABLE", "VIEW", "MATERIALIZED VIEW"):
            self.coordinator.asked.clear()
            self.coordinator.script = {
                f"SHOW CREATE {kind} ": page({"Create": "varchar"}, [f"CREATE {kind}"]),
                "SHOW CREATE TABLE": StatementFailed(
                    "NOT_SUPPORTED",
                    "USER_ERROR",
                    f"Relation 'x' is a {kind.lower()}, not a table",
                ),
            }
            reply = self.call("show_create", table="s.t")
            self.assertEqual(reply.structured, {"sql": f"CREATE {kind}"})
            self.assertEqual(reply.text, f"CREATE {kind}")
            self.assertEqual(
                self.coordinator.texts()[-1], f'SHOW CREATE {kind} "tpch"."s"."t"'
            )

    def test_others(self) -> None:
        """Other errors are shown, and nothing is asked for ever."""
        for message in ("something else", "x is a view, not a table"):
            error = StatementFailed("NOT_SUPPORTED", "USER_ERROR", message)
            self.coordinator.script = {"SHOW CREATE": error}
            self.error("show_create", StatementFailed, table="t")
        self.assertEqual(len(self.coordinator.asked), 3)
