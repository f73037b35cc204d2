"""What the settings of OAuth mean together, and what is wrong in them."""

from collections.abc import Iterator
from secrets import token_urlsafe

from mcp_trino.config.chosen import REDIRECTS, SWITCHES, Chosen
from mcp_trino.config.oauth_kinds import is_loopback_url
from mcp_trino.config.oauth_table import OAUTH
from mcp_trino.providers import Provider, TokenKind
from mcp_trino.settings import OAuthMode

_SECRET_BYTES = 32
# Which settings say something about whom.
_OF_PROVIDER = (
    "OIDC_CLIENT_ID",
    "OIDC_JWKS_URI",
    "OIDC_CA_FILE",
    "OAUTH_ALGORITHMS",
)
_OF_PROXY = (
    *REDIRECTS,
    "OAUTH_ANY_HTTPS_REDIRECT",
    "OAUTH_REGISTRATION",
    "OAUTH_DOCUMENT_HOSTS",
    "OAUTH_UPSTREAM_SCOPES",
    "OAUTH_STATE_DIRECTORY",
    "OAUTH_KEYS",
    "OAUTH_STORE_URL",
    "OAUTH_ACCESS_TTL",
    "OAUTH_REFRESH_IDLE",
    "OAUTH_REFRESH_TTL",
)
_WITHOUT_EFFECT = frozenset((*SWITCHES, "OAUTH_METADATA_FROM_DISCOVERY"))
# People can write into them what they like.
_EDITABLE_CLAIMS = frozenset(("name", "nickname", "given_name", "family_name"))


