"""The seams: what a room asks of another, each with more than one provider."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Interface

from mcp_trino.active import Active
from mcp_trino.principal import Principal
from mcp_trino.providers import Endpoints
from mcp_trino.queries import (
    CoordinatorState,
    Page,
    Progress,
    RunningQuery,
    Statement,
    Window,
)

Watch = Callable[[Progress], None]


class ICoordinator(Interface):
    """
    The way to Trino, the same for all principals.

    A Deferred of ``execute`` or ``fetch`` that is canceled cancels its query
    at Trino; so do the statement's deadline and ``stop``. Only a query whose
    handle was given out lives on, for the time to live of results.
    """

    def execute(
        statement: Statement,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Deferred[Page]:
        """
        Run a statement and give the first page of its result.

        :param watch: called with each progress that Trino reports.
        :raise StatementFailed: Trino refused it or it failed.
        :raise TimedOut: it took longer than ``statement.timeout_seconds``.
        :raise QueryCanceled: somebody canceled it.
        :raise Busy: too many queries are under way.
        :raise CoordinatorUnreachable: Trino does not answer.
        :raise CoordinatorRefused: Trino does not accept the server's credential.
        :raise NoTrinoUser: the principal has no user at Trino.
        """

    def fetch(
        handle: str,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Deferred[Page]:
        """
        Give the page that a handle names; the same handle gives the same page
        until the handle of a later page of that result was used.

        :raise PageGone: the handle is unknown, expired, read on, or another
            principal's.
        :raise: all that ``execute`` raises.
        """

    def cancel(query_id: str, principal: Principal) -> Deferred[None]:
        """
        Cancel a query of the principal's at Trino.

        :raise QueryNotFound: no query of the principal's has that id.
        :raise: ``NoTrinoUser``, ``CoordinatorUnreachable``, ``CoordinatorRefused``.
        """

    def queries(principal: Principal) -> Deferred[tuple[RunningQuery, ...]]:
        """
        Give the principal's queries under way, the latest first.

        :raise: ``NoTrinoUser``, ``CoordinatorUnreachable``, ``CoordinatorRefused``.
        """

    def user_of(principal: Principal) -> str | None:
        """
        Give the Trino user that a principal's queries run as, ``None`` when
        Trino finds it in a token of hers.

        :raise NoTrinoUser: she has none.
        """

    def probe() -> Deferred[CoordinatorState]:
        """Say whether Trino runs queries; asked at most once every 5 s."""


class IStore(Interface):
    """
    What must be found again by another request: small values that expire.

    Keys are texts of at most 200 characters, values at most 1 MiB. Every method
    fails with ``Undecidable`` when the store cannot be asked now; what was to be
    changed may then be as it was or changed.
    """

    def put(key: str, value: bytes, ttl_seconds: float) -> Deferred[None]:
        """
        Keep a value, in place of any earlier one of that key.

        :raise ValueError: the key or the value is too long; also from ``swap``.
        """

    def get(key: str) -> Deferred[bytes | None]:
        """Give a value back, ``None`` when there is none or its time passed."""

    def take(key: str) -> Deferred[bytes | None]:
        """Give a value back and forget it; of two takers one gets ``None``."""

    def swap(
        key: str, old: bytes | None, new: bytes, ttl_seconds: float
    ) -> Deferred[bool]:
        """
        Keep a value only if the present one is ``old``, ``None`` for none.

        :return: whether it was kept; of two swaps from one value one is.
        """


class IAuthenticator(Interface):
    """Who is asking, decided once for each HTTP request."""

    def authenticate(credentials: Sequence[bytes], uri: bytes) -> Deferred[Principal]:
        """
        Decide before the body of the request is read.

        :param credentials: the values of all its ``Authorization`` headers.
        :param uri: the path and query asked for: a token must have been made
            for the resource of that path, and must not be in the query.
        :raise AccessDenied: the answer is no.
        :raise Undecidable: nobody can say now.
        """


class IIntrospector(Interface):
    """Whether a token holds and what it says (RFC 7662)."""

    def introspect(token: str) -> Deferred[Active | None]:
        """
        Ask about one token.

        :return: what it says, ``None`` when it does not hold, whatever the
            reason.
        :raise Undecidable: nobody can say now.
        """

    def identify(id_token: str, nonce: str) -> Deferred[Active | None]:
        """
        Ask about the ID token of a login (OpenID Connect Core section 3.1.3.7).

        :param nonce: that of the authorization request; empty for an ID token
            of a refresh, which need not repeat it (section 12.2).
        :return: who logged in, ``None`` when the token does not prove it.
        :raise Undecidable: nobody can say now.
        """

    def endpoints() -> Deferred[Endpoints]:
        """
        Give the endpoints of the provider, from its discovery document.

        :raise Undecidable: there is none that can be trusted now.
        """


class ISubjectTokens(Interface):
    """The tokens that say who a person is, to be exchanged by RFC 8693."""

    def subject_token(principal: Principal) -> Deferred[str]:
        """
        Give a token of the identity provider's for a principal.

        :return: an access token that holds now; it is a secret.
        :raise NoTrinoUser: there is none, and she has to log in again.
        :raise Undecidable: nobody can say now.
        """


class IAudit(Interface):
    """The record of who asked what and how it was decided."""

    def require() -> None:
        """
        Ask before something begins that has to be recorded when it is over.

        :raise AuditUnwritable: it could not be recorded, so do not begin.
        """

    def record(event: str, principal: Principal | None, **details: Any) -> None:
        """
        Write one line before the answer goes out.

        :param event: what happened, for example ``call`` or ``login``.
        :param principal: who, ``None`` when nobody is known.
        :param details: JSON-ready values, none of them a secret; ``None`` is
            left out.
        :raise AuditUnwritable: it could not be written, and nothing that is
            not recorded may happen.
        """
