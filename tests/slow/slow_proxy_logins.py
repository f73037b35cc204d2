"""Real clients log in through the server, at a real Keycloak."""

import atexit
import time
from functools import cache
from tempfile import TemporaryDirectory

from attrs import define

from mcp_trino.sandbox import realm
from tests.e2e.client_logins import ClientTestCase, EveryClient
from tests.e2e.server_process import ServerProcess, start_server
from tests.ports import free_port
from tests.real_keycloak import CLIENT_SECRET, real_keycloak

_ACCESS_SECONDS = 10
# Without the leeway the Python SDK takes a token for good that has just expired.
_SHORT = {"OAUTH_ACCESS_TTL": str(_ACCESS_SECONDS), "OAUTH_LEEWAY": "1"}


@define
class Site:
    """
    A server that is Keycloak's client.

    :ivar settings: its environment variables.
    """

    port: int
    settings: dict[str, str]
    server: ServerProcess | None = None

    def start(self) -> None:
        """Start the server, again at the same address with the same state."""
        certificates = real_keycloak().certificates
        self.server = start_server(
            "https", certificates=certificates, port=self.port, **self.settings
        )

    def stop(self) -> None:
        """End the server."""
        if self.server is not None:
            self.server.stop()
            self.server = None


def start_site(**settings: str) -> Site:
    """Start the server; it ends with this process."""
    keycloak = real_keycloak()
    directory = TemporaryDirectory(prefix="mcp-trino-")
    atexit.register(directory.cleanup)
    port = free_port()
    site = Site(
        port,
        {
            "MCP_URL": f"https://127.0.0.1:{port}",
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "keycloak",
            "OIDC_ISSUER": keycloak.issuer,
            "OIDC_CLIENT_ID": realm.CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_CA_FILE": str(keycloak.certificates.authority),
            "OAUTH_STATE_DIRECTORY": directory.name,
            **settings,
        },
    )
    atexit.register(site.stop)
    site.start()
    return site


@cache
def usual_site() -> Site:
    """Give the site of all tests that do not end its server."""
    return start_site()


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

    def test_everything_changes(self) -> None:
        """Tokens end, the server restarts, Keycloak's keys go: nobody logs in again."""
        keycloak = real_keycloak()
        old = keycloak.rotate()
        self.site = start_site(**_SHORT)
        clients = [self.start_client(kind) for kind in ("python", "typescript 2")]
        self.assertEqual([client.whoami() for client in clients], ["alice", "alice"])
        self.site.stop()
        new = keycloak.rotate()
        self.addCleanup(keycloak.withdraw, new)
        keycloak.withdraw(old)
        self.site.start()
        until = time.monotonic() + 2 * _ACCESS_SECONDS
        while time.monotonic() < until:
            for client in clients:
                client.server = self.site.server
                client.call("execute_query", query="SELECT 1")
        self.assertEqual([len(client.pages) for client in clients], [1, 1])

    def test_session_ended(self) -> None:
        """A person whom Keycloak logged out is asked again when her token has ended."""
        self.site = start_site(**_SHORT)
        client = self.start_client("typescript 2")
        client.whoami()
        real_keycloak().end_sessions("alice")
        until = time.monotonic() + 6 * _ACCESS_SECONDS
        while len(client.pages) == 1 and time.monotonic() < until:
            client.call("execute_query", query="SELECT 1")
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 2)
