"""What an operator has decided: frozen values, one class a room."""

from enum import Enum
from pathlib import Path

from attrs import field, frozen

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine that only its own programs can mean, as in URLs."""


class Transport(Enum):
    """How clients reach the server (``MCP_TRANSPORT``)."""

    STDIO = "stdio"
    HTTP = "http"


@frozen
class TrinoSettings:
    """
    Where Trino is and how this server shows itself there.

    :ivar scheme: ``http`` or ``https``.
    :ivar user: the service user, sent as ``X-Trino-User``.
    :ivar password: for HTTP Basic; only ever sent over ``https``.
    :ivar catalog: the default catalog of statements, ``None`` for none.
    :ivar schema: the default schema, ``None`` for none.
    :ivar source: sent as ``X-Trino-Source``.
    :ivar ca_file: certificates to trust instead of the system's.
    :ivar verify: ``False`` accepts any certificate (``TRINO_SSL_INSECURE``).
    :ivar request_timeout_seconds: bound of one HTTP request, not of a query.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    catalog: str | None
    schema: str | None
    source: str
    ca_file: Path | None
    verify: bool
    request_timeout_seconds: float


@frozen
class QuerySettings:
    """
    The bounds of queries and of their results.

    :ivar timeout_seconds: wall time of a query; a call may ask for less.
    :ivar wait_seconds: after that long without a row a call answers with the
        state of its query and a handle.
    :ivar max_rows: the most rows that one page may carry.
    :ivar default_rows: rows of a page when the call names no number.
    :ivar max_bytes: bytes of the rows of a page as compact JSON.
    :ivar max_cell_chars: characters of one cell.
    :ivar result_ttl_seconds: how long an open result waits for the next call.
    :ivar open_results: open results of the whole process.
    :ivar open_results_per_principal: open results of one principal.
    :ivar concurrency: queries under way at once.
    :ivar queue: calls that may wait for a place.
    :ivar quick_threads: threads for the first steps of every query.
    :ivar slow_threads: threads for queries that turned out to take long.
    """

    timeout_seconds: float
    wait_seconds: float
    max_rows: int
    default_rows: int
    max_bytes: int
    max_cell_chars: int
    result_ttl_seconds: float
    open_results: int
    open_results_per_principal: int
    concurrency: int
    queue: int
    quick_threads: int
    slow_threads: int


@frozen
class TLSSettings:
    """PEM files of this server's own certificate chain and key."""

    certificate_file: Path
    key_file: Path


@frozen
class WebSettings:
    """
    How the server is reached by HTTP and what one client may use of it.

    :ivar listen: Twisted server endpoint strings, without TLS.
    :ivar tls: served on all of ``listen`` when given.
    :ivar public_url: the origin that people type, without a trailing slash.
    :ivar allowed_hosts: names that a ``Host`` header may carry, in lower case,
        a port after them only where it must be that one.
    :ivar allowed_origins: values that an ``Origin`` header may have besides
        those of ``allowed_hosts``.
    :ivar max_body_bytes: bytes of one request's body.
    :ivar body_budget_bytes: bytes of all bodies being received at once.
    :ivar max_connections: connections open at once.
    :ivar header_timeout_seconds: time for a request's line and headers.
    :ivar body_timeout_seconds: time for a request's body.
    :ivar idle_timeout_seconds: time that a kept-alive connection may be idle.
    :ivar write_timeout_seconds: time that a client may leave its answer unread.
    :ivar max_sessions: sessions of the handshake era and of ``/sse``.
    :ivar max_streams: event streams open at once.
    :ivar session_idle_seconds: a session without a request or stream ends then.
    :ivar disconnect_grace_seconds: a call of the handshake era whose client
        has gone is canceled after that time.
    :ivar shutdown_grace_seconds: running calls may finish for that time when
        the server stops.
    """

    listen: tuple[str, ...]
    tls: TLSSettings | None
    public_url: str
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    max_body_bytes: int
    body_budget_bytes: int
    max_connections: int
    header_timeout_seconds: float
    body_timeout_seconds: float
    idle_timeout_seconds: float
    write_timeout_seconds: float
    max_sessions: int
    max_streams: int
    session_idle_seconds: float
    disconnect_grace_seconds: float
    shutdown_grace_seconds: float


@frozen
class Settings:
    """All of them."""

    transport: Transport
    trino: TrinoSettings
    queries: QuerySettings
    web: WebSettings
