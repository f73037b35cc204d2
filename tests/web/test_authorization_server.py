"""Tests of ``mcp_trino.web.authorization_server``: what browsers and clients see."""

import base64
import hashlib
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource

from mcp_trino.oauth.client import Client
from mcp_trino.oauth.remembered_endpoints import START_SECONDS
from mcp_trino.reply import Reply
from mcp_trino.web.authorization_server import Endpoints
from mcp_trino.web.consent_pages import ConsentPages
from mcp_trino.web.request import MAX_FORM_BYTES
from mcp_trino.web.site import BoundedSite
from tests.oauth.world import HOSTED, ISSUER, LOCAL, PROVIDER, Jar, WorldTestCase, told
from tests.web.serving import Answer, head, read_answer, web_settings

_ADDRESS = IPv4Address("TCP", "127.0.0.1", 1)
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PAGES = ("/oauth/authorize", "/authorize", "/oauth/callback", "/oauth/connections")
_ENDPOINTS = ("/oauth/token", "/token", "/oauth/revoke")

PAGES = ConsentPages(
    ISSUER,
    "OpenID Connect",
    "id.example",
    {"trino:read": "read data and run queries that change nothing"},
)


class OpenGate:
    """Lets everybody pass."""

    def judge(self, request: Any) -> Deferred[Reply | None]:
        """See ``IGate``."""
        return succeed(None)


