"""Tests of clients."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.client import NAME_CHARS, Client, readable_name


class ClientTests(SynchronousTestCase):
    """What a client is."""

    def test_proves_itself(self):
        """Only what nobody else receives proves a client."""
        https = "https://claude.ai/api/mcp/auth_callback"
        for redirects, proves in (
            ((https,), True),
            ((https, "http://localhost/cb"), False),
            (("cursor://anysphere.cursor-mcp/oauth/callback",), False),
            (("http://127.0.0.1/cb",), False),
        ):
            self.assertEqual(Client("id", "n", redirects).proves_itself, proves)

    @given(st.text())
    def test_name(self, text):
        """Any text becomes a line that can be printed."""
        name = readable_name(text)
        self.assertTrue(name.isprintable())
        self.assertTrue(0 < len(name) <= NAME_CHARS)
        self.assertEqual(readable_name(name), name)
