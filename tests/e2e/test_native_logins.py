"""Real clients log in at a real provider and bring its tokens to this server."""

import atexit
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.certificates import make_certificates
from tests.e2e.client_logins import ClientTestCase, EveryClient
from tests.e2e.oauth_clients import KINDS, OAuthClient, start_client
from tests.e2e.oidc_provider import (
    ALGORITHMS,
    SERVICE_CLIENT,
    OIDCProvider,
    start_oidc_provider,
)
from tests.e2e.server_process import (
    ServerProcess,
    program,
    server_environment,
    start_server,
)
from tests.ports import free_port

_PATIENCE_SECONDS = 60
_SECRET = "a secret of the tests, which is long enough"


@frozen
class Site:
    """A provider and a server that takes its tokens, both by https."""

    provider: OIDCProvider
    server: ServerProcess


def start_site(**settings: str) -> Site:
    """
    Start both; they end with this process.

    :param settings: further environment variables of the server.
    """
    directory = TemporaryDirectory(prefix="mcp-trino-")
    atexit.register(directory.cleanup)
    certificates = make_certificates(Path(directory.name))
    provider = start_oidc_provider(certificates)
    atexit.register(provider.close)
    port = free_port()
    server = start_server(
        "https",
        certificates=certificates,
        port=port,
        MCP_URL=f"https://127.0.0.1:{port}",
        OAUTH_ENABLED="true",
        OAUTH_PROVIDER="oidc",
        OIDC_ISSUER=provider.issuer,
        OIDC_CA_FILE=str(certificates.authority),
        # The Python SDK does not know that its token expires a part of a second
        # early, and would log in again instead of refreshing.
        OAUTH_LEEWAY="1",
        **settings,
    )
    atexit.register(server.stop)
    return Site(provider, server)


@cache
def signed_site() -> Site:
    """Give the site of all tests with JWTs."""
    return start_site()


@cache
def opaque_site() -> Site:
    """Give the site of all tests with tokens that the provider is asked about."""
    client_id, client_secret = SERVICE_CLIENT
    return start_site(
        OAUTH_TOKEN_KIND="introspection",
        OIDC_CLIENT_ID=client_id,
        OIDC_CLIENT_SECRET=client_secret,
        OAUTH_CACHE_TTL="0",
    )