def problems(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what has no meaning over HTTP."""
    switches = {chosen[name] for name in SWITCHES if name in chosen.given}
    if len(switches) > 1:
        yield f"{SWITCHES[0]} and {SWITCHES[1]} are one setting, and differ"
    elif chosen.oauth:
        yield from _about_address(chosen)
        yield from _about_mode(chosen)
        yield from _about_admission(chosen)
        yield from _about_worker(chosen)
        if not chosen["OAUTH_WRITE_SCOPE"]:
            yield "OAUTH_WRITE_SCOPE cannot be empty: whoever has a token could write"
    elif not switches:
        for setting in OAUTH:
            if setting.name in chosen.given and setting.name not in _WITHOUT_EFFECT:
                yield (
                    f"{setting.name} has no effect unless OAUTH_ENABLED is true; "
                    "set that to true, or to false if everybody may enter"
                )


def _about_address(chosen: Chosen) -> Iterator[str]:
    secure = chosen["HTTPS_CERT_FILE"] is not None
    if secure and chosen["MCP_TLS_TERMINATED"]:
        yield "MCP_TLS_TERMINATED has no meaning with HTTPS_CERT_FILE"
    if not chosen.is_local and not secure and not chosen["MCP_TLS_TERMINATED"]:
        yield (
            "MCP_BIND: tokens are not taken over plain http from other machines: set "
            "HTTPS_CERT_FILE and HTTPS_KEY_FILE, or MCP_TLS_TERMINATED where a proxy "
            "in front speaks https"
        )
    said = {"MCP_URL", "MCP_HOST"} & chosen.given or chosen.audience_url
    if not said and not chosen.is_local:
        yield (
            "MCP_URL is needed: tokens are made for the URL that people type (an "
            "OIDC_AUDIENCE would do that is an https URL and that HTTPS_CERT_FILE "
            "is for)"
        )
    elif chosen.public_url.startswith("http:") and not is_loopback_url(
        chosen.public_url
    ):
        yield f"MCP_URL: {chosen.public_url} has to be https, tokens go there"


def _about_mode(chosen: Chosen) -> Iterator[str]:
    mode = chosen.oauth_mode
    if mode is OAuthMode.HMAC:
        yield from _about_secret(chosen)
    else:
        yield from _about_provider(chosen, mode)
    where = "OAUTH_PROVIDER" if mode is OAuthMode.HMAC else "OAUTH_MODE"
    for name in _foreign(chosen, mode):
        if name in chosen.given:
            yield f"{name} has no meaning when {where} is {mode.value}"
    if mode is OAuthMode.PROXY:
        yield from _about_proxy(chosen)


def _foreign(chosen: Chosen, mode: OAuthMode) -> Iterator[str]:
    """Give the settings that say something about another mode."""
    asks = mode is OAuthMode.NATIVE and chosen.token_kind is TokenKind.INTROSPECTION
    if mode is OAuthMode.HMAC:
        yield from _OF_PROVIDER
    if mode is not OAuthMode.NATIVE:
        yield "OAUTH_TOKEN_KIND"
    if mode is not OAuthMode.PROXY:
        yield from _OF_PROXY
        if not asks:
            yield "OIDC_CLIENT_SECRET"


def _about_secret(chosen: Chosen) -> Iterator[str]:
    if chosen["OAUTH_MODE"] == OAuthMode.PROXY.value:
        yield "OAUTH_MODE is proxy, but OAUTH_PROVIDER names no provider to log in at"
    if "JWT_SECRET" not in chosen.given:
        yield "JWT_SECRET is needed when OAUTH_PROVIDER is hmac"
    elif _is_weak(chosen["JWT_SECRET"] or "") and not _is_for_development(chosen):
        yield (
            f"JWT_SECRET has fewer than {_SECRET_BYTES} bytes, or is one repeated: too "
            "weak for a server that others can reach (RFC 7518 section 3.2)"
        )


def _is_weak(secret: str) -> bool:
    return len(secret.encode()) < _SECRET_BYTES or len(set(secret)) == 1


def _is_for_development(chosen: Chosen) -> bool:
    return chosen.is_local and is_loopback_url(chosen.public_url)


def _about_provider(chosen: Chosen, mode: OAuthMode) -> Iterator[str]:
    provider, kind = chosen.provider, chosen.token_kind
    if provider is None:
        return
    if "OIDC_ISSUER" not in chosen.given and not provider.default_issuer:
        yield f"OIDC_ISSUER is needed when OAUTH_PROVIDER is {provider.name}"
    needed = {OAuthMode.PROXY: ("OIDC_CLIENT_ID",)}.get(mode) or {
        TokenKind.INTROSPECTION: ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"),
        TokenKind.GOOGLE_TOKENINFO: ("OIDC_CLIENT_ID",),
    }.get(kind, ())
    for name in needed:
        if name not in chosen.given:
            yield f"{name} is needed here: this server is a client of {provider.title}"
    if mode is OAuthMode.NATIVE and kind not in provider.token_kinds:
        if provider.native:
            yield (f"OAUTH_MODE is native, but {provider.native}: use OAUTH_MODE=proxy")
        else:
            yield f"OAUTH_TOKEN_KIND: {provider.title} has no such tokens"


def _about_proxy(chosen: Chosen) -> Iterator[str]:
    given = [name for name in REDIRECTS if name in chosen.given]
    if len({chosen[name] for name in given}) > 1:
        yield f"{' and '.join(given)} are one setting, and differ"
    if chosen["OAUTH_REFRESH_IDLE"] > chosen["OAUTH_REFRESH_TTL"]:
        yield "OAUTH_REFRESH_IDLE is more than OAUTH_REFRESH_TTL"


def _about_admission(chosen: Chosen) -> Iterator[str]:
    provider = chosen.provider
    if provider is None:
        if "OAUTH_ALLOWED_TENANTS" in chosen.given:
            yield "OAUTH_ALLOWED_TENANTS has no meaning when OAUTH_PROVIDER is hmac"
        return
    if chosen["OAUTH_ALLOWED_TENANTS"] and not provider.tenant_claim:
        yield f"OAUTH_ALLOWED_TENANTS: {provider.title} says no tenant"
    shared = _is_shared(provider, chosen["OIDC_ISSUER"] or "")
    if shared and not chosen["OAUTH_ALLOWED_TENANTS"]:
        yield (
            f"OAUTH_ALLOWED_TENANTS is needed: {chosen['OIDC_ISSUER']} lets people of "
            "every tenant in; name those that may enter, or * for any"
        )
    rules = ("DOMAINS", "TENANTS", "GROUPS", "SUBJECTS")
    if provider.open_to_public and not any(
        chosen[f"OAUTH_ALLOWED_{rule}"] for rule in rules
    ):
        yield (
            f"OAUTH_ALLOWED_DOMAINS is needed: anybody can have an account at "
            f"{provider.title}; OAUTH_ALLOWED_TENANTS or OAUTH_ALLOWED_SUBJECTS "
            "would do as well"
        )


def _is_shared(provider: Provider, issuer: str) -> bool:
    return any(part in f"{issuer}/" for part in provider.shared_issuers)


def _about_worker(chosen: Chosen) -> Iterator[str]:
    if chosen["OAUTH_INTROSPECTION_USER"] and not chosen["OAUTH_INTROSPECTION_SOCKET"]:
        yield (
            "OAUTH_INTROSPECTION_USER has no meaning without OAUTH_INTROSPECTION_SOCKET"
        )


def warnings(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what the operator should know, with OAuth on."""
    mode, provider = chosen.oauth_mode, chosen.provider
    secret, issuer = chosen["JWT_SECRET"], chosen["OIDC_ISSUER"] or ""
    if mode is OAuthMode.HMAC and _is_weak(secret):
        yield (
            f"JWT_SECRET has fewer than {_SECRET_BYTES} bytes, or is one repeated: "
            "whoever sees one token can find it by trying and be anybody; here is a "
            "better one: "
            f"JWT_SECRET={token_urlsafe(_SECRET_BYTES)}"
        )
    if mode is not OAuthMode.HMAC and secret:
        yield "JWT_SECRET has no effect unless OAUTH_PROVIDER is hmac"
    part = provider.issuer_must_contain if provider else ""
    if mode is OAuthMode.NATIVE and part not in issuer:
        yield (
            f"OIDC_ISSUER: {issuer} makes no tokens for other servers, so nobody can "
            f"enter: take one with {part} in it, such as "
            f"{issuer.rstrip('/')}{part}default, or use OAUTH_MODE=proxy"
        )
    if chosen["OAUTH_USERNAME_CLAIM"] in _EDITABLE_CLAIMS:
        yield (
            f"OAUTH_USERNAME_CLAIM is {chosen['OAUTH_USERNAME_CLAIM']}, which people "
            "can edit themselves: one may take the name of another"
        )
    port = chosen["MCP_PORT"]
    if chosen.audience_url and "MCP_PORT" not in chosen.given:
        yield (
            f"OIDC_AUDIENCE tells the public URL, {chosen.audience_url}, but port "
            f"{port} is bound: forward the one to the other, or set MCP_URL"
        )
