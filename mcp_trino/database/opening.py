"""Which database a store is in: a file's path or a server's URL says it."""

from pathlib import Path
from typing import Any

from mcp_trino.database.sqlite import SQLite
from mcp_trino.database.store import Database, DatabaseStore
from mcp_trino.errors import ConfigurationError

_FILE = "store.sqlite"
_SCHEMES = ("postgresql://", "postgres://")


def open_store(reactor: Any, place: str | Path) -> DatabaseStore:
    """
    Give the store of a place; it opens when the service is started.

    :param reactor: its clock counts seconds since the epoch.
    :param place: a directory, for SQLite on one machine, or a URL that begins
        with ``postgresql://``, for replicas.
    :raise ConfigurationError: there is no store of that kind, or its package is
        not installed.
    """
    return DatabaseStore(reactor, reactor, _database(place))


def _database(place: str | Path) -> Database:
    if isinstance(place, Path):
        return SQLite(place / _FILE)
    if not place.startswith(_SCHEMES):
        problem = "OAUTH_STORE_URL has to begin with postgresql://"
        raise ConfigurationError((problem,))
    try:
        # An extra, which is not installed everywhere.
        from mcp_trino.database.postgresql import PostgreSQL  # noqa: PLC0415
    except ImportError:
        problem = (
            "OAUTH_STORE_URL: PostgreSQL needs one package more: "
            "pip install 'mcp-trino[postgresql]'"
        )
        raise ConfigurationError((problem,)) from None
    return PostgreSQL(place)
