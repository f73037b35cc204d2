"""
Who this server is at Trino and on whose behalf it asks.

A query carries its principal as attribution: a client tag with the name, for
people, and in ``X-Trino-Client-Info`` a keyed mark that only this server can
make and by which it knows the principal's own queries again.
"""

import hashlib
import hmac
import math
import re
from base64 import b64encode
from http import HTTPStatus
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import orjson
from attrs import define, field
from trino.client import ClientSession
from trino.constants import (
    HEADER_CLIENT_INFO,
    HEADER_USER,
)

from mcp_trino.coordinator.exchange import Exchange, StatementRequest
from mcp_trino.coordinator.failures import NOT_TRINO, Gone, of_status
from mcp_trino.coordinator.transport import Session, Transport
from mcp_trino.errors import (
    ConfigurationError,
    CoordinatorUnreachable,
    InvalidArgument,
    QueryNotFound,
)
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement
from mcp_trino.settings import TrinoSettings

_QUERY_ID = re.compile(r"[0-9a-z_]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_TAG_CHARS = 200
_OVER = frozenset({"FINISHED", "FAILED"})


@define(eq=False)
class Access:
    """
    The way from a principal to requests at Trino.

    :ivar extra_seconds: a query may run that much longer at Trino than its
        statement allows, for its rows to be read.
    """

    _settings: TrinoSettings
    _transport: Transport = field(repr=False)
    _mark_key: bytes = field(repr=False)
    _extra_seconds: float

    def __attrs_post_init__(self) -> None:
        if self._settings.password is not None and self._settings.scheme != "https":
            raise ConfigurationError(
                ("TRINO_PASSWORD is only ever sent over https: set TRINO_SCHEME=https",)
            )

    def exchange(
        self, principal: Principal, statement: Statement | None = None
    ) -> Exchange:
        """
        Give the way to run a statement, or to read on in a result without one.

        :raise InvalidArgument: a name in it can be no name at Trino.
        """
        catalog, schema, properties = None, None, {}
        if statement is not None:
            catalog = _header_text("catalog", statement.catalog)
            schema = _header_text("schema", statement.schema)
            run_seconds = math.ceil(statement.timeout_seconds + self._extra_seconds)
            properties["query_max_run_time"] = f"{run_seconds}s"
        session = ClientSession(
            self._settings.user,
            catalog=catalog,
            schema=schema,
            source=self._settings.source,
            properties=properties,
            headers={
                HEADER_CLIENT_INFO: self.mark(principal),
                "X-Trino-Trace-Token": token_hex(8),
            },
            client_tags=_tags(principal),
            timezone="UTC",
        )
        return Exchange(
            StatementRequest(
                self._settings, session, Session(self._transport, self._headers())
            )
        )

    def mark(self, principal: Principal) -> str:
        """Give the text that marks a principal's queries."""
        digest = hmac.digest(self._mark_key, principal.key.encode(), hashlib.sha256)
        return f"mcp-trino {digest.hex()}"

    def cancel(self, query_id: str, principal: Principal) -> None:
        """
        Cancel a query that carries the principal's mark; it blocks.

        :raise QueryNotFound: there is none with that id under way.
        """
        if _QUERY_ID.fullmatch(query_id) is None:
            raise QueryNotFound(query_id)
        target = f"/v1/query/{query_id}"
        try:
            query = self._json("GET", f"{target}?pruned=true")
            mark = str(query.get("session", {}).get("clientInfo", ""))
            own = hmac.compare_digest(mark.encode(), self.mark(principal).encode())
            if not own or query.get("state") in _OVER:
                raise QueryNotFound(query_id)
            self._json("DELETE", target)
        except Gone:
            raise QueryNotFound(query_id) from None

    def version(self) -> str | None:
        """Give Trino's version; it blocks."""
        info = self._json("GET", "/v1/info")
        version = info.get("nodeVersion", {}).get("version")
        return None if version is None else str(version)

    def _json(self, method: str, target: str) -> dict[str, Any]:
        response = self._transport.request(method, target, self._headers())
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise of_status(response)
        try:
            document = orjson.loads(response.content or b"{}")
        except orjson.JSONDecodeError as error:
            raise CoordinatorUnreachable(NOT_TRINO) from error
        return document if isinstance(document, dict) else {}

    def _headers(self) -> dict[str, str | None]:
        """Give what every request carries."""
        headers: dict[str, str | None] = {
            HEADER_USER: self._settings.user,
            "user-agent": "mcp-trino",
        }
        if self._settings.password is not None:
            pair = f"{self._settings.user}:{self._settings.password}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return headers


def _tags(principal: Principal) -> list[str]:
    """Give the client tags, in which commas and anything but ASCII are quoted."""
    tags = [f"user:{quote(principal.name, safe='@+ ')}"]
    if principal.client_id:
        tags.append(f"client:{quote(principal.client_id, safe=':/')}")
    return [tag[:_MAX_TAG_CHARS] for tag in tags]


def _header_text(what: str, name: str | None) -> str | None:
    """Refuse what would end a header."""
    if name is not None and _CONTROL.search(name):
        raise InvalidArgument(f"the {what} contains a control character")
    return name
