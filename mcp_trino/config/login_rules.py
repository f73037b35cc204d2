"""What the settings about who asks Trino mean together, and what is wrong in them."""

from collections.abc import Iterator

from mcp_trino.config.chosen import Chosen
from mcp_trino.config.oauth_kinds import is_loopback_url
from mcp_trino.settings import OAuthMode, Transport
from mcp_trino.trino_identity import TrinoLogin

ALIASES = {
    "TRINO_OAUTH_TOKEN_URL": "TRINO_OAUTH2_TOKEN_URL",
    "TRINO_OAUTH_SCOPES": "TRINO_OAUTH2_SCOPE",
}
"""Other names of settings."""

_CERTIFICATE = ("TRINO_CLIENT_CERT_FILE", "TRINO_CLIENT_KEY_FILE")
_CLIENT = ("TRINO_OAUTH_CLIENT_ID", "TRINO_OAUTH_CLIENT_SECRET")
# What each mode needs, and what else it knows.
_NEEDED = {
    TrinoLogin.BASIC: ("TRINO_PASSWORD",),
    TrinoLogin.JWT: ("TRINO_JWT_FILE",),
    TrinoLogin.OAUTH2: ("TRINO_OAUTH_TOKEN_URL", *_CLIENT),
    TrinoLogin.KERBEROS: ("TRINO_KERBEROS_KEYTAB",),
    TrinoLogin.CERTIFICATE: _CERTIFICATE,
    TrinoLogin.NONE: (),
}
_KNOWN = {
    TrinoLogin.OAUTH2: (
        "TRINO_OAUTH_SCOPES",
        "TRINO_OAUTH_AUDIENCE",
        "TRINO_OAUTH2_TOKEN_URL",
        "TRINO_OAUTH2_CREDENTIAL",
        "TRINO_OAUTH2_SCOPE",
    ),
    TrinoLogin.KERBEROS: (
        "TRINO_KERBEROS_SERVICE",
        "TRINO_KERBEROS_HOST",
        "TRINO_KERBEROS_PRINCIPAL",
    ),
}
_SECRET_BYTES = 32
_IMPERSONATION = (
    "TRINO_IMPERSONATION_PATTERN",
    "TRINO_IMPERSONATION_RULES_FILE",
    "TRINO_IMPERSONATION_FORBIDDEN",
)
_EXCHANGE = (
    "TRINO_TOKEN_EXCHANGE_CLIENT_ID",
    "TRINO_TOKEN_EXCHANGE_CLIENT_SECRET",
    "TRINO_TOKEN_EXCHANGE_AUDIENCE",
    "TRINO_TOKEN_EXCHANGE_SCOPES",
)


def login_of(chosen: Chosen) -> TrinoLogin:
    """Give the mode that was chosen, or that the other settings come to."""
    said = chosen["TRINO_AUTH_MODE"]
    if said is not None:
        return TrinoLogin("oauth2" if said == "oauth" else said)
    for login, needed in _NEEDED.items():
        if chosen.given & {*needed, *_KNOWN.get(login, ())}:
            return login
    return TrinoLogin.NONE


def value_of(chosen: Chosen, name: str) -> object:
    """Give the value of a setting, by whichever of its names it was given."""
    if name in _CLIENT and chosen["TRINO_OAUTH2_CREDENTIAL"] is not None:
        return chosen["TRINO_OAUTH2_CREDENTIAL"][_CLIENT.index(name)]
    alias = ALIASES.get(name)
    return chosen[alias] if alias in chosen.given else chosen[name]


