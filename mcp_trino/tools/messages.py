"""
From a message of a client to the tool that answers it.

Resources, prompts and completions are answers of tools in other clothes: what
decides on a call, and what is recorded of it, is the same for all of them.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_trino.interfaces import Watch
from mcp_trino.principal import Principal
from mcp_trino.tools.calls import Calls
from mcp_trino.tools.tool import Reply, Tool

PRINCIPAL = "mcp_trino.principal"
"""The key of an ASGI scope that holds the ``Principal`` of its request."""

Context = ServerRequestContext[Any, Any]
PrincipalOf = Callable[[Context], Principal]

_CALLERS_FAULT = frozenset(
    {
        "INVALID_ARGUMENT",
        "STATEMENT_REFUSED",
        "PAGE_GONE",
        "CATALOG_NOT_FOUND",
        "SCHEMA_NOT_FOUND",
        "TABLE_NOT_FOUND",
    }
)


def principal_of_request(context: Context) -> Principal:
    """Give who sent the HTTP request that carries a message."""
    request: Any = context.request
    principal: Principal = request.scope[PRINCIPAL]
    return principal


@define(eq=False)
class Messages:
    """
    Calls tools for the sender of a message.

    :ivar tools: by their names.
    """

    tools: Mapping[str, Tool]
    _calls: Calls = field(repr=False)
    _principal_of: PrincipalOf = field(repr=False)
    _loop: AbstractEventLoop = field(repr=False)

    async def reply(
        self,
        context: Context,
        tool: str,
        arguments: Mapping[str, Any],
        watch: Watch | None = None,
    ) -> Reply:
        """
        Call a tool and give its answer, also when that is an error.

        :raise MCPError: there is no such tool.
        """
        if tool not in self.tools:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {tool:.100}")
        return await self._calls.call(
            self.tools[tool],
            arguments,
            self._principal_of(context),
            watch,
            **_message(context),
        ).asFuture(self._loop)

    async def answer(
        self, context: Context, tool: str, arguments: Mapping[str, Any]
    ) -> Reply:
        """
        Call a tool for what is not a call of a tool to the client.

        :raise MCPError: the call failed; ``INVALID_PARAMS`` when what was asked
            for does not exist or may not be seen.
        """
        reply = await self.reply(context, tool, arguments)
        if reply.failure is not None:
            theirs = reply.failure in _CALLERS_FAULT
            code = INVALID_PARAMS if theirs else INTERNAL_ERROR
            raise MCPError(code, reply.text)
        return reply


def _message(context: Context) -> dict[str, str | None]:
    """Give what the record tells of a message: where it came from."""
    headers = getattr(context.request, "headers", {})
    return {
        "session": headers.get("mcp-session-id"),
        "request": None if context.request_id is None else str(context.request_id),
    }


def records(reply: Reply) -> list[dict[str, Any]]:
    """Give the rows of an answer by the names of their columns."""
    names = [name for name, _ in reply.structured["columns"]]
    return [dict(zip(names, row, strict=True)) for row in reply.structured["rows"]]
