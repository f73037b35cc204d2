"""SQLite: a file that the processes of one machine share."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import define, field

from mcp_trino.errors import ConfigurationError, Undecidable

_BUSY_SECONDS = 5.0
_NEEDED = (3, 35)  # RETURNING

# WAL lets others read while one writes. FULL: a token that was revoked is
# revoked also after a loss of power.
_OPENING = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS mcp_trino_store (
        key BLOB PRIMARY KEY,
        value BLOB NOT NULL,
        expires_at REAL NOT NULL
    );
    CREATE INDEX IF NOT EXISTS mcp_trino_store_expires_at
        ON mcp_trino_store (expires_at);
"""


@define(eq=False)
class SQLite:
    """
    A database file that only this user can read.

    :ivar path: made where it is missing, its directory too; on a disk of this
        machine, since the processes share memory beside it.
    """

    path: Path
    _connection: sqlite3.Connection = field(init=False, repr=False)

    threads = 1
    is_shared = False

    def open(self) -> None:
        """
        Open the file.

        :raise ConfigurationError: it cannot be used.
        """
        if sqlite3.sqlite_version_info < _NEEDED:
            problem = f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed"
            raise ConfigurationError((problem,))
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self.path, flags, 0o600)
            try:
                os.fchmod(file, 0o600)
            finally:
                os.close(file)
            self._connection = sqlite3.connect(
                self.path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                # One thread at a time uses it, but not always the same.
                check_same_thread=False,
            )
            self._connection.executescript(_OPENING)
        except (OSError, sqlite3.Error) as error:
            problem = f"OAUTH_STATE_DIRECTORY: {self.path} cannot be used: {error}"
            raise ConfigurationError((problem,)) from None

    def run(self, statement: str, parameters: dict[str, Any]) -> bytes | None:
        """
        Run a statement for good and give the first value of its first row.

        :raise Undecidable: the file is locked, full or broken.
        """
        try:
            with closing(self._connection.execute(statement, parameters)) as cursor:
                # All rows: only then has the statement ended.
                rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise Undecidable(f"the store {self.path}: {error}") from None
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
