"""Real clients log in through the server, at a real provider, by https."""

import atexit
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define

from tests.e2e.certificates import Certificates, make_certificates
from tests.e2e.client_logins import ClientTestCase, EveryClient
from tests.e2e.oauth_clients import KINDS
from tests.e2e.oidc_provider import OIDCProvider, start_oidc_provider
from tests.e2e.server_process import ServerProcess, start_server
from tests.ports import free_port

_PATIENCE_SECONDS = 60
_MODERN = ("python", "typescript 2")
"""Kinds that keep nothing at the server between two calls."""


@define
class Site:
    """
    A provider and a server that is its client.

    :ivar settings: environment variables of the server.
    """

    provider: OIDCProvider
    certificates: Certificates
    port: int
    settings: dict[str, str]
    server: ServerProcess | None = None

    def start(self) -> None:
        """Start the server, again at the same address with the same state."""
        self.server = start_server(
            "https", certificates=self.certificates, port=self.port, **self.settings
        )

    def stop(self) -> None:
        """End the server."""
        if self.server is not None:
            self.server.stop()
            self.server = None


def make_site(**settings: str) -> Site:
    """Make a site that ends with this process; its server is not started."""
    directory = TemporaryDirectory(prefix="mcp-trino-")
    atexit.register(directory.cleanup)
    certificates = make_certificates(Path(directory.name))
    provider = start_oidc_provider(certificates)
    atexit.register(provider.close)
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    client = provider.register(f"{url}/oauth/callback")
    site = Site(
        provider,
        certificates,
        port,
        {
            "MCP_URL": url,
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CA_FILE": str(certificates.authority),
            "OIDC_CLIENT_ID": client["client_id"],
            "OIDC_CLIENT_SECRET": client["client_secret"],
            "OAUTH_UPSTREAM_SCOPES": "openid offline_access",
            "OAUTH_STATE_DIRECTORY": directory.name,
            **settings,
        },
    )
    atexit.register(site.stop)
    return site


@cache
def usual_site() -> Site:
    """Give the site of all tests that do not end its server."""
    site = make_site()
    site.start()
    return site


class LoginTests(EveryClient, ClientTestCase):
    """One login of each client."""

    def setUp(self) -> None:
        self.site = usual_site()

    def test_two_people(self) -> None:
        """Two people of one kind of client are two people."""
        alice, bob = self.start_client("python"), self.start_client("python", "bob")
        self.assertEqual([alice.whoami(), bob.whoami()], ["alice", "bob"])


class GoingOnTests(ClientTestCase):
    """What a client gets over without its person."""

    def test_expiry_and_restart(self) -> None:
        """When tokens end and the server is another one, nobody logs in again."""
        # A client that takes its token late on a busy machine believes in it longer.
        self.site = make_site(OAUTH_ACCESS_TTL="10", OAUTH_LEEWAY="5")
        self.site.start()
        kinds = [kind for kind in KINDS if "sse" not in kind]
        clients = {kind: self.start_client(kind) for kind in kinds}
        for client in clients.values():
            self.assertEqual(client.whoami(), "alice")
        asked = self.site.provider.requests()["/token"]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.site.provider.requests()["/token"] < asked + 2 * len(clients):
            for client in clients.values():
                client.call("execute_query", query="SELECT 1")
            self.assertLess(time.monotonic(), deadline)
        self.site.stop()
        self.site.start()
        for kind in _MODERN:
            clients[kind].server = self.site.server
            self.assertEqual(clients[kind].whoami(), "alice")
        for kind, client in clients.items():
            self.assertEqual(len(client.pages), 1, kind)
