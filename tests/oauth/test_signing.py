"""Tests of the signing of access tokens."""

import json

from jwcrypto.common import base64url_decode
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.keys import PUBLISH_AHEAD_SECONDS, Keys
from mcp_trino.oauth.signing import SigningKeys


def header(token):
    """Give the JOSE header of a token."""
    return json.loads(base64url_decode(token.split(".")[0]))


class SigningKeysTests(SynchronousTestCase):
    """Tokens that the published keys verify."""

    def setUp(self):
        """Make the keys of a new server."""
        self.clock = Clock()
        self.keys = Keys.make(0.0)
        self.signing = SigningKeys(self.clock, self.keys.signing)

    def verified(self, token):
        """Give the claims of a token, by the published key that it names."""
        (key,) = [
            key
            for key in self.signing.public()["keys"]
            if key["kid"] == header(token)["kid"]
        ]
        jws = JWS()
        jws.deserialize(token, JWK(**key), alg="ES256")
        return json.loads(jws.payload)

    def test_token(self):
        """A token is an ``at+jwt`` by ES256, and says which key vouches for it."""
        token = self.signing.sign({"sub": "alice"})
        self.assertEqual(self.verified(token), {"sub": "alice"})
        said = header(token)
        kid = said.pop("kid")
        self.assertEqual(said, {"alg": "ES256", "typ": "at+jwt"})
        self.assertEqual(kid, self.keys.signing[0].key.thumbprint())

    def test_public(self):
        """What is published holds no private member."""
        (key,) = self.signing.public()["keys"]
        self.assertEqual(set(key), {"kty", "crv", "x", "y", "kid", "alg", "use"})
        self.assertEqual(
            (key["alg"], key["use"], key["crv"]), ("ES256", "sig", "P-256")
        )

    def test_new_key(self):
        """A new key is published at once, and signs when everybody has read it."""
        before = self.signing.sign({"a": 1})
        self.signing.use(self.keys.with_new_signing(0.0).signing)
        self.assertEqual(header(self.signing.sign({})), header(before))
        self.assertEqual(len(self.signing.public()["keys"]), 2)
        self.clock.advance(PUBLISH_AHEAD_SECONDS)
        after = self.signing.sign({"a": 2})
        self.assertNotEqual(header(after), header(before))
        self.assertEqual(
            [self.verified(before), self.verified(after)], [{"a": 1}, {"a": 2}]
        )

    def test_tells_no_key(self):
        """Printing the keys shows none of them."""
        private = json.loads(self.keys.signing[0].key.export_private())["d"]
        for shown in (repr(self.signing), repr(self.keys), str(self.keys.signing)):
            self.assertNotIn(private, shown)


class KeysTests(SynchronousTestCase):
    """The keys as a value and as a text."""

    def test_round_trip(self):
        """The text holds all of them."""
        keys = Keys.make(1.0).with_new(2.0)
        again = Keys.from_text(keys.to_text())
        self.assertEqual(again.to_text(), keys.to_text())
        self.assertEqual(again.masters, keys.masters)

    def test_other_texts(self):
        """Another text is refused without being shown."""
        text = Keys.make(1.0).to_text()
        value = json.loads(text)
        short = json.dumps(value | {"master": [{"secret": "Y2FuYXJ5", "made_at": 1}]})
        public = json.dumps(
            value | {"signing": [{"key": {"kty": "EC", "crv": "P-256"}, "made_at": 1}]}
        )
        rsa = JWK.generate(kty="RSA", size=2048).export_private(as_dict=True)
        other = json.dumps(value | {"signing": [{"key": rsa, "made_at": 1}]})
        none = json.dumps(value | {"signing": []})
        for wrong in ("", "canary", "[]", "{}", short, public, other, none, text[:-3]):
            error = self.assertRaises(ValueError, Keys.from_text, wrong)
            self.assertNotIn("canary", str(error))
            self.assertIsNone(error.__cause__)

    def test_ended(self):
        """A key goes when the last token by it has ended, the newest one never."""
        keys = Keys.make(0.0).with_new_signing(1000.0)
        ends = 1000.0 + PUBLISH_AHEAD_SECONDS + 3600.0
        self.assertEqual(len(keys.without_ended(ends - 1, 3600.0).signing), 2)
        self.assertEqual(keys.without_ended(ends, 3600.0).signing, keys.signing[1:])
        left = keys.without_ended(1e9, 3600.0).without_ended(1e9, 3600.0)
        self.assertEqual(left.signing, keys.signing[1:])
        self.assertEqual(left.masters, keys.masters)
