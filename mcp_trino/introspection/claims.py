"""
Whether the claims of a token hold (RFC 7519 section 4.1, RFC 9068 section 4).

``jwcrypto`` is not asked: it heeds neither ``nbf`` nor ``iat`` once other
claims are to be checked, and takes numbers that no clock will reach.
"""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from attrs import frozen

from mcp_trino.active import Active
from mcp_trino.introspection.refused import Refused, shown
from mcp_trino.introspection.rules import Rules, for_tenant, is_tenant_id

MAX_NAME_CHARS = 255
# A client that registered with this server carries what it registered.
MAX_CLIENT_CHARS = 2048
_ONLY_IN_ID_TOKENS = ("nonce", "at_hash", "c_hash")
# RFC 6749 section 3.3.
_SCOPE_CHARS = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"\\')

_Claims = Mapping[str, Any]


def judge(claims: _Claims, rules: Rules, now: float) -> Active:
    """
    Check all claims and give what they say, in one form for all issuers.

    :param now: seconds since the epoch.
    :raise Refused: they do not hold; the first reason found.
    """
    _check_issuer(claims, rules)
    expires_at = _check_times(claims, rules, now)
    audiences = _check_audience(claims, rules)
    _check_kind(claims, rules)
    reading = _Reading(claims, rules)
    client_id = reading.first(rules.provider.client_claims, MAX_CLIENT_CHARS)
    is_person = rules.is_login or not reading.is_service(client_id)
    return Active(
        issuer=rules.issuer,
        subject=reading.subject(is_person=is_person),
        audiences=audiences,
        expires_at=expires_at,
        client_id=client_id,
        scopes=reading.scopes(),
        username=reading.username(),
        email=reading.email(),
        tenant=reading.first((rules.provider.tenant_claim,)),
        groups=reading.groups(),
        groups_complete=not reading.has_more_groups(),
        is_person=is_person,
        token_id=reading.first(("jti",)),
        grant=reading.first(("grant",)) if rules.is_own else "",
    )


def check_nonce(claims: _Claims, nonce: str) -> None:
    """
    See to it that an ID token answers our request and no other.

    :param nonce: empty for the ID token of a refresh, which need not have it.
    :raise Refused: it does not.
    """
    said = claims.get("nonce")
    if nonce and not (
        isinstance(said, str) and compare_digest(said.encode(), nonce.encode())
    ):
        raise Refused("its nonce is not that of the login")


def _check_issuer(claims: _Claims, rules: Rules) -> None:
    issuer = claims.get("iss")
    if isinstance(issuer, str) and issuer and issuer in rules.issuers:
        return
    tenant = claims.get("tid")
    if rules.tenant_issuers and isinstance(tenant, str) and is_tenant_id(tenant):
        forms = [for_tenant(form, tenant) for form in rules.tenant_issuers]
        if issuer in forms:
            if "*" not in rules.tenants and tenant not in rules.tenants:
                raise Refused(f"its tenant {tenant} is none of those that may enter")
            return
    expected = " or ".join(sorted(rules.issuers) or rules.tenant_issuers)
    raise Refused(f"its iss is {shown(issuer)}, not {expected}")


def _check_times(claims: _Claims, rules: Rules, now: float) -> float:
    expires_at = _moment(claims, "exp")
    if expires_at is None:
        raise Refused("it has no exp")
    late = now - rules.leeway_seconds
    if expires_at <= late:
        raise Refused(f"it expired {now - expires_at:.0f} s ago (exp)")
    most = rules.max_lifetime_seconds
    if most is not None and expires_at > now + most:
        raise Refused(f"its exp is more than {most:.0f} s ahead")
    early = now + rules.leeway_seconds
    for name in ("nbf", "iat"):
        moment = _moment(claims, name)
        if moment is not None and moment > early:
            raise Refused(f"its {name} is {moment - now:.0f} s ahead")
    if rules.is_login and "iat" not in claims:
        raise Refused("it has no iat")
    return expires_at


