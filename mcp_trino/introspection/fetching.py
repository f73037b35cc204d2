"""
Requests to a provider, bounded in size and in time.

No redirect is followed, no proxy is used, nothing is decoded or kept, and a
connection serves one request. What a provider sends can then be neither more
than is asked for nor later than it is waited for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import (
    IAgentEndpointFactory,
    IResponse,
)
from zope.interface import implementer

from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.bodies import Bytes, read_body

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 10.0
_END_OF_CERTIFICATE = b"-----END CERTIFICATE-----"


@frozen
class Ask:
    """
    A request.

    :ivar max_bytes: of the body of the answer.
    """

    url: str = field(repr=False)
    max_bytes: int
    method: str = "GET"
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen
class Answer:
    """
    An answer, read to its end.

    :ivar cache_control: the header of that name.
    :ivar date: the header of that name, when the answer was made.
    """

    status: int
    body: bytes = field(repr=False)
    cache_control: str = ""
    date: str = ""


Fetch = Callable[[Ask], Deferred[Answer]]
"""
How a request is made; the answer may have any status.

:raise Undecidable: there is no answer, or none within the bounds.
"""


def read_trust(ca_file: Path | None) -> Any:
    """
    Give the certificates to trust.

    :param ca_file: PEM certificates, ``None`` for those of the system.
    :raise ConfigurationError: they cannot be used.
    """
    if ca_file is None:
        return platformTrust()
    try:
        first, *rest = ca_file.read_bytes().split(_END_OF_CERTIFICATE)[:-1]
        return trustRootFromCertificates(
            [
                Certificate.loadPEM(block + _END_OF_CERTIFICATE)
                for block in (first, *rest)
            ]
        )
    except Exception as error:
        # OpenSSL has errors of its own.
        raise ConfigurationError(
            (f"the CA file {ca_file} cannot be used: {error}",)
        ) from error


@define(eq=False)
class Fetching:
    """
    Makes requests; the object is a ``Fetch``.

    :ivar trust: of ``read_trust``.
    :ivar clock: what the time for an answer is measured by.
    """

    _reactor: Any = field(repr=False)
    _trust: Any = field(repr=False)
    _clock: IReactorTime = field(repr=False)

    def __call__(self, ask: Ask) -> Deferred[Answer]:
        """Make one request."""
        asking: Deferred[Answer] = Deferred.fromCoroutine(self._ask(ask))
        return asking.addTimeout(
            WHOLE_SECONDS, self._clock, lambda _, seconds: _too_slow(ask, seconds)
        )

    async def _ask(self, ask: Ask) -> Answer:
        connection = _Connection(self._reactor, self._trust)
        agent = Agent.usingEndpointFactory(self._reactor, connection)
        try:
            response = await agent.request(
                ask.method.encode(),
                ask.url.encode(),
                _headers(ask),
                Bytes(ask.body) if ask.body else None,
            )
            body = await read_body(response, ask.max_bytes)
        except (Undecidable, CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - TLS and HTTP have many
            reason = _reason_of(error)
            raise Undecidable(f"{_host(ask.url)} does not answer: {reason}") from None
        finally:
            connection.abort()
        return Answer(
            response.code,
            body,
            cache_control=_header(response, "cache-control"),
            date=_header(response, "date"),
        )


def _headers(ask: Ask) -> Headers:
    headers = Headers(
        {
            "User-Agent": ["mcp-trino"],
            "Accept": ["application/json"],
            "Accept-Encoding": ["identity"],
        }
    )
    for name, value in ask.headers.items():
        headers.setRawHeaders(name, [value])
    return headers


def _header(response: IResponse, name: str) -> str:
    return ", ".join(response.headers.getRawHeaders(name, []))


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _reason_of(error: Exception) -> str:
    # Twisted's HTTP client wraps what happened into lists of failures.
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _reason_of(reasons[0].value)
    return f"{type(error).__name__}: {error}"[:200]


def _too_slow(ask: Ask, seconds: float) -> Answer:
    raise Undecidable(f"{_host(ask.url)} did not answer within {seconds:g} s")


@implementer(IAgentEndpointFactory)
@define(eq=False)
class _Connection:
    """The one connection of a request, to be broken off whatever it does."""

    _reactor: Any
    _trust: Any
    _protocol: Any = None

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        """Give the way to a server."""
        host = uri.host.decode()
        endpoint: Any = HostnameEndpoint(
            self._reactor, host.strip("[]"), uri.port, timeout=CONNECT_SECONDS
        )
        if uri.scheme == b"https":
            options = optionsForClientTLS(host, trustRoot=self._trust)
            endpoint = wrapClientTLS(options, endpoint)
        return _Remembered(endpoint, self)

    def remember(self, protocol: Any) -> Any:
        """Keep what speaks to the server."""
        self._protocol = protocol
        return protocol

    def abort(self) -> None:
        """Break it off."""
        if self._protocol is not None and self._protocol.transport is not None:
            self._protocol.transport.abortConnection()


@implementer(IStreamClientEndpoint)
@define(eq=False)
class _Remembered:
    _endpoint: Any
    _connection: _Connection

    def connect(self, protocolFactory: Any) -> Any:
        """Connect, and keep the connection in mind."""
        connecting = self._endpoint.connect(protocolFactory)
        return connecting.addCallback(self._connection.remember)
