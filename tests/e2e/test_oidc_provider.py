"""The provider of the tests is what they take it for."""

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.certificates import make_certificates
from tests.e2e.oidc_provider import ALGORITHMS, start_oidc_provider

_RESOURCE = "http://127.0.0.1:1/mcp"


class OIDCProviderTests(SynchronousTestCase):
    """Tokens, keys and their changes."""

    def setUp(self):
        self.provider = start_oidc_provider()
        self.addCleanup(self.provider.close)

    def keys(self):
        """Give the published keys."""
        with urlopen(f"{self.provider.issuer}/jwks") as answer:
            return JWKSet.from_json(answer.read())

    def verified(self, token, algorithm):
        """Give header and claims of a token that the published keys verify."""
        jwt = JWT(jwt=token, key=self.keys(), algs=[algorithm])
        return json.loads(jwt.header), json.loads(jwt.claims)

    def test_algorithms(self):
        """A person gets an RFC 9068 token for her resource, by each algorithm."""
        for algorithm in ALGORITHMS:
            self.provider.set(algorithm=algorithm)
            tokens = self.provider.login(_RESOURCE)
            header, claims = self.verified(tokens["access_token"], algorithm)
            self.assertEqual((header["alg"], header["typ"]), (algorithm, "at+jwt"))
            found = [claims[name] for name in ("iss", "sub", "aud", "scope", "groups")]
            expected = [self.provider.issuer, "alice", _RESOURCE, "trino:read"]
            self.assertEqual(found, [*expected, ["analysts"]])

    def test_rotation(self):
        """New keys sign at once, old ones verify until they are retired."""
        first = self.provider.login(_RESOURCE)
        self.provider.rotate()
        second = self.provider.login(_RESOURCE)
        kids = [
            self.verified(tokens["access_token"], "ES256")[0]["kid"]
            for tokens in (first, second)
        ]
        self.assertNotEqual(*kids)
        self.provider.retire()
        self.assertIsNone(self.keys().get_key(kids[0]))
        self.verified(second["access_token"], "ES256")

    def test_refresh(self):
        """A refresh token gives another access token after a rotation, too."""
        tokens = self.provider.login(_RESOURCE)
        self.provider.rotate()
        self.provider.retire()
        again = self.provider.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            client_id="native",
        )
        _, claims = self.verified(again["access_token"], "ES256")
        self.assertEqual((claims["sub"], claims["aud"]), ("alice", _RESOURCE))

    def test_opaque(self):
        """An opaque token is introspected, and inactive once revoked."""
        self.provider.set(format="opaque", access_seconds=60)
        token = self.provider.login(_RESOURCE, "bob")["access_token"]
        found = self.provider.introspect(token)
        self.assertEqual((found["active"], found["sub"]), (True, "bob"))
        self.assertEqual(found["aud"], _RESOURCE)
        self.provider.revoke(token)
        self.assertEqual(self.provider.introspect(token), {"active": False})

    def test_service(self):
        """A service gets a token that names no person."""
        token = self.provider.service_token(_RESOURCE)["access_token"]
        _, claims = self.verified(token, "ES256")
        self.assertEqual((claims["sub"], claims["client_id"]), ("service", "service"))

    def test_audience(self):
        """A token can be made for somebody else."""
        self.provider.set(audience="https://elsewhere.example")
        token = self.provider.login(_RESOURCE)["access_token"]
        _, claims = self.verified(token, "ES256")
        self.assertEqual(claims["aud"], "https://elsewhere.example")

    def test_registration(self):
        """A registered client can be given a secret."""
        client = self.provider.register("http://127.0.0.1:1/oauth/callback")
        self.assertTrue(client["client_secret"])

    def test_https(self):
        """With certificates it speaks https, and a login works there."""
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        certificates = make_certificates(Path(directory.name))
        provider = start_oidc_provider(certificates, access_seconds=7)
        self.addCleanup(provider.close)
        token = provider.login(_RESOURCE)["access_token"]
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        self.assertTrue(claims["iss"].startswith("https://127.0.0.1:"))
        self.assertEqual(claims["exp"] - claims["iat"], 7)

    def test_restart(self):
        """It comes back at its address, with other keys."""
        issuer, kids = self.provider.issuer, self.keys()
        self.provider.stop()
        self.provider.start()
        self.assertEqual(self.provider.issuer, issuer)
        self.assertNotEqual(self.keys().export(), kids.export())
        self.assertEqual(self.provider.requests(), {"/jwks": 1})
