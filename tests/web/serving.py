"""A small server of the protocol, and clients that do what no library would."""

import asyncio
import http.client
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import mcp_types as types
from attrs import define, evolve, field, frozen
from mcp.server.lowlevel import Server
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from mcp_trino.interfaces import IAuthenticator, ICoordinator
from mcp_trino.principal import Principal, local_principal
from mcp_trino.queries import CoordinatorState
from mcp_trino.settings import WebSettings
from mcp_trino.web.service import WebService

ALICE = Principal(issuer="https://id.example", subject="1", name="alice")
BOB = Principal(issuer="https://id.example", subject="2", name="bob")

_SETTINGS = WebSettings(
    listen=("tcp:0:interface=127.0.0.1",),
    tls=None,
    public_url="https://mcp.example",
    allowed_hosts=("mcp.example",),
    allowed_origins=("https://inspector.example",),
    max_body_bytes=100_000,
    body_budget_bytes=200_000,
    max_connections=50,
    header_timeout_seconds=10.0,
    body_timeout_seconds=20.0,
    idle_timeout_seconds=60.0,
    write_timeout_seconds=30.0,
    max_sessions=10,
    max_streams=10,
    session_idle_seconds=600.0,
    disconnect_grace_seconds=0.05,
    shutdown_grace_seconds=0.0,
)

JSON_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}


def web_settings(**changes: Any) -> WebSettings:
    """Give settings of a server on loopback, with bounds that tests can reach."""
    return evolve(_SETTINGS, **changes)


@implementer(IAuthenticator)
@define(eq=False)
class ScriptedAuthenticator:
    """
    Answers what a test wants, and remembers what it was asked.

    :ivar decide: makes the answer to the next question from the credential.
    """

    decide: Callable[[bytes | None], Deferred[Principal]] = field(
        default=lambda _: succeed(local_principal("me"))
    )
    asked: list[tuple[list[bytes], bytes]] = field(factory=list)

    def authenticate(
        self, credentials: Sequence[bytes], uri: bytes
    ) -> Deferred[Principal]:
        """See ``IAuthenticator``."""
        self.asked.append((list(credentials), uri))
        return self.decide(credentials[0] if credentials else None)


@implementer(ICoordinator)
@define(eq=False)
class ScriptedCoordinator:
    """
    Is only ever asked how Trino is.

    :ivar state: the answer.
    """

    state: CoordinatorState | Deferred[CoordinatorState] = field(
        factory=lambda: CoordinatorState(reachable=True, version="476")
    )
    probes: int = 0

    def execute(self, *_: Any) -> Any:
        """Not for these tests."""
        raise NotImplementedError

    fetch = cancel = queries = user_of = execute

    def probe(self) -> Deferred[CoordinatorState]:
        """See ``ICoordinator``."""
        self.probes += 1
        state = self.state
        return state if isinstance(state, Deferred) else succeed(state)


@define(eq=False)
class SmallServer:
    """
    A server of the protocol with a few tools.

    ``whoami`` names the principal of the request, ``large`` gives ``bytes``
    characters, ``wait`` waits until the test sets ``release``, ``fail`` fails.

    :ivar running: the calls of ``wait`` under way.
    :ivar outcomes: how they ended.
    """

    running: int = 0
    outcomes: list[str] = field(factory=list)
    release: asyncio.Event = field(factory=asyncio.Event)

    def build(self) -> Server[Any]:
        """Make the server for a service."""
        schema = {"type": "object", "properties": {}}
        names = ("whoami", "large", "wait", "fail")
        tools = [types.Tool(name=name, input_schema=schema) for name in names]

        async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
            return types.ListToolsResult(tools=tools)

        async def call_tool(
            ctx: Any, params: types.CallToolRequestParams
        ) -> types.CallToolResult:
            text = await self._call(ctx, params.name, params.arguments or {})
            content = types.TextContent(type="text", text=text)
            return types.CallToolResult(content=[content])

        return Server(
            "small",
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            get_tool_input_schema=lambda _: schema,
        )

    async def _call(self, ctx: Any, name: str, arguments: dict[str, Any]) -> str:
        if name == "whoami":
            return str(ctx.request.scope["mcp_trino.principal"].name)
        if name == "large":
            return "x" * arguments["bytes"]
        if name == "fail":
            raise RuntimeError("a secret of the inside")
        self.running += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.outcomes.append("cancelled")
            raise
        finally:
            self.running -= 1
        self.outcomes.append("finished")
        return "done"


@frozen
class Answer:
    """What a client was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """Read the body, also that of a stream with one event of the protocol."""
        if self.headers.get_content_type() == "text/event-stream":
            lines = [
                line for line in self.body.splitlines() if line.startswith(b"data: {")
            ]
            return json.loads(lines[-1].removeprefix(b"data: "))
        return json.loads(self.body)


class _Bytes(io.BytesIO):
    def makefile(self, *_: Any) -> "_Bytes":
        return self


def read_answer(received: bytes, method: str = "POST") -> Answer:
    """Read the first answer in what a connection received."""
    response = http.client.HTTPResponse(_Bytes(received), method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


class Connection(Protocol):
    """
    A client's end of a connection.

    :ivar received: all bytes so far.
    :ivar closed: fires with them when the connection is lost.
    """

    def __init__(self) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()
        self._expected: tuple[bytes, Deferred[bytes]] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._expected is not None:
            self._expected[1].errback(reason)
        self.closed.callback(self.received)

    def abort(self) -> None:
        """Cut the connection, unless it is lost already."""
        if not self.closed.called:
            self.transport.abortConnection()

    def until(self, expected: bytes) -> Deferred[bytes]:
        """Wait until that was received."""
        self._expected = expected, Deferred()
        waiting = self._expected[1]
        self._look()
        return waiting

    def _look(self) -> None:
        if self._expected is not None and self._expected[0] in self.received:
            (_, waiting), self._expected = self._expected, None
            waiting.callback(self.received)


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """Write the head of a request to ``mcp.example`` unless told otherwise."""
    lines = {"Host": "mcp.example", **headers}
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")


def modern(method: str, **params: Any) -> tuple[dict[str, str], bytes]:
    """Write a request of 2026-07-28: its headers and its body."""
    headers = {
        **JSON_HEADERS,
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return headers, rpc(method, id=1, _meta=meta, **params)


def rpc(method: str, id: int | None = None, **params: Any) -> bytes:  # noqa: A002
    """Write a message of JSON-RPC."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if id is not None:
        message["id"] = id
    return json.dumps(message).encode()