class EndpointsTestCase(WorldTestCase):
    """Speaks HTTP to the endpoints, without a socket."""

    def site(self) -> BoundedSite:
        """Make a site of the present server."""
        endpoints = Endpoints(self.server, PAGES, None, behind_proxy=False)
        resources = endpoints.resources()
        return BoundedSite(
            Resource(),
            resources,
            OpenGate(),
            web_settings(),
            self.clock,
            forms=frozenset(resources),
        )

    def ask_http(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request, with the browser's cookies, and take the answer's."""
        cookies = "; ".join(
            f"__Host-mcp-trino-{name}={value}"
            for name, value in self.jar.cookies.items()
        )
        lines = {"Content-Length": str(len(body))} if body else {}
        lines |= {"Cookie": cookies} if cookies else {}
        transport = StringTransport(peerAddress=_ADDRESS)
        channel = self.site().buildProtocol(_ADDRESS)
        channel.makeConnection(transport)
        channel.dataReceived(head(method, path, {**lines, **(headers or {})}) + body)
        answer = read_answer(transport.value(), method)
        set_cookies = answer.headers.get_all("Set-Cookie", [])
        self.jar.take(tuple(cookie.encode() for cookie in set_cookies))
        return answer

    def post(
        self, path: str, headers: dict[str, str] | None = None, **form: str
    ) -> Answer:
        """Send a form."""
        return self.ask_http(
            "POST", path, {**_FORM, **(headers or {})}, urlencode(form).encode()
        )

    def open(self, query: bytes | None = None) -> Answer:
        """Open the authorization endpoint."""
        query = self.request() if query is None else query
        return self.ask_http("GET", f"/oauth/authorize?{query.decode()}")

    def allow(self, page: Answer) -> Answer:
        """Say yes on a consent page, as a browser does."""
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.body.decode()))
        return self.post(
            "/oauth/consent",
            {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"},
            question=unescape(fields["question"]),
            answer="allow",
        )


class LoginTests(EndpointsTestCase):
    """A whole login over HTTP."""

    def test_login(self) -> None:
        """From the client's link to its tokens, by 303 all along."""
        page = self.open()
        self.assertEqual(page.status, 200)
        sent = self.allow(page)
        self.assertEqual(sent.status, 303)
        query = self.provider.log_in(sent.headers["Location"])
        back = self.ask_http("GET", f"/oauth/callback?{query.decode()}")
        self.assertEqual(back.status, 303)
        location = back.headers["Location"]
        code = parse_qs(urlsplit(location).query)["code"][0]
        tokens = self.post("/oauth/token", **self.redemption(code))
        self.assertEqual(tokens.status, 200)
        self.assertIn("refresh_token", tokens.json())
        for answer in (sent, back):
            self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertEqual(answer.body, b"")

    def test_by_post_and_alias(self) -> None:
        """The request may be a form, and go to the path at the root."""
        for path in ("/oauth/authorize", "/authorize"):
            answer = self.ask_http("POST", path, _FORM, self.request())
            self.assertEqual(answer.status, 200)
            answer = self.ask_http("POST", path, {}, self.request())
            self.assertEqual(answer.status, 400)

    def test_error_redirect(self) -> None:
        """A client's mistake goes back to it."""
        answer = self.open(self.request(code_challenge=None))
        self.assertEqual(answer.status, 303)
        self.assertTrue(
            answer.headers["Location"].startswith("https://app.example/cb?")
        )

    def test_head(self) -> None:
        """A look at the head gives no body."""
        answer = self.ask_http("HEAD", f"/oauth/authorize?{self.request().decode()}")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_connections(self) -> None:
        """A person sees her connections and ends one, by forms alone."""
        self.tokens()
        sent = self.ask_http("GET", "/oauth/connections")
        query = self.provider.log_in(sent.headers["Location"])
        back = self.ask_http("GET", f"/oauth/callback?{query.decode()}")
        page = self.ask_http("GET", back.headers["Location"])
        self.assertIn("Hosted", page.body.decode())
        choice = re.search(r'name="connection" value="([^"]+)"', page.body.decode())
        assert choice is not None
        headers = {"Origin": ISSUER}
        answer = self.post("/oauth/connections", headers, connection=choice[1])
        self.assertEqual(answer.headers["Location"], "/oauth/connections")
        page = self.ask_http("GET", "/oauth/connections")
        self.assertIn("No application has access", page.body.decode())


class PageTests(EndpointsTestCase):
    """What the pages say, and what browsers may do with them."""

    def pages(self) -> list[Answer]:
        """Give one of each kind."""
        self.tokens()
        sent = self.ask_http("GET", "/oauth/connections")
        query = self.provider.log_in(sent.headers["Location"])
        self.ask_http("GET", f"/oauth/callback?{query.decode()}")
        return [
            self.open(),
            self.open(self.request(LOCAL)),
            self.open(b""),
            self.ask_http("GET", "/oauth/callback"),
            self.ask_http("GET", "/oauth/connections"),
        ]

    def test_g095_frames(self) -> None:
        """No page can be framed, runs a script, loads anything or is stored."""
        for page in self.pages():
            policy = page.headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertIn("base-uri 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(page.headers["X-Frame-Options"], "DENY")
            self.assertEqual(page.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(page.headers["Cache-Control"], "no-store")
            self.assertIn(
                page.headers["Referrer-Policy"], ("same-origin", "no-referrer")
            )
            text = page.body.decode()
            self.assertNotRegex(
                text, r"(?i)<script|<img|<link|src=|@import|url\(|\son\w+="
            )
            style = re.search("<style>(.*)</style>", text, re.DOTALL)
            assert style is not None
            digest = base64.b64encode(
                hashlib.sha256(style[1].encode()).digest()
            ).decode()
            self.assertIn(f"style-src 'sha256-{digest}'", policy)

    def test_forms_may_end_anywhere(self) -> None:
        """No policy stops a form whose redirects lead to the provider and the client."""
        for page in self.pages():
            has_form = "<form" in page.body.decode()
            policy = page.headers["Content-Security-Policy"]
            self.assertEqual("form-action" in policy, not has_form)
            self.assertEqual("Cross-Origin-Opener-Policy" in page.headers, not has_form)

    def test_consent(self) -> None:
        """It says who asks for what, where the answer goes, and where she logs in."""
        text = unescape(self.open().body.decode())
        for shown in (
            "<q>Hosted</q>",
            "nobody has checked it",
            "read data and run queries that change nothing",
            "<strong>app.example</strong>",
            HOSTED.redirect_uris[0],
            "id.example",
            "mcp.example",
            "Do not ask again",
        ):
            self.assertIn(shown, text)
        self.assertNotIn("Any program on this computer", text)

    def test_loopback(self) -> None:
        """Where any program could ask she is warned, and nothing is remembered."""
        self.clients["app"] = Client("app", "App", ("cursor://app/cb",))
        for client, where in (
            (LOCAL, "a program on this computer"),
            (self.clients["app"], "the application that opens cursor: links"),
        ):
            text = unescape(self.open(self.request(client)).body.decode())
            self.assertIn(where, text)
            self.assertIn("Any program on this computer", text)
            self.assertNotIn("Do not ask again", text)

    def test_document(self) -> None:
        """A client with a metadata document is known by its host."""
        self.clients["doc"] = Client(
            "doc", "Claude Code", ("http://localhost/callback",), "claude.ai"
        )
        text = unescape(self.open(self.request(self.clients["doc"])).body.decode())
        self.assertIn("<strong>claude.ai</strong>", text)
        self.assertIn("calls itself Claude Code", text)

    def test_g076_markup(self) -> None:
        """Markup in what a client says is text."""
        name = '"><script>alert(1)</script><b>'
        self.clients["bad"] = Client("bad", name, ("https://app.example/'\"<b>",))
        text = self.open(self.request(self.clients["bad"])).body.decode()
        self.assertNotIn("<script", text)
        self.assertNotIn("<b>", text)
        self.assertIn(name, unescape(text))

    def test_keyboard(self) -> None:
        """Every choice is a button or a labelled box, and the focus can be seen."""
        text = self.open().body.decode()
        self.assertEqual(len(re.findall("<button", text)), 2)
        self.assertRegex(text, r"<label><input type=\"checkbox\"")
        self.assertIn(":focus-visible", text)
        self.assertIn('name="viewport"', text)
        self.assertIn('lang="en"', text)

    def test_unavailable(self) -> None:
        """A page that may work later says so to programs as well."""
        self.clock.advance(START_SECONDS)
        self.provider.undecidable = True
        answer = self.ask_http("GET", "/oauth/connections")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "5"))
        self.flushLoggedErrors()


class MethodTests(EndpointsTestCase):
    """Methods, sizes and other origins."""

    def test_g108_methods(self) -> None:
        """What there is not is 405, with what there is."""
        for path in _ENDPOINTS:
            for method in ("GET", "PUT", "DELETE"):
                answer = self.ask_http(method, path)
                self.assertEqual(answer.status, 405)
                self.assertEqual(answer.headers["Allow"], "OPTIONS, POST")
        for path in ("/oauth/callback", "/oauth/authorize"):
            self.assertEqual(self.ask_http("DELETE", path).status, 405)
        self.assertEqual(self.ask_http("GET", "/oauth/consent").status, 405)

    def test_g108_query(self) -> None:
        """Parameters in the query of the token endpoint are not looked at."""
        code = self.log_in()
        query = urlencode(self.redemption(code))
        answer = self.ask_http("POST", f"/oauth/token?{query}", _FORM, b"x=1")
        self.assertEqual(answer.json()["error"], "invalid_request")
        answer = self.post("/token?grant_type=password", **self.redemption(code))
        self.assertEqual(answer.status, 200)

    def test_cors(self) -> None:
        """Pages of any origin may use what clients use, and none of people's pages."""
        origin = {"Origin": "https://inspector.example"}
        for path in _ENDPOINTS:
            preflight = self.ask_http(
                "OPTIONS", path, {**origin, "Access-Control-Request-Method": "POST"}
            )
            self.assertEqual(preflight.status, 204)
            self.assertEqual(
                preflight.headers["Access-Control-Allow-Methods"], "POST, OPTIONS"
            )
            for answer in (preflight, self.post(path, origin)):
                self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
                self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)
        for path in _PAGES:
            answer = self.ask_http("GET", path, origin)
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_size(self) -> None:
        """A body that is too large is refused before it is read."""
        for path in (*_ENDPOINTS, "/oauth/consent"):
            headers = {**_FORM, "Content-Length": str(MAX_FORM_BYTES + 1)}
            self.assertEqual(self.ask_http("POST", path, headers).status, 413)

    def test_repeated_cookie(self) -> None:
        """A cookie that is there twice counts as none."""
        page = self.open()
        name, value = next(iter(self.jar.cookies.items()))
        self.jar = Jar({name: f"{value}; __Host-mcp-trino-{name}=x"})
        self.assertEqual(self.allow(page).status, 403)

    def test_two_replicas(self) -> None:
        """Each step may be another server's."""
        page = self.open()
        self.server = self.make_server()
        sent = self.allow(page)
        self.server = self.make_server()
        query = self.provider.log_in(sent.headers["Location"])
        self.server = self.make_server()
        back = self.ask_http("GET", f"/oauth/callback?{query.decode()}")
        self.assertTrue(back.headers["Location"].startswith(HOSTED.redirect_uris[0]))
        self.assertTrue(sent.headers["Location"].startswith(PROVIDER))
        self.assertIn("code=", back.headers["Location"])
        self.assertNotIn("error", told_of(back))


def told_of(answer: Answer) -> dict[str, str]:
    """Give the parameters of a redirect to a client."""
    from mcp_trino.oauth.responses import Redirect

    return told(Redirect(answer.headers["Location"]))
