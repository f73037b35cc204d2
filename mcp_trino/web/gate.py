"""
Who may pass: ``Host``, ``Origin``, CORS preflight, then who is asking.

In this order, and before the body of a request is read. CORS is that of the
Fetch standard; a preflight carries no credential, so it is answered first.
"""

import re
from itertools import islice
from typing import Any

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from mcp_trino.errors import AccessDenied, Undecidable
from mcp_trino.interfaces import IAuthenticator
from mcp_trino.principal import Principal
from mcp_trino.reply import JSON, Reply, refusal
from mcp_trino.web.origin import NameRules
from mcp_trino.web.request import BoundedRequest, IGate

# A probe names the server by an address that no setting knows.
_PROBES = frozenset({b"/healthz", b"/readyz"})

_REQUEST_HEADERS = (
    b"Accept, Authorization, Content-Type, Last-Event-ID, "
    b"MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id"
)
_RESPONSE_HEADERS = (
    b"MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
    b"Retry-After, WWW-Authenticate, X-Correlation-Id"
)
# Arguments that a tool's schema puts into headers, too, have names of their own.
_ARGUMENT_HEADER = re.compile(rb"(?i:mcp-param-[!#$%&'*+.^_`|~0-9a-z-]{1,64})")
_MOST_ARGUMENTS = 64
_PREFLIGHT_SECONDS = b"600"


def is_loopback(address: object) -> bool:
    """
    Say whether the peer at that address can only be on this machine.

    :param address: an ``IAddress`` of either end of a connection.
    """
    if isinstance(address, UNIXAddress):
        return True
    if not isinstance(address, IPv4Address | IPv6Address):
        return False
    host = address.host.removeprefix("::ffff:")
    return host == "::1" or host.startswith("127.")


@implementer(IGate)
@define(eq=False)
class Gate:
    """
    The one decision on each request.

    :ivar protected: paths that need a principal and that web pages may call.
    :ivar closed: the server stops: nothing new is begun.
    """

    protected: frozenset[bytes]
    _names: NameRules
    _authenticator: IAuthenticator = field(repr=False)
    closed: bool = field(default=False, init=False)

    def judge(self, request: BoundedRequest) -> Deferred[Reply | None]:
        """Decide; see ``IGate``."""
        if request.path in _PROBES:
            return succeed(None)
        reply = self._judge_names(request)
        if reply is not None or request.path not in self.protected:
            return succeed(reply)
        headers = request.requestHeaders
        if request.method == b"OPTIONS" and headers.hasHeader(b"Origin"):
            return succeed(_preflight(request))
        if self.closed:
            return succeed(
                refusal(503, "the server is stopping", (b"Connection", b"close"))
            )
        credentials = headers.getRawHeaders(b"Authorization", [])
        decision = self._authenticator.authenticate(credentials, request.uri)
        return decision.addCallback(_enter, request).addErrback(_denied)

    def _judge_names(self, request: BoundedRequest) -> Reply | None:
        headers = request.requestHeaders
        hosts = headers.getRawHeaders(b"Host", [])
        if len(hosts) != 1:
            return refusal(400, "a request needs exactly one Host header")
        host = hosts[0].decode("latin-1")
        local = is_loopback(request.getHost())
        if not self._names.host_allowed(host, local=local):
            return refusal(421, "this server does not answer to that host name")
        origins = headers.getRawHeaders(b"Origin")
        if origins is None or request.path not in self.protected:
            return None
        request.setHeader(b"Vary", b"Origin")
        if len(origins) != 1 or not self._names.origin_allowed(
            origins[0].decode("latin-1"), host, local=local
        ):
            return refusal(403, "pages of that origin may not call this server")
        request.setHeader(b"Access-Control-Allow-Origin", origins[0])
        request.setHeader(b"Access-Control-Expose-Headers", _RESPONSE_HEADERS)
        return None


def _preflight(request: BoundedRequest) -> Reply:
    wanted = request.requestHeaders.getRawHeaders(b"Access-Control-Request-Method")
    methods = b"GET, POST, DELETE"
    if wanted is None:
        return refusal(405, "method not allowed", (b"Allow", methods))
    wished = request.getHeader(b"Access-Control-Request-Headers") or b""
    arguments = filter(_ARGUMENT_HEADER.fullmatch, map(bytes.strip, wished.split(b",")))
    allowed = (_REQUEST_HEADERS, *islice(arguments, _MOST_ARGUMENTS))
    return Reply(
        status=204,
        headers=(
            (b"Access-Control-Allow-Methods", methods),
            (b"Access-Control-Allow-Headers", b", ".join(allowed)),
            (b"Access-Control-Max-Age", _PREFLIGHT_SECONDS),
        ),
    )


def _enter(principal: Principal, request: BoundedRequest) -> None:
    request.principal = principal


def _denied(failure: Failure) -> Reply:
    error: Any = failure.value
    if failure.check(Undecidable):
        return refusal(
            503,
            "access cannot be decided now",
            retry_after_seconds=error.retry_after_seconds,
        )
    failure.trap(AccessDenied)
    return denial(error)


def denial(denied: AccessDenied) -> Reply:
    """Give the answer of a request that is refused."""
    return Reply(
        status=denied.status,
        body=denied.body.encode(),
        headers=(
            (b"Content-Type", JSON),
            (b"Cache-Control", b"no-store"),
            *((name.encode(), value.encode()) for name, value in denied.headers),
        ),
    )
