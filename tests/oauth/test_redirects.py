"""Tests of redirect URIs."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.oauth_table import CALLBACKS
from mcp_trino.oauth.redirects import (
    InvalidRedirect,
    RedirectPolicy,
    is_loopback,
    matches,
)

CURSOR = (
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "https://www.cursor.com/agents/mcp/oauth/callback",
    "http://localhost:8787/callback",
)
VS_CODE = (
    "https://insiders.vscode.dev/redirect",
    "https://vscode.dev/redirect",
    "http://127.0.0.1/",
    "http://127.0.0.1:33418/",
)
KNOWN = RedirectPolicy(tuple(CALLBACKS.split()))
HOSTS = st.sampled_from(("localhost", "127.0.0.1", "[::1]"))
PORTS = st.just("") | st.integers(1, 65535).map(":{}".format)
PATHS = st.sampled_from(("", "/", "/callback", "/oauth/callback", "/cb?x=1", "/a%20b"))
LOOPBACK = st.tuples(HOSTS, PORTS, PATHS).map(
    lambda parts: "http://{}{}{}".format(*parts)
)


class PolicyTests(SynchronousTestCase):
    """Which redirect URIs a client may have."""

    def setUp(self):
        """Take the policy of a server whose operator set nothing."""
        self.policy = KNOWN

    def refused(self, uri, policy=None, **how):
        """Check that a URI is refused, without being repeated."""
        check = (policy or self.policy).check
        error = self.assertRaises(InvalidRedirect, check, uri, **how)
        self.assertTrue(not uri or uri not in str(error), uri)

    def test_g078_real_clients(self):
        """The callbacks of the clients that people have are taken as they are."""
        for uri in (
            *CURSOR,
            *VS_CODE,
            "https://claude.ai/api/mcp/auth_callback",
            "https://claude.com/api/mcp/auth_callback",
            "https://chatgpt.com/connector_platform_oauth_redirect",
            "https://chatgpt.com/connector/oauth/Ab_9-z",
            "http://localhost:6274/oauth/callback",
            "http://127.0.0.1:19876/mcp/oauth/callback",
            "http://[::1]:7777/oauth/callback",
        ):
            self.policy.check(uri)

    def test_g072_other_schemes_and_hosts(self):
        """No other scheme, no plain http elsewhere, no https that is not known."""
        for uri in (
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "about:blank",
            "blob:https://claude.ai/x",
            "ftp://localhost/x",
            "ws://localhost/x",
            "wss://claude.ai/x",
            "mailto:a@example.com",
            "intent://x/#Intent;end",
            "com.example.app:/cb",
            "http://evil.example/cb",
            "https://evil.example/cb",
            "https://claude.ai/api/mcp/auth_callback/",
            "https://claude.ai/api/mcp/auth_callback?x=1",
            "https://claude.ai/api/mcp/other",
            "https://claude.ai.evil.example/api/mcp/auth_callback",
            "https://chatgpt.com/connector/oauth/",
            "https://chatgpt.com/connector/oauth/a/b",
            "https://chatgpt.com/connector/oauth/{id}",
            "cursor://anysphere.cursor-mcp/oauth/callback2",
        ):
            self.refused(uri)

    def test_g073_not_loopback(self):
        """What only looks like this machine is not it."""
        for uri in (
            "http://localhost@evil.example/cb",
            "http://localhost:80@evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://localhost./cb",
            "http://127.0.0.1.nip.io/cb",
            "http://127.0.0.2/cb",
            "http://127.1/cb",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::1%25eth0]/",
            "http://::1/",
            "http:///cb",
            "http://localhost:0/cb",
            "http://localhost:65536/cb",
            "http://localhost:080/cb",
            "http://localhost:/cb",
        ):
            self.refused(uri)
            self.refused(uri, RedirectPolicy(KNOWN.exact, any_https=True))

    def test_g074_form(self):
        """A URI that two readers could take for two things is refused."""
        for part in (
            "#fragment",
            "#",
            "*",
            "/../x",
            "/./x",
            "/..",
            "/%2e%2e/x",
            "/%2E./x",
            "/x%2f..%2fy",
            "\\x",
            "/%5cx",
            "/%5c..%5cx",
            "\r\nLocation: x",
            "/%0d%0aLocation:%20x",
            "/%00",
            "\x00",
            " x",
            "/é",
            "/%zz",
            "/%2",
            "/x" * 1000,
        ):
            for base in ("http://localhost/cb", "https://app.example.com/cb"):
                self.refused(base + part, RedirectPolicy(KNOWN.exact, any_https=True))
        for uri in (
            "",
            "/cb",
            "//claude.ai/cb",
            "localhost/cb",
            "HTTP://localhost/cb",
            "http://LOCALHOST/cb",
            "https://User@claude.ai/api/mcp/auth_callback",
            "https://CLAUDE.ai/api/mcp/auth_callback",
            "Cursor://anysphere.cursor-mcp/oauth/callback",
            " https://vscode.dev/redirect",
            "https://vscode.dev/redirect\n",
        ):
            self.refused(uri, RedirectPolicy(KNOWN.exact, any_https=True))

    def test_any_https(self):
        """An operator may take any https callback; its host has to be a name."""
        policy = RedirectPolicy((), any_https=True)
        policy.check("https://app.example.com:8443/cb?x=1")
        policy.check("https://claude.ai/api/mcp/auth_callback")
        for uri in (
            "https://10.0.0.1/cb",
            "https://127.1/cb",
            "https://0x7f.0x1/cb",
            "https://[::1]/cb",
            "https://localhost/cb",
            "https://app.example.com:99999/cb",
            "https://-a.example.com/cb",
            "https://a..example.com/cb",
            f"https://{'a.' * 130}com/cb",
            "http://app.example.com/cb",
            CURSOR[0],
        ):
            self.refused(uri, policy)

    def test_exact(self):
        """An operator's own list stands in the place of the known callbacks."""
        policy = RedirectPolicy(("https://n8n.example.com/rest/oauth2/callback",))
        policy.check("https://n8n.example.com/rest/oauth2/callback")
        self.refused("https://n8nxexample.com/rest/oauth2/callback", policy)
        self.refused("https://claude.ai/api/mcp/auth_callback", policy)

    def test_web_application(self):
        """A web application has https, not loopback and no scheme of its own."""
        self.policy.check("https://claude.ai/api/mcp/auth_callback", "web")
        for uri in (CURSOR[0], CURSOR[2]):
            self.refused(uri, application_type="web")

    @given(LOOPBACK)
    def test_loopback(self, uri):
        """Loopback by its three names, with any port and path."""
        self.policy.check(uri)
        self.assertTrue(is_loopback(uri))

    @given(st.text() | st.text("htps:/localhost.127[]@%2e\\#?").map("http://{}".format))
    def test_any_text(self, uri):
        """Any text is taken or refused; what is taken is plain and leads home."""
        try:
            self.policy.check(uri)
        except InvalidRedirect:
            return
        self.assertTrue(uri.isascii() and uri.isprintable())
        self.assertTrue(is_loopback(uri))


