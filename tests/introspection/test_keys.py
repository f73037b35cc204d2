"""Tests for ``mcp_trino.introspection.keys``: what jwcrypto would let pass."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.common import base64url_encode
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.introspection.gate import parse
from mcp_trino.introspection.keys import Keys, read_keys
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.strict_json import Unsound
from tests.introspection.minting import claims_of, key_of, minted, public


class ImportTests(SynchronousTestCase):
    """From a JWK set to keys."""

    def assert_left_out(self, member: Any, problem: str = "") -> None:
        """See to it that a key is left out, and that it spoils no other."""
        keys, problems = read_keys({"keys": [member, public(key_of("one"))]})
        self.assertEqual([key.id for key in keys.keys], ["one"], member)
        self.assertEqual(len(problems), 1)
        self.assertIn(problem, problems[0])

    def test_c09_one_bad_key(self) -> None:
        """A key that cannot be read is left out alone."""
        good = public(key_of("two"))
        for member in (
            None, 1, [], "key", {}, {"kty": "RSA"}, {"kty": "RSA", "n": "!", "e": "AQAB"},
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "EC", "crv": "P-257", "x": "AA", "y": "AA"},
            {"kty": "OKP", "crv": "X25519", "x": "AA"},
            {**good, "n": 7}, {**good, "kid": 7}, {**good, "alg": ["RS256"]},
            {**good, "use": 1}, {**good, "issuer": 1}, {**good, "key_ops": 1},
            {**good, "kty": "XXX"},
        ):  # fmt: skip
            self.assert_left_out(member)

    def test_encryption(self) -> None:
        """A key for encryption is left out, and nobody is told: it is usual."""
        members = [{**public(key_of("two")), "use": "enc"}, public(key_of("one"))]
        keys, problems = read_keys({"keys": members})
        self.assertEqual([key.id for key in keys.keys], ["one"])
        self.assertEqual(problems, ())

    def test_g070_secrets(self) -> None:
        """Keys that should be secret are left out, and told of."""
        rsa = key_of("two")
        for member in (
            {"kty": "oct", "k": "AAAA", "kid": "two"},
            rsa.export(private_key=True, as_dict=True),
            key_of("ec", "ES256").export(private_key=True, as_dict=True),
        ):
            self.assert_left_out(member, "although it is secret")

    def test_c09_nothing_is_generated(self) -> None:
        """A member that asks jwcrypto to make a key is not passed on."""
        keys, _ = read_keys({"keys": [{"kty": "RSA", "generate": "RSA", "size": 2048}]})
        self.assertEqual(keys.keys, ())

    def test_b14_sizes(self) -> None:
        """An RSA key has a sound modulus and a sound exponent."""
        self.assert_left_out(public(key_of("weak", "RSA-1024")), "1024 bits")
        good = public(key_of("two"))
        for exponent in (1, 2, 65536, 2**32 + 1):
            size = (exponent.bit_length() + 7) // 8
            encoded = base64url_encode(exponent.to_bytes(size))
            self.assert_left_out({**good, "e": encoded})
        large = (1 << 8200) + 1
        self.assert_left_out({**good, "n": base64url_encode(large.to_bytes(1026))})

    def test_b17_same_name(self) -> None:
        """Two keys of a kind may have one name, and no more."""
        members = [public(key_of(name), kid="same") for name in ("one", "two", "three")]
        keys, problems = read_keys({"keys": members})
        self.assertEqual(len(keys.keys), 2)
        self.assertIn("several others", problems[0])
        for name in ("one", "two"):
            keys.verify(parse(minted(claims_of(), key_of(name), kid="same")))
        other = parse(minted(claims_of(), key_of("three"), kid="same"))
        self.assertRaises(Refused, keys.verify, other)

    def test_kinds(self) -> None:
        """Of two kinds of keys with one name the algorithm says which."""
        members = [
            public(key_of("a"), kid="same"),
            public(key_of("b", "ES256"), kid="same"),
        ]
        keys, _ = read_keys({"keys": members})
        for key in (key_of("a"), key_of("b", "ES256")):
            keys.verify(parse(minted(claims_of(), key, kid="same")))

    def test_g069_no_set(self) -> None:
        """What is no set of keys is refused as a whole."""
        for document in ({}, {"keys": {}}, {"keys": None}, {"keys": [{}] * 101}):
            self.assertRaises(Unsound, read_keys, document)

    def test_generation(self) -> None:
        """It changes with the keys and only with them."""
        one, two = public(key_of("one")), public(key_of("two"))
        both = read_keys({"keys": [one, two]})[0].generation
        self.assertEqual(read_keys({"keys": [two, one]})[0].generation, both)
        others = {
            both,
            read_keys({"keys": [one]})[0].generation,
            read_keys({"keys": [{**two, "kid": "one"}]})[0].generation,
            Keys().generation,
        }
        self.assertEqual(len(others), 4)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "kty",
                            "n",
                            "e",
                            "crv",
                            "x",
                            "y",
                            "kid",
                            "alg",
                            "use",
                            "key_ops",
                        ]
                    ),
                    inner,
                )
            ),
        )
    )
    def test_whatever_is_published(self, member: Any) -> None:
        """No member of a set makes anything but a problem."""
        keys, problems = read_keys({"keys": [member]})
        self.assertEqual((len(keys.keys), len(problems)), (0, 1))


class VerificationTests(SynchronousTestCase):
    """From keys to signatures that hold."""

    def test_algorithms(self) -> None:
        """Each algorithm verifies with its own kind of key."""
        for kind, algorithms in (
            ("RS256", ("RS256", "RS512", "PS256")),
            ("ES256", ("ES256",)),
            ("ES384", ("ES384",)),
            ("ES512", ("ES512",)),
            ("EdDSA", ("EdDSA", "Ed25519")),
        ):
            key = key_of("k", kind)
            keys, _ = read_keys({"keys": [public(key)]})
            for algorithm in algorithms:
                token = minted(claims_of(), key, alg=algorithm)
                self.assertEqual(keys.verify(parse(token)).id, "k", algorithm)

    def test_b12_two_names(self) -> None:
        """A key for EdDSA is one for Ed25519, too."""
        key = key_of("k", "EdDSA")
        for said in ("EdDSA", "Ed25519"):
            keys, _ = read_keys({"keys": [public(key, alg=said)]})
            for algorithm in ("EdDSA", "Ed25519"):
                keys.verify(parse(minted(claims_of(), key, alg=algorithm)))

    def test_b13_other_kind(self) -> None:
        """A token whose algorithm is of another kind of key is refused."""
        keys, _ = read_keys({"keys": [public(key_of("one"))]})
        for algorithm in ("ES256", "EdDSA", "HS256", "none", "RS1", "ES256K"):
            header = {"alg": algorithm, "kid": "one"}
            token = minted(claims_of(), key_of("one"), header=header)
            self.assertRaises(Refused, keys.verify, parse(token))