def problems(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what has no meaning."""
    yield from _about_login(chosen)
    yield from _about_token_client(chosen)
    yield from _about_people(chosen)
    mark = chosen["TRINO_MARK_SECRET"]
    if mark is not None and len(mark.encode()) < _SECRET_BYTES:
        yield f"TRINO_MARK_SECRET has fewer than {_SECRET_BYTES} bytes"
    if chosen["TRINO_TOKEN_EXCHANGE_URL"]:
        yield from _about_exchange(chosen)


def _about_login(chosen: Chosen) -> Iterator[str]:
    login = login_of(chosen)
    for name in _NEEDED[login]:
        if value_of(chosen, name) is None and name not in chosen.given:
            yield f"TRINO_AUTH_MODE is {login.value}, but {name} is not set"
    for other, needed in _NEEDED.items():
        if other in (login, TrinoLogin.CERTIFICATE):
            continue
        for name in (*needed, *_KNOWN.get(other, ())):
            if name in chosen.given:
                yield f"{name} has no meaning when TRINO_AUTH_MODE is {login.value}"
    for one, other_half in (_CERTIFICATE, _CERTIFICATE[::-1]):
        needs = login is not TrinoLogin.CERTIFICATE
        if needs and one in chosen.given and other_half not in chosen.given:
            yield f"{one} has no meaning without {other_half}"
    if chosen.scheme == "http" and login is not TrinoLogin.NONE:
        shown = [name for name in _NEEDED[login] if name in chosen.given]
        what = (shown or ["TRINO_AUTH_MODE"])[0]
        yield f"{what} is never sent over http: set TRINO_SCHEME to https"


def _about_token_client(chosen: Chosen) -> Iterator[str]:
    pairs = [
        *ALIASES.items(),
        *((name, "TRINO_OAUTH2_CREDENTIAL") for name in _CLIENT),
    ]
    for name, alias in pairs:
        both = {name, alias} <= chosen.given
        if both and chosen[name] != value_of(chosen, name):
            yield f"{name} and {alias} are one setting, and differ"
    url = str(value_of(chosen, "TRINO_OAUTH_TOKEN_URL") or "")
    allowed = chosen["TRINO_OAUTH2_ALLOW_INSECURE_TOKEN_URL"] or is_loopback_url(url)
    if url.startswith("http:") and not allowed:
        yield "TRINO_OAUTH_TOKEN_URL has to be https: secrets and tokens go there"
    uses = url or chosen["TRINO_TOKEN_EXCHANGE_URL"]
    if chosen["TRINO_OAUTH_CA_FILE"] and not uses:
        yield "TRINO_OAUTH_CA_FILE has no meaning without a token endpoint"


def _about_people(chosen: Chosen) -> Iterator[str]:
    on = chosen["TRINO_ENABLE_IMPERSONATION"]
    for name in _IMPERSONATION:
        if name in chosen.given and not on:
            yield f"{name} has no meaning unless TRINO_ENABLE_IMPERSONATION is true"
    pattern, file = _IMPERSONATION[:2]
    if pattern in chosen.given and file in chosen.given:
        yield f"{pattern} has no meaning with {file}"
    exchange = chosen["TRINO_TOKEN_EXCHANGE_URL"] is not None
    if on and exchange:
        yield "TRINO_TOKEN_EXCHANGE_URL has no meaning with TRINO_ENABLE_IMPERSONATION"
    for name in _EXCHANGE:
        if name in chosen.given and not exchange:
            yield f"{name} has no meaning without TRINO_TOKEN_EXCHANGE_URL"
    if chosen.transport is Transport.HTTP and not chosen.oauth:
        for name, asked in (
            ("TRINO_ENABLE_IMPERSONATION", on),
            ("TRINO_TOKEN_EXCHANGE_URL", exchange),
        ):
            if asked:
                yield f"{name} needs OAUTH_ENABLED: nobody is asked who they are"


def _about_exchange(chosen: Chosen) -> Iterator[str]:
    for name in _EXCHANGE[:2]:
        if name not in chosen.given:
            yield f"{name} is needed with TRINO_TOKEN_EXCHANGE_URL"
    if chosen.scheme == "http":
        yield (
            "TRINO_TOKEN_EXCHANGE_URL has no meaning over http: set TRINO_SCHEME to "
            "https"
        )
    if chosen.oauth and chosen.oauth_mode is OAuthMode.HMAC:
        yield "TRINO_TOKEN_EXCHANGE_URL has no meaning when OAUTH_PROVIDER is hmac"


def warnings(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what the operator should know."""
    unproved = login_of(chosen) is TrinoLogin.NONE
    if chosen.oauth and chosen["TRINO_ENABLE_IMPERSONATION"] and unproved:
        yield (
            "TRINO_ENABLE_IMPERSONATION without TRINO_AUTH_MODE: this Trino takes "
            "everybody for whom they say, past this server too"
        )
    url = str(value_of(chosen, "TRINO_OAUTH_TOKEN_URL") or "")
    if url.startswith("http:") and not is_loopback_url(url):
        yield (
            "TRINO_OAUTH2_ALLOW_INSECURE_TOKEN_URL is true: anyone between here and "
            f"{url} can read the secret of the client"
        )
