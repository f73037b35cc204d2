"""
A client made with the Python SDK 1: ``python_1.py MODE URL``.

MODE is ``streamable`` or ``sse``.
"""

import asyncio
import sys
from typing import Any

from conversation import converse
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


async def _main(mode: str, url: str) -> None:
    transport: Any = {"streamable": streamable_http_client, "sse": sse_client}[mode]
    async with (
        transport(url) as (reader, writer, *_),
        ClientSession(reader, writer) as session,
    ):
        agreed = await session.initialize()
        await converse(session, str(agreed.protocolVersion))


asyncio.run(_main(*sys.argv[1:]))
