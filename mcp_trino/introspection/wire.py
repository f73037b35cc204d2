"""
What the worker and the web process say to each other, as JSON.

Tokens are answered as by RFC 7662 section 2.2, with a member ``mcp_trino`` for
what it has no name for; the provider as by OpenID Connect Discovery. Both are
read without any leniency: a member that is missing, too many or of another
type makes the whole answer void, and nobody is let in by half an answer.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcp_trino.active import Active
from mcp_trino.introspection.addresses import is_provider_url
from mcp_trino.providers import Endpoints

INTROSPECT = b"/introspect"
"""``POST`` a form with ``token``: the answer about a token."""

IDENTIFY = b"/identify"
"""``POST`` a form with ``token`` and ``nonce``: the answer about an ID token."""

ENDPOINTS = b"/endpoints"
"""``GET``: the endpoints of the provider."""

READY = b"/readyz"
"""``GET``: the state of the keys, when tokens can be judged."""

INACTIVE = b'{"active":false}'
"""All that is ever said of a token that does not hold."""


def active_to_json(active: Active | None) -> bytes:
    """Give the answer about a token, ``None`` for one that does not hold."""
    if active is None:
        return INACTIVE
    return orjson.dumps(
        {
            "active": True,
            "token_type": "Bearer",
            "iss": active.issuer,
            "sub": active.subject,
            "aud": active.audiences,
            "exp": active.expires_at,
            "client_id": active.client_id,
            "scope": " ".join(sorted(active.scopes)),
            "username": active.username,
            "jti": active.token_id,
            "mcp_trino": {
                "email": active.email,
                "tenant": active.tenant,
                "groups": active.groups,
                "groups_complete": active.groups_complete,
                "is_person": active.is_person,
                "key_id": active.key_id,
                "grant": active.grant,
                "generation": active.generation,
            },
        }
    )


def active_from_json(body: bytes) -> Active | None:
    """
    Read the answer about a token.

    :return: what it says, ``None`` when it does not hold.
    :raise ValueError: this is no such answer, and nothing is known.
    """
    answer = orjson.loads(body)
    if answer == {"active": False} and answer["active"] is False:
        return None
    _require(answer, _ACTIVE)
    more = answer["mcp_trino"]
    _require(more, _MORE)
    return Active(
        issuer=answer["iss"],
        subject=answer["sub"],
        audiences=tuple(answer["aud"]),
        expires_at=float(answer["exp"]),
        client_id=answer["client_id"],
        scopes=frozenset(answer["scope"].split()),
        username=answer["username"],
        email=more["email"],
        tenant=more["tenant"],
        groups=tuple(more["groups"]),
        groups_complete=more["groups_complete"],
        is_person=more["is_person"],
        token_id=answer["jti"],
        key_id=more["key_id"],
        grant=more["grant"],
        generation=more["generation"],
    )


def endpoints_to_json(endpoints: Endpoints) -> bytes:
    """Give the endpoints of the provider."""
    return orjson.dumps(
        {
            "issuer": endpoints.issuer,
            "authorization_endpoint": endpoints.authorization,
            "token_endpoint": endpoints.token,
            "userinfo_endpoint": endpoints.userinfo,
            "revocation_endpoint": endpoints.revocation,
            "introspection_endpoint": endpoints.introspection,
            "authorization_response_iss_parameter_supported": endpoints.sends_issuer,
            "token_endpoint_auth_methods_supported": endpoints.token_methods,
        }
    )


def endpoints_from_json(body: bytes) -> Endpoints:
    """
    Read the endpoints of the provider.

    :raise ValueError: this is no such answer.
    """
    answer = orjson.loads(body)
    _require(answer, _ENDPOINTS)
    return Endpoints(
        issuer=answer["issuer"],
        authorization=answer["authorization_endpoint"],
        token=answer["token_endpoint"],
        userinfo=answer["userinfo_endpoint"],
        revocation=answer["revocation_endpoint"],
        introspection=answer["introspection_endpoint"],
        sends_issuer=answer["authorization_response_iss_parameter_supported"],
        token_methods=tuple(answer["token_endpoint_auth_methods_supported"]),
    )


def ready_to_json(generation: str) -> bytes:
    """
    Say that tokens can be judged.

    :param generation: what ``Active.generation`` is of those that hold now.
    """
    return orjson.dumps({"status": "ready", "generation": generation})


def ready_from_json(body: bytes) -> str:
    """
    Read the generation.

    :raise ValueError: this is no such answer.
    """
    answer = orjson.loads(body)
    _require(answer, _READY)
    generation: str = answer["generation"]
    return generation


_Kinds = Mapping[str, Callable[[Any], bool]]


def _require(record: object, kinds: _Kinds) -> None:
    if not isinstance(record, dict) or record.keys() != kinds.keys():
        raise ValueError("the answer has not the members it should have")
    for name, fits in kinds.items():
        if not fits(record[name]):
            raise ValueError(f"the answer's {name} is not what it should be")


def _text(value: object) -> bool:
    return isinstance(value, str)


def _name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _moment(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _url_or_none(value: object) -> bool:
    return value is None or is_provider_url(value)


_ACTIVE: _Kinds = {
    "active": lambda value: value is True,
    "token_type": lambda value: value == "Bearer",
    "iss": _name,
    "sub": _name,
    "aud": _texts,
    "exp": _moment,
    "client_id": _text,
    "scope": _text,
    "username": _text,
    "jti": _text,
    "mcp_trino": lambda value: isinstance(value, dict),
}
_MORE: _Kinds = {
    "email": _text,
    "tenant": _text,
    "groups": _texts,
    "groups_complete": _flag,
    "is_person": _flag,
    "key_id": _text,
    "grant": _text,
    "generation": _text,
}
_ENDPOINTS: _Kinds = {
    "issuer": _name,
    "authorization_endpoint": is_provider_url,
    "token_endpoint": is_provider_url,
    "userinfo_endpoint": _url_or_none,
    "revocation_endpoint": _url_or_none,
    "introspection_endpoint": _url_or_none,
    "authorization_response_iss_parameter_supported": _flag,
    "token_endpoint_auth_methods_supported": _texts,
}
_READY: _Kinds = {"status": lambda value: value == "ready", "generation": _text}
