"""
What differs between identity providers, as data.

Nothing else in this project asks which provider it is.
"""

from enum import Enum

from attrs import frozen


class TokenKind(Enum):
    """How an access token of a provider is checked."""

    JWT = "jwt"
    INTROSPECTION = "introspection"
    """Opaque; RFC 7662 at the issuer."""
    GOOGLE_TOKENINFO = "google_tokeninfo"
    """Opaque; Google's own endpoint."""


@frozen
class Provider:
    """
    One row of the table.

    :ivar title: how people call it.
    :ivar default_issuer: the issuer when none is set, ``None`` where each
        customer has her own.
    :ivar issuer_aliases: other spellings of ``iss`` in tokens of the same
        issuer.
    :ivar tenant_issuers: templates of ``iss`` in which ``{tenantid}`` stands
        for the token's ``tid``; for issuers that serve many tenants.
    :ivar issuer_must_contain: a part of the issuer without which its tokens
        are not made for other servers.
    :ivar open_to_public: anyone can have an account there, so an admission
        rule is required.
    :ivar shared_issuers: parts of an issuer that serves all tenants, of which
        some have to be chosen.
    :ivar native: why clients cannot get tokens for this server themselves,
        empty where they can.
    :ivar token_kinds: how its access tokens can be checked.
    :ivar require_at_jwt: access tokens say ``typ: at+jwt`` (RFC 9068).
    :ivar algorithms: signature algorithms, unless the operator says otherwise.
    :ivar subject_claims: together the identifier that never changes hands.
    :ivar username_claims: the first of them that is there is the name.
    :ivar email_needs_verified: an address counts only with ``email_verified``.
    :ivar scope_claims: where scopes are, as text or list.
    :ivar client_claims: where the OAuth client is; the first one there.
    :ivar groups_claims: where groups and roles are; a dot goes into an object.
    :ivar tenant_claim: where the tenant or hosted domain is.
    :ivar service_claims: what only the token of a service says that acts for
        nobody: a claim and its value, in which ``{name}`` stands for another
        claim and ``{client_id}`` for the client.
    :ivar refused_types: values of the payload's ``typ`` that are other tokens.
    :ivar tokeninfo: the endpoint of ``TokenKind.GOOGLE_TOKENINFO``.
    :ivar audience_forms: further audiences, ``{client_id}`` replaced.
    :ivar upstream_scopes: what to ask for at a login through this server.
    :ivar upstream_parameters: further parameters of the authorization request.
    :ivar sends_audience: it wants ``audience`` where others take ``resource``.
    :ivar token_scope: it wants ``scope`` at the token endpoint as well.
    """

    name: str
    title: str
    default_issuer: str | None = None
    issuer_aliases: tuple[str, ...] = ()
    tenant_issuers: tuple[str, ...] = ()
    issuer_must_contain: str = ""
    open_to_public: bool = False
    shared_issuers: tuple[str, ...] = ()
    native: str = ""
    token_kinds: tuple[TokenKind, ...] = (TokenKind.JWT, TokenKind.INTROSPECTION)
    require_at_jwt: bool = False
    algorithms: tuple[str, ...] = ("RS256",)
    subject_claims: tuple[str, ...] = ("sub",)
    username_claims: tuple[str, ...] = ("preferred_username", "email", "sub")
    email_needs_verified: bool = True
    scope_claims: tuple[str, ...] = ("scope", "scp")
    client_claims: tuple[str, ...] = ("client_id", "azp")
    groups_claims: tuple[str, ...] = ("groups",)
    tenant_claim: str = ""
    service_claims: tuple[tuple[str, str], ...] = (("sub", "{client_id}"),)
    refused_types: tuple[str, ...] = ()
    tokeninfo: str = ""
    audience_forms: tuple[str, ...] = ()
    upstream_scopes: tuple[str, ...] = ("openid", "profile", "email")
    upstream_parameters: tuple[tuple[str, str], ...] = ()
    sends_audience: bool = False
    token_scope: bool = False


@frozen
class Endpoints:
    """
    The endpoints of a provider (OpenID Connect Discovery, RFC 8414).

    All are ``https``, or ``http`` on loopback.

    :ivar userinfo: ``None``, as the two after it, when it has none.
    :ivar sends_issuer: it says that it sends ``iss`` to the callback (RFC 9207).
    :ivar token_methods: the ways in which a client shows its secret there.
    """

    issuer: str
    authorization: str
    token: str
    userinfo: str | None = None
    revocation: str | None = None
    introspection: str | None = None
    sends_issuer: bool = False
    token_methods: tuple[str, ...] = ("client_secret_basic",)


_ANY_ALGORITHM = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            "okta",
            "Okta",
            issuer_must_contain="/oauth2/",
            subject_claims=("uid",),
            username_claims=("preferred_username", "sub", "email"),
            scope_claims=("scp", "scope"),
            client_claims=("cid", "client_id"),
            upstream_scopes=("openid", "profile", "email", "offline_access"),
        ),
        Provider(
            "google",
            "Google",
            default_issuer="https://accounts.google.com",
            issuer_aliases=("accounts.google.com",),
            open_to_public=True,
            native="Google's access tokens are not made for other servers",
            token_kinds=(TokenKind.GOOGLE_TOKENINFO,),
            username_claims=("email", "sub"),
            client_claims=("azp", "aud"),
            groups_claims=(),
            tenant_claim="hd",
            tokeninfo="https://oauth2.googleapis.com/tokeninfo",
            audience_forms=("{client_id}",),
            upstream_parameters=(("access_type", "offline"), ("prompt", "consent")),
        ),
        Provider(
            "azure",
            "Microsoft Entra ID",
            tenant_issuers=(
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://sts.windows.net/{tenantid}/",
            ),
            shared_issuers=("/common/", "/organizations/", "/consumers/"),
            native="Entra ID takes no resource parameter and registers no clients",
            token_kinds=(),
            subject_claims=("tid", "oid"),
            username_claims=("preferred_username", "upn", "unique_name"),
            scope_claims=("scp", "roles"),
            client_claims=("azp", "appid"),
            groups_claims=("groups", "roles"),
            tenant_claim="tid",
            service_claims=(("idtyp", "app"), ("sub", "{oid}")),
            audience_forms=("{client_id}", "api://{client_id}"),
            upstream_scopes=("openid", "profile", "email", "offline_access"),
            token_scope=True,
        ),
        Provider(
            "keycloak",
            "Keycloak",
            algorithms=_ANY_ALGORITHM,
            client_claims=("azp", "client_id"),
            groups_claims=("groups", "realm_access.roles"),
            service_claims=(
                ("sub", "{client_id}"),
                ("preferred_username", "service-account-{client_id}"),
            ),
            refused_types=("ID", "Refresh", "Offline", "Logout", "DPoP"),
        ),
        Provider(
            "auth0",
            "Auth0",
            client_claims=("azp", "client_id"),
            scope_claims=("scope", "permissions"),
            groups_claims=("groups", "permissions"),
            service_claims=(
                ("gty", "client-credentials"),
                ("sub", "{client_id}@clients"),
            ),
            upstream_scopes=("openid", "profile", "email", "offline_access"),
            sends_audience=True,
        ),
        Provider("oidc", "OpenID Connect", algorithms=_ANY_ALGORITHM),
    )
}
"""By the value of ``OAUTH_PROVIDER``; ``hmac`` is no provider."""
