"""What the settings about who asks Trino come to."""

from typing import Any

from mcp_trino.config.chosen import Chosen
from mcp_trino.config.login_rules import login_of, value_of
from mcp_trino.settings import TLSSettings
from mcp_trino.trino_identity import (
    ImpersonationSettings,
    KerberosSettings,
    TokenClient,
    TrinoLogin,
)


def make_login(chosen: Chosen) -> dict[str, Any]:
    """
    Make the part of ``TrinoSettings`` that says who asks.

    :param chosen: values that ``problems`` found none with.
    """
    login = login_of(chosen)
    certificate = chosen["TRINO_CLIENT_CERT_FILE"]
    key = chosen["TRINO_CLIENT_KEY_FILE"]
    return {
        "login": login,
        "certificate": TLSSettings(certificate, key) if certificate else None,
        "oauth2": _oauth2(chosen) if login is TrinoLogin.OAUTH2 else None,
        "kerberos": _kerberos(chosen) if login is TrinoLogin.KERBEROS else None,
        "impersonation": _impersonation(chosen),
        "exchange": _exchange(chosen),
    }


def _oauth2(chosen: Chosen) -> TokenClient:
    def value(name: str) -> Any:
        return value_of(chosen, f"TRINO_OAUTH_{name}")

    return TokenClient(
        token_url=value("TOKEN_URL"),
        client_id=value("CLIENT_ID"),
        client_secret=value("CLIENT_SECRET"),
        scopes=" ".join(value("SCOPES") or ()),
        audience=value("AUDIENCE") or "",
        ca_file=chosen["TRINO_OAUTH_CA_FILE"],
    )


def _kerberos(chosen: Chosen) -> KerberosSettings:
    return KerberosSettings(
        service=chosen["TRINO_KERBEROS_SERVICE"] or "trino",
        host=chosen["TRINO_KERBEROS_HOST"] or chosen["TRINO_HOST"],
        principal=chosen["TRINO_KERBEROS_PRINCIPAL"],
        keytab=chosen["TRINO_KERBEROS_KEYTAB"],
    )


def _impersonation(chosen: Chosen) -> ImpersonationSettings | None:
    if not (chosen.oauth and chosen["TRINO_ENABLE_IMPERSONATION"]):
        return None
    pattern = chosen["TRINO_IMPERSONATION_PATTERN"]
    return ImpersonationSettings(
        claim=chosen["TRINO_IMPERSONATION_FIELD"],
        rules=pattern or chosen["TRINO_IMPERSONATION_RULES_FILE"] or (),
        forbidden=chosen["TRINO_IMPERSONATION_FORBIDDEN"] or (),
        services=chosen["OAUTH_SERVICE_USERS"] or (),
    )


def _exchange(chosen: Chosen) -> TokenClient | None:
    if not (chosen.oauth and chosen["TRINO_TOKEN_EXCHANGE_URL"]):
        return None
    return TokenClient(
        token_url=chosen["TRINO_TOKEN_EXCHANGE_URL"],
        client_id=chosen["TRINO_TOKEN_EXCHANGE_CLIENT_ID"],
        client_secret=chosen["TRINO_TOKEN_EXCHANGE_CLIENT_SECRET"],
        scopes=" ".join(chosen["TRINO_TOKEN_EXCHANGE_SCOPES"] or ()),
        audience=chosen["TRINO_TOKEN_EXCHANGE_AUDIENCE"] or "",
        ca_file=chosen["TRINO_OAUTH_CA_FILE"],
    )
