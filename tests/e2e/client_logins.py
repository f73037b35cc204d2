"""What every client has to get through, wherever its person logs in."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.oauth_clients import OAuthClient, start_client


class ClientTestCase(SynchronousTestCase):
    """
    Clients at a site.

    :ivar site: has a ``server``.
    """

    site: Any

    def start_client(self, kind: str, person: str = "alice") -> OAuthClient:
        """Start a client."""
        client = start_client(kind, self.site.server, person)
        self.addCleanup(client.close)
        return client


class EveryClient:
    """One login of each client, for a ``ClientTestCase``."""

    def assert_login(self, kind: str) -> None:
        """A person logs in once and her calls have her name."""
        client = self.start_client(kind)
        self.assertEqual(client.whoami(), "alice")
        result = client.call("execute_query", query="SELECT 1 AS one")
        self.assertEqual(result["structuredContent"]["rows"], [[1]])
        self.assertEqual(len(client.pages), 1)

    def test_python(self) -> None:
        """The Python SDK logs in."""
        self.assert_login("python")

    def test_python_by_handshake(self) -> None:
        """The Python SDK logs in when it talks by handshake."""
        self.assert_login("python by handshake")

    def test_python_by_sse(self) -> None:
        """The Python SDK logs in when it talks by the transport of 2024-11-05."""
        self.assert_login("python by sse")

    def test_typescript_1(self) -> None:
        """The TypeScript SDK 1 logs in."""
        self.assert_login("typescript 1")

    def test_typescript_1_by_sse(self) -> None:
        """The TypeScript SDK 1 logs in by the transport of 2024-11-05."""
        self.assert_login("typescript 1 by sse")

    def test_typescript_2(self) -> None:
        """The TypeScript SDK 2 logs in."""
        self.assert_login("typescript 2")

    def test_mcp_remote(self) -> None:
        """A host that knows only stdio gets through by mcp-remote."""
        self.assert_login("mcp-remote")
