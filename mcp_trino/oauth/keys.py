"""
The secrets of the authorization server as one value and one text.

Master keys seal what is handed out and comes back; signing keys vouch for
access tokens. A key is made known some time before it is used, so that all
replicas and their workers have read it when the first token by it arrives.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Self, TypeVar

from attrs import evolve, field, frozen
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

PUBLISH_AHEAD_SECONDS = 600.0
"""How long a new key is only published before it is used."""

MASTER_BYTES = 32


@frozen
class MasterKey:
    """
    A secret from which sealing keys are derived.

    :ivar made_at: seconds since the epoch.
    """

    secret: bytes = field(repr=False)
    made_at: float


@frozen
class SigningKey:
    """
    A private key on P-256.

    :ivar key_id: its thumbprint (RFC 7638).
    :ivar made_at: seconds since the epoch.
    """

    key: JWK = field(repr=False)
    made_at: float

    @property
    def key_id(self) -> str:
        """The thumbprint of its public half (RFC 7638)."""
        return str(self.key.thumbprint())


@frozen
class Keys:
    """
    All keys of one authorization server, each kind with at least one.

    :ivar masters: the oldest first; none of them is ever given up, since ids of
        clients are sealed by them.
    :ivar signing: the oldest first.
    """

    masters: tuple[MasterKey, ...]
    signing: tuple[SigningKey, ...]

    @classmethod
    def make(cls, now: float) -> Self:
        """Make the first key of each kind."""
        return cls((_new_master(now),), (_new_signing(now),))

    def with_new_signing(self, now: float) -> Self:
        """Add a signing key."""
        return evolve(self, signing=(*self.signing, _new_signing(now)))

    def with_new(self, now: float) -> Self:
        """Add a key of each kind."""
        masters = (*self.masters, _new_master(now))
        return evolve(self.with_new_signing(now), masters=masters)

    def without_ended(self, now: float, longest_token_seconds: float) -> Self:
        """
        Drop signing keys by which no token can hold any more.

        :param longest_token_seconds: the life of a token, with all leeway.
        """
        kept = tuple(
            key
            for key, successor in zip(self.signing, self.signing[1:], strict=False)
            if successor.made_at + PUBLISH_AHEAD_SECONDS + longest_token_seconds > now
        )
        return evolve(self, signing=(*kept, self.signing[-1]))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """
        Read what ``to_text`` wrote.

        :raise ValueError: the text holds no such keys; it is not in the message.
        """
        try:
            value = json.loads(text)
            masters = tuple(_master(entry) for entry in value["master"])
            signing = tuple(_signing(entry) for entry in value["signing"])
        except (ValueError, KeyError, TypeError, JWException):
            raise ValueError("these are not the keys of mcp-trino") from None
        if not masters or not signing:
            raise ValueError("these are not the keys of mcp-trino: one kind is missing")
        return cls(masters, signing)

    def to_text(self) -> str:
        """Give all of them as JSON, which is a secret."""
        value = {
            "master": [
                {"secret": _encoded(key.secret), "made_at": key.made_at}
                for key in self.masters
            ],
            "signing": [
                {"key": key.key.export_private(as_dict=True), "made_at": key.made_at}
                for key in self.signing
            ],
        }
        return json.dumps(value) + "\n"


_Key = TypeVar("_Key", MasterKey, SigningKey)


def in_use(keys: Sequence[_Key], now: float) -> _Key:
    """Give the newest key that everybody has had the time to read."""
    known = [key for key in keys if key.made_at + PUBLISH_AHEAD_SECONDS <= now]
    return known[-1] if known else keys[0]


def _encoded(secret: bytes) -> str:
    return urlsafe_b64encode(secret).decode("ascii")


def _new_master(now: float) -> MasterKey:
    return MasterKey(secrets.token_bytes(MASTER_BYTES), now)


def _new_signing(now: float) -> SigningKey:
    return SigningKey(JWK.generate(kty="EC", crv="P-256"), now)


def _master(entry: Any) -> MasterKey:
    secret = urlsafe_b64decode(entry["secret"])
    if len(secret) < MASTER_BYTES:
        raise ValueError("too short")
    return MasterKey(secret, float(entry["made_at"]))


def _signing(entry: Any) -> SigningKey:
    key = JWK(**entry["key"])
    if key.get("crv") != "P-256" or not key.has_private:
        raise ValueError("not a private key on P-256")
    return SigningKey(key, float(entry["made_at"]))
