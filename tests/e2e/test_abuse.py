"""Hostile and broken clients get clear answers, and the server stays small."""

import http.client
import json
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeVar
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.process_memory import peak_bytes, reset_peak, resident_bytes
from tests.e2e.server_process import start_server

_T = TypeVar("_T")
_MEGABYTE = 1_000_000
_GROWTH_BYTES = 60 * _MEGABYTE
_AGAIN_BYTES = 12 * _MEGABYTE
_CONNECTIONS = 200
_TIMEOUT_SECONDS = 15
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
_MODERN = {
    **_HEADERS,
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/list",
}


def _message(method: str, **params: Any) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    ).encode()


_INITIALIZE = _message(
    "initialize",
    protocolVersion="2025-11-25",
    capabilities={},
    clientInfo={"name": "abuse", "version": "1"},
)
_LIST_TOOLS = _message(
    "tools/list",
    _meta={
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "abuse", "version": "1"},
    },
)


class AbuseTests(SynchronousTestCase):
    """Each abuse twice; what the second one adds is the allocator's waste."""

    def setUp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("the memory of a process is read from /proc")

    def test_sessions(self) -> None:
        """A thousand sessions are kept, and the next are refused."""

        def abuse() -> Counter[int]:
            with closing(self._connection()) as connection:
                return Counter(
                    _exchange(connection, _INITIALIZE, _HEADERS)[0] for _ in range(1000)
                )

        answers = self._assert_bounded(abuse)
        self.assertEqual(answers, [Counter({200: 1000}), Counter({503: 1000})])

    def test_streams_never_read(self) -> None:
        """Streams that nobody reads cost little."""

        def abuse() -> Counter[bytes]:
            with ExitStack() as stack:
                streams = [
                    stack.enter_context(self._socket()) for _ in range(_CONNECTIONS)
                ]
                for stream in streams:
                    stream.sendall(_head("GET", "/sse", Accept="text/event-stream"))
                return Counter(_status_line(stream) for stream in streams)

        answers = self._assert_bounded(abuse)
        self.assertEqual(answers, [Counter({b"HTTP/1.1 200": _CONNECTIONS})] * 2)

    def test_answers_never_read(self) -> None:
        """Answers that nobody reads do not pile up."""
        request = _head("POST", "/mcp", _LIST_TOOLS, **_MODERN)

        def abuse() -> None:
            with ExitStack() as stack:
                for _ in range(_CONNECTIONS):
                    client = stack.enter_context(self._socket())
                    client.sendall(request * 3)
                self._assert_serves()

        self._assert_bounded(abuse)

    def test_large_bodies(self) -> None:
        """Of many large bodies at once some are refused, with the reason."""
        body = _message("ping", padding="x" * 3_900_000)
        head = _head("POST", "/mcp", body, **_HEADERS)[: -len(body)]

        def abuse() -> Counter[bytes]:
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(self._socket()) for _ in range(_CONNECTIONS)
                ]
                for client in clients:
                    client.sendall(head)
                for client in clients:
                    _send_what_is_taken(client, body[:-1])
                for client in clients:
                    _send_what_is_taken(client, body[-1:])
                return Counter(_status_line(client) for client in clients)

        for answers in self._assert_bounded(abuse):
            self.assertEqual(set(answers), {b"HTTP/1.1 503", b"HTTP/1.1 400"})

    def test_huge_body(self) -> None:
        """A body of 200 MB is refused before it is sent, also without its length."""

        def abuse() -> list[bytes]:
            answers = []
            lengths = (b"Content-Length: 200000000", b"Transfer-Encoding: chunked")
            for length in lengths:
                with self._socket() as client:
                    client.sendall(
                        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        + length
                        + b"\r\n\r\n"
                    )
                    _send_what_is_taken(client, _chunks(200))
                    answers.append(_status_line(client))
            return answers

        for answers in self._assert_bounded(abuse):
            self.assertEqual(answers, [b"HTTP/1.1 413"] * 2)

    def test_slow_heads(self) -> None:
        """Clients that never finish their headers are told so and cut."""

        def abuse() -> Counter[bytes]:
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(self._socket()) for _ in range(_CONNECTIONS)
                ]
                for client in clients:
                    client.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
                self._assert_serves()
                for byte in b"slow":
                    for client in clients:
                        _send_what_is_taken(client, bytes([byte]))
                return Counter(_status_line(client) for client in clients)

        answers = self._assert_bounded(abuse, MCP_HEADER_TIMEOUT="3")
        self.assertEqual(answers, [Counter({b"HTTP/1.1 408": _CONNECTIONS})] * 2)

    def test_headers(self) -> None:
        """Ten thousand bytes of headers are read, a hundred thousand are refused."""

        def abuse() -> list[int]:
            statuses = []
            for size in (10_000, 100_000):
                with closing(self._connection()) as connection:
                    headers = {**_MODERN, "X-Padding": "x" * size}
                    statuses.append(_exchange(connection, _LIST_TOOLS, headers)[0])
            return statuses

        self.assertEqual(self._assert_bounded(abuse), [[200, 431]] * 2)

    def test_broken_json(self) -> None:
        """What is no JSON, nested too deep or no message is an error of JSON-RPC."""
        depth = 200_000
        bodies = (
            b"{",
            b"\xff\xfe",
            b"[" * depth,
            b"[" * depth + b"]" * depth,
            b'{"a":' * depth + b"1" + b"}" * depth,
            b'{"jsonrpc": "2.0", "id": 1, "method": 1}',
            b"[]",
            b"null",
        )

        def abuse() -> None:
            with closing(self._connection()) as connection:
                for body in bodies * 5:
                    status, answer = _exchange(connection, body, _HEADERS)
                    self.assertEqual(status, 400)
                    code = json.loads(answer)["error"]["code"]
                    self.assertIn(code, (-32700, -32600, -32602))

        self._assert_bounded(abuse)

    def test_unknown_methods(self) -> None:
        """A method that does not exist is an error of JSON-RPC or of HTTP."""

        def abuse() -> None:
            with closing(self._connection()) as connection:
                for number in range(500):
                    method = f"unknown/{number}"
                    headers = {**_MODERN, "Mcp-Method": method}
                    body = _LIST_TOOLS.replace(b"tools/list", method.encode())
                    status, answer = _exchange(connection, body, headers)
                    self.assertEqual(status, 404)
                    self.assertEqual(json.loads(answer)["error"]["code"], -32601)
                connection.request("BREW", "/mcp")
                self.assertEqual(connection.getresponse().status, 405)

        self._assert_bounded(abuse)

    def _assert_bounded(self, abuse: Callable[[], _T], **settings: str) -> list[_T]:
        """Abuse a new server twice, look at its memory, give both answers."""
        self.server = start_server(**settings)
        self.addCleanup(self.server.stop)
        # What is loaded by the first requests is not the growth that is meant.
        self._settle()
        pid = self.server.pid
        before = resident_bytes(pid)
        reset_peak(pid)
        answers = [abuse()]
        # The second time is measured without what is still on its way out.
        self._settle()
        first = peak_bytes(pid)
        answers.append(abuse())
        second = peak_bytes(pid)
        self._assert_serves()
        self.assertLess(second - before, _GROWTH_BYTES)
        self.assertLess(second - first, _AGAIN_BYTES)
        return answers

    def _settle(self) -> None:
        """Let the server do some quiet work."""
        for _ in range(20):
            self._assert_serves()

    def _assert_serves(self) -> None:
        with closing(self._connection()) as connection:
            status, answer = _exchange(connection, _LIST_TOOLS, _MODERN)
        self.assertEqual(status, 200)
        self.assertIn(b"execute_query", answer)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=_TIMEOUT_SECONDS
        )

    def _socket(self) -> socket.socket:
        client = socket.socket()
        # As little as the system allows is read for a client that does not read.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(_TIMEOUT_SECONDS)
        client.connect(("127.0.0.1", self.server.port))
        return client


def _exchange(
    connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection.request("POST", "/mcp", body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def _head(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _send_what_is_taken(client: socket.socket, data: bytes | Iterator[bytes]) -> None:
    """Send until the server has enough of it."""
    try:
        for part in [data] if isinstance(data, bytes) else data:
            client.sendall(part)
    except (TimeoutError, ConnectionError):
        pass


def _chunks(count: int) -> Iterator[bytes]:
    """Give that many megabytes as chunks of HTTP, each a valid part of a body."""
    for _ in range(count):
        yield b"f4240\r\n" + b"x" * _MEGABYTE + b"\r\n"


def _status_line(client: socket.socket) -> bytes:
    """Give the protocol and status of an answer, empty when there is none."""
    try:
        return client.recv(12, socket.MSG_WAITALL)
    except (TimeoutError, ConnectionError):
        return b""
