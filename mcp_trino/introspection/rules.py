"""
What a token has to say, for each kind of token that the worker judges.

A token is judged by the rules of one issuer only: none is tried with the rules
of another (RFC 8725 section 3.12).
"""

from attrs import evolve, frozen

from mcp_trino.providers import PROVIDERS, Provider
from mcp_trino.settings import OAuthMode, WorkerSettings

_TENANT = "{tenantid}"
_ACCESS_TYPES = frozenset(("", "jwt", "at+jwt"))
_LOGIN_TYPES = frozenset(("", "jwt"))

OWN = Provider(
    "own",
    "this server",
    require_at_jwt=True,
    algorithms=("ES256",),
    username_claims=("username",),
    scope_claims=("scope",),
    client_claims=("client_id",),
    groups_claims=("groups",),
    tenant_claim="tenant",
    service_claims=(),
)
"""
What the tokens of this server's own authorization server are like.

Besides the claims of RFC 9068 section 2.2 they have ``grant``, and of the person
``username``, ``email`` with ``email_verified``, ``tenant`` and ``groups``; with
``hasgroups`` when there are groups that are left out.
"""

SHARED_SECRET = evolve(
    PROVIDERS["oidc"], name="hmac", title="a shared secret", algorithms=("HS256",)
)
"""What the tokens of mode ``hmac`` are like."""


@frozen
class Rules:
    """
    What a token has to say.

    :ivar issuer: how this project calls the issuer, whatever the spelling.
    :ivar issuers: the spellings of ``iss``.
    :ivar tenant_issuers: templates of ``iss`` with the tenant left open.
    :ivar tenants: whose tokens are taken then, ``*`` for all.
    :ivar key_issuers: templates of what a key may say whom it is for.
    :ivar audiences: one of them has to be in ``aud``.
    :ivar is_own: it is of this server's own making, for this server alone.
    :ivar types: values of the header's ``typ``; empty for none.
    :ivar is_login: it is the ID token of a login, else an access token.
    :ivar needs_scope: a token without a claim for scopes is of another kind.
    :ivar max_lifetime_seconds: how far ahead ``exp`` may be, ``None`` for any.
    """

    provider: Provider
    issuer: str
    issuers: frozenset[str]
    audiences: frozenset[str]
    algorithms: frozenset[str]
    types: frozenset[str]
    leeway_seconds: float
    max_lifetime_seconds: float | None
    tenant_issuers: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    is_own: bool = False
    is_login: bool = False
    needs_scope: bool = True
    username_claim: str | None = None
    groups_claim: str | None = None
    key_issuers: tuple[str, ...] = ()


def access_rules(settings: WorkerSettings) -> Rules:
    """Give the rules of the access tokens that clients bring."""
    if settings.mode is OAuthMode.PROXY:
        return _own_rules(settings)
    provider = settings.provider or SHARED_SECRET
    typed = provider.require_at_jwt
    return evolve(
        _foreign_rules(settings, provider),
        audiences=frozenset(
            (
                *settings.audiences,
                *settings.resources,
                *_audience_forms(provider, settings.client_id),
            )
        ),
        types=frozenset(("at+jwt",)) if typed else _ACCESS_TYPES,
        max_lifetime_seconds=settings.max_lifetime_seconds,
        needs_scope=settings.provider is not None,
    )


def login_rules(settings: WorkerSettings) -> Rules:
    """
    Give the rules of ID tokens (OpenID Connect Core section 3.1.3.7).

    :raise ValueError: this server is no client of a provider.
    """
    if settings.provider is None or not settings.client_id:
        raise ValueError("there are no logins without a provider and a client id")
    return evolve(
        _foreign_rules(settings, settings.provider),
        audiences=frozenset((settings.client_id,)),
        is_login=True,
        needs_scope=False,
    )


def _foreign_rules(settings: WorkerSettings, provider: Provider) -> Rules:
    fixed, open_ = _issuers(settings.issuer, provider)
    return Rules(
        provider=provider,
        issuer=settings.issuer,
        issuers=fixed,
        audiences=frozenset(),
        algorithms=frozenset(settings.algorithms or provider.algorithms),
        types=_LOGIN_TYPES,
        leeway_seconds=settings.leeway_seconds,
        max_lifetime_seconds=None,
        tenant_issuers=open_,
        tenants=settings.tenants,
        username_claim=settings.username_claim,
        groups_claim=settings.groups_claim,
        key_issuers=provider.tenant_issuers,
    )


def _own_rules(settings: WorkerSettings) -> Rules:
    # Of none no token holds.
    issuer = settings.own_issuer or ""
    return Rules(
        provider=OWN,
        issuer=issuer,
        issuers=frozenset((issuer,)),
        audiences=frozenset(settings.resources),
        algorithms=frozenset(OWN.algorithms),
        types=frozenset(("at+jwt",)),
        leeway_seconds=settings.leeway_seconds,
        max_lifetime_seconds=settings.max_lifetime_seconds,
        is_own=True,
    )


def _audience_forms(provider: Provider, client_id: str | None) -> tuple[str, ...]:
    if client_id is None:
        return ()
    return tuple(
        form.replace("{client_id}", client_id) for form in provider.audience_forms
    )


def _issuers(issuer: str, provider: Provider) -> tuple[frozenset[str], tuple[str, ...]]:
    """
    Give the spellings of ``iss``, and templates where the tenant is left open.

    An issuer of one tenant signs in all forms of the templates for that tenant.
    """
    for template in provider.tenant_issuers:
        before, after = template.split(_TENANT)
        if issuer.startswith(before) and issuer.endswith(after):
            tenant = issuer[len(before) : len(issuer) - len(after)]
            if not is_tenant_id(tenant):
                return frozenset(), provider.tenant_issuers
            forms = {form.replace(_TENANT, tenant) for form in provider.tenant_issuers}
            return frozenset(forms), ()
    return frozenset((issuer, *provider.issuer_aliases)), ()


def is_shared_issuer(issuer: str, provider: Provider) -> bool:
    """Whether an issuer serves many tenants, each with an ``iss`` of its own."""
    return not _issuers(issuer, provider)[0]


def is_tenant_id(text: str) -> bool:
    """Whether it is a GUID as Entra ID writes them."""
    parts = [len(part) for part in text.split("-")]
    return parts == [8, 4, 4, 4, 12] and set(text) <= set("-0123456789abcdef")


def for_tenant(template: str, tenant: str) -> str:
    """Give the issuer of a tenant."""
    return template.replace(_TENANT, tenant)
