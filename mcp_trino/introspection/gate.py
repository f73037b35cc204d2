"""
The gate before the cryptography: a token is one spelling of one thing.

``jwcrypto`` is lenient where we must not be: it takes stray characters in
base64url, names that are there twice, JSON in place of the compact form and
headers that it does not heed. What passes here is a JWS in compact form (RFC
7515 section 7.1) that is written in the only way that it can be.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from attrs import field, frozen

from mcp_trino.introspection.refused import Refused, shown
from mcp_trino.introspection.strict_json import read_object

MAX_TOKEN_CHARS = 12288
_MAX_HEADER_BYTES = 1024
_MAX_PAYLOAD_BYTES = 8192
_MAX_KEY_ID_CHARS = 256

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ENCRYPTED_PARTS = 5

# RFC 8725 section 3.10, RFC 7797 section 7, RFC 7515 section 4.1.11.
_REFUSED_HEADERS = ("crit", "b64", "jku", "x5u", "x5c", "jwk", "zip", "cty")


@frozen
class Unverified:
    """
    A token that is well-formed; nothing in it has been verified.

    :ivar text: the token.
    :ivar type: the header's ``typ`` in lower case, without ``application/``,
        or empty.
    :ivar key_id: ``kid``, ``None`` when there is none.
    """

    text: str = field(repr=False)
    claims: dict[str, Any] = field(repr=False)
    algorithm: str
    type: str
    key_id: str | None
    signature: bytes = field(repr=False)


def parse(text: str) -> Unverified:
    """
    Take a token apart.

    :raise Refused: it is not a JWS as any provider writes one.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise Refused(f"it has more than {MAX_TOKEN_CHARS} characters")
    if text.count(".") == _ENCRYPTED_PARTS - 1:
        raise Refused(
            "it is encrypted (JWE), so not meant for this server; "
            "at Auth0 the client did not ask for this API's audience"
        )
    if not _COMPACT.fullmatch(text):
        raise Refused("it is not a JWT: not three parts in base64url")
    first, second, third = text.split(".")
    header = _read("header", _decoded(first), _MAX_HEADER_BYTES)
    _check_header(header)
    claims = _read("payload", _decoded(second), _MAX_PAYLOAD_BYTES)
    return Unverified(
        text=text,
        claims=claims,
        algorithm=_text(header, "alg"),
        type=_type_of(header),
        key_id=_key_id(header),
        signature=_decoded(third),
    )


def _decoded(part: str) -> bytes:
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise Refused("a part of it is not base64url") from None
    if urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise Refused("a part of it is not the only spelling of its bytes")
    return data


def _read(name: str, data: bytes, most: int) -> dict[str, Any]:
    if len(data) > most:
        raise Refused(f"its {name} has more than {most} bytes")
    try:
        return read_object(data)
    except ValueError as error:
        raise Refused(f"its {name} is not sound JSON: {error}") from None


def _check_header(header: dict[str, Any]) -> None:
    for name in _REFUSED_HEADERS:
        if name in header:
            raise Refused(f"its header has {name}")
    if "nonce" in header:
        raise Refused("its header has nonce: it is for Microsoft Graph, not for us")


def _text(header: dict[str, Any], name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str):
        raise Refused(f"its {name} is {shown(value)}")
    return value


def _type_of(header: dict[str, Any]) -> str:
    if "typ" not in header:
        return ""
    return _text(header, "typ").lower().removeprefix("application/")


def _key_id(header: dict[str, Any]) -> str | None:
    if "kid" not in header:
        return None
    value = _text(header, "kid")
    if not value or len(value) > _MAX_KEY_ID_CHARS or not value.isprintable():
        raise Refused(f"its kid is {shown(value)}")
    return value
