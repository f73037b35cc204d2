"""Who is asking, by the bearer token of an HTTP request (RFC 6750)."""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from urllib.parse import parse_qsl

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.interfaces import IAudit, IAuthenticator, IIntrospector
from mcp_trino.oauth.admission import BLOCKED, Admission
from mcp_trino.oauth.challenges import Challenges
from mcp_trino.oauth.resource_metadata import Resource, Resources
from mcp_trino.principal import Principal
from mcp_trino.sparing import Sparing
from mcp_trino.web.token_cache import TokenCache

_MAX_TOKEN_BYTES = 8192
_MARK_CHARS = 8
_BEARER = re.compile(rb"bearer(?: +(?P<token>.*))?", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_REVOKED = "the token was revoked"
_SECOND = re.compile(rb",\s*bearer\b", re.IGNORECASE)

Revoked = Callable[[str], Deferred[bool]]
"""Says whether a grant of this server's own was revoked."""


@implementer(IAuthenticator)
@define(eq=False)
class BearerCheck:
    """
    Asks about each token once in a while and remembers the answer.

    :ivar audiences: what a token may be made for besides the resource itself.
    :ivar recognize: says who somebody is whose token holds; with a ``refusal``
        when she may not enter.
    :ivar leeway_seconds: how wrong clocks may be.
    :ivar keeps_token: the principal carries its token, to be exchanged.
    :ivar revoked: asked for each request whose token is of this server's own
        making, ``None`` when none is.
    """

    _introspector: IIntrospector = field(repr=False)
    _cache: TokenCache = field(repr=False)
    _admission: Admission = field(repr=False)
    _audit: IAudit = field(repr=False)
    _refusals: Sparing = field(repr=False)
    _resources: Resources
    _challenges: Challenges
    audiences: frozenset[str]
    recognize: Callable[[Active], Principal] = field(repr=False)
    leeway_seconds: float
    keeps_token: bool = False
    revoked: Revoked | None = None

    def authenticate(
        self, credentials: Sequence[bytes], uri: bytes
    ) -> Deferred[Principal]:
        """See ``IAuthenticator``."""
        return Deferred.fromCoroutine(self._authenticate(credentials, uri))

    async def _authenticate(
        self, credentials: Sequence[bytes], uri: bytes
    ) -> Principal:
        path, _, query = uri.partition(b"?")
        resource = self._resources.of(path.decode("latin-1"))
        token = self._extracted(credentials, query, resource)
        digest = sha256(token)
        mark = digest.hexdigest()[:_MARK_CHARS]
        principal = await self._judged(token, digest.digest(), resource)
        blocked = self._admission.blocked
        if digest.hexdigest() in blocked or principal.token_id in blocked:
            raise self._challenges.invalid(resource, _REVOKED, mark)
        if self._admission.is_blocked(principal):
            principal = evolve(principal, refusal=BLOCKED)
        if self.keeps_token:
            principal = evolve(principal, token=token.decode("ascii"))
        return principal

    def _extracted(
        self, credentials: Sequence[bytes], query: bytes, resource: Resource
    ) -> bytes:
        """Give the token, which only the header may carry (RFC 6750 section 2.1)."""
        if len(credentials) > 1 or any(map(_SECOND.search, credentials)):
            raise self._challenges.malformed(resource, "more than one credential")
        header = _BEARER.fullmatch(credentials[0]) if credentials else None
        if header is None:
            raise self._challenges.missing(resource)
        if _has_token(query):
            raise self._challenges.malformed(resource, "a token in header and query")
        token: bytes = header["token"] or b""
        if not _TOKEN.fullmatch(token):
            raise self._challenges.malformed(resource, "this is no bearer token")
        if len(token) > _MAX_TOKEN_BYTES:
            text = f"a token has at most {_MAX_TOKEN_BYTES} bytes"
            raise self._challenges.invalid(resource, text, "")
        return token

    async def _judged(
        self, token: bytes, digest: bytes, resource: Resource
    ) -> Principal:
        known = self._cache.find(digest, resource.url)
        if known is None:
            return await self._asked(token, digest, resource)
        grant = known.principal.grant
        if await self._is_revoked(grant):
            self._cache.evict(lambda active: active.grant == grant)
            mark = known.principal.token_mark
            raise self._challenges.invalid(resource, _REVOKED, mark)
        return known.principal

    async def _asked(
        self, token: bytes, digest: bytes, resource: Resource
    ) -> Principal:
        mark = digest.hex()[:_MARK_CHARS]
        active = await self._introspector.introspect(token.decode("ascii"))
        reason = "" if active else "the token does not hold"
        if active and self._is_foreign(active, resource):
            reason = "the token is for another resource"
        elif active and await self._is_revoked(active.grant):
            reason = _REVOKED
        if active is None or reason:
            if self._refusals.may_tell():
                self._audit.record("token", None, outcome="refused", token=mark)
            raise self._challenges.invalid(resource, reason, mark)
        principal = evolve(
            self.recognize(active),
            token_mark=mark,
            expires_at=active.expires_at + self.leeway_seconds,
        )
        self._audit.record(
            "token",
            principal,
            outcome="not admitted" if principal.refusal else "accepted",
        )
        self._cache.keep(digest, resource.url, active, principal)
        return principal

    async def _is_revoked(self, grant: str) -> bool:
        return bool(grant) and self.revoked is not None and await self.revoked(grant)

    def _is_foreign(self, active: Active, resource: Resource) -> bool:
        return self.audiences.union((resource.url,)).isdisjoint(active.audiences)


def _has_token(query: bytes) -> bool:
    pairs = parse_qsl(query, keep_blank_values=True)
    return any(name == b"access_token" for name, _ in pairs)
