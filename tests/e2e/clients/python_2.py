"""
A client made with the Python SDK 2.

``python_2.py MODE TARGET…``: MODE is ``auto``, ``legacy``, a protocol revision
or ``sse``, TARGET the URL of the server; or MODE is ``stdio`` and TARGET a command.
"""

import asyncio
import os
import sys
from typing import Any

from conversation import converse
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client


def _process(command: str, *arguments: str) -> StdioServerParameters:
    environment = dict(os.environ)
    return StdioServerParameters(command=command, args=[*arguments], env=environment)


async def _main(mode: str, target: str, *arguments: str) -> None:
    server: Any = target
    if mode == "sse":
        server, mode = sse_client(target), "legacy"
    elif mode == "stdio":
        server, mode = _process(target, *arguments), "auto"
    async with Client(server, mode=mode) as client:
        await converse(client, client.protocol_version)


asyncio.run(_main(*sys.argv[1:]))
