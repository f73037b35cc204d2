"""What the settings mean together: the tree they make, and what is wrong in it."""

from collections.abc import Iterator
from importlib.metadata import version
from ipaddress import ip_address
from itertools import permutations
from urllib.parse import urlsplit

from mcp_trino.config import guard_rules, login_rules, oauth_rules
from mcp_trino.config.chosen import Chosen
from mcp_trino.config.kinds import in_url
from mcp_trino.config.login_tree import make_login
from mcp_trino.config.oauth_tree import make_oauth
from mcp_trino.config.table import ABSENT
from mcp_trino.settings import (
    LOOPBACK_NAMES,
    AuditSettings,
    GuardSettings,
    QuerySettings,
    Settings,
    TLSSettings,
    Transport,
    TrinoSettings,
    WebSettings,
)

_EACH = 16


def problems(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what has no meaning."""
    yield from _absent(chosen)
    yield from _about_trino(chosen)
    yield from login_rules.problems(chosen)
    yield from guard_rules.problems(chosen)
    yield from _about_sizes(chosen)
    if chosen.transport is Transport.HTTP:
        yield from _about_web(chosen)
        yield from oauth_rules.problems(chosen)


def _absent(chosen: Chosen) -> Iterator[str]:
    for setting in ABSENT:
        value = chosen[setting.name]
        asked = setting.name in chosen.given and value is not None
        if asked and value not in setting.harmless:
            yield f"{setting.name}: this version does not do {setting.what}; unset it"


def _about_trino(chosen: Chosen) -> Iterator[str]:
    if chosen["TRINO_SCHEME"] == "http" and chosen["TRINO_SSL"]:
        yield "TRINO_SSL is true, but TRINO_SCHEME is http"
    if chosen["TRINO_SCHEME"] == "https" and chosen["TRINO_SSL"] is False:
        yield "TRINO_SSL is false, but TRINO_SCHEME is https"
    if chosen.scheme == "http" and chosen["TRINO_CA_FILE"]:
        yield "TRINO_CA_FILE has no meaning over http: set TRINO_SCHEME to https"
    if chosen["TRINO_SSL_INSECURE"] and chosen["TRINO_CA_FILE"]:
        yield "TRINO_CA_FILE has no meaning when TRINO_SSL_INSECURE is true"
    if chosen["TRINO_SCHEMA"] and not chosen["TRINO_CATALOG"]:
        yield "TRINO_SCHEMA has no meaning without TRINO_CATALOG"


def _about_sizes(chosen: Chosen) -> Iterator[str]:
    for small, large in (
        ("TRINO_DEFAULT_ROWS", "TRINO_MAX_ROWS"),
        ("TRINO_OPEN_RESULTS_PER_PRINCIPAL", "TRINO_OPEN_RESULTS"),
        ("TRINO_CONCURRENCY_PER_PRINCIPAL", "TRINO_CONCURRENCY"),
        ("TRINO_QUERY_WAIT", "TRINO_RESULT_TTL"),
        ("MCP_MAX_BODY_BYTES", "MCP_BODY_BUDGET_BYTES"),
    ):
        if small in chosen.given and chosen[small] > chosen[large]:
            yield f"{small} is {chosen[small]}, more than {large}, {chosen[large]}"


def _about_web(chosen: Chosen) -> Iterator[str]:
    for one, other in permutations(("HTTPS_CERT_FILE", "HTTPS_KEY_FILE")):
        if one in chosen.given and other not in chosen.given:
            yield f"{one} has no meaning without {other}"
    if not chosen.listening:
        yield "MCP_BIND names no place to listen at"


def make_settings(chosen: Chosen) -> Settings:
    """
    Make the tree.

    :param chosen: values that ``problems`` found none with.
    """
    queries = chosen.room("queries")
    queries["default_rows"] = min(queries["default_rows"], queries["max_rows"])
    most = queries["concurrency"]
    each = chosen["TRINO_CONCURRENCY_PER_PRINCIPAL"]
    queries["concurrency_each"] = each or (min(_EACH, most) if chosen.oauth else most)
    return Settings(
        transport=chosen.transport,
        trino=TrinoSettings(
            scheme=chosen.scheme,
            source=chosen["TRINO_SOURCE"] or f"mcp-trino/{version('mcp-trino')}",
            verify=not chosen["TRINO_SSL_INSECURE"],
            **chosen.room("trino"),
            **make_login(chosen),
        ),
        queries=QuerySettings(**queries),
        web=_web(chosen),
        guard=GuardSettings(
            table_functions=chosen["TRINO_TABLE_FUNCTIONS"] or (),
            **chosen.room("guard"),
        ),
        audit=AuditSettings(**chosen.room("audit")),
        oauth=make_oauth(chosen) if chosen.oauth else None,
    )


def _web(chosen: Chosen) -> WebSettings:
    certificate, key = chosen["HTTPS_CERT_FILE"], chosen["HTTPS_KEY_FILE"]
    return WebSettings(
        listen=tuple(place.endpoint for place in chosen.listening),
        tls=TLSSettings(certificate, key) if certificate else None,
        public_url=chosen.public_url,
        allowed_hosts=_allowed_hosts(chosen),
        allowed_origins=chosen["MCP_ALLOWED_ORIGINS"] or (),
        **chosen.room("web"),
    )


def _allowed_hosts(chosen: Chosen) -> tuple[str, ...]:
    public = in_url(urlsplit(chosen.public_url).hostname or "")
    names = [public]
    if public in LOOPBACK_NAMES:
        names.extend(LOOPBACK_NAMES)
    bound = [place.host for place in chosen.listening if place.host is not None]
    names.extend(in_url(host) for host in bound if not ip_address(host).is_unspecified)
    names.extend(chosen["MCP_ALLOWED_HOSTS"] or ())
    return tuple(dict.fromkeys(names))


def warnings(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what the operator should know."""
    if chosen["TRINO_SSL_INSECURE"] and chosen.scheme == "https":
        yield (
            "TRINO_SSL_INSECURE is true: "
            "anyone between here and Trino can read and change all that is said"
        )
    yield from login_rules.warnings(chosen)
    yield from guard_rules.warnings(chosen)
    if chosen.oauth:
        yield from oauth_rules.warnings(chosen)
    elif chosen.transport is Transport.HTTP:
        changes = ", and change data" if chosen["TRINO_ALLOW_WRITE_QUERIES"] else ""
        for place in chosen.listening:
            if not place.is_local:
                yield (
                    f"MCP_BIND: OAuth is off: anyone who reaches {place.endpoint} "
                    f"can ask Trino as {chosen['TRINO_USER']}{changes}"
                )
