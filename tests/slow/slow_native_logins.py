"""Real clients log in at a real Keycloak and bring its tokens to this server."""

import atexit
from functools import cache

from attrs import frozen

from tests.e2e.client_logins import ClientTestCase, EveryClient
from tests.e2e.server_process import ServerProcess, start_server
from tests.ports import free_port
from tests.real_keycloak import AUDIENCE, AUDIENCE_SECRET, real_keycloak


@frozen
class Site:
    """A server that takes Keycloak's tokens."""

    server: ServerProcess


def start_site(**settings: str) -> Site:
    """Start the server; it ends with this process."""
    keycloak = real_keycloak()
    port = free_port()
    server = start_server(
        "https",
        certificates=keycloak.certificates,
        port=port,
        MCP_URL=f"https://127.0.0.1:{port}",
        OAUTH_ENABLED="true",
        OAUTH_PROVIDER="keycloak",
        OIDC_ISSUER=keycloak.issuer,
        OIDC_AUDIENCE=AUDIENCE,
        OIDC_CA_FILE=str(keycloak.certificates.authority),
        **settings,
    )
    atexit.register(server.stop)
    return Site(server)


@cache
def signed_site() -> Site:
    """Give the site of all tests with JWTs."""
    return start_site()


class LoginTests(EveryClient, ClientTestCase):
    """Keycloak registers the clients and logs the people in."""

    def setUp(self) -> None:
        self.keycloak = real_keycloak()
        self.site = signed_site()

    def test_two_people(self) -> None:
        """Two people of one kind of client are two people."""
        alice, bob = self.start_client("python"), self.start_client("python", "bob")
        self.assertEqual([alice.whoami(), bob.whoami()], ["alice", "bob"])

    def test_key_withdrawn(self) -> None:
        """A token of a key that was withdrawn is refused; its client refreshes."""
        old = self.keycloak.rotate()
        client = self.start_client("typescript 2")
        client.whoami()
        new = self.keycloak.rotate()
        self.addCleanup(self.keycloak.withdraw, new)
        self.keycloak.withdraw(old)
        # Only a token of another key makes the server look for keys before its time.
        self.start_client("python").whoami()
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 1)

    def test_introspection(self) -> None:
        """Keycloak is asked about each token; a session that ended is over at once."""
        self.site = start_site(
            OAUTH_TOKEN_KIND="introspection",
            OIDC_CLIENT_ID=AUDIENCE,
            OIDC_CLIENT_SECRET=AUDIENCE_SECRET,
            OAUTH_CACHE_TTL="0",
        )
        client = self.start_client("typescript 2")
        client.whoami()
        self.keycloak.end_sessions("alice")
        # Nothing is left to refresh by: the person logs in again.
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 2)