def _moment(claims: _Claims, name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Refused(f"its {name} is {shown(value)}, not a time")
    return float(value)


def _check_audience(claims: _Claims, rules: Rules) -> tuple[str, ...]:
    value = claims.get("aud")
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise Refused(f"its aud is {shown(value)}, not a text or a list of texts")
    if rules.audiences.isdisjoint(named):
        expected = ", ".join(sorted(rules.audiences))
        raise Refused(f"its aud is {shown(value)}, none of {expected}")
    if rules.is_own and len(named) > 1:
        raise Refused(f"its aud is {shown(value)}, more than this server")
    # OpenID Connect Core section 3.1.3.7, steps 4 and 5.
    party = claims.get("azp", named[0] if len(named) == 1 else None)
    if rules.is_login and party not in tuple(rules.audiences):
        raise Refused(f"its azp is {shown(party)}, not this server's client id")
    return tuple(named)


def _check_kind(claims: _Claims, rules: Rules) -> None:
    """See to it that it is no token of another kind (RFC 8725 section 3.12)."""
    if "cnf" in claims:
        raise Refused("it is bound to a key (cnf) that nobody has shown")
    kind = claims.get("typ")
    own = rules.is_login and kind == "ID"
    if kind in rules.provider.refused_types and not own:
        raise Refused(f"it is of the kind {shown(kind)} (typ)")
    if rules.is_login:
        return
    for name in _ONLY_IN_ID_TOKENS:
        if name in claims:
            raise Refused(f"it is an ID token, no access token: it has {name}")
    if rules.needs_scope and not any(
        name in claims for name in rules.provider.scope_claims
    ):
        names = " nor ".join(rules.provider.scope_claims)
        raise Refused(f"it may be an ID token: it has no {names}")


@frozen
class _Reading:
    """What is taken from claims that hold."""

    claims: _Claims
    rules: Rules

    def first(self, names: tuple[str, ...], most: int = MAX_NAME_CHARS) -> str:
        """Give the first claim of these that is there, empty for none."""
        for name in names:
            value = self._find(name)
            if isinstance(value, str) and value:
                if not _is_name(value, most):
                    raise Refused(f"its {name} is {shown(value)}")
                return value
        return ""

    def subject(self, *, is_person: bool) -> str:
        """Give the identifier that never changes hands."""
        subject = self.claims.get("sub")
        if not isinstance(subject, str) or not _is_name(subject):
            raise Refused(f"its sub is {shown(subject)}")
        if not is_person:
            return subject
        names = self.rules.provider.subject_claims
        parts = [self.first((name,)) for name in names]
        if all(parts):
            return ":".join(parts)
        if self.rules.is_login:
            return subject
        raise Refused(f"it has no {' and '.join(names)}")

    def is_service(self, client_id: str) -> bool:
        """Whether a service got it for itself."""
        texts = {k: v for k, v in self.claims.items() if isinstance(v, str)}
        texts["client_id"] = client_id
        for name, template in self.rules.provider.service_claims:
            value = self.claims.get(name)
            try:
                expected = template.format_map(texts)
            except KeyError:
                continue
            if isinstance(value, str) and value and value.lower() == expected.lower():
                return True
        return False

    def scopes(self) -> frozenset[str]:
        """Give the scopes of all claims that may have some."""
        found: set[str] = set()
        for name in self.rules.provider.scope_claims:
            value = self._find(name)
            found.update(value.split(" ") if isinstance(value, str) else _texts(value))
        return frozenset(
            scope for scope in found if scope and _SCOPE_CHARS.issuperset(scope)
        )

    def username(self) -> str:
        """Give the name that the operator or the provider's row chose."""
        chosen = self.rules.username_claim
        names = self.rules.provider.username_claims if chosen is None else (chosen,)
        for name in names:
            value = self.email() if name == "email" else self.first((name,))
            if value:
                return value
        return ""

    def email(self) -> str:
        """Give the address, if the issuer says that it verified it."""
        verified = self.claims.get("email_verified") is True
        if self.rules.provider.email_needs_verified and not verified:
            return ""
        return self.first(("email",))

    def groups(self) -> tuple[str, ...]:
        """Give the groups and roles of all claims that may have some."""
        chosen = self.rules.groups_claim
        names = self.rules.provider.groups_claims if chosen is None else (chosen,)
        found = [group for name in names for group in _texts(self._find(name))]
        return tuple(dict.fromkeys(found))

    def has_more_groups(self) -> bool:
        """Whether the issuer left groups out (Entra ID's overage)."""
        elsewhere = self.claims.get("_claim_names")
        left_out = isinstance(elsewhere, dict) and "groups" in elsewhere
        return left_out or "hasgroups" in self.claims

    def _find(self, name: str) -> Any:
        """Give a claim; where none has that name, dots lead into objects."""
        if name in self.claims:
            return self.claims[name]
        value: Any = self.claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str) and _is_name(item)]


def _is_name(text: str, most: int = MAX_NAME_CHARS) -> bool:
    return 0 < len(text) <= most and text.isprintable()
