"""What goes wrong on the way to Trino, as the errors that callers know."""

import re
from http import HTTPStatus
from typing import Protocol

from attrs import frozen
from trino.exceptions import TrinoQueryError

from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    QueryCanceled,
    StatementFailed,
)

_POSITION = re.compile(r"^line \d+:\d+: ")
_CANCELED = frozenset(
    {"USER_CANCELED", "ADMINISTRATIVELY_KILLED", "ADMINISTRATIVELY_PREEMPTED"}
)
_STARTING = frozenset({"SERVER_STARTING_UP", "NO_NODES_AVAILABLE"})
_BUSY_STATUSES = frozenset({429, 502, 503, 504})
_MAX_RETRY_AFTER_SECONDS = 5.0
NOT_TRINO = "what answers at Trino's address does not speak Trino's protocol"
_MAX_DETAIL_CHARS = 300


@frozen
class Transient(Exception):
    """
    The request may be sent again: nothing runs twice by it.

    :ivar message: for the assistant when the last attempt fails.
    :ivar retry_after_seconds: what the server asked for, 0 for nothing.
    """

    message: str
    retry_after_seconds: float = 0.0

    def __str__(self) -> str:
        return self.message


@frozen
class Gone(Exception):
    """Trino does not know that page or query any more."""

    def __str__(self) -> str:
        return "Trino does not know this query any more; it may have been restarted"


class HTTPAnswer(Protocol):
    """An HTTP response, read to its end."""

    status_code: int
    content: bytes

    def header(self, name: str) -> str:
        """Give a header's value, empty when there is none."""


def of_status(answer: HTTPAnswer) -> Exception:
    """Say what an HTTP status means that is not a success."""
    status = answer.status_code
    if status in _BUSY_STATUSES:
        return Transient(
            f"Trino answers HTTP {status}: it is overloaded or starts up; "
            "try again in a moment",
            _retry_after(answer.header("Retry-After")),
        )
    if status in (401, 403):
        return CoordinatorRefused(
            status,
            f"Trino refuses the access of this server: HTTP {status}{_detail(answer)}",
        )
    if status in (404, 410):
        return Gone()
    if status == HTTPStatus.BAD_REQUEST:
        return StatementFailed(
            "BAD_REQUEST", "USER_ERROR", f"Trino refuses the request{_detail(answer)}"
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return CoordinatorUnreachable(
            f"Trino's address answers with a redirect (HTTP {status}), which is not "
            "followed; scheme, host and port must be those of the coordinator"
        )
    return CoordinatorUnreachable(f"Trino answers HTTP {status}")


def of_query(error: TrinoQueryError) -> Exception:
    """Say what an error means that Trino reports of a query."""
    name = error.error_name or "UNKNOWN"
    message = str(error.message)
    if name in _CANCELED:
        return QueryCanceled(message, error.query_id)
    if name in _STARTING:
        return CoordinatorUnreachable(
            "Trino is starting up and has no workers yet; try again in a few seconds"
        )
    if name == "ABANDONED_QUERY":
        return Gone()
    line, column = error.error_location or (None, None)
    return StatementFailed(
        name=name,
        type=error.error_type or "INTERNAL_ERROR",
        message=_POSITION.sub("", message),
        query_id=error.query_id,
        line=line,
        column=column,
    )


def _retry_after(value: str) -> float:
    """Read RFC 9110 section 10.2.3, seconds only, bounded."""
    return min(float(value), _MAX_RETRY_AFTER_SECONDS) if value.isdecimal() else 0.0


def _detail(answer: HTTPAnswer) -> str:
    """Quote an answer in plain text, which Trino writes for people."""
    if not answer.header("Content-Type").startswith("text/plain"):
        return ""
    text = answer.content[:_MAX_DETAIL_CHARS].decode(errors="replace")
    return ": " + " ".join(text.split())
