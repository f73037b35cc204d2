"""Our own access tokens: ES256, ``at+jwt`` (RFC 9068 section 2.1)."""

import json
from typing import Any

from attrs import define, field
from jwcrypto.jws import JWS
from twisted.internet.interfaces import IReactorTime

from mcp_trino.oauth.keys import SigningKey, in_use

ALGORITHM = "ES256"


@define(eq=False)
class SigningKeys:
    """
    Signs with the key in use; its public half and those of the others are known.

    :ivar clock: its seconds are those since the epoch.
    """

    _clock: IReactorTime = field(repr=False)
    _keys: tuple[SigningKey, ...] = field(repr=False)

    def use(self, keys: tuple[SigningKey, ...]) -> None:
        """Take these keys from now on."""
        self._keys = keys

    def sign(self, claims: dict[str, Any]) -> str:
        """Give the compact JWS of an access token with these claims."""
        signing = in_use(self._keys, self._clock.seconds())
        header = {"alg": ALGORITHM, "kid": signing.key_id, "typ": "at+jwt"}
        token = JWS(json.dumps(claims, separators=(",", ":")).encode())
        token.add_signature(signing.key, protected=json.dumps(header))
        return str(token.serialize(compact=True))

    def public(self) -> dict[str, Any]:
        """Give the JWK set (RFC 7517 section 5) by which tokens are verified."""
        return public_set(self._keys)


def public_set(keys: tuple[SigningKey, ...]) -> dict[str, Any]:
    """Give the public halves of keys as a JWK set."""
    about = {"alg": ALGORITHM, "use": "sig"}
    return {
        "keys": [
            key.key.export_public(as_dict=True) | {"kid": key.key_id} | about
            for key in keys
        ]
    }
