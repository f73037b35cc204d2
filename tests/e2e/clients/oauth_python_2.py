"""
A client made with the Python SDK 2 that logs in by OAuth.

``oauth_python_2.py MODE TARGET…``: MODE is ``auto``, ``legacy`` or ``sse``, TARGET
the URL of the server; or MODE is ``stdio`` and TARGET a command that logs in itself.
Calls and answers are those of ``oauth_session.cjs``.
"""

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

_CALLBACK = "http://127.0.0.1:1/callback"
_SECONDS = 60


class _Memory:
    """Keeps tokens for the life of the process."""

    tokens: OAuthToken | None = None
    information: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.information

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.information = client_info


class _Person:
    """Is shown a page, and comes back with a code."""

    answer: dict[str, list[str]]

    async def show(self, url: str) -> None:
        browser = await asyncio.create_subprocess_exec(
            os.environ["BROWSER"], url, _CALLBACK, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await browser.communicate()
        self.answer = parse_qs(urlsplit(output.decode().strip()).query)

    async def come_back(self) -> AuthorizationCodeResult:
        values = {name: value for name, [value] in self.answer.items()}
        if "code" not in values:
            raise RuntimeError(f"no code: {values}")
        return AuthorizationCodeResult(
            code=values["code"], state=values.get("state"), iss=values.get("iss")
        )


def _login(url: str) -> OAuthClientProvider:
    person = _Person()
    metadata = OAuthClientMetadata(
        client_name="mcp-trino's tests",
        redirect_uris=[_CALLBACK],
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(url, metadata, _Memory(), person.show, person.come_back)


async def _serve(server: Any, mode: str) -> None:
    """Connect at the first call, so that what fails then is an answer, too."""
    client: Client | None = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer: dict[str, Any]
        try:
            if client is None:
                client = await Client(server, mode=mode).__aenter__()
            result = await client.call_tool(**json.loads(line))
            answer = result.model_dump(by_alias=True, mode="json")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
            answer = {"error": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    if client is not None:
        await client.__aexit__(None, None, None)


async def _main(mode: str, target: str, *arguments: str) -> None:
    if mode == "stdio":
        await _serve(
            StdioServerParameters(
                command=target, args=[*arguments], env=dict(os.environ)
            ),
            "auto",
        )
        return
    async with httpx2.AsyncClient(
        auth=_login(target), timeout=_SECONDS, follow_redirects=True
    ) as http:
        if mode == "sse":
            await _serve(sse_client(target, auth=http.auth), "legacy")
        else:
            await _serve(streamable_http_client(target, http_client=http), mode)


asyncio.run(_main(*sys.argv[1:]))
