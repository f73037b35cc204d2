"""
The realm of the sandbox's Keycloak: people who can log in, and one client.

It is written in Keycloak's own terms. A realm that names any scope has no other
one, not even those that Keycloak is known for, so all that is needed is here.
"""

from collections.abc import Iterable
from typing import Any

NAME = "mcp"
"""Of the realm; the issuer is ``<Keycloak>/realms/mcp``."""
CLIENT_ID = "mcp-trino"

_CLAIM = {"access.token.claim": "true", "introspection.token.claim": "true"}


def mapper(name: str, kind: str, **config: str) -> dict[str, Any]:
    """
    Give what puts something into tokens.

    :param kind: the provider of Keycloak's that does it.
    :param config: its settings, with ``_`` for ``.``.
    """
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": _CLAIM | {key.replace("_", "."): config[key] for key in config},
    }


def scope(name: str, *mappers: dict[str, Any], shown: bool = True) -> dict[str, Any]:
    """
    Give a scope.

    :param shown: whether a token's ``scope`` names it.
    """
    return {
        "name": name,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": str(shown).lower()},
        "protocolMappers": list(mappers),
    }


def of_user(attribute: str, claim: str) -> dict[str, Any]:
    """Give the mapper of an attribute of the person."""
    mapped = mapper(claim, "oidc-usermodel-attribute-mapper", user_attribute=attribute)
    mapped["config"] |= {"claim.name": claim, "id.token.claim": "true"}
    return mapped


def groups() -> dict[str, Any]:
    """Give the mapper of the names of the person's groups."""
    mapped = mapper("groups", "oidc-group-membership-mapper")
    mapped["config"] |= {"claim.name": "groups", "full.path": "false"}
    mapped["config"] |= {"id.token.claim": "true"}
    return mapped


def realm(
    redirect_uris: Iterable[str],
    client_secret: str,
    people: Iterable[str] = ("alice",),
) -> dict[str, Any]:
    """
    Give the realm, with this server as its one client.

    :param redirect_uris: where its logins may come back to.
    :param people: names of people; each has her name as her password.
    """
    return {
        "realm": NAME,
        "enabled": True,
        "groups": [{"name": "analysts"}],
        "users": [_person(name) for name in people],
        "clientScopes": [
            scope("basic", mapper("sub", "oidc-sub-mapper"), shown=False),
            scope("profile", of_user("username", "preferred_username"), groups()),
            scope("email", of_user("email", "email"), _email_verified()),
        ],
        "defaultDefaultClientScopes": ["basic", "profile", "email"],
        "defaultOptionalClientScopes": ["offline_access"],
        "clients": [
            {
                "clientId": CLIENT_ID,
                "secret": client_secret,
                "redirectUris": list(redirect_uris),
                "attributes": {"pkce.code.challenge.method": "S256"},
            }
        ],
    }


def _person(name: str) -> dict[str, Any]:
    # Without a name and an address the login stops at a page that asks for them.
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "firstName": name.capitalize(),
        "lastName": "Example",
        "groups": ["/analysts"],
        # Without it nobody gets a token that outlives her session.
        "realmRoles": [f"default-roles-{NAME}"],
        "credentials": [{"type": "password", "value": name}],
    }


def _email_verified() -> dict[str, Any]:
    mapped = mapper("email verified", "oidc-usermodel-property-mapper")
    mapped["config"] |= {"user.attribute": "emailVerified", "id.token.claim": "true"}
    mapped["config"] |= {"claim.name": "email_verified", "jsonType.label": "boolean"}
    return mapped
