"""The server on standard input and output, for one assistant on this machine."""

from asyncio import AbstractEventLoop
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from twisted.internet.defer import Deferred


def serve_stdio(server: Server[Any], loop: AbstractEventLoop) -> Deferred[None]:
    """
    Serve until the client closes standard input; standard output is its alone.

    The principal of all calls is ``local_principal`` of the Trino user: give
    ``make_server`` a function that says so.

    :param loop: the running event loop, the one of the reactor.
    :return: fires when the client has gone and its calls were canceled.
        Canceling it cancels the calls under way and ends the service.
    """
    return Deferred.fromFuture(loop.create_task(_serve(server)))


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
