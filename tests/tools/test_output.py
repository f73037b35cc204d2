"""Tests of ``mcp_trino.tools.output``."""

import csv as standard_csv
import io
import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.queries import Column
from mcp_trino.tools.output import PAGE_SCHEMA, csv, page_reply
from tests.tools.scripted import QUERY_ID, page, progress, running

COLUMNS = {"id": "bigint", "name": "varchar(25)"}


class CSVTests(SynchronousTestCase):
    """Rows as CSV."""

    def test_null_and_empty(self) -> None:
        """Null is an empty field, the empty string is in quotes."""
        self.assertEqual(csv(["a", "b"], [[None, ""]]), 'a,b\n,""')

    def test_quoting(self) -> None:
        """Separators, quotes and line ends are quoted as RFC 4180 says."""
        self.assertEqual(
            csv(["a,b"], [['say "x"'], ["two\nlines"], ["cr\r"], [" plain "]]),
            '"a,b"\n"say ""x"""\n"two\nlines"\n"cr\r"\n plain ',
        )

    def test_values(self) -> None:
        """Numbers, booleans and nested values are as in JSON, letters as they are."""
        row = [1, 1.5, True, [1, None], {"ä": "ö"}, "NaN"]
        self.assertEqual(
            csv(["x"], [row]), 'x\n1,1.5,true,"[1,null]","{""ä"":""ö""}",NaN'
        )

    @given(st.lists(st.lists(st.text(min_size=1), min_size=2, max_size=2)))
    def test_standard(self, rows: list[list[str]]) -> None:
        """Any other reader of CSV gets the same strings back."""
        text = csv(["a", "b"], rows)
        lines = standard_csv.reader(io.StringIO(text, newline=""), strict=True)
        self.assertEqual(list(lines), [["a", "b"], *rows])


class PageReplyTests(SynchronousTestCase):
    """A page as structured content and as text."""

    def test_complete(self) -> None:
        """A whole result has columns, rows and their number, and nothing else."""
        reply = page_reply(page(COLUMNS, [1, "a"], [2, None]), None)
        self.assertEqual(
            json.dumps(reply.structured, separators=(",", ":")),
            '{"columns":[["id","bigint"],["name","varchar(25)"]],'
            '"rows":[[1,"a"],[2,null]],"row_count":2}',
        )
        self.assertEqual(reply.text, "id,name\n1,a\n2,\n2 rows (bigint, varchar(25))")
        self.assertIsNone(reply.failure)

    def test_duplicate_names(self) -> None:
        """Columns of the same or of no name keep their place."""
        twice = evolve(
            page({}, [1, 2, 3]),
            columns=(Column("x", "integer"), Column("x", "date"), Column("", "json")),
        )
        reply = page_reply(twice, None)
        self.assertEqual(
            reply.structured["columns"],
            [["x", "integer"], ["x", "date"], ["", "json"]],
        )
        self.assertTrue(reply.text.startswith('x,x,""\n1,2,3\n'))

    def test_more(self) -> None:
        """A page that is not the last says how to get the next."""
        reply = page_reply(page(COLUMNS, [1, "a"], handle="h"), "h.100")
        self.assertEqual(
            {name: reply.structured[name] for name in list(reply.structured)[3:]},
            {"truncated": True, "next_page": "h.100", "query_id": QUERY_ID},
        )
        self.assertTrue(
            reply.text.endswith(
                '\n1 row (bigint, varchar(25)), more: fetch_page(page="h.100")'
            )
        )

    def test_later_page(self) -> None:
        """A later page says which rows of the result it has."""
        reply = page_reply(page(COLUMNS, [1, "a"], [2, "b"], row_offset=100), None)
        self.assertIn("\nrows 101 to 102 (", reply.text)

    def test_empty(self) -> None:
        """A result without rows still shows its columns."""
        reply = page_reply(page(COLUMNS), None)
        self.assertEqual(reply.structured["row_count"], 0)
        self.assertEqual(reply.text, "id,name\n0 rows (bigint, varchar(25))")

    def test_slow(self) -> None:
        """The time is shown when it took more than a second."""
        slow = page(COLUMNS, [1, "a"], progress=progress(elapsed_ms=1000))
        self.assertEqual(page_reply(slow, None).structured["elapsed_ms"], 1000)

    def test_notice(self) -> None:
        """Cut cells and Trino's warnings are announced in both forms."""
        cut = page(COLUMNS, [1, "a…"], cut_cells=1, warnings=("deprecated",))
        reply = page_reply(cut, None)
        notice = "cells cut: 1; read long values in parts with substr(). deprecated"
        self.assertEqual(reply.structured["notice"], notice)
        self.assertTrue(reply.text.endswith(f". {notice}"))

    def test_running(self) -> None:
        """A query without a row shows its state and what to do, and no rows."""
        reply = page_reply(running("h", 37.4), "h.100")
        self.assertEqual(
            reply.structured,
            {
                "state": "RUNNING",
                "progress": 37.4,
                "elapsed_ms": 45_012,
                "query_id": QUERY_ID,
                "next_page": "h.100",
                "notice": "No row yet: call fetch_page with next_page to go on waiting",
            },
        )
        self.assertIn("(RUNNING, 37 % done, 45 s)", reply.text)
        self.assertIn('fetch_page(page="h.100")', reply.text)
        self.assertIn(f'cancel_query(query_id="{QUERY_ID}")', reply.text)
        self.assertNotIn("progress", page_reply(running("h"), "h.1").structured)

    def test_schema(self) -> None:
        """All of these are valid against the listed schema; something else is not."""
        Draft202012Validator.check_schema(PAGE_SCHEMA)
        validator = Draft202012Validator(PAGE_SCHEMA)
        nested = [None, [1, {"a": [True]}]]
        for reply in (
            page_reply(page(COLUMNS, nested, cut_cells=2), None),
            page_reply(page(COLUMNS, handle="h"), "h.1"),
            page_reply(running("h", 0.0), "h.1"),
        ):
            validator.validate(reply.structured)
        for wrong in (
            {},
            {"rows": []},
            {"columns": [["x"]], "rows": [], "row_count": 0},
        ):
            self.assertFalse(validator.is_valid(wrong))
