"""Tokens that are JWTs (RFC 7519, RFC 9068)."""

from collections.abc import Callable

from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from mcp_trino.active import Active
from mcp_trino.introspection.claims import check_nonce, judge
from mcp_trino.introspection.gate import Unverified, parse
from mcp_trino.introspection.keys import Key, SharedSecret
from mcp_trino.introspection.refused import Refused, shown
from mcp_trino.introspection.rules import Rules, for_tenant
from mcp_trino.introspection.sources import IKeySource

Now = Callable[[], float]
"""Gives the time, in seconds since the epoch."""


@define(eq=False)
class SignedTokens:
    """
    Judges the JWTs of one issuer.

    Claims come before keys: only a token that would hold, were its signature
    that of the provider, is worth a fetch of keys.
    """

    _rules: Rules
    _keys: IKeySource = field(repr=False)
    _now: Now = field(repr=False)

    @property
    def generation(self) -> str:
        """The state of the keys that tokens are judged by."""
        return self._keys.generation

    def judge(self, text: str) -> Deferred[Active]:
        """
        Judge an access token.

        :raise Refused: it does not hold.
        :raise Undecidable: the keys cannot be had.
        """
        return Deferred.fromCoroutine(self._judge(text))

    def judge_login(self, text: str, nonce: str) -> Deferred[Active]:
        """
        Judge an ID token.

        :param nonce: that of the request, empty at a refresh.
        :raise: as ``judge``.
        """
        return Deferred.fromCoroutine(self._judge(text, nonce))

    async def _judge(self, text: str, nonce: str | None = None) -> Active:
        token = parse(text)
        self._check_header(token)
        active = judge(token.claims, self._rules, self._now())
        if nonce is not None:
            check_nonce(token.claims, nonce)
        keys = await self._keys.find(token.key_id)
        key = keys.verify(token)
        self._check_key(key, token)
        return evolve(
            active, key_id=key.id or key.thumbprint, generation=keys.generation
        )

    def _check_header(self, token: Unverified) -> None:
        if token.algorithm not in self._rules.algorithms:
            expected = ", ".join(sorted(self._rules.algorithms))
            raise Refused(f"its alg is {shown(token.algorithm)}, none of {expected}")
        if token.type not in self._rules.types:
            raise Refused(f"its header's typ is {shown(token.type)}")

    def _check_key(self, key: Key | SharedSecret, token: Unverified) -> None:
        """See to it that a key of one tenant signs for that tenant only."""
        templates = self._rules.key_issuers
        if key.issuer and templates and key.issuer not in templates:
            tenant = token.claims.get("tid")
            if not isinstance(tenant, str) or key.issuer not in [
                for_tenant(template, tenant) for template in templates
            ]:
                raise Refused(f"its key is one of {shown(key.issuer)} only")
