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
from collections.abc import Mapping
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
from mcp_trino.coordinator.identity import Identities, Identity
from mcp_trino.coordinator.transport import Session, Transport
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    InvalidArgument,
    QueryNotFound,
)
from mcp_trino.principal import Principal, client_mark
from mcp_trino.queries import RunningQuery, Statement
from mcp_trino.settings import QuerySettings, TrinoSettings

_QUERY_ID = re.compile(r"[0-9a-z_]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_TAG_CHARS = 200
_OVER = frozenset({"FINISHED", "FAILED"})
_OWN = Principal(issuer="", subject="", name="mcp-trino")
_UNDER_WAY = (
    "QUEUED",
    "WAITING_FOR_RESOURCES",
    "DISPATCHING",
    "PLANNING",
    "STARTING",
    "RUNNING",
    "FINISHING",
)


@define(eq=False)
class Access:
    """
    The way from a principal to requests at Trino.

    :ivar extra_seconds: a query may run that much longer at Trino than its
        statement allows, for its rows to be read.
    :ivar bounds: session properties of every statement.
    """

    _settings: TrinoSettings
    _transport: Transport = field(repr=False)
    _identities: Identities
    _mark_key: bytes = field(repr=False)
    _extra_seconds: float
    _bounds: Mapping[str, str] = field(factory=dict)

    def exchange(
        self, principal: Principal, statement: Statement | None = None
    ) -> Exchange:
        """
        Give the way to run a statement, or to read on in a result without one.

        :raise InvalidArgument: a name in it can be no name at Trino.
        :raise NoTrinoUser: the principal has no user there.
        """
        return self._exchange(self._identities.of(principal), principal, statement)

    def own_exchange(self, statement: Statement) -> Exchange:
        """Give the way to run a statement of this server's own."""
        return self._exchange(self._identities.own(), _OWN, statement)

    def user_of(self, principal: Principal) -> str | None:
        """
        Give the Trino user of a principal, ``None`` when only Trino knows.

        :raise NoTrinoUser: she has none.
        """
        return self._identities.user_of(principal)

    def _exchange(
        self, identity: Identity, principal: Principal, statement: Statement | None
    ) -> Exchange:
        catalog, schema, properties = None, None, {}
        if statement is not None:
            catalog = _header_text("catalog", statement.catalog)
            schema = _header_text("schema", statement.schema)
            run_seconds = math.ceil(statement.timeout_seconds + self._extra_seconds)
            properties = {**self._bounds, "query_max_run_time": f"{run_seconds}s"}
        user: Any = identity.user  # None leaves the header out
        session = ClientSession(
            user,
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
        http = self._session(identity)
        return Exchange(StatementRequest(self._settings, session, http), identity)

    def mark(self, principal: Principal) -> str:
        """Give the text that marks a principal's queries."""
        digest = hmac.digest(self._mark_key, principal.key.encode(), hashlib.sha256)
        return f"mcp-trino {digest.hex()}"

    def requests(self, principal: Principal) -> "Requests":
        """
        Give the way to ask Trino about queries, as the principal.

        :raise NoTrinoUser: she has no user there.
        """
        return self._requests(self._identities.of(principal), principal)

    def own_requests(self) -> "Requests":
        """Give the way to ask Trino as this server."""
        return self._requests(self._identities.own(), _OWN)

    def _requests(self, identity: Identity, principal: Principal) -> "Requests":
        return Requests(self._session(identity), identity, self.mark(principal))

    def _session(self, identity: Identity) -> Session:
        headers = {HEADER_USER: identity.user, "user-agent": "mcp-trino"}
        return Session(self._transport, identity, headers)


@define(eq=False)
class Requests:
    """
    Requests about queries, for one principal; they block.

    :ivar identity: to be renewed before.
    """

    _http: Session = field(repr=False)
    identity: Identity
    _mark: str = field(repr=False)

    def cancel(self, query_id: str) -> None:
        """
        Cancel a query that carries the principal's mark.

        :raise QueryNotFound: there is none with that id under way.
        """
        if _QUERY_ID.fullmatch(query_id) is None:
            raise QueryNotFound(query_id)
        target = f"/v1/query/{query_id}"
        try:
            query = self._json("GET", f"{target}?pruned=true")
            if not self._is_own(query) or query.get("state") in _OVER:
                raise QueryNotFound(query_id)
            self._json("DELETE", target)
        except Gone:
            raise QueryNotFound(query_id) from None
        except CoordinatorRefused as refused:
            # Trino may not even tell the principal about another's query.
            if refused.status == HTTPStatus.FORBIDDEN:
                raise QueryNotFound(query_id) from None
            raise

    def queries(self) -> tuple[RunningQuery, ...]:
        """Give the queries under way that carry the mark, the latest first."""
        found = [
            query
            for state in _UNDER_WAY
            for query in self._json("GET", f"/v1/query?state={state}")
            if isinstance(query, dict) and self._is_own(query)
        ]
        # One may have been in two states meanwhile.
        running = {str(query.get("queryId")): _running_query(query) for query in found}
        return tuple(
            sorted(running.values(), key=lambda query: query.created, reverse=True)
        )

    def version(self) -> str | None:
        """Give Trino's version."""
        info = self._json("GET", "/v1/info")
        version = info.get("nodeVersion", {}).get("version")
        return None if version is None else str(version)

    def _is_own(self, query: Any) -> bool:
        mark = str(query.get("session", {}).get("clientInfo", ""))
        return hmac.compare_digest(mark.encode(), self._mark.encode())

    def _json(self, method: str, target: str) -> Any:
        response = self._http.request(method, target)
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise of_status(response)
        try:
            return orjson.loads(response.content or b"{}")
        except orjson.JSONDecodeError as error:
            raise CoordinatorUnreachable(NOT_TRINO) from error


def _running_query(query: dict[str, Any]) -> RunningQuery:
    stats = query.get("queryStats", {})
    return RunningQuery(
        query_id=str(query.get("queryId", "")),
        state=str(query.get("state", "")),
        text=str(query.get("query", "")),
        created=str(stats.get("createTime", "")),
        percentage=stats.get("progressPercentage"),
    )


def _tags(principal: Principal) -> list[str]:
    """Give the client tags, in which commas and anything but ASCII are quoted."""
    tags = [f"user:{quote(principal.name, safe='@+ ')}"]
    if principal.client_id:
        client = client_mark(principal.client_id)
        tags.append(f"client:{quote(client, safe=':/')}")
    return [tag[:_MAX_TAG_CHARS] for tag in tags]


def _header_text(what: str, name: str | None) -> str | None:
    """Refuse what would end a header."""
    if name is not None and _CONTROL.search(name):
        raise InvalidArgument(f"the {what} contains a control character")
    return name


def bounds_of(settings: QuerySettings) -> dict[str, str]:
    """Give the session properties by which Trino itself bounds a query."""
    bounds = {}
    if settings.max_scan_bytes is not None:
        bounds["query_max_scan_physical_bytes"] = f"{settings.max_scan_bytes}B"
    if settings.max_cpu_seconds is not None:
        bounds["query_max_cpu_time"] = f"{settings.max_cpu_seconds:g}s"
    return bounds
