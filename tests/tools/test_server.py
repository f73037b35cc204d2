"""Tests of ``mcp_trino.tools.server`` through the SDK's own client."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult
from starlette.requests import Request
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.principal import Principal
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from mcp_trino.tools.messages import PRINCIPAL, principal_of_request
from mcp_trino.tools.server import make_server
from tests.recording import RecordingAudit
from tests.tools.scripted import (
    ALICE,
    QUERIES,
    QUERY_ID,
    TRINO,
    WITHOUT_DEFAULTS,
    ScriptedCoordinator,
    page,
    progress,
)

ERAS = ("legacy", "auto")
TOOLS = [
    "execute_query",
    "explain_query",
    "list_queries",
    "cancel_query",
    "fetch_page",
    "list_catalogs",
    "list_schemas",
    "list_tables",
    "search_tables",
    "get_table_schema",
    "get_table_stats",
    "show_create",
    "whoami",
]

Talk = Callable[[Client], Awaitable[None]]


class ServerTestCase(TestCase):
    """A server in this process with clients of both eras."""

    guard = UNRESTRICTED

    def setUp(self) -> None:
        self.loop = asyncio.get_event_loop()
        self.clock = Clock()
        self.coordinator = ScriptedCoordinator()
        self.audit = RecordingAudit()
        self.server = make_server(
            coordinator=self.coordinator,
            queries=QUERIES,
            trino=TRINO,
            principal_of=self.principal_of,
            clock=self.clock,
            loop=self.loop,
            audit=self.audit,
            guard=self.guard,
        )

    def principal_of(self, context: Any) -> Principal:
        """Say that Alice is asking."""
        return ALICE

    def talk(self, talk: Talk) -> Deferred[None]:
        """Let a client of each era talk to the server."""

        async def talks() -> None:
            for era in ERAS:
                # An error inside of the client's task group would be hard to read.
                async with Client(self.server, mode=era) as client:
                    (error,) = await asyncio.gather(
                        talk(client), return_exceptions=True
                    )
                if error is not None:
                    raise error

        return Deferred.fromFuture(self.loop.create_task(talks()))


class ListingTests(ServerTestCase):
    """What a client learns before it calls anything."""

    def test_identity(self) -> Deferred[None]:
        """The server says its name, its version and how to use it."""

        async def talk(client: Client) -> None:
            self.assertEqual(client.server_info.name, "mcp-trino")
            self.assertEqual(client.server_info.version, version("mcp-trino"))

        for word in ("read-only", "tpch.tiny", "100 rows", "1000", "300 s", "45 s"):
            self.assertIn(word, str(self.server.instructions))
        return self.talk(talk)

    def test_tools(self) -> Deferred[None]:
        """All tools are listed with valid schemas and true hints."""

        async def talk(client: Client) -> None:
            listed = (await client.list_tools()).tools
            self.assertEqual([tool.name for tool in listed], TOOLS)
            for tool in listed:
                Draft202012Validator.check_schema(tool.input_schema)
                Draft202012Validator.check_schema(tool.output_schema)
                hints = tool.annotations
                self.assertEqual(hints.read_only_hint, tool.name != "cancel_query")
                self.assertIs(hints.open_world_hint, False)
                self.assertTrue(tool.title)

        return self.talk(talk)

    def test_few_bytes(self) -> Deferred[None]:
        """What a model reads of all tools is less than 6 KB."""

        async def talk(client: Client) -> None:
            shown = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "inputSchema": tool.input_schema,
                }
                for tool in (await client.list_tools()).tools
            ]
            self.assertLess(len(json.dumps(shown, separators=(",", ":"))), 6144)

        return self.talk(talk)

    def test_may_be_kept(self) -> Deferred[None]:
        """A client may keep the list for a while, for itself."""
        kept: list[tuple[int, str]] = []

        async def talk(client: Client) -> None:
            listed = await client.list_tools()
            if client.protocol_version == "2026-07-28":
                kept.append((listed.ttl_ms, listed.cache_scope))

        talked = self.talk(talk)
        return talked.addCallback(
            lambda _: self.assertEqual(kept, [(300_000, "private")])
        )

    def test_input_schema(self) -> None:
        """The SDK gets input schemas without listing the tools."""
        schema = self.server.get_tool_input_schema("fetch_page")
        self.assertEqual(schema["required"], ["page"])
        self.assertIsNone(self.server.get_tool_input_schema("nope"))

    def test_without_defaults(self) -> None:
        """A server without a default catalog names none."""
        server = make_server(
            coordinator=self.coordinator,
            queries=QUERIES,
            trino=WITHOUT_DEFAULTS,
            principal_of=self.principal_of,
            clock=self.clock,
            loop=self.loop,
            audit=RecordingAudit(),
        )
        self.assertNotIn("names are in", str(server.instructions))
        self.assertNotIn("None", str(server.get_tool_input_schema("list_tables")))


class CallTests(ServerTestCase):
    """Calls of tools."""

    def test_rows(self) -> Deferred[None]:
        """Rows come as structured content and as text; nulls stay."""
        self.coordinator.script = {"VALUES": page({"x": "integer"}, [1], [None])}

        async def talk(client: Client) -> None:
            result = await client.call_tool("execute_query", {"query": "VALUES 1"})
            self.assertFalse(result.is_error)
            self.assertEqual(result.structured_content["rows"], [[1], [None]])
            self.assertEqual(result.content[0].text, "x\n1\n\n2 rows (integer)")
            self.assertEqual(self.coordinator.asked[-1].principal, ALICE)

        return self.talk(talk)

    def test_error(self) -> Deferred[None]:
        """An error is a result that a model reads."""

        async def talk(client: Client) -> None:
            for tool, arguments, code in (
                ("execute_query", {"query": "DROP TABLE t"}, "STATEMENT_REFUSED"),
                ("execute_query", {"sql": "x"}, "INVALID_ARGUMENT"),
                ("execute_query", None, "INVALID_ARGUMENT"),
                ("fetch_page", {"page": "x"}, "PAGE_GONE"),
            ):
                result: CallToolResult = await client.call_tool(tool, arguments)
                self.assertTrue(result.is_error)
                self.assertEqual(result.structured_content["error"]["code"], code)
                self.assertTrue(result.content[0].text.startswith(f"[{code}] "))

        return self.talk(talk)

    def test_unknown_tool(self) -> Deferred[None]:
        """A tool that does not exist is an error of the protocol."""

        async def talk(client: Client) -> None:
            try:
                await client.call_tool("nope", {})
            except MCPError as error:
                self.assertEqual(error.error.code, INVALID_PARAMS)
                self.assertEqual(error.error.message, "Unknown tool: nope")
            else:
                self.fail("was answered")

        return self.talk(talk)

    def test_cancel(self) -> Deferred[None]:
        """A call that its client gives up is canceled down to the coordinator."""

        async def talk(client: Client) -> None:
            running, canceled = asyncio.Event(), asyncio.Event()

            def execute() -> Deferred[Any]:
                running.set()
                return Deferred(lambda _: canceled.set())

            self.coordinator.script = {"VALUES": execute}
            call = asyncio.ensure_future(
                client.call_tool("execute_query", {"query": "VALUES 1"})
            )
            await running.wait()
            call.cancel()
            await canceled.wait()
            await asyncio.wait([call])

        return self.talk(talk)

    def test_progress(self) -> Deferred[None]:
        """A client that asks for it is told how far its query is."""

        async def talk(client: Client) -> None:
            running, told = asyncio.Event(), asyncio.Event()
            answer: Deferred[Any] = Deferred()
            seen: list[Any] = []

            def execute() -> Deferred[Any]:
                running.set()
                return answer

            async def callback(*values: Any) -> None:
                seen.append(values)
                told.set()

            self.coordinator.script = {"VALUES": execute}
            call = asyncio.ensure_future(
                client.call_tool(
                    "execute_query", {"query": "VALUES 1"}, progress_callback=callback
                )
            )
            await running.wait()
            self.clock.advance(1.0)
            self.coordinator.asked[-1].watch(progress("RUNNING", 25.0))
            await told.wait()
            answer.callback(page({"x": "integer"}, [1]))
            await call
            self.assertEqual(seen, [(25.0, 100.0, "RUNNING, 7 rows read")])

        return self.talk(talk)


class PrincipalTests(SynchronousTestCase):
    """Who sent a message."""

    def test_of_request(self) -> None:
        """The principal of a call is that of the HTTP request that carries it."""
        request = Request({"type": "http", PRINCIPAL: ALICE})
        context = ServerRequestContext(
            session=None,
            lifespan_context={},
            protocol_version="2026-07-28",
            method="tools/call",
            request=request,
        )
        self.assertEqual(principal_of_request(context), ALICE)


class WritingTests(ServerTestCase):
    """A server that lets statements write."""

    guard = Guard.of(GuardSettings(allow_writes=True))

    def test_listed(self) -> Deferred[None]:
        """The tool that writes is there, says so, and what it did is told."""
        self.coordinator.script = {
            "INSERT": page({"rows": "bigint"}, [3], update_type="INSERT")
        }

        async def talk(client: Client) -> None:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            hints = tools["execute_statement"].annotations
            self.assertIs(hints.destructive_hint, True)
            self.assertIs(hints.read_only_hint, False)
            self.assertIs(hints.idempotent_hint, False)
            result = await client.call_tool(
                "execute_statement", {"query": "INSERT INTO t VALUES 1, 2, 3"}
            )
            self.assertEqual(
                result.structured_content,
                {"done": "INSERT", "row_count": 3, "query_id": QUERY_ID},
            )
            known = await client.call_tool("whoami", {})
            self.assertIs(known.structured_content["read_only"], False)

        self.assertIn("execute_statement", str(self.server.instructions))
        return self.talk(talk)
