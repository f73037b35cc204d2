"""What a person goes through: the question, the provider's login, and back."""

import re
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.errors import AuditUnwritable, Undecidable
from mcp_trino.interfaces import IAudit
from mcp_trino.oauth.authorization import Authorization, AuthorizationRequest
from mcp_trino.oauth.connections_page import ConnectionsPage
from mcp_trino.oauth.consent import Browser, Consent, Question
from mcp_trino.oauth.grants import Grant, Grants
from mcp_trino.oauth.logins import Logins, Return
from mcp_trino.oauth.parameters import Parameters, Unreadable
from mcp_trino.oauth.people import People
from mcp_trino.oauth.refusals import UNDECIDED, AuthorizationRefused, Problem
from mcp_trino.oauth.responses import Redirect, response_uri
from mcp_trino.oauth.upstream import UpstreamRefused
from mcp_trino.principal import client_mark

# RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6; whatever else
# the provider says is wrong is between it and this server.
_PASSED_ON = {
    "access_denied": "the login was refused or given up at the identity provider",
    "temporarily_unavailable": "the identity provider is not available",
    "login_required": "the identity provider wants a login",
    "interaction_required": "the identity provider wants something of the person",
    "consent_required": "the identity provider wants the person's consent",
}
_NOT_A_DESCRIPTION = re.compile(r"[^ !#-\[\]-~]")
_MAX_DESCRIPTION_CHARS = 200


@define(eq=False)
class Interaction:
    """
    Leads a person from a client's request to its answer.

    Nothing is asked of the provider, and nothing is kept, before she agreed.
    """

    _authorization: Authorization = field(repr=False)
    _consent: Consent = field(repr=False)
    _logins: Logins = field(repr=False)
    _people: People = field(repr=False)
    _grants: Grants = field(repr=False)
    _connections_page: ConnectionsPage = field(repr=False)
    _audit: IAudit = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _issuer: str
    _log = Logger()

    def authorize(
        self, query: bytes, browser: Browser
    ) -> Deferred[Question | Redirect]:
        """
        Take an authorization request.

        :raise Problem: for her to read.
        """
        return Deferred.fromCoroutine(self._told(self._authorize(query, browser)))

    def answer(self, form: bytes, browser: Browser) -> Deferred[Question | Redirect]:
        """
        Take her answer to the question.

        :raise Problem: for her to read.
        """
        return Deferred.fromCoroutine(self._told(self._answer(form, browser)))

    def callback(self, query: bytes, browser: Browser) -> Deferred[Question | Redirect]:
        """
        Take the provider's answer.

        :raise Problem: for her to read.
        """
        return Deferred.fromCoroutine(self._told(self._callback(query, browser)))

    async def _told(self, outcome: Any) -> Question | Redirect:
        """Tell a client by redirect what it is to be told, and a person the rest."""
        try:
            result: Question | Redirect = await outcome
        except AuthorizationRefused as refused:
            self._log.info(
                "an authorization request was refused: {error}", error=refused.error
            )
            description = _NOT_A_DESCRIPTION.sub("?", refused.description)
            uri = response_uri(
                refused.redirect_uri,
                self._issuer,
                refused.state,
                error=refused.error,
                error_description=description[:_MAX_DESCRIPTION_CHARS],
            )
            return Redirect(uri, refused.set_cookies)
        except (Undecidable, AuditUnwritable) as error:
            self._log.error("a login cannot go on: {error}", error=error)
            raise UNDECIDED from None
        return result

    async def _authorize(self, query: bytes, browser: Browser) -> Question | Redirect:
        request = await self._authorization.check(query)
        question = self._consent.ask(request, browser)
        return question or await self._depart(request, browser, ())

    async def _answer(self, form: bytes, browser: Browser) -> Question | Redirect:
        try:
            answer = self._consent.take(Parameters.read(form), browser)
        except Unreadable as error:
            raise Problem(400, "This form cannot be read", f"{error}.") from None
        request = answer.request
        self._audit.record(
            "consent",
            None,
            client_id=client_mark(request.client_id),
            client=request.client_name,
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            allowed=answer.allowed,
        )
        if not answer.allowed:
            raise _refused(
                request, "access_denied", "the person said no", answer.set_cookies
            )
        return await self._depart(request, browser, answer.set_cookies)

    async def _depart(
        self,
        request: AuthorizationRequest,
        browser: Browser,
        set_cookies: tuple[bytes, ...],
    ) -> Redirect:
        task = {"client": request.to_json()}
        try:
            departure = await self._logins.depart(task, browser)
        except Undecidable as error:
            raise self._undecided(request, error, set_cookies) from None
        return evolve(departure, set_cookies=(*set_cookies, *departure.set_cookies))

    async def _callback(self, query: bytes, browser: Browser) -> Question | Redirect:
        back = await self._logins.arrive(query, browser)
        if "client" not in back.task:
            return await self._connections_page.log_in(back)
        request = AuthorizationRequest.from_json(back.task["client"])
        if back.error:
            self._log.info("the provider refused a login: {error}", error=_shown(back))
            error = back.error if back.error in _PASSED_ON else "server_error"
            text = _PASSED_ON.get(error, "the identity provider failed")
            raise _refused(request, error, text, back.set_cookies)
        try:
            grant = await self._grant(request, back)
        except UpstreamRefused as error:
            self._audit.record(
                "refused",
                None,
                client_id=client_mark(request.client_id),
                client=request.client_name,
                reason=str(error),
            )
            text = "the identity provider does not vouch for this login"
            raise _refused(request, "access_denied", text, back.set_cookies) from None
        except Undecidable as error:
            raise self._undecided(request, error, back.set_cookies) from None
        uri = response_uri(
            request.redirect_uri, self._issuer, request.state, code=grant.token
        )
        return Redirect(uri, back.set_cookies)

    async def _grant(self, request: AuthorizationRequest, back: Return) -> Grant:
        person, tokens = await self._logins.identify(back)
        principal = self._people.admit(person, request.client_id)
        details = {"client": request.client_name, "redirect_uri": request.redirect_uri}
        if principal.refusal:
            self._audit.record(
                "refused", principal, reason=principal.refusal, **details
            )
            raise _refused(
                request, "access_denied", principal.refusal, back.set_cookies
            )
        grant = Grant(request, person, tokens, began_at=self._clock.seconds())
        self._audit.record("login", principal, grant=grant.id, **details)
        await self._grants.begin(grant)
        return grant

    def _undecided(
        self,
        request: AuthorizationRequest,
        error: Undecidable,
        set_cookies: tuple[bytes, ...],
    ) -> AuthorizationRefused:
        self._log.error("a login cannot go on: {error}", error=error)
        text = "the identity provider is not available: try again in a moment"
        return _refused(request, "temporarily_unavailable", text, set_cookies)


def _refused(
    request: AuthorizationRequest,
    error: str,
    description: str,
    set_cookies: tuple[bytes, ...],
) -> AuthorizationRefused:
    return AuthorizationRefused(
        request.redirect_uri, request.state, error, description, set_cookies
    )


def _shown(back: Return) -> str:
    return back.error if back.error in _PASSED_ON else "another error"
