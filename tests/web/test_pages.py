"""Tests for ``mcp_trino.web.pages``."""

import base64
import hashlib
import json
import re
from html import unescape

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.web.pages import landing_page


class LandingPageTests(SynchronousTestCase):
    """Tests for ``landing_page``."""

    def setUp(self) -> None:
        self.reply = landing_page("https://mcp.example:8443")
        self.page = self.reply.body.decode()
        self.headers = dict(self.reply.headers)

    def test_clients(self) -> None:
        """Each client is connected to the public address."""
        text = unescape(self.page)
        for expected in (
            "claude mcp add --transport http trino https://mcp.example:8443/mcp",
            "codex mcp add trino --url https://mcp.example:8443/mcp",
        ):
            self.assertIn(expected, text)
        blocks = re.findall(r"<code>(\{.*?\})</code>", text, re.DOTALL)
        self.assertEqual(len([json.loads(block) for block in blocks]), 3)
        for block in blocks:
            self.assertIn("https://mcp.example:8443/mcp", block)

    def test_escaped(self) -> None:
        """An address cannot bring markup into the page."""
        page = landing_page('https://x"><script>alert(1)</script>').body
        self.assertNotIn(b"<script", page)

    def test_connections(self) -> None:
        """It leads to a person's connections where there are any."""
        self.assertNotIn("your connections", self.page)
        page = landing_page("https://mcp.example", "/oauth/connections").body
        self.assertIn(b'href="/oauth/connections"', page)

    def test_loads_nothing(self) -> None:
        """It has no script, and its policy allows nothing but its own style."""
        self.assertNotRegex(self.page, r"(?i)<script|<img|<link|src=|@import|url\(")
        style = re.search("<style>(.*)</style>", self.page, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest())
        policy = self.headers[b"Content-Security-Policy"]
        self.assertIn(b"default-src 'none'", policy)
        self.assertIn(b"style-src 'sha256-" + digest + b"'", policy)
        self.assertNotIn(b"unsafe", policy)

    def test_phone_and_dark_mode(self) -> None:
        """It fits a phone and follows the person's colours."""
        self.assertIn('name="viewport"', self.page)
        self.assertIn("color-scheme: light dark", self.page)
