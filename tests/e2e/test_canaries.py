"""No secret is anywhere but where it belongs, whatever fails."""

import json
import subprocess
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.certificates import make_certificates
from tests.e2e.oidc_provider import SERVICE_CLIENT, start_oidc_provider
from tests.e2e.server_process import (
    ServerProcess,
    program,
    server_environment,
    start_server,
)
from tests.e2e.test_proxy import Login
from tests.e2e.test_tokens import Answer, ask, wait_until_ready
from tests.e2e.unhelpful_trino import UnhelpfulTrino
from tests.ports import free_port
from tests.web.serving import modern

# An operator who wants to see everything.
_LOGGER = """\
import sys
from twisted.logger import LogLevel
from mcp_trino.log import observer_of

def observer():
    return observer_of(sys.stdout, LogLevel.debug)
"""
_KEYS = "secret-keys.json"
_LEAST_CHARS = 11


class CanaryTestCase(SynchronousTestCase):
    """
    A server before a Trino with a password, and all the places to look at.

    :ivar secrets: what may be nowhere, by what it is.
    :ivar said: the bodies that clients and people were answered.
    """

    def setUp(self) -> None:
        """Have a directory with all files, and Trino."""
        directory = TemporaryDirectory(prefix="mcp-trino-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.state = self.directory / "state"
        self.state.mkdir(mode=0o700)
        certificates = make_certificates(self.directory)
        self.trino = UnhelpfulTrino(certificates, "canary-password", "canary-slug")
        self.addCleanup(self.trino.close)
        self.secrets = {
            "Trino password": self.trino.password,
            "Trino credential": self.trino.credential,
            "page uri": self.trino.slug,
        }
        self.said: list[bytes] = []

    def secret_file(self, name: str, secret: str) -> str:
        """Plant a secret in a file; gives its path."""
        self.secrets[name] = secret
        path = self.directory / name.replace(" ", "-")
        path.write_text(secret)
        return str(path)

    def serve(self, **settings: str) -> ServerProcess:
        """Start the server with a log of everything."""
        (self.directory / "everything.py").write_text(_LOGGER)
        server = start_server(
            "http",
            self.trino.url,
            port=self.port,
            twistd=("--logger=everything.observer",),
            PYTHONPATH=str(self.directory),
            MCP_AUDIT_LOG=str(self.directory / "audit"),
            OAUTH_ENABLED="true",
            OAUTH_CACHE_TTL="0",
            MCP_URL=self.url,
            **self.trino.settings(self.directory),
            **settings,
        )
        self.addCleanup(server.stop)
        wait_until_ready(server.port)
        return server

    @property
    def port(self) -> int:
        """Where the server listens."""
        if not hasattr(self, "_port"):
            self._port = free_port()
        return self._port

    @property
    def url(self) -> str:
        """The server's public URL."""
        return f"http://127.0.0.1:{self.port}"

    def tool(self, token: str, name: str, **arguments: Any) -> Answer:
        """Call a tool."""
        headers, body = modern("tools/call", name=name, arguments=arguments)
        headers["Authorization"] = f"Bearer {token}"
        answer = ask(self.port, "POST", "/mcp", headers=headers, data=body)
        self.said.append(answer.body)
        return answer

    def converse(self, token: str) -> None:
        """Have everything fail that can, with a good token and with others."""
        header, body, signature = token.split(".")
        self.assertEqual(self.tool(token, "whoami").status, 200)
        for other in (
            "canary-token-of-nobody",
            f"{header}.{body}.{signature[::-1]}",
            f"{header}.{signature}.{body}",
            f"{token}x",
        ):
            self.assertEqual(self.tool(other, "whoami").status, 401)
        malformed = ask(
            self.port, "POST", f"/mcp?access_token={token}", token, data=b"{}"
        )
        self.assertEqual(malformed.status, 400)
        self.said.append(malformed.body)
        for text in ("refused", "broken"):
            self.tool(token, "execute_query", query=f"SELECT '{text}'")
        answer = self.tool(token, "execute_query", query="SELECT n FROM t", max_rows=5)
        page = json.loads(answer.body)["result"]["structuredContent"]["next_page"]
        self.assertEqual(self.tool(token, "fetch_page", page=page).status, 200)
        self.trino.close()
        for _ in range(2):
            self.tool(token, "fetch_page", page=page)
            self.tool(token, "execute_query", query="SELECT 1")
        self.assertTrue(any(b"TRINO" in said for said in self.said), self.said)

    def take_token(self, name: str, token: str) -> None:
        """Note a token; of a JWT each part counts but the header."""
        parts = token.split(".")[1:] if token.startswith("eyJ") else [token]
        for number, part in enumerate(parts):
            self.secrets[f"{name} ({number})"] = part

    def assert_nowhere(self, server: ServerProcess) -> None:
        """Look for the secrets everywhere."""
        places = self._of_processes(server.pid)
        server.stop()
        self.assertIn("is refused", server.log)
        places["log"] = server.log.encode()
        places["audit"] = (self.directory / "audit").read_bytes()
        self.assertIn(b'"alice"', places["audit"])
        places["bodies"] = b"\n".join(self.said)
        for path in self.state.rglob("*"):
            if path.is_file() and path.name != _KEYS:
                places[path.name] = path.read_bytes()
        for name, secret in self.secrets.items():
            self.assertGreaterEqual(len(secret), _LEAST_CHARS, name)
            for form in _forms(secret):
                found = [place for place, text in places.items() if form in text]
                self.assertEqual(found, [], name)

    def _of_processes(self, pid: int) -> dict[str, bytes]:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        pids = [pid, *map(int, children.read_text().split())]
        self.assertEqual(len(pids), 2)
        return {
            f"{name} of {pid}": Path(f"/proc/{pid}/{name}").read_bytes()
            for pid in pids
            for name in ("environ", "cmdline")
        }


class CanaryTests(CanaryTestCase):
    """Each mode, with failures of all kinds."""

    def test_hmac(self) -> None:
        """The shared secret, and tokens that were made with it."""
        secret = "canary of a shared secret, long enough"
        file = self.secret_file("JWT_SECRET", secret)
        settings = {"OAUTH_PROVIDER": "hmac", "JWT_SECRET_FILE": file}
        token = subprocess.run(
            [program("mcp-trino"), "token", "--subject=alice"],
            env=server_environment(
                self.trino.url, OAUTH_ENABLED="true", MCP_URL=self.url, **settings
            ),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        self.take_token("access token", token)
        server = self.serve(**settings)
        self.converse(token)
        self.assert_nowhere(server)

    def test_native(self) -> None:
        """A provider's tokens, and the secret by which it is asked about them."""
        provider = start_oidc_provider()
        self.addCleanup(provider.close)
        client_id, secret = SERVICE_CLIENT
        settings = {
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": provider.issuer,
        }
        server = self.serve(**settings)
        token = provider.login(f"{self.url}/mcp")["access_token"]
        self.take_token("access token", token)
        self.converse(token)
        server.stop()
        first = server
        server = self.serve(
            **settings,
            OAUTH_TOKEN_KIND="introspection",
            OIDC_CLIENT_ID=client_id,
            OIDC_CLIENT_SECRET_FILE=self.secret_file("client secret", secret),
        )
        provider.set(format="opaque")
        opaque = provider.login(f"{self.url}/mcp")["access_token"]
        self.secrets["opaque token"] = opaque
        self.assertEqual(self.tool(opaque, "whoami").status, 200)
        provider.revoke(opaque)
        self.assertEqual(self.tool(opaque, "whoami").status, 401)
        provider.stop()
        self.addCleanup(provider.start)
        self.assertEqual(self.tool(opaque, "whoami").status, 503)
        self.said.append(first.log.encode())
        self.assert_nowhere(server)

    def test_proxy(self) -> None:
        """All that two logins are made of, ours and the provider's."""
        provider = start_oidc_provider()
        self.addCleanup(provider.close)
        client = provider.register(f"{self.url}/oauth/callback")
        settings = {
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CLIENT_ID": client["client_id"],
            "OIDC_CLIENT_SECRET_FILE": self.secret_file(
                "client secret", client["client_secret"]
            ),
            "OAUTH_UPSTREAM_SCOPES": "openid offline_access",
            "OAUTH_STATE_DIRECTORY": str(self.state),
        }
        server = self.serve(**settings)
        login = self.log_in()
        self.refuse(login)
        old = login.tokens
        login.refresh()
        self.take_tokens(login)
        self.converse(login.tokens["access_token"])
        login.form("/oauth/revoke", token=login.tokens["refresh_token"])
        self.said.append(login.said.encode())
        login.form(grant_type="refresh_token", refresh_token=old["refresh_token"])
        self.said.append(login.said.encode())
        issued = provider.issued()
        self.assertLessEqual({"code", "code_verifier", "id_token"}, set(issued))
        for name, values in issued.items():
            for number, value in enumerate(values):
                self.take_token(f"provider's {name} {number}", value)
        another = self.log_in()
        halfway = self.begin_log_in()
        provider.stop()
        self.addCleanup(provider.start)
        another.refresh()
        self.said.append(another.said.encode())
        self.end_log_in(*halfway)
        for number, secret in enumerate(_key_material(self.state / _KEYS)):
            self.secrets[f"own key {number}"] = secret
        self.assert_nowhere(server)

    def log_in(self) -> Login:
        """Log somebody in, and note what it takes."""
        login = Login(self.url)
        login.register()
        login.authorize()
        self.said += [page.encode() for page in login.pages]
        login.redeem()
        self.secrets |= {
            f"code {login.state}": login.code,
            f"verifier {login.state}": login.verifier,
        }
        self.take_tokens(login)
        return login

    def take_tokens(self, login: Login) -> None:
        """Note what a login got."""
        for name in ("access_token", "refresh_token"):
            self.take_token(f"{name} {len(self.secrets)}", login.tokens[name])

    def refuse(self, login: Login) -> None:
        """Ask for tokens in wrong ways; what they are told is noted."""
        tokens = login.tokens
        other = Login(self.url)
        other.register()
        other.authorize()
        self.secrets["unused code"] = other.code
        self.secrets["unused verifier"] = other.verifier
        for change in (
            {"code_verifier": login.verifier},
            {"redirect_uri": "http://localhost:1/canary"},
            {"client_id": "canary-client"},
        ):
            other.form(
                **{
                    "grant_type": "authorization_code",
                    "code": other.code,
                    "redirect_uri": "http://localhost:39999/callback",
                    "code_verifier": other.verifier,
                    **change,
                }
            )
            self.assertIn("error", json.loads(other.said))
            self.said.append(other.said.encode())
        for value in ("canary-refresh-token", tokens["access_token"]):
            other.form(grant_type="refresh_token", refresh_token=value)
            self.said.append(other.said.encode())
        self.secrets["wrong refresh token"] = "canary-refresh-token"

    def begin_log_in(self) -> tuple[Login, str]:
        """Log in at the provider; gives the address that leads back from there."""
        login = Login(self.url)
        login.register()
        callback = f"{self.url}/oauth/callback"
        visit = login.browser.visit(login.authorization_url(), callback)
        (code,) = parse_qs(urlsplit(visit.url).query)["code"]
        self.secrets["code that was not redeemed"] = code
        return login, visit.url

    def end_log_in(self, login: Login, url: str) -> None:
        """Come back when the provider is gone."""
        visit = login.browser.visit(url, "http://localhost:39999")
        self.assertIn("error", visit.url + "".join(visit.pages))
        self.said += [page.encode() for page in (*visit.pages, visit.url)]


def _forms(secret: str) -> set[bytes]:
    """Give how a secret may be written."""
    raw = secret.encode()
    return {
        raw,
        b64encode(raw).rstrip(b"="),
        urlsafe_b64encode(raw).rstrip(b"="),
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
    }


def _key_material(path: Path) -> list[str]:
    """Give the long texts of the file of keys that only it may hold."""
    found: list[str] = []

    def walk(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, member in value.items():
                walk(member, key)
        elif isinstance(value, list):
            for member in value:
                walk(member, name)
        elif name in ("d", "secret"):
            found.append(value)

    walk(json.loads(path.read_text()))
    if not found:
        raise AssertionError("there are no keys")
    return found
