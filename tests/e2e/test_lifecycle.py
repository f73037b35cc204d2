"""Queries end at Trino when their callers do, and the server outlives both."""

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import Transport
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.in_task import TaskTestCase, in_task
from tests.e2e.server_process import (
    ServerProcess,
    program,
    server_environment,
    shared_server,
)
from tests.e2e.trino_queries import canceled, endless_statement, running
from tests.real_trino import real_trino

_PYTHON_2 = str(Path(__file__).parent / "clients" / "python_2.py")
_PROMPT_SECONDS = 2
_EXIT_SECONDS = 5
_GRACE_SECONDS = 5  # the default of MCP_DISCONNECT_GRACE


class CancellationTests(TaskTestCase):
    """A call that its client gives up takes its query along."""

    def setUp(self) -> None:
        self.server = shared_server("http")

    @in_task
    async def test_closed_stream(self) -> None:
        """In the revision of 2026-07-28 giving up is closing the answer's stream."""
        await self._assert_canceled(Client(self.server.url, mode="2026-07-28"))

    @in_task
    async def test_notification(self) -> None:
        """In the handshake era it is a notification, sooner than the grace."""
        await self._assert_canceled(Client(self.server.url, mode="legacy"))

    @in_task
    async def test_notification_by_sse(self) -> None:
        """The transport of 2024-11-05 carries the same notification."""
        transport = sse_client(self.server.sse_url)
        await self._assert_canceled(Client(transport, mode="legacy"))

    @in_task
    async def test_notification_by_stdio(self) -> None:
        """Over stdio it is a notification in either era."""
        for mode in ("auto", "legacy"):
            await self._assert_canceled(Client(self._stdio(), mode=mode))

    @in_task
    async def test_dropped_client(self) -> None:
        """A client of 2026-07-28 that dies is noticed at once."""
        await self._assert_canceled_after_kill("2026-07-28", _PROMPT_SECONDS)

    @in_task
    async def test_dropped_client_by_handshake(self) -> None:
        """A client of the handshake era that dies could come back for a while."""
        within = _GRACE_SECONDS + _PROMPT_SECONDS
        await self._assert_canceled_after_kill("legacy", within)

    def _stdio(self) -> Transport:
        process = StdioServerParameters(
            command=program("mcp-trino"), args=["stdio"], env=server_environment()
        )
        log = self.enterContext(Path(self.mktemp()).open("w"))
        return stdio_client(process, errlog=log)

    async def _assert_canceled(self, connection: Client) -> None:
        statement = endless_statement()
        async with connection as client:
            async with anyio.create_task_group() as calls:
                calls.start_soon(
                    client.call_tool, "execute_query", {"query": statement}
                )
                await running(statement)
                calls.cancel_scope.cancel()
            given_up = time.time()
            await canceled(statement, given_up, _PROMPT_SECONDS)
            answer = await client.call_tool("whoami")
            self.assertFalse(answer.is_error)

    async def _assert_canceled_after_kill(self, mode: str, within: float) -> None:
        statement = endless_statement()
        client = _client_process(mode, self.server, statement)
        self.addCleanup(_kill, client)
        await running(statement)
        client.kill()
        await canceled(statement, time.time(), within)


