"""Two people who use one client share nothing at the server."""

import http.client
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import trino.dbapi
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.e2e.in_task import TaskTestCase, in_task
from tests.e2e.oidc_provider import start_oidc_provider
from tests.e2e.test_tokens import ask, wait_until_ready
from tests.e2e.trino_queries import endless_statement
from tests.ports import free_port
from tests.real_trino import real_trino
from tests.web.serving import INITIALIZE, JSON_HEADERS, rpc

Headers = dict[str, str]


def queries_of(person: str) -> int:
    """Say how many queries Trino has run for a person."""
    address = real_trino().rpartition("/")[2].split(":")
    cursor = trino.dbapi.connect(
        host=address[0], port=int(address[1]), user="observer"
    ).cursor()
    cursor.execute(
        'SELECT count(*) FROM system.runtime.queries WHERE "user" = ?', (person,)
    )
    return int(cursor.fetchone()[0])


class TwoPeopleTests(TaskTestCase):
    """A provider, one client of it, and a server where people are impersonated."""

    def setUp(self) -> None:
        """Log both in."""
        self.provider = start_oidc_provider()
        self.addCleanup(self.provider.close)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start_server(
            port=self.port,
            MCP_URL=self.url,
            OAUTH_ENABLED="true",
            OAUTH_PROVIDER="oidc",
            OIDC_ISSUER=self.provider.issuer,
            TRINO_ENABLE_IMPERSONATION="true",
            TRINO_IMPERSONATION_FIELD="subject",
            TRINO_QUERY_WAIT="0.5",
        )
        wait_until_ready(self.port)
        mark = uuid4().hex[:8]
        self.people = [f"{name}-{mark}" for name in ("alice", "bob")]

    def headers(self, person: str, path: str = "/mcp") -> Headers:
        """Give what shows who somebody is."""
        token = self.provider.login(f"{self.url}{path}", person)["access_token"]
        return {"Authorization": f"Bearer {token}"}

    async def converse(self, connect: Callable[[Headers], Client], path: str) -> None:
        """Let one try to get at what is the other's, both being connected."""
        async with AsyncExitStack() as stack:
            alice, bob = [
                await stack.enter_async_context(connect(self.headers(person, path)))
                for person in self.people
            ]
            for client, person in zip((alice, bob), self.people, strict=True):
                me = await _call(client, "whoami")
                self.assertEqual([me["subject"], me["trino_user"]], [person, person])
            await self.try_pages(alice, bob)
            await self.try_queries(alice, bob)
            await self.try_answers(alice, bob)

    async def try_pages(self, alice: Client, bob: Client) -> None:
        """A handle is good for who got it."""
        values = "SELECT x FROM UNNEST(sequence(1, 9)) t(x)"
        page = await _call(alice, "execute_query", query=values, max_rows=3)
        handle = page["next_page"]
        stolen = await _call(bob, "fetch_page", page=handle)
        self.assertEqual(stolen["error"]["code"], "PAGE_GONE")
        page = await _call(alice, "fetch_page", page=handle)
        self.assertEqual(len(page["rows"]), 3)

    async def try_queries(self, alice: Client, bob: Client) -> None:
        """A running query is seen and canceled by who began it."""
        statement = endless_statement()
        begun = await _call(alice, "execute_query", query=statement)
        query_id = begun["query_id"]
        listed = await _call(bob, "list_queries")
        self.assertEqual(listed["rows"], [])
        refused = await _call(bob, "cancel_query", query_id=query_id)
        self.assertEqual(refused["error"]["code"], "QUERY_NOT_FOUND")
        stolen = await _call(bob, "fetch_page", page=begun["next_page"])
        self.assertEqual(stolen["error"]["code"], "PAGE_GONE")
        listed = await _call(alice, "list_queries")
        self.assertEqual([row[0] for row in listed["rows"]], [query_id])
        done = await _call(alice, "cancel_query", query_id=query_id)
        self.assertEqual(done, {"canceled": query_id})

    async def try_answers(self, alice: Client, bob: Client) -> None:
        """What the server remembers of Trino's answers it remembers for one person."""
        search = {"text": "nation", "catalog": "tpch"}
        await _call(alice, "search_tables", **search)
        known = queries_of(self.people[0])
        before = queries_of(self.people[1])
        await _call(alice, "search_tables", **search)
        self.assertEqual(queries_of(self.people[0]), known)
        await _call(bob, "search_tables", **search)
        self.assertGreater(queries_of(self.people[1]), before)

    @in_task
    async def test_stateless(self) -> None:
        """Clients of 2026-07-28."""
        await self.converse(lambda headers: self.client(headers, "2026-07-28"), "/mcp")

    @in_task
    async def test_handshake(self) -> None:
        """Clients of the era before."""
        await self.converse(lambda headers: self.client(headers, "legacy"), "/mcp")

    @in_task
    async def test_sse(self) -> None:
        """Clients of the transport of 2024-11-05."""

        def connect(headers: Headers) -> Client:
            return Client(sse_client(f"{self.url}/sse", headers=headers), mode="legacy")

        await self.converse(connect, "/sse")

    def client(self, headers: Headers, mode: Any) -> Client:
        """Connect to the endpoint of the protocol."""
        web = create_mcp_http_client(headers=headers)
        transport = streamable_http_client(f"{self.url}/mcp", http_client=web)
        return Client(transport, mode=mode)

    def test_session(self) -> None:
        """A session's id is of no use to another person."""
        alice, bob = [self.headers(person) for person in self.people]
        opened = ask(
            self.port,
            "POST",
            "/mcp",
            headers={**JSON_HEADERS, **alice},
            data=INITIALIZE,
        )
        session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
        for who, status in ((bob, 404), (alice, 200)):
            headers = {**JSON_HEADERS, **session, **who}
            answer = ask(
                self.port, "POST", "/mcp", headers=headers, data=rpc("ping", id=1)
            )
            self.assertEqual(answer.status, status)
        for method in ("DELETE", "GET"):
            headers = {**JSON_HEADERS, **session, **bob}
            self.assertEqual(
                ask(self.port, method, "/mcp", headers=headers).status, 404
            )

    def test_sse_session(self) -> None:
        """Nor is that of the older transport."""
        alice, bob = [self.headers(person, "/sse") for person in self.people]
        stream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(stream.close)
        stream.request("GET", "/sse", headers={"Accept": "text/event-stream", **alice})
        response = stream.getresponse()
        found = None
        while found is None:
            found = re.search(rb"data: (\S*session_id=\S*)", response.readline())
        path = found[1].decode()
        for who, status in ((bob, 404), (alice, 202)):
            headers = {**JSON_HEADERS, **who}
            answer = ask(self.port, "POST", path, headers=headers, data=INITIALIZE)
            self.assertEqual(answer.status, status)


async def _call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    return dict(result.structured_content or {})
