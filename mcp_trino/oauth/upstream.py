"""
The identity provider as this server's own authorization server.

Here this server is a confidential client (RFC 6749 section 2.1) that logs
people in (OpenID Connect Core). Every request is written from scratch: nothing
of what an MCP client sent goes to the provider, and nothing that the provider
answers goes to a client.
"""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus, urlencode

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.errors import Undecidable
from mcp_trino.fetching import Fetched, Fetcher, FetchFailed
from mcp_trino.oauth.pkce import challenge_of
from mcp_trino.providers import Endpoints, Provider

MAX_BYTES = 64 * 1024
"""Of an answer of the provider's."""

_REFUSALS = ("invalid_grant", "interaction_required", "consent_required")
_RETRY_AFTER_SECONDS = 5
_SHOWN_CHARS = 60


@frozen
class Tokens:
    """
    What the provider gave; nobody else may see it.

    :ivar refresh: ``None`` when it gave none.
    :ivar id_token: ``None`` when it gave none, as some do at a refresh.
    :ivar expires_at: of the access token, seconds since the epoch; 0 when the
        provider did not say.
    """

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    expires_at: float


@frozen
class UpstreamRefused(Exception):
    """
    The provider no longer stands by a code or token: the person logs in again.

    :ivar error: its code, only for the log.
    """

    error: str

    def __str__(self) -> str:
        return f"the identity provider answered {self.error}"


@define(eq=False)
class Upstream:
    """
    Speaks to the provider's endpoints.

    :ivar redirect_uri: where the provider sends people back to.
    :ivar scopes: what is asked for.
    :ivar audience: sent along where the provider's row says so, empty for none.
    """

    _fetcher: Fetcher = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _provider: Provider
    _client_id: str
    _client_secret: str | None = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    audience: str = ""
    _log = Logger()

    def login_url(
        self, endpoints: Endpoints, state: str, verifier: str, nonce: str
    ) -> str:
        """
        Give the URL at which a person logs in.

        :param verifier: of PKCE; only its challenge is sent.
        """
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            **dict(self._provider.upstream_parameters),
        }
        if self._provider.sends_audience and self.audience:
            parameters["audience"] = self.audience
        joint = "&" if "?" in endpoints.authorization else "?"
        return f"{endpoints.authorization}{joint}{urlencode(parameters)}"

    def redeem(
        self, endpoints: Endpoints, code: str, verifier: str
    ) -> Deferred[Tokens]:
        """
        Exchange the code of a login for tokens.

        :raise UpstreamRefused: the code is not or no longer good.
        :raise Undecidable: the provider does not answer as it should.
        """
        return self._ask(
            endpoints,
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=verifier,
        )

    def refresh(self, endpoints: Endpoints, refresh_token: str) -> Deferred[Tokens]:
        """
        Ask for new tokens for the same person.

        :return: with the old refresh token when the provider gave no new one.
        :raise UpstreamRefused: the provider let the person out.
        :raise Undecidable: the provider does not answer as it should.
        """
        return self._ask(
            endpoints, grant_type="refresh_token", refresh_token=refresh_token
        )

    def revoke(self, endpoints: Endpoints, tokens: Tokens) -> Deferred[None]:
        """
        Give tokens back (RFC 7009), where the provider takes them.

        It does not fail: the provider may be away, and the tokens are
        forgotten here all the same.
        """
        return Deferred.fromCoroutine(self._revoke(endpoints, tokens))

    async def _revoke(self, endpoints: Endpoints, tokens: Tokens) -> None:
        if endpoints.revocation is None:
            return
        form = {"token": tokens.access}
        if tokens.refresh is not None:
            form = {"token": tokens.refresh, "token_type_hint": "refresh_token"}
        try:
            answer = await self._post(endpoints.revocation, endpoints, form)
        except FetchFailed as error:
            self._log.warn("a token could not be given back: {error}", error=error)
        else:
            if not _is_success(answer):
                self._log.warn(
                    "a token was not taken back: status {status}", status=answer.status
                )

    def _ask(self, endpoints: Endpoints, **form: str) -> Deferred[Tokens]:
        return Deferred.fromCoroutine(self._tokens(endpoints, form))

    async def _tokens(self, endpoints: Endpoints, form: dict[str, str]) -> Tokens:
        if self._provider.token_scope:
            form["scope"] = " ".join(self.scopes)
        try:
            answer = await self._post(endpoints.token, endpoints, form)
        except FetchFailed as error:
            raise self._away(str(error)) from None
        body = _read_object(answer.body)
        if not _is_success(answer):
            code = body.get("error")
            if code in _REFUSALS:
                raise UpstreamRefused(code)
            # What else the provider writes may name people or show secrets.
            shown = code[:_SHOWN_CHARS] if isinstance(code, str) else "no error code"
            raise self._away(f"status {answer.status}, {shown!r}")
        try:
            return self._read(body, form.get("refresh_token"))
        except (KeyError, TypeError, ValueError):
            raise self._away("its answer is not one of RFC 6749") from None

    def _read(self, body: dict[str, Any], refresh_token: str | None) -> Tokens:
        lifetime = float(body.get("expires_in") or 0)
        return Tokens(
            access=_text(body["access_token"]),
            refresh=_text(body.get("refresh_token") or refresh_token or "") or None,
            id_token=_text(body.get("id_token") or "") or None,
            expires_at=self._clock.seconds() + lifetime if lifetime > 0 else 0.0,
        )

    def _away(self, reason: str) -> Undecidable:
        self._log.error(
            "the identity provider's token endpoint failed: {reason}", reason=reason
        )
        return Undecidable(
            "the identity provider does not answer", _RETRY_AFTER_SECONDS
        )

    def _post(
        self, url: str, endpoints: Endpoints, form: dict[str, str]
    ) -> Deferred[Fetched]:
        """Post a form with this server's own authentication (section 2.3.1)."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        secret = self._client_secret
        if secret is not None and "client_secret_basic" in endpoints.token_methods:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form = {**form, "client_id": self._client_id}
            if secret is not None:
                form["client_secret"] = secret
        return self._fetcher.fetch(url, headers, body=urlencode(form).encode())


def _text(token: object) -> str:
    if not isinstance(token, str) or not token.isascii():
        raise TypeError("a token is no text")
    return token


def _is_success(answer: Fetched) -> bool:
    return 200 <= answer.status < 300  # noqa: PLR2004 - as RFC 9110 writes it


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
