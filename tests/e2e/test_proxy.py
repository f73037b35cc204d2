"""People log in through the server at a real OpenID provider, and go on."""

import base64
import hashlib
import json
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.browser import Browser
from tests.e2e.chromium import start_chromium
from tests.e2e.npm_programs import npm_programs
from tests.e2e.oidc_provider import start_oidc_provider
from tests.e2e.server_process import ServerProcess, start_server
from tests.ports import free_port
from tests.real_postgresql import real_postgresql
from tests.web.serving import modern

_CALLBACK = "http://localhost:39999/callback"
_TRIES = 400


class Login:
    """A client and its person, as far as they have come."""

    def __init__(self, url: str) -> None:
        """:param url: of the server; its replicas have others."""
        self.url = url
        self.verifier = secrets.token_urlsafe(40)
        self.state = secrets.token_urlsafe()
        self.browser = Browser()

    def register(self, redirect_uri: str = _CALLBACK) -> None:
        """Get a client id."""
        metadata = {"redirect_uris": [redirect_uri], "client_name": "End to end"}
        answer = self.post(
            "/oauth/register", json.dumps(metadata).encode(), "application/json"
        )
        self.client_id = answer["client_id"]

    def authorization_url(self) -> str:
        """Give where the person is sent."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": _CALLBACK,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": self.state,
            "resource": f"{self.url}/mcp",
        }
        return f"{self.url}/oauth/authorize?{urlencode(query)}"

    def authorize(self) -> None:
        """Have the person log in and allow it."""
        visit = self.browser.visit(self.authorization_url(), _CALLBACK)
        self.pages = visit.pages
        self.take(visit.url)

    def take(self, url: str) -> None:
        """Take the answer that the person brings back."""
        answer = parse_qs(urlsplit(url).query)
        assert answer.get("state") == [self.state], url
        assert "code" in answer, url
        self.issuer = answer["iss"][0]
        self.code = answer["code"][0]

    def redeem(self) -> None:
        """Exchange the code."""
        self.tokens = self.form(
            grant_type="authorization_code",
            code=self.code,
            redirect_uri=_CALLBACK,
            code_verifier=self.verifier,
        )

    def refresh(self) -> None:
        """Exchange the refresh token."""
        self.tokens = self.form(
            grant_type="refresh_token", refresh_token=self.tokens["refresh_token"]
        )

    def form(self, path: str = "/oauth/token", **parameters: str) -> dict:
        """Post a form as this client."""
        body = urlencode({"client_id": self.client_id, **parameters}).encode()
        return self.post(path, body, "application/x-www-form-urlencoded")

    def post(self, path: str, body: bytes, kind: str) -> dict:
        """Post, and read the answer whatever its status."""
        request = Request(f"{self.url}{path}", body, {"Content-Type": kind})
        self.status_of(request)
        return json.loads(self.said or "{}")

    def call(self, token: str | None = None) -> tuple[int, str]:
        """Call a tool with the access token; give the status and what it said."""
        headers, body = modern("tools/call", name="whoami", arguments={})
        token = self.tokens["access_token"] if token is None else token
        headers["Authorization"] = f"Bearer {token}"
        request = Request(f"{self.url}/mcp", body, headers)
        return self.status_of(request), self.said

    def status_of(self, request: Request) -> int:
        """Ask, and give the status; what was said is in ``said``."""
        try:
            answer = urlopen(request)
        except HTTPError as error:
            answer = error
        with answer:
            self.said = answer.read().decode()
            return answer.status


class ProxyTestCase(SynchronousTestCase):
    """One provider, one state directory, one or two servers."""

    def setUp(self) -> None:
        self.provider = start_oidc_provider()
        self.addCleanup(self.provider.close)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory = TemporaryDirectory(prefix="mcp-trino-")
        self.addCleanup(directory.cleanup)
        self.state = Path(directory.name)
        client = self.provider.register(f"{self.url}/oauth/callback")
        self.settings = {
            "MCP_URL": self.url,
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": self.provider.issuer,
            "OIDC_CLIENT_ID": client["client_id"],
            "OIDC_CLIENT_SECRET": client["client_secret"],
            "OAUTH_UPSTREAM_SCOPES": "openid offline_access",
            "OAUTH_STATE_DIRECTORY": str(self.state),
        }

    def serve(self, port: int | None = None) -> ServerProcess:
        """Start a server with that state, and its worker."""
        server = start_server(port=port or self.port, **self.settings)
        self.addCleanup(server.stop)
        ready = Request(f"http://127.0.0.1:{server.port}/readyz")
        for _ in range(_TRIES):
            if Login(self.url).status_of(ready) == HTTPStatus.OK:
                return server
            Event().wait(0.05)
        raise AssertionError(f"the server did not get ready:\n{server.log}")

    def log_in_side_by_side(self, people: int, at_once: int) -> None:
        """Have many people log in, all of whom get in."""

        def log_in(_: int) -> int:
            login = Login(self.url)
            login.client_id = client.client_id
            login.authorize()
            login.redeem()
            return login.call()[0]

        client = Login(self.url)
        client.register()
        with ThreadPoolExecutor(at_once) as pool:
            statuses = list(pool.map(log_in, range(people)))
        self.assertEqual(statuses, [HTTPStatus.OK] * people)


class ProxyTests(ProxyTestCase):
    """What people and clients get from it."""

    def test_login(self) -> None:
        """Log in, call a tool, refresh, call again, revoke; nothing of it is logged."""
        server = self.serve()
        login = Login(self.url)
        login.register()
        login.authorize()
        self.assertEqual(login.issuer, self.url)
        self.assertIn("End to end", login.pages[0])
        login.redeem()
        self.assertEqual(login.tokens["scope"], "trino:read")
        first = dict(login.tokens)
        status, said = login.call()
        self.assertEqual(status, 200, said)
        self.assertIn("alice", said)
        login.refresh()
        self.assertNotEqual(login.tokens["refresh_token"], first["refresh_token"])
        self.assertEqual(login.call()[0], 200)
        self.assertEqual(login.form("/oauth/revoke", token=first["access_token"]), {})
        self.assertEqual(login.call()[0], 401)
        login.refresh()
        self.assertEqual(login.tokens["error"], "invalid_grant")
        for secret in (*first.values(), login.code, login.verifier):
            if len(str(secret)) > 20:
                self.assertNotIn(str(secret), server.log)

    def test_g117_provider_tokens(self) -> None:
        """The provider's own tokens open nothing here, and ours nothing there."""
        self.serve()
        login = Login(self.url)
        foreign = self.provider.login(f"{self.url}/mcp")
        for name in ("access_token", "id_token"):
            self.assertEqual(login.call(foreign[name])[0], 401)

    def test_g119_restart(self) -> None:
        """Between any two steps the server may have been started anew."""
        login = Login(self.url)
        steps = (
            login.register,
            login.authorize,
            login.redeem,
            login.call,
            login.refresh,
            login.call,
        )
        for step in steps:
            server = self.serve()
            step()
            server.stop()
        self.serve()
        self.assertEqual(login.call()[0], 200)

    def test_two_replicas(self) -> None:
        """Two servers with one state take turns, without stickiness."""
        self.take_turns()

    def test_two_replicas_on_postgresql(self) -> None:
        """They do so with a PostgreSQL between them, which has what was revoked."""
        database = real_postgresql()
        database.execute("DROP TABLE IF EXISTS mcp_trino_store")
        self.settings["OAUTH_STORE_URL"] = database.url()
        self.take_turns()
        self.assertFalse(list(self.state.glob("store*")))

    def take_turns(self) -> None:
        """Have two servers answer the steps of one client by turns."""
        self.serve()
        other = self.serve(free_port())
        login = Login(self.url)
        login.register()
        login.authorize()
        there = f"http://127.0.0.1:{other.port}"
        login.url = there
        login.redeem()
        self.assertEqual(login.call()[0], 200)
        login.url = self.url
        self.assertEqual(login.call()[0], 200)
        login.refresh()
        login.url = there
        login.refresh()
        self.assertEqual(login.call()[0], 200)
        login.form("/oauth/revoke", token=login.tokens["refresh_token"])
        for login.url in (self.url, there):
            self.assertEqual(login.call()[0], 401)

    def test_browser(self) -> None:
        """A person with a real browser allows it by her keyboard; no page loads more."""
        self.serve()
        login = Login(self.url)
        login.register()
        browser = start_chromium()
        self.addCleanup(browser.close)
        browser.visit(login.authorization_url())
        self.assertIn("Let", browser.evaluate("document.querySelector('h1').innerText"))
        browser.press("Tab")
        self.assertEqual(browser.evaluate("document.activeElement.value"), "allow")
        browser.go_on("Enter")
        self.assertTrue(
            browser.evaluate("location.href").startswith(self.provider.issuer)
        )
        while not browser.requested[-1][0].startswith(_CALLBACK):
            browser.evaluate(
                "for (const i of document.querySelectorAll('input:not([type=hidden])'))"
                " i.value = 'alice';"
                "document.querySelector('form').requestSubmit()"
            )
            browser.wait()
        login.take(browser.requested[-1][0])
        login.redeem()
        self.assertEqual(login.call()[0], 200)
        loaded = [url for url, page in browser.requested if page.startswith(self.url)]
        self.assertEqual([url for url in loaded if not url.startswith(self.url)], [])

    def test_conformance(self) -> None:
        """The protocol's own suite finds nothing wrong with the authorization server."""
        self.serve()
        port = free_port()
        login = Login(self.url)
        login.register(f"http://127.0.0.1:{port}/callback")
        options = {
            "--url": self.url,
            "--client-id": login.client_id,
            "--resource": f"{self.url}/mcp",
            "--port": str(port),
        }
        command = npm_programs().command("conformance", "authorization")
        command += [word for pair in options.items() for word in pair]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as suite:
            said = []
            for line in suite.stdout:
                said.append(line)
                if line.startswith("Callback server started"):
                    (url,) = (one for one in said if one.startswith(self.url))
                    person = Thread(target=login.browser.visit, args=(url.strip(),))
                    person.start()
                    self.addCleanup(person.join)
        self.assertIn("Total: 2 passed, 0 failed", "".join(said))

    def test_side_by_side(self) -> None:
        """Many people log in at once, and all of them get in."""
        self.serve()
        self.log_in_side_by_side(24, at_once=8)
