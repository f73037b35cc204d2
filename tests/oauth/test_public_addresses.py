"""Tests of which addresses may be asked, and of how a host is reached."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import address
from twisted.internet.defer import TimeoutError as TooSlow
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI

from mcp_trino.fetching import trust_of
from mcp_trino.oauth.public_addresses import PinnedEndpoints, is_public, resolve


class PublicAddressTests(SynchronousTestCase):
    """The public internet and nothing else."""

    def test_public(self):
        """Global unicast addresses are public, and what NAT64 makes of them."""
        for text in (
            "1.1.1.1",
            "8.8.8.8",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::101:101",
        ):
            self.assertTrue(is_public(text), text)

    def test_g082_not_public(self):
        """Everything else is not, in whatever dress."""
        for text in (
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:0a00:0001::1",
            "2002:0808:0808::1",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "",
            "localhost",
            "0x7f.1",
            "2130706433",
        ):
            self.assertFalse(is_public(text), text)

    @given(st.ip_addresses())
    def test_mapped(self, found):
        """No address is public that Python's own list calls something else."""
        if is_public(str(found)):
            parsed = ip_address(str(found))
            self.assertTrue(parsed.is_global)
            self.assertFalse(parsed.is_multicast or parsed.is_private)


class Names:
    """A resolver that answers when it is told to."""

    def resolveHostName(self, receiver, host, *_, **__):
        """Keep who asks."""
        self.receiver, self.host = receiver, host
        receiver.resolutionBegan(self)


class Named(Clock):
    """A clock with names."""

    def __init__(self):
        super().__init__()
        self.nameResolver = Names()


class ResolveTests(SynchronousTestCase):
    """Asking for a name once."""

    def test_addresses(self):
        """All addresses are given, those of IPv4 first."""
        reactor = Named()
        resolving = resolve(reactor, "client.example.com")
        receiver = reactor.nameResolver.receiver
        receiver.addressResolved(address.IPv6Address("TCP", "2606:4700::1", 0))
        receiver.addressResolved(address.IPv4Address("TCP", "1.1.1.1", 0))
        self.assertNoResult(resolving)
        receiver.resolutionComplete()
        found = self.successResultOf(resolving)
        self.assertEqual(found, ("1.1.1.1", "2606:4700::1"))
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_too_slow(self):
        """Names that nobody answers for in time are given up."""
        reactor = Named()
        resolving = resolve(reactor, "client.example.com")
        reactor.advance(5)
        self.failureResultOf(resolving, TooSlow)
        reactor.nameResolver.receiver.resolutionComplete()


class PinnedTests(SynchronousTestCase):
    """Connecting to what was checked."""

    def test_g083_checked_addresses_only(self):
        """Connections go to the checked addresses, whatever the name says by then."""
        reactor = MemoryReactorClock()
        pinned = PinnedEndpoints(reactor, trust_of(None), ("1.1.1.1", "2606:4700::1"))
        endpoint = pinned.endpointForURI(URI.fromBytes(b"https://client.example.com/x"))
        connecting = endpoint.connect(None)
        self.assertNoResult(connecting)
        (first,) = reactor.tcpClients
        self.assertEqual(first[:2], ("1.1.1.1", 443))
        first[2].clientConnectionFailed(None, refused())
        second = reactor.tcpClients[1]
        self.assertEqual(second[:2], ("2606:4700::1", 443))
        second[2].clientConnectionFailed(None, refused())
        self.failureResultOf(connecting)
        self.assertEqual(len(reactor.tcpClients), 2)

    def test_no_plain_http(self):
        """Nothing is asked without TLS."""
        pinned = PinnedEndpoints(MemoryReactorClock(), trust_of(None), ("1.1.1.1",))
        uri = URI.fromBytes(b"http://client.example.com/x")
        self.assertRaises(ValueError, pinned.endpointForURI, uri)


def refused():
    """Make the failure of a port where nobody listens."""
    from twisted.internet.error import ConnectionRefusedError as Refused
    from twisted.python.failure import Failure

    return Failure(Refused())
