"""Tests of ``mcp_trino.statements.names``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import InvalidArgument
from mcp_trino.statements.lexer import Kind, following
from mcp_trino.statements.names import (
    fold,
    parse_qualified_name,
    quote_identifier,
    quote_literal,
    written,
)


class ParseQualifiedNameTests(SynchronousTestCase):
    """Names of tables come as assistants write them."""

    def test_parts(self) -> None:
        """One to three parts, with or without quotes and blanks around them."""
        for text, parts in (
            ("t", ("t",)),
            ("s.t", ("s", "t")),
            ("c.s.t", ("c", "s", "t")),
            ('c.s."C d"', ("c", "s", "c d")),
            ('"a.b"."c""d"', ("a.b", 'c"d')),
            (' c . "s" .t ', ("c", "s", "t")),
        ):
            self.assertEqual(parse_qualified_name(text), parts)

    def test_lower_case(self) -> None:
        """Every part is lowered, since Trino lowers quoted names too."""
        self.assertEqual(
            parse_qualified_name('TPCH."Tiny".NATION'), ("tpch", "tiny", "nation")
        )

    def test_as_listed(self) -> None:
        """Names that SQL would want quoted are taken as the lists show them."""
        for text in ("my-catalog", "t$snapshots", "2024", "order", "größe", "a@b/c"):
            self.assertEqual(parse_qualified_name(text), (text,))

    def test_no_name(self) -> None:
        """What is no name is refused with an example of one."""
        for text in (
            *("", " ", ".", "a.", ".a", "a..b", '"', '"a', 'a"', '""', 'a.""', '"a"b'),
            *("a b", "a;", "a'b", "`a`", "f(a)", "a, b", 'a."b" c'),
        ):
            refused = self.assertRaises(InvalidArgument, parse_qualified_name, text)
            self.assertIn('hive.sales."My Table"', str(refused))

    def test_too_many(self) -> None:
        """More than three parts are refused with the number of them."""
        refused = self.assertRaises(InvalidArgument, parse_qualified_name, "a.b.c.d")
        self.assertIn("4 parts", str(refused))

    @given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
    def test_quoted(self, parts: list[str]) -> None:
        """Any names are read back from their quoted form."""
        text = ".".join(map(quote_identifier, parts))
        self.assertEqual(
            parse_qualified_name(text), tuple(part.lower() for part in parts)
        )


class QuoteTests(SynchronousTestCase):
    """What is quoted is one token."""

    @given(st.text(min_size=1))
    def test_identifier(self, name: str) -> None:
        """A quoted identifier is one name and means what was quoted."""
        token = following(quote_identifier(name) + " x", 0)
        self.assertEqual(token.kind, Kind.QUOTED_NAME)
        self.assertEqual(token.text, quote_identifier(name))
        self.assertEqual(fold(token.text), name.lower())

    def test_empty_identifier(self) -> None:
        """There is no empty name."""
        self.assertRaises(InvalidArgument, quote_identifier, "")

    @given(st.text())
    def test_literal(self, value: str) -> None:
        """A quoted literal is one string."""
        token = following(quote_literal(value) + " x", 0)
        self.assertEqual(token.kind, Kind.STRING)
        self.assertEqual(token.text[1:-1].replace("''", "'"), value)

    def test_word(self) -> None:
        """A word without quotes is only lowered."""
        self.assertEqual(fold("Ab_1"), "ab_1")


class WrittenTests(SynchronousTestCase):
    """Names as a statement may have them."""

    def test_quotes(self) -> None:
        """A name is quoted only where it has to be."""
        self.assertEqual(
            [written(name) for name in ("a_1", "1a", "my-t", 'x"y', "ä")],
            ["a_1", '"1a"', '"my-t"', '"x""y"', '"ä"'],
        )
