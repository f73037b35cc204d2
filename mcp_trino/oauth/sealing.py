"""
Values that are handed out and come back, readable and changeable by nobody else.

A sealed value is a compact JWE (RFC 7516), ``dir`` with ``A256GCM``. Each
purpose has a key of its own, derived by HKDF-SHA256 (RFC 5869), and a ``typ``:
what was sealed for one purpose opens for no other.
"""

import json
import re
from typing import Any

from attrs import define, field
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwcrypto.common import JWException, base64url_encode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from twisted.internet.interfaces import IReactorTime

from mcp_trino.oauth.keys import MasterKey, in_use

MAX_CHARS = 65536
"""What is longer is not looked at."""

_ALGORITHMS = ["dir", "A256GCM"]
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.(?:\.[A-Za-z0-9_-]+){3}")


@define(eq=False)
class Sealer:
    """
    Seals with the master key in use and opens with all that there are.

    :ivar clock: its seconds are those since the epoch.
    """

    _clock: IReactorTime = field(repr=False)
    _masters: tuple[MasterKey, ...] = field(repr=False)
    _keys: dict[tuple[str, bytes], tuple[str, JWK]] = field(
        init=False, factory=dict, repr=False
    )

    def use(self, masters: tuple[MasterKey, ...]) -> None:
        """Take these master keys from now on."""
        self._masters = masters

    def seal(
        self, purpose: str, payload: dict[str, Any], ttl_seconds: float | None
    ) -> str:
        """
        Give a text that only ``open`` with the same purpose reads.

        :param purpose: what it is for, a word.
        :param payload: JSON-ready.
        :param ttl_seconds: how long it may be opened, ``None`` for ever.
        :return: ASCII without blanks, fit for a URL; about 4/3 of the payload
            and 130 characters.
        """
        now = self._clock.seconds()
        header, key = self._key(purpose, in_use(self._masters, now))
        ends_at = None if ttl_seconds is None else now + ttl_seconds
        content = json.dumps([ends_at, payload], separators=(",", ":"))
        sealed = JWE(content.encode(), protected=header, algs=_ALGORITHMS)
        sealed.add_recipient(key)
        return str(sealed.serialize(compact=True))

    def open(self, purpose: str, text: str) -> dict[str, Any] | None:
        """
        Give back what was sealed for that purpose.

        :return: ``None`` for everything else, whatever the reason.
        """
        parts = _COMPACT.fullmatch(text) if len(text) <= MAX_CHARS else None
        for master in self._masters if parts else ():
            header, key = self._key(purpose, master)
            # Nothing but our own header is ever decrypted, so that neither
            # another algorithm nor compression can be asked for.
            if parts and parts[1] == base64url_encode(header):
                return self._opened(text, key)
        return None

    def _opened(self, text: str, key: JWK) -> dict[str, Any] | None:
        sealed = JWE(algs=_ALGORITHMS)
        try:
            sealed.deserialize(text, key)
        except (JWException, ValueError):
            return None
        if sealed.serialize(compact=True) != text:
            return None
        ends_at, payload = json.loads(sealed.payload)
        if ends_at is not None and ends_at <= self._clock.seconds():
            return None
        return dict(payload)

    def _key(self, purpose: str, master: MasterKey) -> tuple[str, JWK]:
        """Give the protected header and the key of a purpose."""
        found = self._keys.get((purpose, master.secret))
        if found is None:
            header = {
                "alg": "dir",
                "enc": "A256GCM",
                "kid": base64url_encode(_derived(master, "key id")[:6]),
                "typ": f"{purpose}+jwe",
            }
            secret = base64url_encode(_derived(master, f"seal {purpose}"))
            found = (
                json.dumps(header, separators=(",", ":")),
                JWK(kty="oct", k=secret),
            )
            self._keys[purpose, master.secret] = found
        return found


def _derived(master: MasterKey, label: str) -> bytes:
    info = f"mcp-trino {label}".encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(master.secret)
