"""The server on standard input and output, for one assistant on this machine."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from threading import Thread
from typing import Any

from attrs import define, field
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure


@define(eq=False)
class StdioService(Service):
    """
    Serves one client; the process ends with it.

    All calls are of ``local_principal``: the server is made with that.
    """

    _server: Server[Any] = field(repr=False)
    _loop: asyncio.AbstractEventLoop = field(repr=False)
    _reactor: Any = field(repr=False)
    _serving: Deferred[None] = field(init=False, repr=False)
    _log = Logger()

    def startService(self) -> None:
        """Begin to serve."""
        super().startService()
        self._serving = serve_stdio(self._server, self._loop)
        self._serving.addErrback(self._failed).addBoth(lambda _: self._end())

    def stopService(self) -> Deferred[None]:
        """Cancel the calls under way."""
        super().stopService()
        self._serving.cancel()
        return self._serving

    def _failed(self, failure: Failure) -> None:
        if self.running:
            self._log.failure("standard input and output failed", failure=failure)

    def _end(self) -> None:
        if self.running:
            self._reactor.stop()


def serve_stdio(server: Server[Any], loop: asyncio.AbstractEventLoop) -> Deferred[None]:
    """
    Serve until the client closes standard input; standard output is its alone.

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
