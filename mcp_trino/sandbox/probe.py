"""
Readiness of a Trino: a query through its protocol that succeeds.

For about half a second after the server says that it has started, queries
still fail for want of a node. The server's own Python client is left to the
rooms that talk to it for people.
"""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 10.0
_HEADERS = {"X-Trino-User": "sandbox", "X-Trino-Source": "mcp-trino-sandbox"}


def runs_queries(port: int) -> bool:
    """
    Say whether the Trino on this port of the loopback interface runs a query.

    It blocks as long as the query runs, 10 s at most for each request.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        answer = _ask(connection, "POST", "/v1/statement", "SELECT 1")
        while "nextUri" in answer:
            path = urlsplit(answer["nextUri"]).path
            answer = _ask(connection, "GET", path, None)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return "error" not in answer


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None
) -> dict[str, Any]:
    connection.request(method, path, body, _HEADERS)
    response = connection.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise ConnectionRefusedError(response.status)
    answer: dict[str, Any] = json.loads(content)
    return answer
