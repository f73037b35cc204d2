"""
Short documents of other servers by HTTP, bounded in size and in time.

No redirect is followed, no cookie kept, no proxy used and nothing decompressed:
what is read is what was sent, and never more of it than the bound.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IConsumer,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

_MAX_REASON_CHARS = 200
_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


@frozen
class Fetched:
    """A whole answer, whatever its status."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@frozen
class FetchFailed(Exception):
    """
    There is no whole answer: nothing is known.

    :ivar message: why, for the operator's log; without the URL.
    """

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class TooLong(FetchFailed):
    """The answer is longer than any that is taken."""


def trust_of(ca_file: Path | None) -> Any:
    """
    Give the certificates to trust.

    :param ca_file: PEM certificates, ``None`` for those of the system.
    :raise ValueError: there is no certificate in the file.
    """
    if ca_file is None:
        return platformTrust()
    found = [Certificate.loadPEM(pem) for pem in _PEM.findall(ca_file.read_bytes())]
    if not found:
        raise ValueError(f"{ca_file} holds no PEM certificate")
    return trustRootFromCertificates(found)


@implementer(IAgentEndpointFactory)
@define(eq=False)
class VerifiedEndpoints:
    """
    The way to any host: ``https`` with its certificate checked, or ``http``.

    :ivar connect_timeout_seconds: for each address of the host.
    """

    _reactor: Any = field(repr=False)
    _trust: Any = field(repr=False)
    connect_timeout_seconds: float = 3.0

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Give the endpoint for a URL."""
        host = uri.host.decode("ascii").removeprefix("[").removesuffix("]")
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            self._reactor, host, uri.port, timeout=self.connect_timeout_seconds
        )
        if uri.scheme == b"https":
            options = optionsForClientTLS(host, trustRoot=self._trust)
            endpoint = wrapClientTLS(options, endpoint)
        return endpoint


@define(eq=False)
class Fetcher:
    """
    Fetches over a connection of its own each time.

    :ivar max_bytes: of the body.
    :ivar timeout_seconds: for all of it, from the name to the last byte.
    :ivar clock: what that is measured by, ``None`` for the reactor's.
    """

    _reactor: Any = field(repr=False)
    _endpoints: IAgentEndpointFactory = field(repr=False)
    max_bytes: int
    timeout_seconds: float = 10.0
    _clock: IReactorTime | None = field(default=None, repr=False)

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> Deferred[Fetched]:
        """
        Get a document, or post a body and get the answer.

        :raise FetchFailed: the host cannot be reached or proves to be another
            one, or its answer is too long, too slow or none.
        """
        sent = {"Accept-Encoding": "identity", "User-Agent": "mcp-trino"}
        sent |= headers or {}
        fetched = Deferred.fromCoroutine(self._fetch(url, sent, body))
        fetched.addErrback(_explained)
        fetched.addTimeout(
            self.timeout_seconds, self._clock or self._reactor, _too_slow
        )
        return fetched

    async def _fetch(
        self, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Fetched:
        way = _Way(self._endpoints)
        agent = Agent.usingEndpointFactory(self._reactor, way)
        try:
            response = await agent.request(
                b"GET" if body is None else b"POST",
                url.encode("ascii"),
                Headers(
                    {name.encode(): [value.encode()] for name, value in headers.items()}
                ),
                None if body is None else _Body(body),
            )
            collector = _Collector(self.max_bytes)
            response.deliverBody(collector)
            content = await collector.whole
        finally:
            way.abort()
        return Fetched(response.code, response.headers, content)


def _explained(failure: Failure) -> Failure:
    """Say in one sentence what went wrong below."""
    # Twisted's HTTP client wraps what happened into lists.
    reasons = getattr(failure.value, "reasons", None)
    if reasons:
        return _explained(reasons[0])
    if failure.check(FetchFailed, CancelledError):
        return failure
    reason = f"{type(failure.value).__name__}: {failure.value}"
    return Failure(FetchFailed(reason[:_MAX_REASON_CHARS]))


def _too_slow(result: object, timeout_seconds: float) -> Failure:
    del result
    return Failure(FetchFailed(f"it took more than {timeout_seconds:g} s"))


@implementer(IAgentEndpointFactory)
@define(eq=False)
class _Way:
    """
    Knows the connection that was made, so that it can be broken off.

    An answer that is given up only asks its peer to close; with TLS a peer
    that does not care would keep the connection for ever.
    """

    _endpoints: IAgentEndpointFactory
    _made: list[IProtocol] = field(factory=list, init=False)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return _Noted(self._endpoints.endpointForURI(uri), self._made)

    def abort(self) -> None:
        for protocol in self._made:
            transport = getattr(protocol, "transport", None)
            if transport is not None:
                transport.abortConnection()


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _Noted:
    _endpoint: IStreamClientEndpoint
    _made: list[IProtocol]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        def note(protocol: IProtocol) -> IProtocol:
            self._made.append(protocol)
            return protocol

        return self._endpoint.connect(protocolFactory).addCallback(note)


@define(eq=False)
class _Collector(Protocol):
    """
    Collects a body up to a bound.

    :ivar whole: fires with all of it, or fails.
    """

    _max_bytes: int
    whole: Deferred[bytes] = field(factory=Deferred, init=False)
    _body: bytearray = field(factory=bytearray, init=False)

    def dataReceived(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes and not self.whole.called:
            self.whole.errback(TooLong(f"more than {self._max_bytes} bytes"))
            self._max_bytes = 0
        if self.whole.called:
            self._body.clear()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(bytes(self._body))
        else:
            self.whole.errback(reason)


@implementer(IBodyProducer)
@define(eq=False)
class _Body:
    """A body that is written at once."""

    _body: bytes = field(repr=False)

    @property
    def length(self) -> int:
        return len(self._body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass
