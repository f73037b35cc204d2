"""
The Model Context Protocol over HTTP: the official SDK's transports, served by
``twisted.web``.

Streamable HTTP of both eras (2026-07-28, stateless; 2025-11-25 and older, by
handshake) and HTTP with SSE (2024-11-05). The SDK speaks the protocol; this
module gives it requests, keeps count of what runs, and tells it when a client
has gone.
"""

import asyncio
import json
from functools import lru_cache
from typing import Any

from attrs import define, field
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mcp_trino.principal import Principal
from mcp_trino.reply import JSON, Reply
from mcp_trino.settings import WebSettings
from mcp_trino.tools.messages import PRINCIPAL, principal_of_request
from mcp_trino.web.authority import Authority
from mcp_trino.web.bridge import ASGIResource, Exchanges
from mcp_trino.web.exchange import Message, Receive, Scope, Send
from mcp_trino.web.limits import Shares, share_of
from mcp_trino.web.request import BoundedRequest

ProtocolServer = Server[Any]
"""What answers the requests of the protocol; the tools' room builds it."""

_LISTEN = "subscriptions/listen"

# Each costs a hundred times its one byte when it is parsed.
_MAX_BRACKETS = 50_000


@define(eq=False)
class Transports:
    """
    The SDK's transports around one server, as ASGI applications.

    ``run`` has to be under way for a request to be answered.

    :ivar calls: requests of the protocol that are being answered.
    """

    _server: ProtocolServer = field(repr=False)
    _settings: WebSettings
    _clock: IReactorTime = field(repr=False)
    _authority: Authority | None = field(default=None, repr=False)
    calls: int = field(default=0, init=False)
    _manager: StreamableHTTPSessionManager = field(init=False, repr=False)
    _sse: SseServerTransport = field(init=False, repr=False)
    _shares: Shares = field(init=False, repr=False)
    _started: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _stopping: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _quiet: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        """Make the SDK's objects: one set for each run."""
        self._manager = StreamableHTTPSessionManager(
            self._server,
            session_idle_timeout=self._settings.session_idle_seconds,
            max_sessions=self._settings.max_sessions,
        )
        most = self._settings.max_sessions
        self._shares = Shares(share_of(most), most)
        self._sse = SseServerTransport(
            "/messages", max_request_body_size=self._settings.max_body_bytes
        )
        self._quiet.set()

    async def run(self) -> None:
        """Hold the sessions of the handshake era until ``stop``."""
        self._server.middleware.append(self._count)
        try:
            async with self._manager.run():
                self._started.set()
                await self._stopping.wait()
        except Exception:  # noqa: BLE001 - the outermost frame of the task
            self._log.failure("the sessions have ended unexpectedly")
        finally:
            self._server.middleware.remove(self._count)

    def stop(self) -> None:
        """End all sessions; calls that still run are cancelled."""
        self._stopping.set()

    def user(self, principal: Principal) -> AuthenticatedUser:
        """Give the SDK's user, by which it keeps sessions to their owner."""
        return _user(principal)

    def refuse(self, path: str, principal: Principal, body: bytes) -> Reply | None:
        """
        Refuse a batch, what is too large only when it is parsed, and what the
        token of a principal does not allow.
        """
        if body.count(b"[") + body.count(b"{") > _MAX_BRACKETS:
            return _invalid_request("a body has too many arrays and objects")
        if _is_another_value(body):
            return _invalid_request("a body is one JSON object")
        if self._authority is not None and body:
            return self._authority.refuse(principal, path, body)
        return None

    def is_stream(self, request: BoundedRequest) -> bool:
        """Say whether that asks for notifications as they come."""
        method = request.requestHeaders.getRawHeaders(b"Mcp-Method")
        return request.method == b"GET" or method == [_LISTEN.encode()]

    async def quiet(self) -> None:
        """Wait until no call runs."""
        await self._quiet.wait()

    async def streamable(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve Streamable HTTP."""
        await self._started.wait()
        surplus: list[str] = []

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                surplus.extend(self._surplus(scope, dict(message["headers"])))
            await send(message)

        # The manager's own bound of bodies is left out: the body is bounded
        # already, and would be copied twice more.
        await self._manager.asgi_app.app(scope, receive, noting)
        for session in surplus:
            await self._close(scope, session)

    async def events(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream of HTTP with SSE: a session as long as it lasts."""
        async with self._sse.connect_sse(scope, receive, send) as (reader, writer):
            options = self._server.create_initialization_options()
            await self._server.run(reader, writer, options)

    async def messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the messages of HTTP with SSE."""
        await self._sse.handle_post_message(scope, receive, send)

    async def abandoned(self, scope: Scope, body: bytes) -> None:
        """
        Cancel a call of the handshake era whose client has gone, after a grace.

        In that era losing the connection does not cancel the call, but nothing
        could deliver its answer any more. In 2026-07-28 it does, and the SDK
        sees to that.

        :param scope: that of the lost request.
        :param body: the lost request as it was posted.
        """
        request_id = _abandoned(scope, body)
        if request_id is None:
            return
        loop = asyncio.get_running_loop()
        grace_seconds = self._settings.disconnect_grace_seconds
        await deferLater(self._clock, grace_seconds).asFuture(loop)
        notification = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": request_id, "reason": "the client has gone"},
        }
        message = {
            "type": "http.request",
            "body": json.dumps(notification).encode(),
            "more_body": False,
        }

        async def receive() -> Message:
            return message

        async def send(_: Message) -> None:
            pass

        await self._manager.asgi_app.app(scope, receive, send)

    def _surplus(self, scope: Scope, headers: dict[bytes, bytes]) -> list[str]:
        """Give the session that its owner has one too many of, if there is one."""
        session = headers.get(MCP_SESSION_ID_HEADER.encode())
        if session is None or self._authority is None:
            return []
        principal: Principal = scope[PRINCIPAL]
        # Sessions belong to a person and the client that she uses.
        owner = f"{principal.client_id} {principal.key}"
        oldest = self._shares.use(owner, session.decode("latin-1"))
        return [] if oldest is None else [oldest]

    async def _close(self, scope: Scope, session: str) -> None:
        """End a session as its owner would, who is that of the scope."""
        headers = [(MCP_SESSION_ID_HEADER.encode(), session.encode("latin-1"))]

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Message) -> None:
            pass

        ending = {**scope, "method": "DELETE", "headers": headers}
        await self._manager.asgi_app.app(ending, receive, send)

    def _require(self, ctx: ServerRequestContext[Any, Any]) -> None:
        if self._authority is None:
            return
        principal = principal_of_request(ctx)
        objection = self._authority.objection(principal, ctx.method, ctx.params)
        if objection is not None:
            raise MCPError(INVALID_REQUEST, objection)

    async def _count(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.request_id is None or ctx.method == _LISTEN:
            return await call_next(ctx)
        self._require(ctx)
        self.calls += 1
        self._quiet.clear()
        try:
            return await call_next(ctx)
        finally:
            self.calls -= 1
            if not self.calls:
                self._quiet.set()


def protocol_resources(
    transports: Transports, exchanges: Exchanges
) -> dict[bytes, ASGIResource]:
    """Give the endpoints of the protocol by path; they need a principal."""
    mcp = ASGIResource(exchanges, transports.streamable)
    sse = ASGIResource(exchanges, transports.events, frozenset({b"GET"}))
    messages = ASGIResource(exchanges, transports.messages, frozenset({b"POST"}))
    return {
        b"/mcp": mcp,
        b"/mcp/": mcp,
        b"/sse": sse,
        b"/sse/": sse,
        b"/messages": messages,
        b"/messages/": messages,
    }


@lru_cache(maxsize=1024)
def _user(principal: Principal) -> AuthenticatedUser:
    return AuthenticatedUser(
        AccessToken(
            token="",
            client_id=principal.client_id,
            scopes=sorted(principal.scopes),
            subject=principal.subject,
            claims={"iss": principal.issuer},
        )
    )


def _invalid_request(message: str) -> Reply:
    error = ErrorData(code=INVALID_REQUEST, message=message)
    body = JSONRPCError(jsonrpc="2.0", id=None, error=error)
    return Reply(
        status=400,
        body=body.model_dump_json(exclude_unset=True).encode(),
        headers=((b"Content-Type", JSON),),
    )


def _is_another_value(body: bytes) -> bool:
    # The SDK calls a batch invalid parameters in the handshake era.
    if body[:1] in {b"{", b""}:
        return False
    try:
        return not isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _abandoned(scope: Scope, body: bytes) -> str | int | None:
    """Give the id of a call of the handshake era, ``None`` for all else."""
    headers = dict(scope["headers"])
    version = headers.get(MCP_PROTOCOL_VERSION_HEADER.encode(), b"").decode("latin-1")
    if version and version not in HANDSHAKE_PROTOCOL_VERSIONS:
        return None
    if MCP_SESSION_ID_HEADER.encode() not in headers:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or "method" not in message:
        return None
    request_id = message.get("id")
    return request_id if isinstance(request_id, str | int) else None
