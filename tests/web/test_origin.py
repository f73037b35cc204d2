"""Tests for ``mcp_trino.web.origin``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.web.origin import NameRules, name_rules
from tests.web.serving import web_settings

RULES = NameRules(
    hosts=frozenset({"mcp.example", "other.example:8443", "[2001:db8::1]"}),
    origins=frozenset({"https://inspector.example", "http://app.example:3000"}),
    plain=False,
)


class HostTests(SynchronousTestCase):
    """Tests for ``NameRules.host_allowed``."""

    def test_allowed(self) -> None:
        """The names of the settings are allowed, in any case and on any port."""
        for host in (
            "mcp.example",
            "MCP.Example",
            "mcp.example:8080",
            "other.example:8443",
            "[2001:db8::1]",
            "[2001:DB8::1]:443",
        ):
            with self.subTest(host=host):
                self.assertTrue(RULES.host_allowed(host, local=False))

    def test_refused(self) -> None:
        """Other names, other ports where one is set and nonsense are refused."""
        for host in (
            "",
            "evil.example",
            "mcp.example.evil.example",
            "evil-mcp.example",
            "other.example",
            "other.example:443",
            "mcp.example:",
            "mcp.example:80:80",
            "mcp.example:999999",
            "user@mcp.example",
            "mcp.example/",
            "mcp.example evil.example",
            "[2001:db8::2]",
            "[mcp.example]",
        ):
            with self.subTest(host=host):
                self.assertFalse(RULES.host_allowed(host, local=False))

    def test_loopback_names(self) -> None:
        """A loopback name is for connections that were made to loopback."""
        for host in ("localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"):
            with self.subTest(host=host):
                self.assertTrue(RULES.host_allowed(host, local=True))
                self.assertFalse(RULES.host_allowed(host, local=False))

    def test_rebound_name(self) -> None:
        """A foreign name that resolves to loopback is refused there too."""
        self.assertFalse(RULES.host_allowed("evil.example:8080", local=True))

    @given(
        st.builds(
            "{}{}{}".format,
            st.text(max_size=3),
            st.sampled_from(["mcp.example", "[2001:db8::1]", "evil.example"]),
            st.text(st.sampled_from(":0123456789@/.\\ \n"), max_size=7),
        )
    )
    def test_altered(self, host: str) -> None:
        """A known name with anything around it but a port is refused."""
        if RULES.host_allowed(host, local=False):
            self.assertRegex(host, r"\A(mcp\.example|\[2001:db8::1\])(:[0-9]{1,5})?\Z")


class OriginTests(SynchronousTestCase):
    """Tests for ``NameRules.origin_allowed``."""

    def allowed(
        self, origin: str, host: str = "mcp.example", *, local: bool = False
    ) -> bool:
        return RULES.origin_allowed(origin, host, local=local)

    def test_allowed(self) -> None:
        """The origins of the settings and the server's own are allowed."""
        for origin in (
            "https://inspector.example",
            "HTTPS://Inspector.Example",
            "http://app.example:3000",
            "https://mcp.example",
            "https://mcp.example:8443",
        ):
            with self.subTest(origin=origin):
                self.assertTrue(self.allowed(origin))

    def test_refused(self) -> None:
        """All others are refused, also those that only look alike."""
        for origin in (
            "",
            "null",
            "https://evil.example",
            "https://inspector.example.evil.example",
            "https://inspector.example:8443",
            "http://inspector.example",
            "http://mcp.example",
            "https://mcp.example/path",
            "https://mcp.example https://evil.example",
            "https://user@mcp.example",
            "file://mcp.example",
            "chrome-extension://mcp.example",
        ):
            with self.subTest(origin=origin):
                self.assertFalse(self.allowed(origin))

    def test_page_of_this_machine(self) -> None:
        """It may call a server that it calls by a loopback name, no other."""
        origin = "http://localhost:6274"
        self.assertTrue(self.allowed(origin, host="127.0.0.1:8080", local=True))
        self.assertFalse(self.allowed(origin, host="mcp.example", local=True))
        self.assertFalse(self.allowed(origin, host="localhost:8080", local=False))

    def test_plain_server(self) -> None:
        """A server that is reached by plain HTTP is called by plain pages too."""
        rules = name_rules(web_settings(public_url="http://mcp.example"))
        self.assertTrue(
            rules.origin_allowed("http://mcp.example", "mcp.example", local=False)
        )
