"""
The proof that a sandbox works: a query through MCP, as any client asks it.

It runs in the asyncio loop of the server that it asks, by the official SDK.
"""

import asyncio

from httpx2 import AsyncClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent
from twisted.internet.defer import Deferred

from mcp_trino.errors import SandboxFailed

QUERY = (
    "SELECT n.name AS nation, r.name AS region FROM tpch.tiny.nation n "
    "JOIN tpch.tiny.region r USING (regionkey) ORDER BY nation LIMIT 3"
)

_TIMEOUT_SECONDS = 60.0


def prove(url: str, loop: asyncio.AbstractEventLoop) -> Deferred[str]:
    """
    Ask ``QUERY`` of the server at a URL.

    :param loop: the event loop of the reactor.
    :return: the answer as text.
    :raise SandboxFailed: the server answers something else.
    """
    return Deferred.fromFuture(loop.create_task(_ask(url)))


async def _ask(url: str) -> str:
    # The environment may name a proxy, which knows nothing of this machine.
    async with (
        AsyncClient(trust_env=False, timeout=_TIMEOUT_SECONDS) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool("execute_query", {"query": QUERY})
    text = "\n".join(
        block.text for block in result.content if isinstance(block, TextContent)
    )
    if result.is_error:
        raise SandboxFailed(f"the server answers: {text}")
    return text
