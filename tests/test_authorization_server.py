"""Tests of ``mcp_trino.authorization_server``: the parts together, without a network."""

import json
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from mcp_trino.authorization_server import Neighbours, make_authorization_server
from mcp_trino.config.parse import read_settings
from mcp_trino.errors import ConfigurationError
from mcp_trino.oauth.admission import make_admission
from mcp_trino.settings import OAuthSettings, Transport
from mcp_trino.store import MemoryStore
from mcp_trino.web.site import BoundedSite
from tests.oauth.world import (
    ISSUER,
    LOCAL,
    NOW,
    ScriptedProvider,
    authorization_query,
)
from tests.recording import RecordingAudit
from tests.web.serving import Answer, head, read_answer, web_settings
from tests.web.test_authorization_server import OpenGate

_ADDRESS = IPv4Address("TCP", "192.0.2.1", 1)
_METADATA = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/oauth-authorization-server/sse",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/mcp",
)


class AuthorizationServerTests(SynchronousTestCase):
    """What is served where, by the settings."""

    def setUp(self) -> None:
        self.directory = Path(mkdtemp())
        self.addCleanup(rmtree, self.directory)
        self.clock = Clock()
        self.clock.advance(NOW)

    def settings(self, **environ: str) -> OAuthSettings:
        """Read settings of proxy mode."""
        given = {
            "MCP_URL": ISSUER,
            "MCP_TLS_TERMINATED": "true",
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": "https://id.example",
            "OIDC_CLIENT_ID": "us",
            "OIDC_CLIENT_SECRET": "secret",
            "OAUTH_STATE_DIRECTORY": str(self.directory),
            **environ,
        }
        oauth = read_settings({}, given, None, Transport.HTTP)[0].oauth
        assert oauth is not None
        return oauth

    def serve(self, *, writes: bool = False, **environ: str) -> None:
        """Make it and start its keyring."""
        settings = self.settings(**environ)
        self.made = make_authorization_server(
            self.clock,
            settings,
            settings.proxy,
            ISSUER,
            Neighbours(
                MemoryStore(self.clock),
                ScriptedProvider(self.clock),
                make_admission(settings.admission, self.clock),
                RecordingAudit(),
            ),
            writes=writes,
            exchanges=False,
        )
        self.made.keyring.startService()
        self.addCleanup(self.made.keyring.stopService)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request."""
        resources = self.made.resources
        site = BoundedSite(
            Resource(),
            resources,
            OpenGate(),
            web_settings(),
            self.clock,
            forms=frozenset(resources),
        )
        transport = StringTransport(peerAddress=_ADDRESS)
        channel = site.buildProtocol(_ADDRESS)
        channel.makeConnection(transport)
        lines = {"Content-Length": str(len(body))} if body else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        channel.dataReceived(head(method, path, {**lines, **named}) + body)
        return read_answer(transport.value(), method)

    def register(
        self,
        path: str = "/oauth/register",
        forwarded: str = "192.0.2.1",
        **metadata: Any,
    ) -> Answer:
        """Register a client."""
        metadata = {"redirect_uris": ["http://localhost/cb"], **metadata}
        return self.ask(
            "POST",
            path,
            json.dumps(metadata).encode(),
            Content_Type="application/json",
            X_Forwarded_For=forwarded,
        )

    def test_metadata(self) -> None:
        """The document is the same at all its paths, for pages of any origin."""
        self.serve()
        documents = [self.ask("GET", path) for path in _METADATA]
        self.assertEqual(len({answer.body for answer in documents}), 1)
        document = documents[0].json()
        self.assertEqual(document["issuer"], ISSUER)
        self.assertEqual(document["scopes_supported"], ["trino:read"])
        self.assertEqual(document["registration_endpoint"], f"{ISSUER}/oauth/register")
        for answer in documents:
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        for name in ("authorization", "token", "registration", "revocation"):
            path = document[f"{name}_endpoint"].removeprefix(ISSUER)
            self.assertNotIn(self.ask("POST", path).status, (404, 405), path)

    def test_keys(self) -> None:
        """The keys are those that tokens are signed with, public halves only."""
        self.serve()
        answer = self.ask("GET", "/.well-known/jwks.json")
        (key,) = answer.json()["keys"]
        self.assertEqual((key["alg"], key["crv"]), ("ES256", "P-256"))
        self.assertNotIn("d", key)
        written = json.loads(self.settings().worker.own_keys_file.read_text())
        self.assertEqual(written, answer.json())

    def test_scopes(self) -> None:
        """The scope that writes is offered only where there is something to write."""
        self.serve(writes=True)
        document = self.ask("GET", _METADATA[0]).json()
        self.assertEqual(document["scopes_supported"], ["trino:read", "trino:write"])
        self.made.keyring.stopService()
        self.serve(OAUTH_READ_SCOPE="")
        document = self.ask("GET", _METADATA[0]).json()
        self.assertEqual(document["scopes_supported"], [])

    def test_registered(self) -> None:
        """Who registered may ask, and is known by name."""
        self.serve()
        for path in ("/oauth/register", "/register"):
            answer = self.register(path, client_name="Ours")
            self.assertEqual(answer.status, 201)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
            client_id = answer.json()["client_id"]
        query = authorization_query(
            LOCAL, client_id=client_id, redirect_uri="http://localhost:1234/cb"
        )
        page = self.ask("GET", f"/oauth/authorize?{query.decode()}")
        self.assertEqual(page.status, 200)
        self.assertIn("Ours", page.body.decode())
        preflight = self.ask("OPTIONS", "/oauth/register", Origin="https://x.example")
        self.assertEqual(preflight.status, 204)

    def test_no_registration(self) -> None:
        """Where clients may not register any more, who has an id keeps it."""
        self.serve()
        client_id = self.register().json()["client_id"]
        self.made.keyring.stopService()
        self.serve(OAUTH_REGISTRATION="false")
        self.assertEqual(self.register().status, 404)
        query = authorization_query(
            LOCAL, client_id=client_id, redirect_uri="http://localhost:8900/cb"
        )
        page = self.ask("GET", f"/oauth/authorize?{query.decode()}")
        self.assertEqual(page.status, 200)
        document = self.ask("GET", _METADATA[0]).json()
        self.assertNotIn("registration_endpoint", document)

    def test_too_many_logins(self) -> None:
        """Logins that begin without end in one network are held up."""
        self.serve()
        for _ in range(300):
            self.assertEqual(self.ask("GET", "/oauth/connections").status, 303)
        answer = self.ask("GET", "/oauth/connections")
        self.assertEqual(answer.status, 429)
        self.clock.advance(1)
        self.assertEqual(self.ask("GET", "/oauth/connections").status, 303)

    def test_behind_proxy(self) -> None:
        """A proxy says for whom it asks; nobody else is believed that."""
        statuses = {}
        for terminated in ("true", "false"):
            self.serve(MCP_TLS_TERMINATED=terminated)
            for number in range(21):
                answer = self.register(forwarded=f"198.51.100.{number}")
            statuses[terminated] = answer.status
            self.made.keyring.stopService()
        self.assertEqual(statuses, {"true": 201, "false": 429})

    def test_bad_file(self) -> None:
        """Certificates that cannot be read stop the start."""
        file = self.directory / "ca.pem"
        file.write_text("x")
        error = self.assertRaises(
            ConfigurationError, self.serve, OIDC_CA_FILE=str(file)
        )
        self.assertIn("OIDC_CA_FILE", str(error))
