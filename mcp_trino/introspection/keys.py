"""
Keys that signatures are verified with (RFC 7517), and which one is for a token.

A set is imported key by key: one that cannot be used is left out and told of,
and does not spoil the others. The key is chosen here, never by ``jwcrypto``:
with a set it reports every failure as a missing key, and it verifies with a key
that says it is for another algorithm.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from attrs import field, frozen
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from mcp_trino.introspection.gate import Unverified
from mcp_trino.introspection.refused import Refused, shown
from mcp_trino.introspection.strict_json import Unsound

MAX_KEYS = 100
_SAME_ID = 2
_GENERATION_CHARS = 16

_RSA = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
_EDDSA = frozenset(("EdDSA", "Ed25519"))  # two names of one (RFC 9864)
_CURVES = {
    ("EC", "P-256"): frozenset(("ES256",)),
    ("EC", "P-384"): frozenset(("ES384",)),
    ("EC", "P-521"): frozenset(("ES512",)),
    ("OKP", "Ed25519"): _EDDSA,
}
_SIGNATURE_BYTES = {
    "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64, "Ed25519": 64,
}  # fmt: skip
_MEMBERS = ("kty", "n", "e", "crv", "x", "y")
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_RSA_BITS = range(2048, 8192 + 1)
_RSA_EXPONENTS = range(3, 2**32)


@frozen
class Key:
    """
    A key and what it is for.

    :ivar id: ``kid``, or ``None``.
    :ivar issuer: the issuer that it is for (Entra ID's member ``issuer``), or
        empty for all.
    :ivar thumbprint: of RFC 7638.
    """

    id: str | None
    type: str
    algorithms: frozenset[str]
    issuer: str
    thumbprint: str
    _jwk: JWK = field(repr=False)

    def verify(self, token: Unverified) -> None:
        """
        Verify the signature.

        :raise Refused: it does not hold.
        """
        if token.algorithm not in self.algorithms:
            raise Refused("the key is for another algorithm")
        # Of a longer one jwcrypto takes the halves, leading zeros and all.
        expected = _SIGNATURE_BYTES.get(token.algorithm)
        if expected is not None and len(token.signature) != expected:
            raise Refused("the signature has not the length of its algorithm")
        jws = JWS()
        jws.allowed_algs = [token.algorithm]
        try:
            jws.deserialize(token.text)
            jws.verify(self._jwk, alg=token.algorithm)
        except Exception:  # noqa: BLE001 - it raises whatever it stumbles over
            raise Refused("the signature does not hold") from None


@frozen
class SharedSecret:
    """
    The key of mode ``hmac``.

    How long it has to be is for the settings to say: ``jwcrypto`` would refuse
    the short ones that are good enough on loopback.
    """

    _secret: bytes = field(repr=False)
    id: None = None
    type: str = "oct"
    algorithms: frozenset[str] = frozenset(("HS256",))
    issuer: str = ""
    thumbprint: str = ""

    def verify(self, token: Unverified) -> None:
        """
        Verify the signature (RFC 7518 section 3.2).

        :raise Refused: it does not hold.
        """
        data = token.text.rpartition(".")[0].encode()
        expected = hmac.digest(self._secret, data, "sha256")
        if not hmac.compare_digest(expected, token.signature):
            raise Refused("the signature does not hold")


@frozen
class Keys:
    """
    The keys of one issuer.

    :ivar generation: the same text only for the same keys.
    """

    keys: tuple[Key | SharedSecret, ...] = ()
    generation: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = sorted(f"{key.id} {key.thumbprint} {key.issuer}" for key in self.keys)
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
        object.__setattr__(self, "generation", digest[:_GENERATION_CHARS])

    def know(self, key_id: str | None) -> bool:
        """Whether there is a key of that id; of no id there always is."""
        return key_id is None or any(key.id == key_id for key in self.keys)

    def verify(self, token: Unverified) -> Key | SharedSecret:
        """
        Verify the signature with the key that the token names.

        A token that names none is verified only if one key alone can be meant.

        :raise Refused: it does not hold, or no such key is there.
        """
        fitting = [
            key
            for key in self.keys
            if token.algorithm in key.algorithms
            and (token.key_id is None or key.id == token.key_id)
        ]
        if not fitting:
            raise Refused(f"no key with kid {shown(token.key_id)} is for its algorithm")
        if token.key_id is None and len(fitting) > 1:
            raise Refused("it names no key (kid), and there are several")
        for key in fitting[:-1]:
            try:
                key.verify(token)
            except Refused:
                continue
            return key
        fitting[-1].verify(token)
        return fitting[-1]


def read_keys(document: dict[str, Any]) -> tuple[Keys, tuple[str, ...]]:
    """
    Take the keys of a JWK set that can be used.

    :return: them, and why others are left out.
    :raise Unsound: it is no JWK set.
    """
    members = document.get("keys")
    if not isinstance(members, list):
        raise Unsound("it has no list of keys")
    if len(members) > MAX_KEYS:
        raise Unsound(f"it has more than {MAX_KEYS} keys")
    keys: list[Key] = []
    problems = []
    for number, member in enumerate(members):
        try:
            key = _read_key(member, keys)
            keys += [] if key is None else [key]
        except Unsound as error:
            problems.append(f"key {number}: {error}")
    return Keys(tuple(keys)), tuple(problems)


def _read_key(member: Any, others: Iterable[Key]) -> Key | None:
    """Take a key, ``None`` one that rightly is there but not for signatures."""
    if not isinstance(member, dict):
        raise Unsound("it is not an object")
    if member.get("kty") == "oct" or member.keys() & _PRIVATE:
        raise Unsound("it is published although it is secret")
    if member.get("use") == "enc":
        return None
    kid, kind = member.get("kid"), member.get("kty")
    same = [key for key in others if (key.id, key.type) == (kid, kind)]
    if kid is not None and len(same) >= _SAME_ID:
        raise Unsound("several others have its kid")
    try:
        return _public_key(member)
    except Unsound:
        raise
    except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
        raise Unsound(f"it cannot be read ({type(error).__name__})") from None


def _public_key(member: dict[str, Any]) -> Key:
    for name in (*_MEMBERS, "kid", "alg", "use", "issuer"):
        if not isinstance(member.get(name, ""), str):
            raise Unsound(f"its {name} is no text")
    operations = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or "verify" not in operations:
        raise Unsound("it is not for signatures")
    # Nothing else: jwcrypto takes "generate" for the wish to make a key.
    jwk = JWK(**{name: member[name] for name in _MEMBERS if name in member})
    algorithms = _algorithms(jwk, member)
    named = member.get("alg")
    if named is not None:
        algorithms &= _EDDSA if named in _EDDSA else {named}
    if not algorithms:
        raise Unsound(f"it is for no algorithm known: {shown(named)}")
    return Key(
        id=member.get("kid"),
        type=member["kty"],
        algorithms=algorithms,
        issuer=member.get("issuer", ""),
        thumbprint=str(jwk.thumbprint()),
        jwk=jwk,
    )


def _algorithms(jwk: JWK, member: dict[str, Any]) -> frozenset[str]:
    # jwcrypto looks at a key no sooner than it is used.
    usable = jwk.get_op_key("verify")
    if member["kty"] != "RSA":
        return _CURVES.get((member["kty"], member.get("crv", "")), frozenset())
    numbers = usable.public_numbers()
    exponent = numbers.e
    if numbers.n.bit_length() not in _RSA_BITS:
        raise Unsound(f"its modulus has {numbers.n.bit_length()} bits")
    if exponent not in _RSA_EXPONENTS or exponent % 2 == 0:
        raise Unsound("its exponent is not sound")
    return _RSA