class NativeTestCase(ClientTestCase):
    """Clients at a site."""

    def use(self, site: Site, **settings: object) -> None:
        """Use a site whose provider makes tokens as usual but for the settings."""
        usual = {
            "algorithm": "ES256",
            "format": "jwt",
            "access_seconds": 300,
            "audience": None,
            "rotate_refresh": True,
        }
        self.site = site
        site.provider.set(**usual | settings)

    def until(self, client: OAuthClient, happened: str, times: int) -> None:
        """Have a client ask until the provider was asked for something more often."""
        before = self.site.provider.requests().get(happened, 0)
        self.ask_until(
            client,
            lambda: self.site.provider.requests().get(happened, 0) >= before + times,
        )

    def ask_until(self, client: OAuthClient, happened: Callable[[], bool]) -> None:
        """Have a client ask until something happened."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not happened():
            client.call("execute_query", query="SELECT 1")
            self.assertLess(time.monotonic(), deadline)


class LoginTests(EveryClient, NativeTestCase):
    """One login of each client."""

    def setUp(self) -> None:
        self.use(signed_site())

    def test_two_people(self) -> None:
        """Two people of one kind of client are two people."""
        alice, bob = self.start_client("python"), self.start_client("python", "bob")
        self.assertEqual([alice.whoami(), bob.whoami()], ["alice", "bob"])
        self.assertEqual([alice.whoami(), bob.whoami()], ["alice", "bob"])


class ExpiryTests(NativeTestCase):
    """Tokens that end while a client runs."""

    def assert_refreshed(self, kind: str) -> None:
        """When a token has expired the client gets another, without its person."""
        self.use(signed_site(), access_seconds=2)
        client = self.start_client(kind)
        self.assertEqual(client.whoami(), "alice")
        self.until(client, "/token", times=2)
        self.assertEqual(len(client.pages), 1)

    def test_python(self) -> None:
        """The Python SDK refreshes."""
        self.assert_refreshed("python")

    def test_typescript_1(self) -> None:
        """The TypeScript SDK 1 refreshes."""
        self.assert_refreshed("typescript 1")

    def test_typescript_2(self) -> None:
        """The TypeScript SDK 2 refreshes."""
        self.assert_refreshed("typescript 2")

    def test_mcp_remote(self) -> None:
        """mcp-remote refreshes."""
        self.assert_refreshed("mcp-remote")

    def test_grant_ended(self) -> None:
        """When there is nothing to refresh by, the person logs in again."""
        # Two requests of one client that refresh at once would end its grant.
        self.use(signed_site(), access_seconds=2, rotate_refresh=False)
        for kind in ("python", "typescript 1", "typescript 2"):
            client = self.start_client(kind)
            self.assertEqual(client.whoami(), "alice")
            self.site.provider.forget("RefreshToken")
            self.ask_until(client, lambda client=client: len(client.pages) > 1)
            self.assertEqual(client.whoami(), "alice")


class KeyTests(NativeTestCase):
    """Keys of the provider that change while the server runs."""

    def test_algorithms(self) -> None:
        """Tokens of each algorithm are taken."""
        self.use(signed_site())
        for algorithm in ALGORITHMS:
            self.site.provider.set(algorithm=algorithm)
            self.assertEqual(self.start_client("python").whoami(), "alice")

    def test_rotation(self) -> None:
        """Tokens of new keys are taken at once, of old ones while they are published."""
        self.use(site := start_site())
        early = self.start_client("python")
        early.whoami()
        site.provider.rotate()
        late = self.start_client("typescript 2")
        self.assertEqual([early.whoami(), late.whoami()], ["alice", "alice"])
        self.assertEqual([len(early.pages), len(late.pages)], [1, 1])

    def test_withdrawn(self) -> None:
        """A token of a key that was withdrawn is refused; its client refreshes."""
        self.use(site := start_site())
        early = self.start_client("typescript 2")
        early.whoami()
        site.provider.rotate()
        site.provider.retire()
        refreshed = site.provider.requests()["/token"] + 2
        # Only a token of another key makes the server look for keys before its time.
        self.start_client("python").whoami()
        self.assertEqual(early.whoami(), "alice")
        self.assertEqual(site.provider.requests()["/token"], refreshed)
        self.assertEqual(len(early.pages), 1)


class RefusedTests(NativeTestCase):
    """Tokens that are good, but not here."""

    def test_audience(self) -> None:
        """A client with a token for somebody else is told so, and does not hang."""
        self.use(signed_site(), audience="https://elsewhere.example")
        # By SSE the TypeScript SDK 1 refreshes again and again, whatever it is told.
        for kind in KINDS.keys() - {"typescript 1 by sse"}:
            client = self.start_client(kind)
            self.assertIn("error", client.ask("whoami"), kind)


class OpaqueTests(NativeTestCase):
    """Tokens that only the provider can judge (RFC 7662)."""

    def setUp(self) -> None:
        self.use(opaque_site(), format="opaque")

    def test_login(self) -> None:
        """Clients log in just as with JWTs."""
        for kind in ("python", "typescript 1", "typescript 2", "mcp-remote"):
            client = self.start_client(kind)
            self.assertEqual(client.whoami(), "alice", kind)
            self.assertEqual(len(client.pages), 1, kind)

    def test_revoked(self) -> None:
        """A token that was revoked is refused at once; its client gets another."""
        # The Python SDK refreshes only by its own clock, and logs in again here.
        for kind, logins in (("python", 2), ("typescript 1", 1), ("typescript 2", 1)):
            client = self.start_client(kind)
            client.whoami()
            self.site.provider.forget("AccessToken")
            before = self.site.provider.requests()["/token"]
            self.assertEqual(client.whoami(), "alice", kind)
            self.assertEqual(self.site.provider.requests()["/token"], before + 1)
            self.assertEqual(len(client.pages), logins, kind)


class StaticTokenTests(SynchronousTestCase):
    """A token that a person writes into the configuration of her client."""

    def test_mcp_remote(self) -> None:
        """mcp-remote brings a token of ``mcp-trino token`` in every request."""
        port = free_port()
        settings = {
            "OAUTH_ENABLED": "true",
            "JWT_SECRET": _SECRET,
            "MCP_URL": f"http://127.0.0.1:{port}",
        }
        server = start_server(port=port, **settings)
        self.addCleanup(server.stop)
        token = subprocess.run(
            [program("mcp-trino"), "token", "--subject=carol"],
            env=server_environment(**settings),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        header = ("--header", f"Authorization: Bearer {token}")
        client = start_client("mcp-remote", server, "alice", *header)
        self.addCleanup(client.close)
        self.assertEqual(client.whoami(), "carol")
        self.assertEqual(client.pages, [])
