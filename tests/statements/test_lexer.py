"""Tests of ``mcp_trino.statements.lexer``."""

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import StatementRefused
from mcp_trino.statements.lexer import (
    Kind,
    Token,
    compile_search,
    following,
    refusal,
    tokens,
)
from tests.statements.strategies import fragments


def significant(text: str) -> list[str]:
    """The texts of all tokens that are neither blank nor comment."""
    return [
        token.text
        for token in tokens(text)
        if token.kind not in (Kind.BLANK, Kind.COMMENT)
    ]


class TokensTests(SynchronousTestCase):
    """Tokens begin and end where they do for Trino."""

    def assertTokens(self, text: str, *expected: str) -> None:
        """Assert the tokens of a text, leaving out blanks and comments."""
        self.assertEqual(significant(text), list(expected))

    def assertRefused(self, text: str, column: int, message: str) -> None:
        """Assert that a text of one line is refused at a column, and why."""
        refused = self.assertRaises(StatementRefused, list, tokens(text))
        self.assertEqual((refused.line, refused.column), (1, column))
        self.assertIn(message, refused.message)

    def test_kinds(self) -> None:
        """Each token has its kind, its text and its offset."""
        self.assertEqual(
            list(tokens("a -- b\n\"c\" 'd' 1.5/*e*/=>")),
            [
                Token(Kind.WORD, "a", 0),
                Token(Kind.BLANK, " ", 1),
                Token(Kind.COMMENT, "-- b\n", 2),
                Token(Kind.QUOTED_NAME, '"c"', 7),
                Token(Kind.BLANK, " ", 10),
                Token(Kind.STRING, "'d'", 11),
                Token(Kind.BLANK, " ", 14),
                Token(Kind.NUMBER, "1.5", 15),
                Token(Kind.COMMENT, "/*e*/", 18),
                Token(Kind.SYMBOL, "=>", 23),
            ],
        )

    def test_line_comment(self) -> None:
        """A line comment ends at a carriage return, a line feed, both or the end."""
        for end in ("\r", "\n", "\r\n"):
            self.assertTokens(f"--a 'b{end}c", "c")
        self.assertTokens("a --b", "a")

    def test_bracketed_comment(self) -> None:
        """Comments in brackets do not nest and may hold anything."""
        self.assertTokens("/* /* ' -- */ a /**/ b /***/", "a", "b")
        self.assertTokens("/* \n */ */", "*", "/")

    def test_string(self) -> None:
        """A quote in a string is written twice; a backslash means nothing."""
        self.assertTokens(r"'a''b\' 'c' ''", r"'a''b\'", "'c'", "''")
        self.assertTokens("'-- /* \" \n ' a", "'-- /* \" \n '", "a")

    def test_unicode_string(self) -> None:
        """``U&`` belongs to the string that follows it at once."""
        self.assertTokens("U&'a''b' u&'c'", "U&'a''b'", "u&'c'")
        self.assertRefused("U& 'a'", 2, "AMPERSAND")

    def test_binary_literal(self) -> None:
        """A binary literal ends at its next quote, twice or not."""
        self.assertTokens("X'a''b' x'a''b'", "X'a'", "'b'", "x'a'", "'b'")
        self.assertTokens("x 'c' fox'd''e'", "x", "'c'", "fox", "'d''e'")

    def test_dollar_string(self) -> None:
        """Between two double dollars anything may stand; one alone is two tokens."""
        self.assertTokens("$$a'\"--$b$$ $$", "$$a'\"--$b$$", "$", "$")

    def test_quoted_name(self) -> None:
        """A double quote in a name is written twice."""
        self.assertTokens('"a""b.c\'--" "d"', '"a""b.c\'--"', '"d"')

    def test_numbers(self) -> None:
        """Numbers are as long as they can be."""
        for number in (
            *("1", "1_000", "0xFF", "0b1", "0o7", "1.5", "1.", ".5", "1_0.2_5"),
            *("1e5", "1.e-5", "1e+5", ".5E5"),
        ):
            self.assertTokens(number, number)
        self.assertTokens(
            "1..5 1e+ 1.5e a.5", "1.", ".5", "1e", "+", "1.5", "e", "a", ".5"
        )

    def test_symbols(self) -> None:
        """Symbols of two characters win over those of one, and over comments."""
        self.assertTokens("a->b=>c<>d", "a", "->", "b", "=>", "c", "<>", "d")
        self.assertTokens("{--a-}", "{-", "-", "a", "-}")
        self.assertTokens("!=<=>=||", "!=", "<=", ">=", "||")

    def test_keyword(self) -> None:
        """Words are keywords in any case; quoted names and literals are none."""
        keywords = [token.keyword for token in tokens("seLect\"SELECT\"'SELECT';1")]
        self.assertEqual(keywords, ["SELECT", "", "", ";", ""])

    def test_unfinished(self) -> None:
        """What never ends is refused where it begins."""
        self.assertRefused("a 'b", 3, "string")
        self.assertRefused("a 'b''", 3, "string")
        self.assertRefused("a x'b", 4, "string")
        self.assertRefused("a u&'b", 4, "string")
        self.assertRefused('a "b""', 3, "quoted name")
        self.assertRefused("a /* b", 3, "comment")
        self.assertRefused("a /*/", 3, "comment")

    def test_backquote(self) -> None:
        """Backquotes are refused and double quotes named."""
        self.assertRefused("a `b`", 3, '"…"')

    def test_characters(self) -> None:
        """What Trino knows no token for is refused by its name."""
        self.assertRefused("a\xa0b", 2, "NO-BREAK SPACE) has no meaning")
        self.assertRefused("a\xa0b", 2, "an ordinary space")
        self.assertRefused("\ufeffa", 1, "U+FEFF")
        self.assertRefused("é", 1, "Quote a name")
        for character in "\0\v\f\u2028\u3000#@~!&\\\u2019\u201c\u017f\uff11":
            self.assertRefused(f"a {character}", 3, f"U+{ord(character):04X}")

    @given(fragments)
    def test_whole(self, text: str) -> None:
        """The tokens together are the text, up to what is refused."""
        offset = 0
        try:
            for token in tokens(text):
                self.assertEqual(token.offset, offset)
                self.assertTrue(token.text)
                offset = token.end
            self.assertEqual(offset, len(text))
        except StatementRefused as refused:
            there = refusal(text, offset, refused.message)
            self.assertEqual(str(refused), str(there))
        self.assertEqual(text[:offset], "".join(t.text for t in tokens(text[:offset])))


