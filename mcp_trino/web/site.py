"""The factory of bounded connections."""

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall
from twisted.web.http import Request
from twisted.web.resource import IResource
from twisted.web.server import Site

from mcp_trino.settings import WebSettings
from mcp_trino.web.channel import BoundedChannel
from mcp_trino.web.limits import Budget
from mcp_trino.web.request import BoundedRequest, Bounds, IGate

_ROUND_SECONDS = 1.0
_GOODBYE_SECONDS = 3.0

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
    b"Retry-After: 5\r\nContent-Length: 21\r\n\r\ntoo many connections\n"
)


class _Full(Protocol):
    def connectionMade(self) -> None:
        transport = self.transport
        if transport is not None:
            transport.write(_FULL)
            transport.loseConnection()


class BoundedSite(Site):
    """
    The factory of bounded connections.

    :ivar exact: resources for exactly these paths, found without a search.
    :ivar channels: the open connections.
    """

    # Twisted's own channel factory would speak HTTP/2, past the bounds.
    protocol = BoundedChannel  # type: ignore[assignment]
    requestFactory = BoundedRequest
    noisy = False

    def __init__(
        self,
        resource: IResource,
        exact: Mapping[bytes, IResource],
        gate: IGate,
        settings: WebSettings,
        reactor: IReactorTime,
        *,
        forms: frozenset[bytes] = frozenset(),
    ) -> None:
        super().__init__(
            resource,
            reactor=reactor,
            timeout=settings.header_timeout_seconds,
            parsePOSTFormSubmission=False,
        )
        bodies = Budget(settings.body_budget_bytes)
        self.bounds = Bounds(settings, gate, bodies, forms)
        self.exact = exact
        self.channels: set[BoundedChannel] = set()
        self._rounds = LoopingCall(self._check_deadlines)
        self._rounds.clock = reactor

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make a connection, or one that only says that there are too many."""
        if len(self.channels) >= self.bounds.settings.max_connections:
            return _Full()
        channel: Any = super().buildProtocol(addr)
        channel.bounds = self.bounds
        channel.clock = self.reactor
        channel.ended = Deferred()
        channel.ended.addCallback(lambda _: self.channels.discard(channel))
        self.channels.add(channel)
        if not self._rounds.running:
            self._rounds.start(_ROUND_SECONDS, now=False)
        return channel

    def getResourceFor(self, request: Any) -> IResource:
        """Find the resource for a path."""
        resource = self.exact.get(request.path)
        return super().getResourceFor(request) if resource is None else resource

    def acceptableProtocols(self) -> list[bytes]:
        """Negotiate HTTP/1.1 only."""
        return [b"http/1.1"]

    def log(self, request: Request) -> None:
        """Write no access log: a query string may be worth stealing."""

    def startFactory(self) -> None:
        """Keep no clock for the access log that is not written."""

    def stopFactory(self) -> None:
        """Have nothing to stop."""

    async def close(self) -> None:
        """Close all connections, those that do not let go after a moment by force."""
        for channel in list(self.channels):
            channel.loseConnection()
        force = self.reactor.callLater(_GOODBYE_SECONDS, self._abort)
        await DeferredList([channel.ended for channel in self.channels])
        if force.active():
            force.cancel()
        if self._rounds.running:
            self._rounds.stop()

    def _check_deadlines(self) -> None:
        if not self.channels:
            self._rounds.stop()
        now = self.reactor.seconds()
        for channel in list(self.channels):
            channel.check(now)

    def _abort(self) -> None:
        for channel in list(self.channels):
            channel.transport.abortConnection()