INITIALIZE = rpc(
    "initialize",
    id=0,
    protocolVersion="2025-11-25",
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
)


class ServiceTestCase(TestCase):
    """
    Starts the service on a free port of loopback.

    Its clients say ``Host: mcp.example``.
    """

    port: int
    service: WebService
    authenticator: Any

    def setUp(self) -> None:
        self.small = SmallServer()
        self.authenticator = ScriptedAuthenticator()
        self.coordinator = ScriptedCoordinator()

    def build_server(self) -> Server[Any]:
        """Make the server of the protocol that is served."""
        return self.small.build()

    def guards(self) -> dict[str, Any]:
        """Give what else the service is made of; it may choose who is let in."""
        return {}

    def serve(self, **changes: Any) -> None:
        """Start it, with changed settings; a test does this first."""
        from twisted.internet import reactor

        guards = self.guards()
        self.service = WebService(
            reactor,
            asyncio.get_event_loop(),
            web_settings(**changes),
            server=self.build_server(),
            authenticator=self.authenticator,
            coordinator=self.coordinator,
            **guards,
        )
        self.service.privilegedStartService()
        self.service.startService()
        self.addCleanup(self.stop)
        listening: Any = self.service.services[0]
        self.port = listening._waitingForPort.result.getHost().port

    async def stop(self) -> None:
        """Stop it, if that was not done."""
        if self.service.running:
            await self.service.stopService()

    async def connect(self) -> Connection:
        """Open a connection, closed at the end of the test."""
        from twisted.internet import reactor

        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        connection = await connectProtocol(endpoint, Connection())
        self.addCleanup(lambda: connection.closed)
        self.addCleanup(connection.abort)
        return connection

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send a request on a connection of its own and read the whole answer."""
        connection = await self.connect()
        length = {"Content-Length": str(len(body))} if body else {}
        lines = {"Connection": "close", **length, **(headers or {})}
        connection.transport.write(head(method, path, lines) + body)
        return read_answer(await connection.closed, method)

    async def call(self, name: str, **arguments: Any) -> Answer:
        """Call a tool in 2026-07-28."""
        headers, body = modern("tools/call", name=name, arguments=arguments)
        return await self.ask("POST", "/mcp", headers, body)

    async def start_call(self, name: str, **arguments: Any) -> Connection:
        """Begin to call a tool in 2026-07-28."""
        headers, body = modern("tools/call", name=name, arguments=arguments)
        return await self.begin("POST", headers, body)

    async def begin(
        self,
        method: str,
        headers: dict[str, str],
        body: bytes = b"",
        path: str = "/mcp",
    ) -> Connection:
        """Send a request and leave the answer to the test."""
        connection = await self.connect()
        length = {"Content-Length": str(len(body))} if body else {}
        connection.transport.write(head(method, path, {**headers, **length}) + body)
        return connection

    async def open_session(self, **headers: str) -> dict[str, str]:
        """Shake hands by 2025-11-25 and give the headers of the session."""
        answer = await self.ask("POST", "/mcp", {**JSON_HEADERS, **headers}, INITIALIZE)
        self.assertEqual(answer.status, 200, answer.body)
        session = {
            **JSON_HEADERS,
            **headers,
            "MCP-Protocol-Version": "2025-11-25",
            "Mcp-Session-Id": answer.headers["Mcp-Session-Id"],
        }
        initialized = rpc("notifications/initialized")
        answer = await self.ask("POST", "/mcp", session, initialized)
        self.assertEqual(answer.status, 202)
        return session

    async def open_sse(self, **headers: str) -> tuple[Connection, str]:
        """Open a session of HTTP with SSE: its stream, where its messages go."""
        lines = {"Accept": "text/event-stream", **headers}
        stream = await self.begin("GET", lines, path="/sse")
        received = await stream.until(b"session_id=")
        endpoint = re.search(rb"data: (/messages\?session_id=[0-9a-f]{32})", received)
        assert endpoint is not None, received
        return stream, endpoint[1].decode()

    async def post_sse(self, endpoint: str, body: bytes, **headers: str) -> int:
        """Post a message of such a session and give the status of the answer."""
        lines = {**JSON_HEADERS, **headers}
        return (await self.ask("POST", endpoint, lines, body)).status

    async def start_sse_call(self) -> tuple[Connection, str]:
        """Open such a session and have a call of ``wait`` under way."""
        stream, endpoint = await self.open_sse()
        self.assertEqual(await self.post_sse(endpoint, INITIALIZE), 202)
        await stream.until(b"protocolVersion")
        await self.post_sse(endpoint, rpc("notifications/initialized"))
        await self.post_sse(endpoint, rpc("tools/call", id=1, name="wait"))
        await self.eventually(lambda: self.small.running)
        return stream, endpoint

    async def eventually(self, true: Callable[[], object]) -> None:
        """Let the loop run until something is true; trial's time limit ends it."""
        from twisted.internet import reactor

        while not true():
            await deferLater(reactor, 0.005)
