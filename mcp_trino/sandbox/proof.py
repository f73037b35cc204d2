"""
The proof that a sandbox works: a query through MCP, as any client asks it.

It runs in the asyncio loop of the server that it asks, by the official SDK.
"""

import asyncio
from urllib.parse import parse_qsl, urlsplit

from httpx2 import AsyncClient
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from mcp_types import TextContent
from twisted.internet.defer import Deferred

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox.browser import Browser

QUERY = (
    "SELECT n.name AS nation, r.name AS region FROM tpch.tiny.nation n "
    "JOIN tpch.tiny.region r USING (regionkey) ORDER BY nation LIMIT 3"
)

_TIMEOUT_SECONDS = 60.0
# Nobody listens there: the browser stops before it.
_CALLBACK = "http://127.0.0.1:1/callback"


def prove(
    url: str, loop: asyncio.AbstractEventLoop, person: str | None = None
) -> Deferred[str]:
    """
    Ask ``QUERY`` of the server at a URL.

    :param loop: the event loop of the reactor.
    :param person: who logs in for it, ``None`` where nobody has to.
    :return: the answer as text.
    :raise SandboxFailed: the server answers something else.
    """
    return Deferred.fromFuture(loop.create_task(_ask(url, person)))


async def _ask(url: str, person: str | None) -> str:
    login = _Login(person).of_client(url) if person else None
    # The environment may name a proxy, which knows nothing of this machine.
    async with (
        AsyncClient(auth=login, trust_env=False, timeout=_TIMEOUT_SECONDS) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool("execute_query", {"query": QUERY})
    text = "\n".join(
        block.text for block in result.content if isinstance(block, TextContent)
    )
    if result.is_error:
        raise SandboxFailed(f"the server answers: {text}")
    return text


class _Login(TokenStorage):
    """A person at her browser, and the memory of her client."""

    def __init__(self, person: str) -> None:
        self._browser = Browser(person)
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None
        self._answer: dict[str, str] = {}

    def of_client(self, url: str) -> OAuthClientProvider:
        """Give what logs in at a server when it asks for it."""
        metadata = OAuthClientMetadata.model_validate(
            {
                "client_name": "the sandbox itself",
                "redirect_uris": [_CALLBACK],
                "token_endpoint_auth_method": "none",
            }
        )
        return OAuthClientProvider(url, metadata, self, self._show, self._come_back)

    async def _show(self, url: str) -> None:
        visit = await asyncio.to_thread(self._browser.visit, url, _CALLBACK)
        self._answer = dict(parse_qsl(urlsplit(visit.url).query))
        if "code" not in self._answer:
            raise SandboxFailed(f"the login ends at {visit.url}: {visit.page}")

    async def _come_back(self) -> AuthorizationCodeResult:
        answer = self._answer
        return AuthorizationCodeResult(
            code=answer["code"], state=answer.get("state"), iss=answer.get("iss")
        )

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info
