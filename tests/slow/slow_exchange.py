"""People log in through the server, and are themselves at a Trino that takes tokens."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.browser import Browser
from tests.e2e.oidc_provider import OIDCProvider, start_oidc_provider
from tests.e2e.server_process import start_server
from tests.e2e.test_proxy import Login
from tests.ports import free_port
from tests.slow.secured_trino import PASSWORD, SecuredTrino, secured_trino
from tests.web.serving import modern


class TokenExchange(ThreadingHTTPServer):
    """
    A token endpoint that gives a token for Trino for one of the provider's.

    Whose that is it asks the provider, as nobody else can know.

    :ivar subject_tokens: those that came.
    """

    def __init__(self, provider: OIDCProvider, trino: SecuredTrino) -> None:
        super().__init__(("127.0.0.1", 0), _Exchanging)
        self.provider, self.trino = provider, trino
        self.subject_tokens: list[str] = []
        self.thread = Thread(target=self.serve_forever)
        self.thread.start()

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    def exchange(self, subject_token: str) -> str:
        """Give a token for Trino."""
        self.subject_tokens.append(subject_token)
        headers = {"Authorization": f"Bearer {subject_token}"}
        with urlopen(Request(f"{self.provider.issuer}/me", headers=headers)) as answer:
            return self.trino.token(json.load(answer)["sub"])


class _Exchanging(BaseHTTPRequestHandler):
    server: TokenExchange

    def do_POST(self) -> None:
        """Answer by RFC 8693."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        (subject_token,) = parse_qs(body.decode())["subject_token"]
        answer = {
            "access_token": self.server.exchange(subject_token),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 600,
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class ExchangeTests(SynchronousTestCase):
    """The token that a login leaves here is exchanged for one that Trino takes."""

    def setUp(self) -> None:
        trino = secured_trino()
        provider = start_oidc_provider()
        self.addCleanup(provider.close)
        self.exchange = TokenExchange(provider, trino)
        self.addCleanup(self.exchange.close)
        directory = TemporaryDirectory(prefix="mcp-trino-")
        self.addCleanup(directory.cleanup)
        self.state = Path(directory.name)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        client = provider.register(f"{self.url}/oauth/callback")
        self.server = start_server(
            trino=f"https://{trino.host}:{trino.port}",
            port=port,
            TRINO_USER="mcp",
            TRINO_PASSWORD=PASSWORD,
            TRINO_CA_FILE=str(trino.certificates.authority),
            TRINO_TOKEN_EXCHANGE_URL=f"http://127.0.0.1:{self.exchange.server_port}/",
            TRINO_TOKEN_EXCHANGE_CLIENT_ID="mcp",
            TRINO_TOKEN_EXCHANGE_CLIENT_SECRET="secret of the exchange",
            MCP_URL=self.url,
            OAUTH_ENABLED="true",
            OAUTH_MODE="proxy",
            OAUTH_PROVIDER="oidc",
            OIDC_ISSUER=provider.issuer,
            OIDC_CLIENT_ID=client["client_id"],
            OIDC_CLIENT_SECRET=client["client_secret"],
            OAUTH_UPSTREAM_SCOPES="openid offline_access",
            OAUTH_STATE_DIRECTORY=directory.name,
        )
        self.addCleanup(self.server.stop)

    def log_in(self, person: str) -> Login:
        """Log somebody in."""
        login = Login(self.url)
        login.browser = Browser(person)
        login.register()
        login.authorize()
        login.redeem()
        return login

    def user_of(self, login: Login) -> str:
        """Give who asks Trino."""
        headers, body = modern(
            "tools/call",
            name="execute_query",
            arguments={"query": "SELECT current_user"},
        )
        headers["Authorization"] = f"Bearer {login.tokens['access_token']}"
        status = login.status_of(Request(f"{self.url}/mcp", body, headers))
        self.assertEqual(status, 200, login.said)
        result = json.loads(login.said)["result"]
        self.assertFalse(result.get("isError"), login.said)
        return str(result["structuredContent"]["rows"][0][0])

    def test_people(self) -> None:
        """Each is herself at Trino; her provider's token is told to nobody else."""
        logins = {person: self.log_in(person) for person in ("alice", "bob")}
        for person, login in logins.items():
            self.assertEqual(self.user_of(login), person)
        logins["alice"].refresh()
        self.assertEqual(self.user_of(logins["alice"]), "alice")
        tokens = self.exchange.subject_tokens
        self.assertEqual(len(set(tokens)), 2)
        stored = b"".join(
            path.read_bytes() for path in self.state.iterdir() if path.is_file()
        )
        self.assertGreater(len(stored), 1000)
        for token in tokens:
            self.assertNotIn(token.encode(), stored)
            self.assertNotIn(token, self.server.log)
            self.assertEqual(logins["alice"].call(token)[0], 401)
