"""
A lean MCP client: both eras of Streamable HTTP over one kept connection.

It is not the SDK's, because a client that costs more than the server would
hide what the server costs.
"""

import json
from collections.abc import Mapping
from enum import Enum
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Self

from attrs import Factory, define, field

from bench.references import Address, WrongAnswer, counted

_CLIENT = {"name": "bench", "version": "1"}
_DEFAULT_ROWS = 1_000


class Era(Enum):
    """The revision that is spoken."""

    HANDSHAKE = "2025-11-25"
    STATELESS = "2026-07-28"


@define(eq=False)
class MCPClient:
    """
    One MCP client.

    :ivar bytes_read: bytes of all bodies so far.
    """

    _server: Address
    _era: Era
    bytes_read: int = 0
    _sent: int = 0
    _headers: dict[str, str] = Factory(dict)
    _stream: HTTPResponse | None = None
    _connection: HTTPConnection = field(
        default=Factory(
            lambda self: HTTPConnection(
                self._server.host, self._server.port, timeout=120
            ),
            takes_self=True,
        )
    )

    @classmethod
    def open(
        cls, server: Address, era: Era, headers: Mapping[str, str] | None = None
    ) -> Self:
        """
        Connect and, in the handshake era, begin a session.

        :param headers: sent with every request, a credential for example.
        """
        client = cls(server, era)
        client._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **(headers or {}),
        }
        if era is Era.HANDSHAKE:
            client._shake_hands()
        else:
            client._headers["MCP-Protocol-Version"] = era.value
        return client

    def query(self, sql: str, rows: int) -> list[Any]:
        """Run a statement by ``execute_query`` and read on by ``fetch_page``."""
        wanted = {"max_rows": rows} if rows > _DEFAULT_ROWS else {}
        page = self.call("execute_query", query=sql, **wanted)
        result = page.get("rows", [])
        while handle := page.get("next_page"):
            page = self.call("fetch_page", page=handle)
            result += page.get("rows", [])
        return counted(result, rows)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """
        Call a tool and give its structured content.

        :raise WrongAnswer: the tool says that it failed.
        """
        structured: dict[str, Any] = self.result(tool, **arguments)["structuredContent"]
        return structured

    def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """
        Call a tool and give its whole result.

        :raise WrongAnswer: the tool says that it failed.
        """
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise WrongAnswer(f"{tool}: {result['content'][0]['text']}")
        return result

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """
        Send a request and give the result of its answer.

        :raise WrongAnswer: the answer is an error.
        """
        self.send(method, params)
        return self._receive()

    def send(self, method: str, params: dict[str, Any]) -> None:
        """Send a request without waiting for the answer."""
        self._sent += 1
        message = {"jsonrpc": "2.0", "id": self._sent, "method": method}
        headers = self._headers
        if self._era is Era.STATELESS:
            params = params | {
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": self._era.value,
                    "io.modelcontextprotocol/clientInfo": _CLIENT,
                    "io.modelcontextprotocol/clientCapabilities": {},
                }
            }
            headers = headers | {"Mcp-Method": method}
            if "name" in params:
                headers["Mcp-Name"] = params["name"]
        self._post(message | {"params": params}, headers)

    def listen(self) -> None:
        """
        Open the stream of the session, in the handshake era.

        :raise WrongAnswer: the server opens none.
        """
        self._connection.request("GET", "/mcp", headers=self._headers)
        self._stream = self._response()

    def hang_up(self) -> None:
        """Close the connection; a session stays."""
        self._connection.close()

    def close(self) -> None:
        """End the session, if there is one, and close the connection."""
        if "Mcp-Session-Id" in self._headers:
            self._connection.close()
            self._connection.request("DELETE", "/mcp", headers=self._headers)
            self._connection.getresponse().read()
        self._connection.close()

    def _shake_hands(self) -> None:
        params = {
            "protocolVersion": Era.HANDSHAKE.value,
            "capabilities": {},
            "clientInfo": _CLIENT,
        }
        self.send("initialize", params)
        response = self._response()
        session = response.headers["Mcp-Session-Id"]
        self._result(response)
        self._headers |= {
            "Mcp-Session-Id": session,
            "MCP-Protocol-Version": Era.HANDSHAKE.value,
        }
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        self._post(initialized, self._headers)
        self._response().read()

    def _post(self, message: dict[str, Any], headers: dict[str, str]) -> None:
        self._connection.request("POST", "/mcp", json.dumps(message).encode(), headers)

    def _response(self) -> HTTPResponse:
        response = self._connection.getresponse()
        if response.status not in {200, 202}:
            raise WrongAnswer(f"HTTP {response.status}: {response.read()!r}")
        return response

    def _receive(self) -> dict[str, Any]:
        return self._result(self._response())

    def _result(self, response: HTTPResponse) -> dict[str, Any]:
        content = response.read()
        self.bytes_read += len(content)
        if response.headers["Content-Type"].startswith("text/event-stream"):
            messages = [
                json.loads(line[5:])
                for line in content.splitlines()
                if line.startswith(b"data:") and line[5:].strip()
            ]
        else:
            messages = [json.loads(content)]
        for message in messages:
            if message.get("id") == self._sent:
                if "error" in message:
                    raise WrongAnswer(str(message["error"]))
                result: dict[str, Any] = message["result"]
                return result
        raise WrongAnswer(f"no answer in {content[:200]!r}")
