"""The server on standard input and output, for one assistant on this machine."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from threading import Thread
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from twisted.internet.defer import Deferred


def serve_stdio(server: Server[Any], loop: asyncio.AbstractEventLoop) -> Deferred[None]:
    """
    Serve until the client closes standard input; standard output is its alone.

    The principal of all calls is ``local_principal`` of the Trino user: give
    ``make_server`` a function that says so.

    :param loop: the running event loop, the one of the reactor.
    :return: fires when the client has gone and its calls were canceled.
        Canceling it cancels the calls under way and ends the service.
    """
    return Deferred.fromFuture(loop.create_task(_serve(server, loop)))


async def _serve(server: Server[Any], loop: asyncio.AbstractEventLoop) -> None:
    lines: Any = _lines(loop)
    async with stdio_server(stdin=lines) as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _lines(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[bytes]:
    """
    Give the lines of standard input; canceling this is prompt.

    Nothing ends a read that a thread waits in, and the SDK's own reader holds
    up the end of the process for it: a signal would end nothing before the
    client does. This thread may be left behind.
    """
    queue: asyncio.Queue[bytes] = asyncio.Queue(1)

    def read() -> None:
        with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as lines:
            for line in iter(lines.readline, b""):
                put(line)
        put(b"")

    def put(line: bytes) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    Thread(target=read, name="standard input", daemon=True).start()
    while line := await queue.get():
        yield line
