"""
Tokens that only their issuer can read: RFC 7662, and Google's tokeninfo.

A token is shown to no one but the issuer that the operator configured.
"""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

from attrs import define, field
from twisted.internet.defer import Deferred

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from mcp_trino.introspection.claims import judge
from mcp_trino.introspection.fetching import Answer, Ask, Fetch
from mcp_trino.introspection.gate import MAX_TOKEN_CHARS
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.rules import Rules
from mcp_trino.introspection.signed import Now
from mcp_trino.introspection.strict_json import read_object

_MAX_BYTES = 65536
# RFC 6750 section 2.1.
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_GOOGLE_SCOPES = {
    "https://www.googleapis.com/auth/userinfo.email": "email",
    "https://www.googleapis.com/auth/userinfo.profile": "profile",
}


@define(eq=False)
class OpaqueTokens:
    """
    Judges tokens by what an endpoint says of them.

    :ivar ask: gives the claims of a token.
    """

    _rules: Rules
    _ask: Callable[[str], Awaitable[dict[str, Any]]] = field(repr=False)
    _now: Now = field(repr=False)
    generation: str = field(default="", init=False)

    def judge(self, text: str) -> Deferred[Active]:
        """
        Judge an access token.

        :raise Refused: it does not hold.
        :raise Undecidable: the issuer does not say.
        """
        return Deferred.fromCoroutine(self._judge(text))

    async def _judge(self, text: str) -> Active:
        if len(text) > MAX_TOKEN_CHARS or not _BEARER.fullmatch(text):
            raise Refused("it is not what a token can be (RFC 6750)")
        claims = await self._ask(text)
        claims.setdefault("iss", self._rules.issuer)
        return judge(claims, self._rules, self._now())


@define(eq=False)
class IssuerIntrospection:
    """
    The issuer's own endpoint (RFC 7662).

    :ivar endpoint: gives its URL, ``None`` when the issuer has none.
    """

    _fetch: Fetch = field(repr=False)
    _endpoint: Callable[[], Awaitable[str | None]] = field(repr=False)
    _client_id: str
    _client_secret: str = field(repr=False)

    async def __call__(self, token: str) -> dict[str, Any]:
        """
        Give the claims of a token.

        :raise Refused: it is not active.
        :raise Undecidable: the issuer does not say.
        """
        endpoint = await self._endpoint()
        if endpoint is None:
            raise Undecidable("the issuer has no introspection_endpoint")
        form = {"token": token, "token_type_hint": "access_token"}
        answer = await self._fetch(
            Ask(
                endpoint,
                _MAX_BYTES,
                "POST",
                {
                    "Authorization": self._credential(),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                urlencode(form).encode(),
            )
        )
        if answer.status != HTTPStatus.OK:
            raise Undecidable(f"{endpoint} answers {answer.status}")
        claims = _object(answer, endpoint)
        if claims.get("active") is not True:
            raise Refused("its issuer says that it is not active")
        # Without an audience it is for the client that it was given to.
        if "aud" not in claims and "client_id" in claims:
            claims["aud"] = claims["client_id"]
        return claims

    def _credential(self) -> str:
        # RFC 6749 section 2.3.1: both are form-encoded first.
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"


@define(eq=False)
class GoogleTokenInfo:
    """Google's endpoint for its access tokens; all that it says are texts."""

    _fetch: Fetch = field(repr=False)
    _endpoint: str

    async def __call__(self, token: str) -> dict[str, Any]:
        """
        Give the claims of a token.

        :raise Refused: Google does not know it.
        :raise Undecidable: Google does not say.
        """
        url = f"{self._endpoint}?{urlencode({'access_token': token})}"
        answer = await self._fetch(Ask(url, _MAX_BYTES))
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            raise Refused("Google does not know it, or it has expired")
        if answer.status != HTTPStatus.OK:
            raise Undecidable(f"{self._endpoint} answers {answer.status}")
        claims = _object(answer, self._endpoint)
        expires_at = claims.get("exp")
        if isinstance(expires_at, str) and re.fullmatch(r"[0-9]{1,12}", expires_at):
            claims["exp"] = int(expires_at)
        claims["email_verified"] = claims.get("email_verified") in ("true", True)
        if isinstance(claims.get("scope"), str):
            scopes = claims["scope"].split(" ")
            names = (_GOOGLE_SCOPES.get(scope, scope) for scope in scopes)
            claims["scope"] = " ".join(names)
        return claims


def _object(answer: Answer, endpoint: str) -> dict[str, Any]:
    try:
        return read_object(answer.body)
    except ValueError as error:
        raise Undecidable(f"{endpoint} answers no sound JSON: {error}") from None
