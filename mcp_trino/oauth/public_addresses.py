"""
Which addresses a client may have us connect to: those of the public internet.

A client names the host that its document is fetched from. Without this check
it could have this server ask others that only this server reaches.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
MAX_ADDRESSES = 4

# IANA's special-purpose registries, where ``ipaddress`` counts them as global.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ),
    )
)  # fmt: skip
_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """
    Whether an address is a global unicast one.

    Forms that carry an IPv4 address inside are not, but for that of NAT64
    (RFC 6052), by which a machine with IPv6 only reaches IPv4.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed in _NAT64:
            return is_public(str(IPv4Address(int(parsed) & 0xFFFFFFFF)))
        if parsed not in _UNICAST:
            return False
    return parsed.is_global and not any(parsed in network for network in _SPECIAL)


def resolve(reactor: Any, host: str) -> Deferred[tuple[str, ...]]:
    """
    Give the addresses of a host, asked once; those of IPv4 first.

    :raise TimeoutError: nobody says in time.
    """
    receiver = _Receiver()
    resolver: IHostnameResolver = reactor.nameResolver
    resolver.resolveHostName(receiver, host)
    receiver.resolved.addTimeout(RESOLVE_SECONDS, reactor)
    return receiver.resolved


@implementer(IResolutionReceiver)
@define(eq=False)
class _Receiver:
    resolved: Deferred[tuple[str, ...]] = field(factory=Deferred)
    _found: list[str] = field(factory=list)

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self._found.append(address.host)

    def resolutionComplete(self) -> None:
        if not self.resolved.called:
            of_ipv4_first = sorted(self._found, key=lambda address: ":" in address)
            self.resolved.callback(tuple(of_ipv4_first))


@implementer(IAgentEndpointFactory)
@define(eq=False)
class PinnedEndpoints:
    """
    The way to one host, at addresses that were checked; never by another look-up.

    The certificate has to be that of the host's name.
    """

    _reactor: Any = field(repr=False)
    _trust: Any = field(repr=False)
    _addresses: tuple[str, ...]

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Give the endpoint for a URL of that host."""
        if uri.scheme != b"https":
            raise ValueError("not an https URL")
        options = optionsForClientTLS(uri.host.decode("ascii"), trustRoot=self._trust)
        return wrapClientTLS(
            options, _AnyOf(self._reactor, self._addresses[:MAX_ADDRESSES], uri.port)
        )


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _AnyOf:
    """One address after the other, until one answers."""

    _reactor: Any
    _addresses: tuple[str, ...]
    _port: int

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        *others, last = self._addresses
        for address in others:
            try:
                return await self._to(address).connect(factory)
            except ConnectError:
                continue
        return await self._to(last).connect(factory)

    def _to(self, address: str) -> IStreamClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self._port, timeout=CONNECT_SECONDS)
