"""What the settings of OAuth come to."""

from mcp_trino.config.chosen import REDIRECTS, Chosen
from mcp_trino.config.oauth_table import CALLBACKS
from mcp_trino.providers import Provider
from mcp_trino.settings import (
    AdmissionSettings,
    OAuthMode,
    OAuthSettings,
    ProxySettings,
    WorkerSettings,
)

_OWN_KEYS = "keys.json"
_CALLBACK = "/oauth/callback"


def make_oauth(chosen: Chosen) -> OAuthSettings:
    """
    Make the part of the tree that says who may ask.

    :param chosen: values with OAuth on that ``problems`` found none with.
    """
    mode, provider, url = chosen.oauth_mode, chosen.provider, chosen.public_url
    default = url if provider is None else provider.default_issuer
    issuer = chosen["OIDC_ISSUER"] or default or ""
    proxy = _proxy(chosen) if mode is OAuthMode.PROXY else None
    audiences = () if proxy else _audiences(chosen, provider)
    return OAuthSettings(
        mode=mode,
        provider=provider,
        issuer=url if proxy else issuer,
        audiences=audiences,
        admission=_admission(chosen),
        worker=_worker(chosen, mode, issuer, audiences, proxy),
        proxy=proxy,
        **chosen.room("oauth"),
    )


def _audiences(chosen: Chosen, provider: Provider | None) -> tuple[str, ...]:
    client_id = chosen["OIDC_CLIENT_ID"]
    forms = provider.audience_forms if provider and client_id else ()
    named = (form.format(client_id=client_id) for form in forms)
    return tuple(dict.fromkeys((*(chosen["OIDC_AUDIENCE"] or ()), *named)))


def _admission(chosen: Chosen) -> AdmissionSettings:
    return AdmissionSettings(
        domains=chosen["OAUTH_ALLOWED_DOMAINS"] or (),
        tenants=chosen["OAUTH_ALLOWED_TENANTS"] or (),
        groups=chosen["OAUTH_ALLOWED_GROUPS"] or (),
        subjects=chosen["OAUTH_ALLOWED_SUBJECTS"] or (),
        clients=chosen["OAUTH_ALLOWED_CLIENTS"] or (),
        services=chosen["OAUTH_SERVICE_USERS"] or (),
        blocked=chosen["OAUTH_BLOCKED"] or (),
        **chosen.room("admission"),
    )


def _worker(
    chosen: Chosen,
    mode: OAuthMode,
    issuer: str,
    audiences: tuple[str, ...],
    proxy: ProxySettings | None,
) -> WorkerSettings:
    provider = chosen.provider
    url = chosen.public_url
    resources = (f"{url}/mcp", f"{url}/sse")
    algorithms = chosen["OAUTH_ALGORITHMS"]
    known = provider.algorithms if provider else ("HS256",)
    return WorkerSettings(
        mode=mode,
        provider=provider,
        issuer=issuer,
        audiences=(proxy.client_id,) if proxy else (*audiences, *resources),
        resources=resources,
        token_kind=chosen.token_kind,
        algorithms=tuple(map(_algorithm, algorithms)) if algorithms else known,
        jwks_uri=chosen["OIDC_JWKS_URI"],
        client_id=chosen["OIDC_CLIENT_ID"],
        client_secret=None if proxy else chosen["OIDC_CLIENT_SECRET"],
        hmac_secret=chosen["JWT_SECRET"] if mode is OAuthMode.HMAC else None,
        tenants=chosen["OAUTH_ALLOWED_TENANTS"] or (),
        own_issuer=url if proxy else None,
        own_keys_file=proxy.state_directory / _OWN_KEYS if proxy else None,
        **chosen.room("worker"),
    )


def _algorithm(name: str) -> str:
    return {"eddsa": "EdDSA", "ed25519": "Ed25519"}.get(name) or name.upper()


def _proxy(chosen: Chosen) -> ProxySettings:
    provider = chosen.provider
    given = [chosen[name] for name in REDIRECTS if name in chosen.given]
    own = chosen.public_url + _CALLBACK
    redirects = [uri for uri in (given or [()])[0] if uri != own]
    upstream = provider.upstream_scopes if provider else ()
    return ProxySettings(
        client_id=chosen["OIDC_CLIENT_ID"],
        client_secret=chosen["OIDC_CLIENT_SECRET"],
        redirect_uris=tuple(redirects or CALLBACKS.split()),
        document_hosts=chosen["OAUTH_DOCUMENT_HOSTS"] or (),
        upstream_scopes=chosen["OAUTH_UPSTREAM_SCOPES"] or upstream,
        **chosen.room("proxy"),
    )
