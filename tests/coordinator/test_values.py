"""Tests of values on their way from Trino's protocol to JSON."""

import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.coordinator.values import Room, take_rows

WIDE = Room(rows=1000, size=10**9, cell_chars=10**9, empty=True)


def signature(raw_type, *arguments):
    """Give a type as the protocol describes it."""
    return {"rawType": raw_type, "arguments": list(arguments)}


def type_(value):
    """Give a type argument."""
    return {"kind": "TYPE", "value": value}


def row_field(name, value):
    """Give a field of a row type, without a name for ``None``."""
    named = {} if name is None else {"fieldName": {"name": name}}
    return {"kind": "NAMED_TYPE", "value": {**named, "typeSignature": value}}


def column(of_type):
    """Give a column of a type."""
    return {"name": "c", "type": "", "typeSignature": of_type}


BIGINT = signature("bigint")
VARCHAR = signature("varchar", {"kind": "LONG", "value": 2147483647})


class ConversionTests(SynchronousTestCase):
    """What becomes of single values."""

    def convert(self, of_type, value):
        """Give a value of a type as it comes out."""
        taken = take_rows([column(of_type)], [[value]], WIDE)
        self.assertEqual(taken.cut_cells, 0)
        return taken.rows[0][0]

    def test_integers(self):
        """Integers that a double holds stay, all others become texts."""
        for value, expected in (
            (2**53 - 1, 2**53 - 1),
            (-(2**53) + 1, -(2**53) + 1),
            (2**53, "9007199254740992"),
            (-(2**63), "-9223372036854775808"),
            (None, None),
        ):
            self.assertEqual(self.convert(BIGINT, value), expected)

    def test_nested_integers(self):
        """So do those within arrays, maps and rows, at any depth."""
        big, text = 2**60, str(2**60)
        array = signature("array", type_(BIGINT))
        map_ = signature("map", type_(VARCHAR), type_(array))
        row = signature("row", row_field("a", map_), row_field("b", VARCHAR))
        self.assertEqual(self.convert(array, [1, None, big]), [1, None, text])
        self.assertEqual(
            self.convert(map_, {"k": [big], "n": None}), {"k": [text], "n": None}
        )
        self.assertEqual(
            self.convert(row, [{"k": [big]}, "x"]), {"a": {"k": [text]}, "b": "x"}
        )

    def test_rows(self):
        """A row is an object by its field names, a list when they do not identify."""
        integer = signature("integer")
        for names, expected in (
            (("a", "b"), {"a": 1, "b": None}),
            (("a", "a"), [1, None]),
            ((None, "b"), [1, None]),
        ):
            of_type = signature("row", *(row_field(name, integer) for name in names))
            self.assertEqual(self.convert(of_type, [1, None]), expected)

    def test_everything_else(self):
        """What has no reason to change does not."""
        for of_type, value in (
            (signature("double"), "NaN"),
            (signature("double"), 1.5e300),
            (signature("decimal"), "1234567890123456789012345678901234.5678"),
            (signature("timestamp"), "2020-01-01 01:02:03.123456789012"),
            (signature("date"), "+99999-01-01"),
            (signature("varbinary"), "AP8="),
            (signature("json"), '{"a": 12345678901234567890123}'),
            (signature("array", type_(signature("double"))), ["NaN", None]),
            (signature("a type of the future"), {"any": ["thing"]}),
        ):
            self.assertEqual(self.convert(of_type, value), value)


class CutTests(SynchronousTestCase):
    """Cells that are too long."""

    def cut(self, of_type, value, limit=10):
        """Give a value cut and the number of cells that were."""
        room = Room(rows=10, size=10**6, cell_chars=limit, empty=True)
        taken = take_rows([column(of_type)], [[value]], room)
        return taken.rows[0][0], taken.cut_cells

    def test_text(self):
        """A long text is cut with a mark that tells its length."""
        self.assertEqual(
            self.cut(VARCHAR, "x" * 11), ("xxxxxxxxxx… [cut, 11 characters in all]", 1)
        )
        self.assertEqual(self.cut(VARCHAR, "x" * 10), ("x" * 10, 0))

    def test_bounded_type(self):
        """A type whose values cannot be too long is left alone."""
        short = signature("varchar", {"kind": "LONG", "value": 10})
        self.assertEqual(self.cut(short, "x" * 10), ("x" * 10, 0))
        longer = signature("char", {"kind": "LONG", "value": 11})
        self.assertEqual(self.cut(longer, "x" * 11)[1], 1)

    def test_nested(self):
        """A long nested value becomes the beginning of its JSON text."""
        value, cut = self.cut(signature("array", type_(BIGINT)), [2**60, 1])
        self.assertTrue(value.startswith('["11529215… [cut, '))
        self.assertEqual(cut, 1)


class RoomTests(SynchronousTestCase):
    """How many rows fit."""

    @given(
        st.lists(st.text(max_size=40), max_size=20),
        st.integers(1, 20),
        st.integers(1, 400),
        st.booleans(),
    )
    def test_bounds(self, texts, rows, size, empty):
        """No bound is exceeded, the size is true, and a first row always fits."""
        room = Room(rows=rows, size=size, cell_chars=10**6, empty=empty)
        taken = take_rows([column(VARCHAR)], [[text] for text in texts], room)
        self.assertLessEqual(len(taken.rows), rows)
        self.assertEqual(
            taken.size, sum(len(orjson.dumps(row)) + 1 for row in taken.rows)
        )
        if len(taken.rows) > 1 or not empty:
            self.assertLessEqual(taken.size, size)
        if empty and texts:
            self.assertGreaterEqual(len(taken.rows), 1)
        if taken.cut_cells == 0:
            self.assertEqual(taken.rows, [[text] for text in texts[: len(taken.rows)]])

    def test_one_row_too_long(self):
        """The cells of a row that is too long by itself are cut until it fits."""
        columns = [column(VARCHAR)] * 3
        room = Room(rows=10, size=1000, cell_chars=10**6, empty=True)
        taken = take_rows(columns, [["x" * 5000, "y", "é" * 5000]], room)
        self.assertLessEqual(taken.size, 1000)
        self.assertEqual(taken.cut_cells, 2)
        self.assertIn("5000 characters", taken.rows[0][2])

    def test_not_first(self):
        """A row that does not fit behind others is left for the next page."""
        room = Room(rows=10, size=100, cell_chars=10**6, empty=True)
        taken = take_rows([column(VARCHAR)], [["a"], ["x" * 5000]], room)
        self.assertEqual((taken.rows, taken.cut_cells), ([["a"]], 0))
