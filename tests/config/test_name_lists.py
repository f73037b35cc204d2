"""Tests of ``mcp_trino.config.name_lists``."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.name_lists import FUNCTIONS, patterns_of


class PatternsTests(SynchronousTestCase):
    """How names with ``*`` and ``?`` are read."""

    def matches(self, pattern: str, name: tuple[str, ...]) -> bool:
        """Whether a list of one pattern has a name."""
        (listed,) = patterns_of(len(name)).read(pattern)
        return all(map(re.fullmatch, listed, name))

    def test_list(self) -> None:
        """Names are parted by commas or blanks, and compared in lower case."""
        self.assertEqual(
            patterns_of(2).read(" Hive.Sales,tpch.tiny\n a.b , "),
            (("hive", "sales"), ("tpch", "tiny"), ("a", "b")),
        )

    def test_quoted(self) -> None:
        """A quoted part may have any character, and none of them is a wild card."""
        for pattern, name in (
            ('hive."My, a.b"', ("hive", "my, a.b")),
            ('"a""b"."c*"', ('a"b', "c*")),
            ("a.b$c", ("a", "b$c")),
            ('"a".b-1', ("a", "b-1")),
        ):
            self.assertTrue(self.matches(pattern, name), pattern)
        self.assertFalse(self.matches('"a"."c*"', ("a", "cd")))

    def test_wild(self) -> None:
        """Wild cards stand for letters, digits, underscores and hyphens only."""
        for pattern, name in (
            ("t*", "tiny"),
            ("*", "a_b-1"),
            ("?", "é"),
            ("a?c*", "abc"),
            ("*$*", "orders$files"),
        ):
            self.assertTrue(self.matches(pattern, (name,)), pattern)
        for pattern, name in (
            ("?", ""),
            ("?", "ab"),
            ("t?", "tiny"),
            ("orders*", "orders$files"),
            ("*", "select * from t"),
            ("*", "select/**/1"),
            ("*", "a.b"),
            ("*", "a\n"),
        ):
            self.assertFalse(self.matches(pattern, (name,)), pattern)

    def test_spared(self) -> None:
        """What tells of all the rest is named as it is or not at all."""
        for listed, name in (
            ("*", ("system",)),
            ("s*", ("system",)),
            ("a.*", ("a", "information_schema")),
            ("*.i*", ("a", "information_schema")),
            ("a.s*", ("a", "system")),
            ("a.*.*", ("a", "system", "iceberg_tables")),
            ("*.b.c", ("system", "b", "c")),
            ("a.*_schema.*", ("a", "information_schema", "tables")),
        ):
            self.assertFalse(self.matches(listed, name), listed)
        for listed, name in (
            ("System", ("system",)),
            ("*", ("systems",)),
            ("a.information_schema.*", ("a", "information_schema", "tables")),
            ("a.system.*", ("a", "system", "iceberg_tables")),
            ("a.s*", ("a", "systems")),
            ('"system"."runtime"', ("system", "runtime")),
        ):
            self.assertTrue(self.matches(listed, name), listed)

    def test_wrong(self) -> None:
        """What is no such name stops the start, and is shown."""
        for parts, text, wrong in (
            (2, "hive", "'hive'"),
            (2, "a.b, a.b.c", "'a.b.c'"),
            (1, "a.b", "'a.b'"),
            (2, "a..b", "'a..b'"),
            (1, "'a'", "\"'a'\""),
            (1, '"a', "'\"a'"),
            (1, 'a"b"', "'a\"b\"'"),
            (1, '""', "'\"\"'"),
            (3, "a.b.c;", "'a.b.c;'"),
        ):
            error = self.assertRaises(ValueError, patterns_of(parts).read, text)
            self.assertIn(f"{wrong} is not a name of the form catalog", str(error))
        error = self.assertRaises(ValueError, patterns_of(1).read, " , ")
        self.assertIn("without a name", str(error))

    @given(st.lists(st.text('aB"*?$. ,é\n\\', min_size=1), min_size=3, max_size=3))
    def test_any_name(self, name: list[str]) -> None:
        """Every name can be listed by itself, quoted."""
        quoted = ('"' + part.replace('"', '""') + '"' for part in name)
        lower = tuple(part.lower() for part in name)
        self.assertTrue(self.matches(".".join(quoted), lower))


class FunctionsTests(SynchronousTestCase):
    """How functions are read."""

    def test_list(self) -> None:
        """Their parts are names without wild cards, in lower case."""
        self.assertEqual(
            FUNCTIONS.read('PG.system.query, "A.b".c.d*'),
            (("pg", "system", "query"), ("a.b", "c", "d*")),
        )

    def test_full(self) -> None:
        """Only full names count."""
        error = self.assertRaises(ValueError, FUNCTIONS.read, "query")
        self.assertIn("catalog.schema.function", str(error))