class MatchesTests(SynchronousTestCase):
    """Comparing what is asked with what was registered."""

    @given(HOSTS, PORTS, PORTS, PATHS)
    def test_g087_loopback_port(self, host, registered, asked, path):
        """On loopback only the port may differ."""
        uri = f"http://{host}{registered}{path}"
        self.assertTrue(matches(uri, f"http://{host}{asked}{path}"))
        self.assertFalse(matches(uri, f"http://{host}{asked}/other{path}"))
        self.assertFalse(matches(uri, f"https://{host}{asked}{path}"))

    def test_g087_claude_code(self):
        """Claude Code publishes no port and takes any."""
        for host in ("localhost", "127.0.0.1"):
            published = f"http://{host}/callback"
            self.assertTrue(matches(published, f"http://{host}:51234/callback"))
            for other in (
                f"http://{host}:51234/callback2",
                f"http://{host}:51234/callback/",
                f"http://{host}:51234/Callback",
                f"http://{host}:51234/callback?x=1",
                f"http://{host}:51234/callback#x",
                f"https://{host}:51234/callback",
                f"http://{host}:51234@evil.example/callback",
                f"http://{host}:0/callback",
                f"http://{host}:99999/callback",
                f"http://{host}.evil.example:1/callback",
            ):
                self.assertFalse(matches(published, other), other)

    @given(st.tuples(HOSTS, HOSTS), PORTS, PORTS, PATHS)
    def test_hosts_differ(self, hosts, registered, asked, path):
        """The three names of loopback are three hosts."""
        one, other = hosts
        same = matches(
            f"http://{one}{registered}{path}", f"http://{other}{asked}{path}"
        )
        self.assertEqual(same, one == other)

    def test_g089_exact(self):
        """Everything else is compared exactly."""
        registered = "https://claude.ai/api/mcp/auth_callback"
        self.assertTrue(matches(registered, registered))
        for asked in (
            registered + "/",
            registered + "?x=1",
            registered.replace("claude.ai", "claude.ai:443"),
            registered.replace("claude.ai", "CLAUDE.ai"),
            registered.replace("https", "http"),
            registered.upper(),
            registered[:-1],
            "",
        ):
            self.assertFalse(matches(registered, asked), asked)
            self.assertFalse(matches(asked, registered), asked)

    @given(st.text(), st.text())
    def test_any_texts(self, registered, asked):
        """Texts that are no loopback URIs match only themselves."""
        self.assertEqual(matches(registered, asked), registered == asked)
