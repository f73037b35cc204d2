"""
One query in Trino's client protocol, one request after the other.

Everything here blocks and runs in threads; of one exchange in one thread at a
time, but for ``leave`` and ``given_up``.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Any

import orjson
from attrs import define, field, frozen
from trino.client import ClientSession, TrinoRequest, TrinoStatus
from trino.constants import (
    HEADER_ENCODING,
    HEADER_STARTED_TRANSACTION,
    HEADER_TRANSACTION,
)
from trino.exceptions import TrinoConnectionError, TrinoQueryError

from mcp_trino.coordinator.analysis import Analysis, analysis_of, target
from mcp_trino.coordinator.connection import Headers
from mcp_trino.coordinator.failures import (
    NOT_TRINO,
    Gone,
    Transient,
    of_query,
    of_status,
)
from mcp_trino.coordinator.identity import Identity
from mcp_trino.coordinator.transport import Response
from mcp_trino.errors import CoordinatorUnreachable, QueryCanceled, StatementFailed
from mcp_trino.settings import TrinoSettings

# Canceled just now, or over and forgotten.
_OFF_TRINO = frozenset(
    {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
)


@frozen
class Answer:
    """
    What one request of the protocol brought.

    :ivar content: the answer as Trino sent it; it holds secrets.
    """

    status: TrinoStatus
    content: bytes = field(repr=False)


class StatementRequest(TrinoRequest):
    """
    The client's request, its headers built once a statement.

    The statement carries the session. Trino knows it when pages are asked for,
    which say only who is asking: the headers that the HTTP session came with.

    :param http: stands in for a ``requests.Session``.
    """

    def __init__(self, trino: TrinoSettings, session: ClientSession, http: Any) -> None:
        self._page_headers = dict(http.headers)
        super().__init__(
            trino.host, trino.port, session, http, trino.scheme, max_attempts=1
        )

    @property
    def http_headers(self) -> Any:
        """The headers of every request."""
        return self._page_headers

    @property
    def statement_headers(self) -> dict[str, Any]:
        """The headers of the statement; results come in the answers, not spooled."""
        return {**super().http_headers, HEADER_ENCODING: None}


@define(eq=False)
class Exchange:
    """
    The requests of one query.

    :ivar identity: who is asking; to be renewed before requests.
    :ivar query_id: ``None`` until the statement was answered.
    :ivar uri: an address at which the query can be canceled; ``None`` when
        there is nothing to cancel: not sent yet, or over. It is a secret.
    :ivar transaction: the transaction of the statement, ``None`` for its own. It
        is a secret.
    :ivar given_up: nobody waits any longer; set by the reactor's thread, heeded
        before the next request.
    """

    # The client is annotated for responses of ``requests``; ours have what it uses.
    _request: Any = field(repr=False)
    identity: Identity
    query_id: str | None = None
    uri: str | None = field(default=None, repr=False)
    transaction: str | None = field(default=None, repr=False)
    given_up: bool = False

    def post(self, text: str) -> Answer:
        """
        Register the statement; it starts to run with the first ``get``.

        :raise Transient: sending it again is safe: a query that was registered
            and never asked for does not run.
        """
        return self._answered(self._post(text))

    def begin(self) -> None:
        """
        Open a transaction for the statement that Trino lets only read.

        :raise Transient: it may be tried again; one that is left behind ends by
            itself.
        """
        response = self._post("START TRANSACTION READ ONLY", transaction="NONE")
        self.transaction = self._finish(response)

    def leave(self) -> None:
        """Cancel the query and end its transaction, as far as there are any."""
        self.delete()
        if self.transaction is not None:
            with suppress(StatementFailed):  # Trino has ended it
                self._finish(self._post("ROLLBACK"))
            self.transaction = None

    def get(self, uri: str, max_wait_seconds: float) -> Answer:
        """
        Ask for the page at an address: the current one again, or the next.

        :param max_wait_seconds: Trino answers after that time, rows or not.
        """
        milliseconds = max(1, round(max_wait_seconds * 1000))
        return self._answered(self._request.get(f"{uri}?maxWait={milliseconds}ms"))

    def reread(self, content: bytes) -> Answer:
        """Give the answer again that was kept as ``Answer.content``."""
        return Answer(self._request.process(Response(200, Headers(), content)), content)

    def analysis(self) -> Analysis:
        """
        Ask what the query is about, as the one who runs it.

        :raise: what ``analysis_of`` raises.
        """
        return analysis_of(self._request.get(target(str(self.query_id))))

    def delete(self) -> None:
        """Cancel the query; any address it ever had will do."""
        uri = self.uri
        if uri is not None:
            response = self._request.delete(uri)
            if response.status_code not in _OFF_TRINO:
                raise of_status(response)
            self.uri = None

    def _post(self, text: str, transaction: str | None = None) -> Response:
        headers = self._request.statement_headers
        headers[HEADER_TRANSACTION] = transaction or self.transaction
        response: Response = self._request.post(text, headers)
        return response

    def _finish(self, response: Response) -> str | None:
        """Run a statement without rows, and give the transaction that it began."""
        transaction = None
        while True:
            status = self._status(response)
            transaction = response.headers.get(HEADER_STARTED_TRANSACTION, transaction)
            if status.next_uri is None:
                return transaction
            response = self._request.get(status.next_uri)

    def _answered(self, response: Response) -> Answer:
        try:
            status = self._status(response)
        except (Gone, StatementFailed, QueryCanceled):
            self.uri = None
            raise
        self.query_id = status.id
        self.uri = status.next_uri
        return Answer(status, response.content)

    def _status(self, response: Response) -> TrinoStatus:
        if response.status_code != HTTPStatus.OK:
            raise of_status(response)
        try:
            status: TrinoStatus = self._request.process(response)
        except TrinoQueryError as error:
            raise of_query(error) from error
        except TrinoConnectionError as error:
            raise Transient("Trino answers with nothing") from error
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise CoordinatorUnreachable(NOT_TRINO) from error
        return status
