"""Tests of ``mcp_trino.config.listening``."""

from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.listening import listening


class ListeningTests(SynchronousTestCase):
    """What is known of a place to listen at."""

    def test_addresses(self) -> None:
        """An address is bound with the port of MCP_PORT, and room for a crowd."""
        for text, host in (
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("0.0.0.0", "0.0.0.0"),
            ("::1", "::1"),
        ):
            place = listening(text, 8080)
            self.assertEqual((place.host, place.port), (host, 8080))
            endpoint = serverFromString(MemoryReactorClock(), place.endpoint)
            self.assertEqual((endpoint._interface, endpoint._port), (host, 8080))
            self.assertGreaterEqual(endpoint._backlog, 1000)

    def test_endpoints(self) -> None:
        """Of an endpoint string the address and the port are known where it has them."""
        for text, host, port in (
            ("tcp:9000", "0.0.0.0", 9000),
            ("tcp:port=9000:interface=127.0.0.1", "127.0.0.1", 9000),
            ("tcp:9000:10.0.0.7", "10.0.0.7", 9000),
            (r"tcp:9000:interface=\:\:1", "::1", 9000),
            ("tcp6:9000", "::", 9000),
            ("tcp:9000:interface=somewhere", None, 9000),
            ("tcp:http", None, None),
            ("unix:/run/mcp.sock", None, None),
            ("systemd:domain=INET6:name=https", None, None),
        ):
            place = listening(text, 8080)
            self.assertEqual(
                (place.endpoint, place.host, place.port), (text, host, port)
            )

    def test_local(self) -> None:
        """Only loopback addresses and UNIX sockets are surely out of others' reach."""
        for text in ("127.0.0.1", "::1", "127.9.9.9", "tcp:1:interface=127.0.0.1"):
            self.assertTrue(listening(text, 1).is_local, text)
        for text in ("unix:/run/x", "systemd:domain=UNIX:name=x"):
            self.assertTrue(listening(text, 1).is_local, text)
        for text in ("0.0.0.0", "::", "10.1.1.1", "tcp:1", "tcp:1:interface=there"):
            self.assertFalse(listening(text, 1).is_local, text)
        for text in ("systemd:domain=INET:index=0", "haproxy:tcp:1", "onion:1"):
            self.assertFalse(listening(text, 1).is_local, text)
