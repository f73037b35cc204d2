"""Tests of ``mcp_trino.statements.fingerprint``."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.statements.fingerprint import fingerprint


class FingerprintTests(SynchronousTestCase):
    """The shape of a statement."""

    def test_same_shape(self) -> None:
        """Literals, blanks, comments and the case of words make no difference."""
        one = fingerprint("SELECT a FROM t WHERE b = 'secret' AND c > 1.5")
        other = fingerprint("select a\nfrom t /* 1 */ where B='' and c>7 -- x")
        self.assertEqual(one, other)
        self.assertRegex(one, "^[0-9a-f]{16}$")

    def test_other_shape(self) -> None:
        """Another name is another shape; so is a quoted name of other letters."""
        shapes = {
            fingerprint(text)
            for text in ("SELECT a", "SELECT b", 'SELECT "a"', 'SELECT "A"', "SELECT 1")
        }
        self.assertEqual(len(shapes), 5)

    def test_any_text(self) -> None:
        """What Trino would not read, and what is very long, has one too."""
        for text in ("", "\ud800", "SELECT '", "SELECT `a`", "x" * 1_000_000):
            self.assertRegex(fingerprint(text), "^[0-9a-f]{16}$")