class FollowingTests(SynchronousTestCase):
    """``following`` leaves out blanks and comments."""

    def test_following(self) -> None:
        """It gives the next token, at last the end."""
        text = " /* a */ --b\r\n c -- d"
        token = following(text, 0)
        self.assertEqual(token, Token(Kind.WORD, "c", 15))
        self.assertEqual(following(text, token.end), Token(Kind.END, "", len(text)))
        self.assertEqual(following(text, token.end).keyword, "")

    def test_refused(self) -> None:
        """What is no token is refused."""
        self.assertRaises(StatementRefused, following, " /* a */ #", 0)


class SearchTests(SynchronousTestCase):
    """A search finds tokens, not characters."""

    def test_found(self) -> None:
        """Strings, comments, quoted names and longer words are passed over."""
        search = compile_search(r"(?ai:table\b)|;")
        text = "a';'--;\n\";\" /*;*/ $$;$$ tables 1table TABLE b;"
        table = search(text, 0)
        self.assertEqual(table, Token(Kind.WORD, "TABLE", text.index("TABLE")))
        semicolon = search(text, table.end)
        self.assertEqual(semicolon, Token(Kind.SYMBOL, ";", len(text) - 1))
        end = search(text, semicolon.end)
        self.assertEqual(end, Token(Kind.END, "", len(text)))

    @given(fragments)
    def test_as_tokens(self, text: str) -> None:
        """A search gives what a walk over all tokens gives, and refuses the same."""
        search = compile_search(";")

        def walk() -> Token:
            found = (token for token in tokens(text) if token.keyword == ";")
            return next(found, Token(Kind.END, "", len(text)))

        try:
            expected = walk()
        except StatementRefused as refused:
            found = self.assertRaises(StatementRefused, search, text, 0)
            self.assertEqual(str(found), str(refused))
        else:
            self.assertEqual(search(text, 0), expected)

    def test_long(self) -> None:
        """A long text is passed over without a limit of depth."""
        text = ";" + " (a'b'--\n" * 100_000
        self.assertEqual(compile_search("#")(text, 0).kind, Kind.END)


class RefusalTests(SynchronousTestCase):
    """A refusal names lines and columns as Trino does."""

    def test_position(self) -> None:
        """Only line feeds end lines, and a column is a character."""
        text = "é😀\ta\r\n\rb"
        for offset, position in ((0, "1:1"), (3, "1:4"), (6, "2:1"), (7, "2:2")):
            self.assertEqual(
                str(refusal(text, offset, "message")), f"line {position}: message"
            )
