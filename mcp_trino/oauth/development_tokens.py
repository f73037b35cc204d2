"""Tokens for mode ``hmac``, for whoever knows its secret: HS256 (RFC 7519)."""

import json
from secrets import token_urlsafe

from jwcrypto.common import base64url_encode
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from mcp_trino.errors import ConfigurationError
from mcp_trino.settings import OAuthMode, OAuthSettings

_ID_BYTES = 12
_MIN_KEY_BYTES = 32
_MAX_SUBJECT_CHARS = 255


def development_token(
    settings: OAuthSettings | None,
    subject: str,
    scope: str | None,
    lifetime_seconds: float,
    now: float,
) -> str:
    """
    Make a token that this server takes.

    :param scope: scopes parted by blanks, ``None`` for that of reading.
    :param now: seconds since the epoch.
    :raise ConfigurationError: the server takes no such token.
    """
    if settings is None or settings.mode is not OAuthMode.HMAC:
        problem = (
            "OAUTH_PROVIDER: only with hmac, and OAUTH_ENABLED=true, can tokens be "
            "made here; otherwise they come from a login"
        )
        raise ConfigurationError((problem,))
    worker = settings.worker
    if not subject.isprintable() or not 0 < len(subject) <= _MAX_SUBJECT_CHARS:
        raise ConfigurationError(("subject: 1 to 255 printable characters",))
    if not 0 < lifetime_seconds <= worker.max_lifetime_seconds:
        longest = f"{worker.max_lifetime_seconds:g}"
        raise ConfigurationError(
            (f"lifetime: more than 0 and at most OAUTH_MAX_LIFETIME, {longest} s",)
        )
    claims = {
        "iss": settings.issuer,
        "sub": subject,
        "aud": list(worker.resources),
        "scope": settings.read_scope if scope is None else scope,
        "iat": int(now),
        "exp": int(now + lifetime_seconds),
        "jti": token_urlsafe(_ID_BYTES),
    }
    token = JWS(json.dumps(claims).encode())
    # A key that is too short for jwcrypto makes the same signature when it is
    # filled up with zeros (RFC 2104 section 2).
    secret = (worker.hmac_secret or "").encode().ljust(_MIN_KEY_BYTES, b"\0")
    key = JWK(kty="oct", k=base64url_encode(secret))
    token.add_signature(key, protected=json.dumps({"alg": "HS256", "typ": "JWT"}))
    return str(token.serialize(compact=True))
