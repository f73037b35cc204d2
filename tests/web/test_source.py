"""Tests of ``mcp_trino.web.source``."""

from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from mcp_trino.web.source import source_of

_PEER = "192.0.2.1"


def source(*forwarded: str, behind_proxy: bool = True) -> str:
    """Give where a request with these headers comes from."""
    request: Any = SimpleNamespace(
        requestHeaders=Headers({"X-Forwarded-For": list(forwarded)}),
        getClientAddress=lambda: IPv4Address("TCP", _PEER, 80),
    )
    return source_of(request, behind_proxy=behind_proxy)


class SourceTests(SynchronousTestCase):
    """Whose address counts."""

    def test_last(self) -> None:
        """Of a proxy's header the last member counts; the others anybody can write."""
        for forwarded in (
            ("198.51.100.7",),
            ("203.0.113.9, 198.51.100.7",),
            ("203.0.113.9", " 198.51.100.7 "),
            ("203.0.113.9,198.51.100.7:4711",),
        ):
            self.assertEqual(source(*forwarded), "198.51.100.7")
        for text in ("2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711"):
            self.assertEqual(source(f"203.0.113.9, {text}"), "2001:db8::7")

    def test_no_address(self) -> None:
        """What is no address counts for nothing, nor does what stands before it."""
        for forwarded in ((), ("",), ("unknown",), ("198.51.100.7,",), ("1.2.3", "x:")):
            self.assertEqual(source(*forwarded), _PEER)

    def test_no_proxy(self) -> None:
        """Without a proxy the header is whatever the sender likes."""
        self.assertEqual(source("198.51.100.7", behind_proxy=False), _PEER)
