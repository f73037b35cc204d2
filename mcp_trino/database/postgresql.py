"""PostgreSQL: a store that replicas on several machines share."""

import re
import select
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from attrs import define, field
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mcp_trino.errors import ConfigurationError, Undecidable

_LOCAL = ("localhost", "127.0.0.1", "::1")
_DEFAULTS = {
    "connect_timeout": "5",
    # In milliseconds: also a database that is cut off is given up in time.
    "tcp_user_timeout": "5000",
    "options": "-c statement_timeout=5000",
    "application_name": "mcp-trino",
}
# Nobody but the server that the certificate names, unless the URL says so.
_VERIFY = {"sslmode": "verify-full", "sslrootcert": "system"}

_EXISTS = "SELECT to_regclass('mcp_trino_store')"
# Without the lock two who create it at once disturb each other.
_CREATE = """
    SELECT pg_advisory_xact_lock(7710415309);
    CREATE TABLE IF NOT EXISTS mcp_trino_store (
        key bytea PRIMARY KEY,
        value bytea NOT NULL,
        expires_at double precision NOT NULL
    );
    CREATE INDEX IF NOT EXISTS mcp_trino_store_expires_at
        ON mcp_trino_store (expires_at)
"""
_PARAMETER = re.compile(r":(\w+)")


@define(eq=False)
class PostgreSQL:
    """
    A database of a PostgreSQL server; connections that break are made anew.

    :ivar url: a connection URI of libpq, ``postgresql://user:password@host/name``.
        Over a network its server is verified (``sslmode=verify-full`` with the
        system's certificates) unless the URL has an ``sslmode`` of its own.
    """

    _url: str = field(repr=False)
    _conninfo: str = field(init=False, repr=False)
    _idle: "deque[psycopg.Connection[Any]]" = field(
        init=False, factory=deque, repr=False
    )

    threads = 8
    is_shared = True

    def open(self) -> None:
        """
        Connect to nobody yet: a server that is not there now may come later.

        :raise ConfigurationError: the URL is none.
        """
        self._conninfo = conninfo(self._url)

    def run(self, statement: str, parameters: dict[str, Any]) -> bytes | None:
        """
        Run a statement for good and give the first value of its first row.

        :raise Undecidable: the server is not there or does not do it.
        """
        sql = _PARAMETER.sub(r"%(\1)s", statement)
        try:
            connection = self._idle_connection() or self._connect()
            with _closed_if_it_fails(connection):
                cursor = connection.execute(sql, parameters, binary=True)
                row = cursor.fetchone() if cursor.description else None
        except psycopg.Error as error:
            [reason, *_] = str(error).splitlines() or [type(error).__name__]
            raise Undecidable(f"the store: {reason}") from None
        self._idle.append(connection)
        return bytes(row[0]) if row else None

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = psycopg.connect(self._conninfo, autocommit=True)
        with _closed_if_it_fails(connection):
            row = connection.execute(_EXISTS).fetchone()
            if row is None or row[0] is None:
                connection.execute(_CREATE)
        return connection

    def _idle_connection(self) -> "psycopg.Connection[Any] | None":
        while self._idle:
            connection = self._idle.pop()
            # The server says nothing unasked, unless it ends the connection.
            waiting = select.poll()
            waiting.register(connection.fileno(), select.POLLIN)
            if not waiting.poll(0):
                return connection
            connection.close()
        return None


@contextmanager
def _closed_if_it_fails(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def conninfo(url: str) -> str:
    """
    Give all that libpq is told: what a URL says, and defaults that are safe.

    :raise ConfigurationError: it is none.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Its text may show the password.
        problem = "OAUTH_STORE_URL is not a connection URI of PostgreSQL"
        raise ConfigurationError((problem,)) from None
    host = str(given.get("hostaddr") or given.get("host") or "")
    local = host in _LOCAL or host.startswith(("/", "@")) or not host
    defaults = _DEFAULTS if local or "sslmode" in given else _DEFAULTS | _VERIFY
    missing = {n: v for n, v in defaults.items() if n not in given}
    complete: str = make_conninfo(url, **missing)
    return complete