class StopTests(TaskTestCase):
    """A server that is asked to end does not leave its queries behind."""

    @in_task
    async def test_cancels(self) -> None:
        """What still runs after the grace is canceled, and the process ends."""
        self.start_server(MCP_SHUTDOWN_GRACE="1")
        statement = endless_statement()
        client = _client_process("legacy", self.server, statement)
        self.addCleanup(_kill, client)
        await running(statement)
        self.server.terminate()
        asked = time.time()
        await asyncio.to_thread(self.server.wait, 1 + _EXIT_SECONDS)
        await canceled(statement, asked, 1 + _PROMPT_SECONDS)

    @in_task
    async def test_lets_calls_finish(self) -> None:
        """A call that ends within the grace is answered."""
        self.start_server(MCP_SHUTDOWN_GRACE="30")
        statement = endless_statement().replace(
            "sequence(1, 10000)) c", "sequence(1, 1)) c"
        )
        answers = []

        async def call(client: Client) -> None:
            answers.append(
                await client.call_tool("execute_query", {"query": statement})
            )

        async with (
            Client(self.server.url, mode="2026-07-28") as client,
            anyio.create_task_group() as calls,
        ):
            await client.list_tools()  # else the client asks for them after the call
            calls.start_soon(call, client)
            await running(statement)
            self.server.terminate()
        self.assertEqual(answers[0].structured_content["rows"], [[100_000_000]])
        await asyncio.to_thread(self.server.wait, _EXIT_SECONDS)

    @in_task
    async def test_end_of_input(self) -> None:
        """Over stdio the end of the input is the end of the process."""
        process = self._start_stdio()
        statement = endless_statement()
        for message in (*_HANDSHAKE, _call("execute_query", query=statement)):
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        await running(statement)
        process.stdin.close()
        closed = time.time()
        await asyncio.to_thread(process.wait, _EXIT_SECONDS)
        await canceled(statement, closed, _PROMPT_SECONDS)

    def _start_stdio(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [program("mcp-trino"), "stdio"],
            env=server_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(_kill, process)
        return process


class RecoveryTests(TaskTestCase):
    """Trino may come later than the server."""

    @in_task
    async def test_trino_comes_later(self) -> None:
        """Calls fail with a clear error until Trino is there, and then succeed."""
        address = socket.socket()
        self.addCleanup(address.close)
        # Bound, so that nobody else gets it, but refusing: it does not listen.
        address.bind(("127.0.0.1", 0))
        self.start_server(trino=f"http://127.0.0.1:{address.getsockname()[1]}")
        async with Client(self.server.url) as client:
            early = await client.call_tool("list_catalogs")
            forwarder = await asyncio.start_server(_forward_to_trino, sock=address)
            self.addCleanup(forwarder.close)
            late = await client.call_tool("list_catalogs")
        self.assertTrue(early.is_error)
        self.assertEqual(early.structured_content["error"]["code"], "TRINO_UNREACHABLE")
        self.assertFalse(late.is_error, late)
        await asyncio.to_thread(self.server.stop)


class ConcurrencyTests(TaskTestCase):
    """Slow callers do not hold up the others."""

    @in_task
    async def test_quick_call_among_slow_ones(self) -> None:
        """A quick call is answered while more slow ones wait than there are threads."""
        self.start_server(TRINO_SLOW_THREADS="2", TRINO_QUERY_WAIT="120")
        statements = [endless_statement() for _ in range(4)]
        ended = []

        async def call(client: Client, statement: str) -> None:
            ended.append(await client.call_tool("execute_query", {"query": statement}))

        async with (
            Client(self.server.url) as client,
            anyio.create_task_group() as calls,
        ):
            for statement in statements:
                calls.start_soon(call, client, statement)
            for statement in statements:
                await running(statement)
            quick = await client.call_tool("list_catalogs")
            self.assertEqual(ended, [])
            calls.cancel_scope.cancel()
        self.assertFalse(quick.is_error, quick)


class SessionTests(SynchronousTestCase):
    """The sessions of the handshake era, without a client library in between."""

    def test_unknown(self) -> None:
        """A session that is not there is 404, so that the client makes a new one."""
        server = shared_server("http")
        for method, message in (
            ("POST", _call("whoami")),
            ("GET", None),
            ("DELETE", None),
        ):
            with self.subTest(method):
                connection = http.client.HTTPConnection("127.0.0.1", server.port)
                self.addCleanup(connection.close)
                headers = {
                    "Accept": "application/json, text/event-stream",
                    "Content-Type": "application/json",
                    "Mcp-Session-Id": "0123456789abcdef0123456789abcdef",
                    "MCP-Protocol-Version": "2025-11-25",
                }
                body = json.dumps(message) if message else None
                connection.request(method, "/mcp", body, headers)
                self.assertEqual(connection.getresponse().status, 404)


def _call(tool: str, **arguments: str) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


_HANDSHAKE = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "lifecycle", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
)


def _client_process(
    mode: str, server: ServerProcess, statement: str
) -> "subprocess.Popen[str]":
    """Start a client that can be killed while it waits for a statement."""
    client = subprocess.Popen(
        [sys.executable, _PYTHON_2, mode, server.url],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with client.stdin as plan:
        json.dump({"query": statement, "max_rows": 1}, plan)
    return client


def _kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


async def _forward_to_trino(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    trino = urlsplit(real_trino())
    there = await asyncio.open_connection(trino.hostname, trino.port)
    await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
