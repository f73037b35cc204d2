"""Proof Key for Code Exchange with S256, the only method (RFC 7636)."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def valid_challenge(text: str) -> bool:
    """Whether a text can be a ``code_challenge``: base64url of a SHA-256."""
    return _CHALLENGE.fullmatch(text) is not None


def answers(challenge: str, verifier: str) -> bool:
    """Whether a ``code_verifier`` is well-formed and belongs to the challenge."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return compare_digest(challenge_of(verifier).encode(), challenge.encode())


def challenge_of(verifier: str) -> str:
    """Give the S256 challenge of a verifier of our own."""
    digest = sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
