"""Mode ``native`` from end to end: a certified provider's tokens at the server."""

import base64
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.oidc_provider import (
    ALGORITHMS,
    SERVICE_CLIENT,
    OIDCProvider,
    start_oidc_provider,
)
from tests.e2e.server_process import ServerProcess, start_server
from tests.e2e.test_tokens import Answer, ask, wait_until_ready
from tests.web.serving import modern

_RESOURCE = "http://localhost:8080/mcp"
_SECONDS = 15


class NativeTestCase(SynchronousTestCase):
    """A provider, and a server that takes its tokens."""

    provider: OIDCProvider
    server: ServerProcess

    def setUp(self) -> None:
        """Start the provider."""
        self.provider = start_oidc_provider()
        self.addCleanup(self.provider.close)

    def serve(self, **settings: str) -> None:
        """Start the server, and wait until it knows the provider."""
        self.server = start_server(
            trino="http://trino.test:1",
            OAUTH_ENABLED="true",
            OAUTH_PROVIDER="oidc",
            OIDC_ISSUER=self.provider.issuer,
            **settings,
        )
        self.addCleanup(self.server.stop)
        wait_until_ready(self.server.port)

    def token(self, person: str = "alice", resource: str = _RESOURCE) -> str:
        """Log somebody in."""
        found: str = self.provider.login(resource, person)["access_token"]
        return found

    def call(self, token: str, name: str = "whoami") -> Answer:
        """Call a tool with a token."""
        headers, body = modern("tools/call", name=name, arguments={})
        headers["Authorization"] = f"Bearer {token}"
        return ask(self.server.port, "POST", "/mcp", headers=headers, data=body)

    def result(self, token: str) -> dict[str, Any]:
        """Give what ``whoami`` says."""
        answer = self.call(token)
        self.assertEqual(answer.status, 200, answer.body)
        found: dict[str, Any] = json.loads(answer.body)["result"]
        return found

    def eventually(self, true: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + _SECONDS
        while not true():
            self.assertLess(time.monotonic(), deadline, self.server.log)
            time.sleep(0.05)


class TokenTests(NativeTestCase):
    """JWTs."""

    def test_every_algorithm(self) -> None:
        """Its tokens are taken by whatever it signs with; the person is known."""
        self.serve()
        for algorithm in ALGORITHMS:
            self.provider.set(algorithm=algorithm)
            me = self.result(self.token())["structuredContent"]
            self.assertEqual(
                (me["subject"], me["issuer"]), ("alice", self.provider.issuer)
            )
            self.assertEqual(me["scopes"], ["trino:read"])

    def test_rotation(self) -> None:
        """A new key is found by its first token; one withdrawn ends what it signed."""
        self.serve()
        old = self.token()
        self.result(old)
        self.provider.rotate()
        self.result(self.token())
        self.result(old)
        self.provider.retire()
        os.kill(self.server.pid, signal.SIGHUP)
        self.eventually(lambda: self.call(old).status == 401)
        self.result(self.token())

    def test_g060_provider_away(self) -> None:
        """While it is away its known keys hold, and unknown ones are nobody's."""
        self.serve()
        known, also_known = self.token(), self.token("bob")
        self.result(known)
        self.provider.stop()
        self.addCleanup(self.provider.start)
        self.result(known)
        self.result(also_known)
        answer = self.call(_with_key(known, "another"))
        self.assertEqual(answer.status, 503)
        self.assertTrue(answer.headers["Retry-After"])
        self.assertNotIn("WWW-Authenticate", answer.headers)

    def test_another_resource(self) -> None:
        """A token for another server is refused, one for the audience is taken."""
        self.serve(OIDC_AUDIENCE="https://data.example")
        self.assertEqual(self.call(self.token(resource="http://other/mcp")).status, 401)
        self.result(self.token(resource="https://data.example"))

    def test_documents(self) -> None:
        """They lead to the provider, and nothing else here claims to be one."""
        self.serve()
        answer = ask(
            self.server.port, "GET", "/.well-known/oauth-protected-resource/mcp"
        )
        document = json.loads(answer.body)
        self.assertEqual(document["authorization_servers"], [self.provider.issuer])
        for name in ("oauth-authorization-server", "openid-configuration"):
            answer = ask(self.server.port, "GET", f"/.well-known/{name}")
            self.assertEqual(answer.status, 404)

    def test_admission(self) -> None:
        """Who is in no admitted group is told so by the tools."""
        self.serve(OAUTH_ALLOWED_GROUPS="others, analysts")
        self.assertFalse(self.result(self.token())["isError"])
        self.server.stop()
        self.serve(OAUTH_ALLOWED_GROUPS="others")
        refused = self.result(self.token())
        self.assertTrue(refused["isError"])
        error = refused["structuredContent"]["error"]
        self.assertEqual(error["code"], "NOT_ADMITTED")
        self.assertIn("in no group", error["message"])

    def test_services(self) -> None:
        """A service that acts for nobody is who the operator says, or refused."""
        self.serve(OAUTH_SERVICE_USERS="service=etl")
        token = self.provider.service_token(_RESOURCE)["access_token"]
        self.assertEqual(self.result(token)["structuredContent"]["name"], "etl")
        self.server.stop()
        self.serve(OAUTH_SERVICE_USERS="another=etl")
        refused = self.result(token)
        self.assertTrue(refused["isError"])
        self.assertIn("acts for no person", refused["content"][0]["text"])


class OpaqueTests(NativeTestCase):
    """Tokens that the provider is asked about (RFC 7662)."""

    def test_introspection(self) -> None:
        """One holds until it is revoked."""
        client_id, secret = SERVICE_CLIENT
        self.serve(
            OAUTH_TOKEN_KIND="introspection",
            OIDC_CLIENT_ID=client_id,
            OIDC_CLIENT_SECRET=secret,
            OAUTH_CACHE_TTL="0",
        )
        self.provider.set(format="opaque")
        token = self.token("bob")
        me = self.result(token)["structuredContent"]
        self.assertEqual(me["subject"], "bob")
        self.provider.revoke(token)
        self.assertEqual(self.call(token).status, 401)


def _with_key(token: str, key_id: str) -> str:
    header, _, rest = token.partition(".")
    said = json.loads(base64.urlsafe_b64decode(header + "=="))
    said["kid"] = key_id
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    return f"{changed.rstrip('=')}.{rest}"
