"""The claims of our own access tokens (RFC 9068 section 2.2)."""

import json
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcp_trino.oauth.grants import Grant

MAX_GROUPS_BYTES = 3000
"""
Of a person's groups in a token, which goes along in the head of each request.

The token of a person with more of them says that it leaves them out.
"""

_ID_BYTES = 16

Sign = Callable[[dict[str, Any]], str]


@define(eq=False)
class AccessTokens:
    """
    Makes access tokens.

    :ivar issuer: this server's public URL.
    :ivar lifetime_seconds: of a token; less when its grant ends before.
    """

    _sign: Sign = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    issuer: str
    lifetime_seconds: float

    def make(self, grant: Grant, ends_at: float) -> tuple[str, int]:
        """
        Give an access token for a grant.

        The person in it is named as the provider names her for good.

        :param ends_at: when the grant ends, seconds since the epoch.
        :return: the token and the whole seconds that it holds.
        """
        now = int(self._clock.seconds())
        lifetime = max(1, int(min(self.lifetime_seconds, ends_at - now)))
        person = grant.person
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": person.subject,
            "aud": grant.request.resource,
            "client_id": grant.request.client_id,
            "scope": " ".join(grant.request.scopes),
            "iat": now,
            "exp": now + lifetime,
            "auth_time": int(grant.began_at),
            "jti": token_urlsafe(_ID_BYTES),
            "grant": grant.id,
            "idp": person.issuer,
        }
        if person.username:
            claims["username"] = person.username
        if person.email:
            claims |= {"email": person.email, "email_verified": True}
        if person.tenant:
            claims["tenant"] = person.tenant
        fits = len(json.dumps(person.groups)) <= MAX_GROUPS_BYTES
        if person.groups and fits:
            claims["groups"] = list(person.groups)
        if not person.groups_complete or not fits:
            claims["hasgroups"] = True
        return self._sign(claims), lifetime
