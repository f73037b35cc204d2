"""Tests of ``mcp_trino.statements.tables``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.statements.tables import NOWHERE, Place, named_tables


def names(text: str) -> list[str]:
    """The names found, joined by dots."""
    return [".".join(named.parts) for named in named_tables(text)]


class NamedTablesTests(SynchronousTestCase):
    """Which names stand where a table's does."""

    def test_found(self) -> None:
        """All of them are found, wherever they stand."""
        for text, expected in (
            ("SELECT a, b FROM t", ["t"]),
            ("SELECT a FROM c.s.t, u AS x, v y", ["c.s.t", "u", "v"]),
            ('TABLE "A b".c', ["a b.c"]),
            ("SELECT 1 FROM a JOIN b ON f(a.x, b.y), c", ["a", "b", "c"]),
            ("SELECT 1 FROM (a CROSS JOIN b), ((c))", ["a", "b", "c"]),
            (
                "SELECT (SELECT max(x) FROM a), y FROM b WHERE z IN (TABLE c)",
                list("abc"),
            ),
            ("SELECT 1 FROM a x (p, q), b", ["a", "b"]),
            ("SELECT 1 FROM a limit, b", ["a", "b"]),
            ("SELECT 1 FROM a, UNNEST(x, y) AS u (m, n), b", ["a", "b"]),
            ("SELECT 1 FROM a, LATERAL (SELECT p, q FROM b), c", ["a", "b", "c"]),
            ("SELECT * FROM TABLE(f(TABLE(a), DESCRIPTOR(x, y))), b", ["a", "b"]),
            ("SELECT 1 FROM a GROUP BY x, y UNION SELECT p, q FROM b", ["a", "b"]),
            (
                "SELECT 1 FROM a TABLESAMPLE BERNOULLI (1), b FOR VERSION AS OF 1",
                list("ab"),
            ),
            (
                "SELECT 1 FROM a JOIN b ON listagg(x) WITHIN GROUP (ORDER BY y) = 1, c",
                list("abc"),
            ),
            ("SELECT 1 FROM (VALUES 1, 2) t, a", ["a"]),
            ("SELECT 1 /* FROM a */ FROM b -- , c", ["b"]),
            ("EXPLAIN ANALYZE SELECT 1 FROM a", ["a"]),
            ("SELECT 'FROM a', \"FROM b\" FROM c", ["c"]),
        ):
            self.assertEqual(names(text), expected, text)

    def test_other_froms(self) -> None:
        """FROM also stands in functions and comparisons."""
        for text in (
            "SELECT extract(day FROM x), trim(BOTH 'a' FROM y)",
            "SELECT substring(x FROM 1)",
            "SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM c",
        ):
            self.assertEqual(names(text), [], text)
        text = "SELECT extract(day FROM (SELECT max(x) FROM a)) FROM b"
        self.assertEqual(names(text), ["a", "b"])

    def test_expressions(self) -> None:
        """A common table expression hides a table only where it is known."""
        for text, expected in (
            ("WITH a AS (SELECT 1 FROM b) SELECT 1 FROM a", ["b"]),
            ("WITH a AS (TABLE a) TABLE a", ["a"]),
            ("WITH a (x, y) AS (SELECT p, q FROM a), b AS (TABLE a) TABLE b", ["a"]),
            ("WITH b AS (TABLE a), a AS (VALUES 1) TABLE a", ["a"]),
            ("WITH RECURSIVE a (n) AS (VALUES 1 UNION TABLE a) TABLE a", []),
            ("SELECT (WITH a AS (VALUES 1) TABLE a) FROM a", ["a"]),
            ("SELECT 1 FROM (WITH a AS (VALUES 1) TABLE a) x, a", ["a"]),
            ("WITH a AS (VALUES 1) SELECT 1 FROM (TABLE a), s.a", ["s.a"]),
            ("WITH a AS (VALUES 1) SELECT 1 FROM A, b", ["b"]),
            ('WITH "A" AS (VALUES 1) SELECT 1 FROM a', []),
            ("SELECT 1 FROM UNNEST(x) WITH ORDINALITY AS t (a, n), t", ["t"]),
        ):
            self.assertEqual(names(text), expected, text)

    def test_place(self) -> None:
        """The place of a name is that of its first part."""
        (named,) = named_tables("SELECT 1\nFROM /* a */ c . s . t")
        self.assertEqual(named.offset, 22)

    @given(
        st.lists(
            st.sampled_from(
                [
                    "(",
                    ")",
                    ",",
                    "a",
                    "b",
                    ".",
                    "FROM",
                    "SELECT",
                    "WITH",
                    "AS",
                    "TABLE",
                    "x",
                ]
            )
        )
    )
    def test_nonsense(self, words: list[str]) -> None:
        """Any tokens in any order come to an end."""
        self.assertLessEqual(len(names(" ".join(words))), len(words))


class PlaceTests(SynchronousTestCase):
    """Where unqualified names are."""

    def test_full(self) -> None:
        """Parts that are missing are those of the place."""
        place = Place("C", "S")
        self.assertEqual(place.full(("t",)), ("c", "s", "t"))
        self.assertEqual(place.full(("x", "t")), ("c", "x", "t"))
        self.assertEqual(place.full(("y", "x", "t")), ("y", "x", "t"))

    def test_unknown(self) -> None:
        """A name without its place, or with too many parts, is none."""
        self.assertIsNone(NOWHERE.full(("t",)))
        self.assertIsNone(Place("c", None).full(("t",)))
        self.assertIsNone(NOWHERE.full(()))
        self.assertIsNone(Place("c", "s").full(("a", "b", "c", "d")))
        self.assertEqual(NOWHERE.full(("a", "b", "c")), ("a", "b", "c"))
