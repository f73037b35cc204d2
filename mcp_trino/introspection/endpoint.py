"""
The worker's side of the wire: HTTP over a UNIX socket (RFC 7662).

Who connects is looked at before anything that he sends.
"""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.server import Request, Site
from werkzeug.exceptions import HTTPException

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.introspector import Introspector
from mcp_trino.introspection.peer import peer_uid
from mcp_trino.introspection.wire import (
    ENDPOINTS,
    IDENTIFY,
    INTROSPECT,
    READY,
    active_to_json,
    endpoints_to_json,
    ready_to_json,
)
from mcp_trino.reply import JSON, Reply, refusal

MAX_BODY_BYTES = 16384
_MAX_FIELDS = 4
_IDLE_SECONDS = 120.0
_DRAIN_SECONDS = 2.0

_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


@define(eq=False)
class Endpoint:
    """What the worker is asked."""

    _introspector: Introspector = field(repr=False)
    _under_way: set[Deferred[bytes]] = field(init=False, factory=set, repr=False)
    _app = Klein()
    _log = Logger()

    def site(self) -> Site:
        """Give the factory of connections."""
        return _Site(
            self._app.resource(),
            requestFactory=_BoundedRequest,
            timeout=_IDLE_SECONDS,
            parsePOSTFormSubmission=False,
        )

    def drain(self, clock: IReactorTime) -> Deferred[Any]:
        """Wait until what was asked is answered, for a moment."""
        answered: Deferred[Any] = DeferredList(list(self._under_way))
        answered.addTimeout(_DRAIN_SECONDS, clock)
        return answered.addErrback(lambda _: None)

    @_app.route(INTROSPECT.decode(), methods=["POST"])
    def introspect(self, request: Request) -> Deferred[bytes]:
        """Say whether a token holds (RFC 7662 section 2)."""
        return self._answer(request, self._introspect(request))

    @_app.route(IDENTIFY.decode(), methods=["POST"])
    def identify(self, request: Request) -> Deferred[bytes]:
        """Say who logged in."""
        return self._answer(request, self._identify(request))

    @_app.route(ENDPOINTS.decode(), methods=["GET"])
    def endpoints(self, request: Request) -> Deferred[bytes]:
        """Give the endpoints of the provider."""
        return self._answer(request, self._endpoints())

    @_app.route("/healthz", methods=["GET"])
    def alive(self, request: Request) -> bytes:
        """Whether this process answers at all."""
        return _sent(request, _json(b'{"status":"alive"}'))

    @_app.route(READY.decode(), methods=["GET"])
    def ready(self, request: Request) -> bytes:
        """Whether tokens can be judged."""
        if self._introspector.ready:
            return _sent(request, _json(ready_to_json(self._introspector.generation)))
        return _sent(request, refusal(503, "not ready", retry_after_seconds=2))

    @_app.handle_errors(HTTPException)  # type: ignore[arg-type]  # klein means IRequest
    def not_found(self, request: Request, failure: Failure) -> bytes:
        """Say that there is nothing to be asked so."""
        error: Any = failure.value
        methods = getattr(error, "valid_methods", None) or ()
        allow = ((b"Allow", ", ".join(methods).encode()),) if methods else ()
        return _sent(request, refusal(error.code, error.name.lower(), *allow))

    def _answer(
        self, request: Request, asking: Coroutine[Any, Any, Reply]
    ) -> Deferred[bytes]:
        answering = Deferred.fromCoroutine(asking)
        answering.addErrback(self._undecided)
        sending = answering.addCallback(lambda reply: _sent(request, reply))
        self._under_way.add(sending)
        return sending.addBoth(self._forget, sending)

    def _forget(self, result: Any, sending: Deferred[bytes]) -> Any:
        self._under_way.discard(sending)
        return result

    def _undecided(self, failure: Failure) -> Reply:
        """Answer 503 whatever went wrong, and no token holds because of it."""
        error = failure.value
        if not isinstance(error, Undecidable):
            self._log.failure("a question failed unexpectedly", failure=failure)
            error = Undecidable("")
        return refusal(
            503, "undecidable", retry_after_seconds=error.retry_after_seconds
        )

    async def _introspect(self, request: Request) -> Reply:
        form = _form(request)
        if not form.get("token"):
            return refusal(400, "a form with one token is needed")
        active = await self._introspector.introspect(form["token"])
        return _json(active_to_json(active))

    async def _identify(self, request: Request) -> Reply:
        form = _form(request)
        if not form.get("token") or "nonce" not in form:
            return refusal(400, "a form with one token and one nonce is needed")
        active = await self._introspector.identify(form["token"], form["nonce"])
        return _json(active_to_json(active))

    async def _endpoints(self) -> Reply:
        return _json(endpoints_to_json(await self._introspector.endpoints()))


def _form(request: Request) -> dict[str, str]:
    """Read a form; one that is not sound has no fields."""
    body = request.content.read() if request.content else b""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict",
            max_num_fields=_MAX_FIELDS,
        )  # fmt: skip
    except ValueError:
        return {}
    form = dict(pairs)
    return form if len(form) == len(pairs) else {}


def _json(body: bytes) -> Reply:
    headers = ((b"Content-Type", JSON), (b"Cache-Control", b"no-store"))
    return Reply(status=200, body=body, headers=headers)


def _sent(request: Request, reply: Reply) -> bytes:
    request.setResponseCode(reply.status)
    for name, value in reply.headers:
        request.setHeader(name, value)
    return reply.body


class _Site(Site):
    noisy = False

    def log(self, request: Any) -> None:
        """Write no access log: the worker's own says more."""


class _BoundedRequest(Request):
    """A request whose body is not taken when it is too large."""

    _arrived = 0

    def gotLength(self, length: int | None) -> None:
        """Take the length that was announced."""
        super().gotLength(0)
        self._check(length or 0)

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body."""
        self._arrived += len(data)
        if self._check(self._arrived):
            super().handleContentChunk(data)

    def _check(self, size: int) -> bool:
        if size > MAX_BODY_BYTES and self.channel is not None:
            self.channel.write(_TOO_LARGE)
            self.channel.loseConnection()
        return size <= MAX_BODY_BYTES


class CheckedPeers(WrappingFactory):
    """
    Serves only processes of one user.

    :ivar trusted: says so of a uid, ``None`` where the system does not tell it.
    """

    noisy = False

    def __init__(self, site: Site, trusted: Callable[[int | None], bool]) -> None:
        super().__init__(site)
        self.trusted = trusted
        self.protocol = _CheckedPeer


class _CheckedPeer(ProtocolWrapper):
    factory: CheckedPeers
    _admitted = False
    _log = Logger()

    def makeConnection(self, transport: ITransport) -> None:
        """Look who it is."""
        connected: Any = transport
        uid = peer_uid(connected.getHandle())
        self._admitted = self.factory.trusted(uid)
        if self._admitted:
            super().makeConnection(transport)
        else:
            self._log.warn("a process of user {uid} may not ask", uid=uid)
            connected.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Hear only those who were let in."""
        if self._admitted:
            super().dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Forget those who were let in."""
        if self._admitted:
            super().connectionLost(reason)
