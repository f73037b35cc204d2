"""Real clients log in at a real Keycloak and bring its tokens to this server."""

import atexit
from functools import cache

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.oauth_clients import OAuthClient, start_client
from tests.e2e.server_process import ServerProcess, start_server
from tests.ports import free_port
from tests.real_keycloak import AUDIENCE, AUDIENCE_SECRET, RealKeycloak, real_keycloak


def start_native_server(keycloak: RealKeycloak, **settings: str) -> ServerProcess:
    """Start a server that takes tokens of Keycloak's; it ends with this process."""
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
    return server


@cache
def signed_server() -> ServerProcess:
    """Give the server of all tests with JWTs."""
    return start_native_server(real_keycloak())


class NativeLoginTests(SynchronousTestCase):
    """Keycloak registers the clients and logs the people in."""

    def setUp(self) -> None:
        self.keycloak = real_keycloak()
        self.server = signed_server()

    def start_client(self, kind: str, person: str = "alice") -> OAuthClient:
        """Start a client."""
        client = start_client(kind, self.server, person)
        self.addCleanup(client.close)
        return client

    def assert_login(self, kind: str) -> OAuthClient:
        """A person logs in once and her calls have her name."""
        client = self.start_client(kind)
        self.assertEqual(client.whoami(), "alice")
        result = client.call("execute_query", query="SELECT 1 AS one")
        self.assertEqual(result["structuredContent"]["rows"], [[1]])
        self.assertEqual(len(client.pages), 1)
        return client

    def test_python(self) -> None:
        """The Python SDK logs in."""
        self.assert_login("python")

    def test_typescript_1(self) -> None:
        """The TypeScript SDK 1 logs in."""
        self.assert_login("typescript 1")

    def test_typescript_2(self) -> None:
        """The TypeScript SDK 2 logs in."""
        self.assert_login("typescript 2")

    def test_mcp_remote(self) -> None:
        """A host that knows only stdio gets through by mcp-remote."""
        self.assert_login("mcp-remote")

    def test_two_people(self) -> None:
        """Two people of one kind of client are two people."""
        alice, bob = self.start_client("python"), self.start_client("python", "bob")
        self.assertEqual([alice.whoami(), bob.whoami()], ["alice", "bob"])

    def test_key_withdrawn(self) -> None:
        """A token of a key that was withdrawn is refused; its client refreshes."""
        old = self.keycloak.rotate()
        client = self.assert_login("typescript 2")
        new = self.keycloak.rotate()
        self.addCleanup(self.keycloak.withdraw, new)
        self.keycloak.withdraw(old)
        # Only a token of another key makes the server look for keys before its time.
        self.assert_login("python")
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 1)

    def test_introspection(self) -> None:
        """Keycloak is asked about each token; a session that ended is over at once."""
        self.server = start_native_server(
            self.keycloak,
            OAUTH_TOKEN_KIND="introspection",
            OIDC_CLIENT_ID=AUDIENCE,
            OIDC_CLIENT_SECRET=AUDIENCE_SECRET,
            OAUTH_CACHE_TTL="0",
        )
        client = self.assert_login("typescript 2")
        self.keycloak.end_sessions("alice")
        # Nothing is left to refresh by: the person logs in again.
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 2)
