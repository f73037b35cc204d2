"""The token endpoint (RFC 6749 sections 4.1.3 and 6, OAuth 2.1)."""

import json
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from mcp_trino.errors import UnknownClient
from mcp_trino.interfaces import IAudit
from mcp_trino.oauth.access_tokens import AccessTokens
from mcp_trino.oauth.authorization import HABITUAL_SCOPES, FindClient
from mcp_trino.oauth.client_requests import Away, answer_client
from mcp_trino.oauth.connections import Connections
from mcp_trino.oauth.grants import Grant, GrantGone, Grants
from mcp_trino.oauth.parameters import Parameters
from mcp_trino.oauth.people import People
from mcp_trino.oauth.pkce import answers
from mcp_trino.oauth.refusals import NO_STORE, OAuthRefused
from mcp_trino.oauth.renewal import Renewal
from mcp_trino.oauth.resource_indicators import InvalidTarget, ResourceIndicators
from mcp_trino.reply import JSON, Reply

_AWAY = Away(
    "no token could be given",
    "nobody can decide this now; the token that was sent stays good",
)


@define(eq=False)
class TokenEndpoint:
    """Exchanges codes and refresh tokens for access tokens."""

    _grants: Grants = field(repr=False)
    _renewal: Renewal = field(repr=False)
    _people: People = field(repr=False)
    _connections: Connections = field(repr=False)
    _tokens: AccessTokens = field(repr=False)
    _resources: ResourceIndicators
    _find: FindClient = field(repr=False)
    _audit: IAudit = field(repr=False)

    def answer(
        self, content_type: bytes | None, authorization: bytes | None, body: bytes
    ) -> Deferred[Reply]:
        """
        Answer a POST.

        :param authorization: the value of that header.
        """
        return answer_client(self._exchange, _AWAY, content_type, authorization, body)

    async def _exchange(self, form: Parameters, client_id: str) -> Reply:
        grant_type = form.get("grant_type")
        if grant_type is None:
            raise OAuthRefused("invalid_request", "grant_type is missing")
        exchanges = {
            "authorization_code": self._redeem,
            "refresh_token": self._refresh,
        }
        exchange = exchanges.get(grant_type)
        if exchange is None:
            names = " or ".join(exchanges)
            raise OAuthRefused("unsupported_grant_type", f"grant_type must be {names}")
        try:
            return await exchange(form, client_id)
        except InvalidTarget as error:
            raise OAuthRefused("invalid_target", str(error)) from None
        except GrantGone as gone:
            self._record_reuse(gone)
            raise await self._invalid_grant(client_id) from None

    async def _redeem(self, form: Parameters, client_id: str) -> Reply:
        code = form.get("code")
        if code is None:
            raise OAuthRefused("invalid_request", "code is missing")
        self._audit.require()
        grant = await self._grants.redeem(code)
        try:
            self._require_same(grant, form, client_id)
            self._record("issue", grant)
        except Exception:
            # The code is used up, so that nobody can try again with it.
            await self._grants.end(grant.id)
            raise
        await self._connections.add(grant)
        return self._give(grant)

    def _require_same(self, grant: Grant, form: Parameters, client_id: str) -> None:
        """Make sure that who redeems a code is who asked for it."""
        request = grant.request
        named = form.get("redirect_uri")
        if named is None and not request.redirect_given:
            named = request.redirect_uri
        verifier = form.get("code_verifier") or ""
        if (
            client_id != request.client_id
            or named != request.redirect_uri
            or not answers(request.challenge, verifier)
        ):
            raise GrantGone
        if self._resources.named(form) not in {None, request.resource}:
            raise InvalidTarget(f"the code is for {request.resource}")

    async def _refresh(self, form: Parameters, client_id: str) -> Reply:
        refresh_token = form.get("refresh_token")
        if refresh_token is None:
            raise OAuthRefused("invalid_request", "refresh_token is missing")
        self._audit.require()
        request = (await self._grants.find(refresh_token)).grant.request
        if client_id != request.client_id:
            raise GrantGone
        if self._resources.named(form) not in {None, request.resource}:
            raise InvalidTarget(f"the refresh token is for {request.resource}")
        scopes = frozenset((form.get("scope") or "").split()) - HABITUAL_SCOPES
        if not scopes <= set(request.scopes):
            granted = " ".join(request.scopes)
            raise OAuthRefused("invalid_scope", f"what was granted is {granted}")
        grant = await self._renewal.rotate(refresh_token)
        self._record("refresh", grant)
        return self._give(grant, tuple(sorted(scopes)) or request.scopes)

    def _give(self, grant: Grant, scopes: tuple[str, ...] | None = None) -> Reply:
        if scopes is None:
            scopes = grant.request.scopes
        narrowed = evolve(grant, request=evolve(grant.request, scopes=scopes))
        ends_at = self._grants.ends_at(grant)
        token, lifetime = self._tokens.make(narrowed, ends_at)
        answer: dict[str, Any] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": " ".join(scopes),
        }
        if grant.tokens.refresh is not None:
            answer["refresh_token"] = grant.token
        headers = ((b"Content-Type", JSON), *NO_STORE)
        return Reply(200, json.dumps(answer).encode(), headers)

    async def _invalid_grant(self, client_id: str) -> OAuthRefused:
        """Say whether the client is to log in again, or to register first."""
        try:
            await self._find(client_id)
        except UnknownClient as error:
            return OAuthRefused("invalid_client", error.message, status=401)
        return OAuthRefused(
            "invalid_grant", "the code or token does not hold: log in again"
        )

    def _record(self, event: str, grant: Grant) -> None:
        client_id = grant.request.client_id
        principal = self._people.admit(grant.person, client_id)
        self._audit.record(
            event, principal, grant=grant.id, client=grant.request.client_name
        )

    def _record_reuse(self, gone: GrantGone) -> None:
        if gone.reused is not None:
            self._record("reuse", gone.reused)
