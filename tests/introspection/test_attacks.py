"""The attacks on tokens, each by its number."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.common import base64url_decode, json_encode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from twisted.logger import capturedLogs

from mcp_trino.errors import Undecidable
from mcp_trino.providers import PROVIDERS
from mcp_trino.settings import OAuthMode, WorkerSettings
from tests.introspection.judging import JudgingTestCase
from tests.introspection.minting import (
    CLIENT_ID,
    ISSUER,
    NOW,
    OWN_ISSUER,
    RESOURCE,
    SECRET,
    Bench,
    FakeProvider,
    claims_of,
    encoded,
    hmac_settings,
    key_of,
    minted,
    native_settings,
    own_claims,
    public,
    serialized,
    signed,
)


class HeaderAttackTests(JudgingTestCase):
    """Headers that lie."""

    def test_good(self) -> None:
        """The token that all attacks begin with holds."""
        bench = self.bench()
        active = self.active(bench, minted(claims_of()))
        self.assertEqual(active.subject, "0123-alice")
        self.assertEqual(active.username, "alice")
        self.assertEqual(active.client_id, "some-client")
        self.assertEqual(active.scopes, {"openid", "trino:read"})
        self.assertEqual(active.key_id, "one")
        self.assertEqual(active.audiences, (RESOURCE,))
        self.assertEqual(active.expires_at, NOW + 300)
        self.assertTrue(active.is_person)

    def test_g009_none(self) -> None:
        """A token without a signature is refused."""
        header, payload, signature = minted(claims_of()).split(".")
        none = encoded(b'{"alg":"none","kid":"one"}')
        self.assert_all_refused(
            self.bench(),
            {
                "empty": f"{none}.{payload}.",
                "kept": f"{none}.{payload}.{signature}",
                "bare": f"{header}.{payload}.",
                "two parts": f"{none}.{payload}",
            },
        )

    def test_g010_none_in_disguise(self) -> None:
        """No spelling of none is an algorithm."""
        tokens = {}
        for name in ("None", "NONE", "nOnE", "none ", ""):
            head = json.dumps({"alg": name, "kid": "one"}).encode()
            tokens[name] = signed(json.dumps(claims_of()).encode(), key_of("one"), head)
        self.assert_all_refused(self.bench(), tokens)

    def test_g011_algorithm_missing(self) -> None:
        """An algorithm that is missing or no text is refused."""
        tokens = {}
        for value in (None, ["RS256"], 1, True, {}, {"RS256": 1}):
            header = {"alg": value, "kid": "one"}
            if value is None:
                del header["alg"]
            head = json.dumps(header).encode()
            payload = json.dumps(claims_of()).encode()
            tokens[str(value)] = signed(payload, key_of("one"), head)
        self.assert_all_refused(self.bench(), tokens)

    def test_g012_public_key_as_secret(self) -> None:
        """A public key is no secret to sign with."""
        tokens = {}
        pem = key_of("one").export_to_pem()
        for name, secret in (("pem", pem), ("stripped", pem.strip())):
            key = JWK(kty="oct", k=encoded(secret), kid="one")
            tokens[name] = minted(claims_of(), key)
        bench = self.bench()
        self.assert_all_refused(bench, tokens)
        self.assert_refused(bench, tokens["pem"], "its alg is 'HS256'")

    def test_g013_known_secret(self) -> None:
        """Neither the empty secret nor a published text is one."""
        tokens = {}
        texts = (b"", json.dumps(public(key_of("one"))).encode())
        for number, text in enumerate(texts):
            key = JWK(kty="oct", k=encoded(text), kid="one")
            tokens[str(number)] = minted(claims_of(), key)
        self.assert_all_refused(self.bench(), tokens)
        self.assert_all_refused(self.bench(hmac_settings()), tokens)

    def test_g014_other_mode(self) -> None:
        """In mode hmac no provider's token holds."""
        bench = self.bench(hmac_settings())
        self.assert_all_refused(bench, {"RS256": minted(claims_of())})
        self.active(bench, minted(claims_of(), JWK.from_password(SECRET)))
        short = self.bench(hmac_settings(hmac_secret="eighteen bytes long"))
        self.active(
            short, minted(claims_of(), JWK.from_password("eighteen bytes long"))
        )

    def test_g015_longer_hash(self) -> None:
        """In mode hmac there is one algorithm."""
        bench = self.bench(hmac_settings())
        key = JWK.from_password(SECRET)
        tokens = {alg: minted(claims_of(), key, alg=alg) for alg in ("HS384", "HS512")}
        self.assert_all_refused(bench, tokens)

    def test_g016_zero_signature(self) -> None:
        """A signature of zeros is none."""
        key = key_of("ec", "ES256")
        bench = self.bench(provider=FakeProvider().publish(public(key)))
        token = minted(claims_of(), key)
        self.active(bench, token)
        unsigned = token.rpartition(".")[0]
        self.assert_all_refused(
            bench,
            {
                str(length): f"{unsigned}.{encoded(bytes(length))}"
                for length in (1, 2, 63, 64, 65, 128)
            },
        )

    def test_g017_other_form(self) -> None:
        """A signature in DER, or longer than it has to be, is none."""
        for algorithm, size in (("ES256", 32), ("ES384", 48), ("ES512", 66)):
            key = key_of("ec", algorithm)
            bench = self.bench(provider=FakeProvider().publish(public(key)))
            token = minted(claims_of(), key)
            self.active(bench, token)
            unsigned, _, text = token.rpartition(".")
            raw = base64url_decode(text)
            r, s = raw[:size], raw[size:]
            der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
            padded = b"\0" + r + b"\0" + s
            self.assert_all_refused(
                bench,
                {
                    "der": f"{unsigned}.{encoded(der)}",
                    "padded": f"{unsigned}.{encoded(padded)}",
                },
            )

    def test_g018_key_of_other_algorithm(self) -> None:
        """A key that says its algorithm is for that one only."""
        for algorithm in ("RS512", "PS256", "RSA-OAEP", "ES256", "none", ""):
            published = public(key_of("one"), alg=algorithm)
            bench = self.bench(
                provider=FakeProvider().publish(published, public(key_of("two")))
            )
            self.assert_refused(bench, minted(claims_of()), "no key with kid 'one'")
            self.active(bench, minted(claims_of(), key_of("two")))

    def test_g019_encryption_key(self) -> None:
        """A key for encryption verifies nothing."""
        for members in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}):
            published = public(key_of("one"), **members)
            provider = FakeProvider().publish(published, public(key_of("two")))
            bench = self.bench(provider=provider)
            self.assert_refused(bench, minted(claims_of()), "no key with kid 'one'")

    def test_g020_weak_key(self) -> None:
        """A key that is too short verifies nothing, and the log tells of it."""
        weak = key_of("weak", "RSA-1024")
        provider = FakeProvider().publish(public(weak), public(key_of("one")))
        with capturedLogs() as events:
            bench = self.bench(provider=provider)
        self.assertIn("1024 bits", str([e.get("problem") for e in events]))
        self.assert_refused(bench, minted(claims_of(), weak), "no key with kid 'weak'")

    def test_g021_unknown_keys(self) -> None:
        """A thousand unknown keys in ten seconds cost two fetches."""
        bench = self.bench()
        before = bench.provider.key_fetches
        stranger = key_of("stranger")
        for number in range(1000):
            token = minted(claims_of(), stranger, kid=f"unknown-{number}")
            self.assertIsNone(
                self.successResultOf(bench.introspector.introspect(token))
            )
            bench.clock.advance(0.01)
        self.assertLessEqual(bench.provider.key_fetches - before, 2)

    def test_g022_names_that_are_none(self) -> None:
        """What no provider calls its keys is not asked for."""
        tokens = {}
        for value in (
            7, True, None, ["a"], {}, "", "../../etc/passwd", "' OR 1", "a\nb",
            "x" * 257, "\u202e", "k" * 100000,
        ):  # fmt: skip
            header = {"alg": "RS256", "kid": value}
            head = json.dumps(header).encode()
            payload = json.dumps(claims_of()).encode()
            tokens[repr(value)[:20]] = signed(payload, key_of("one"), head)
        self.assert_all_refused(self.bench(), tokens)

    def test_g023_no_name(self) -> None:
        """A token that names no key holds only if there is but one."""
        token = minted(claims_of(), kid=None)
        one = self.bench()
        self.active(one, token)
        keys = (public(key_of("one")), public(key_of("two")))
        several = self.bench(provider=FakeProvider().publish(*keys))
        self.assert_all_refused(several, {"no kid": token})
        self.assert_refused(several, token, "there are several")

    def test_g024_stolen_name(self) -> None:
        """Somebody else's key does not verify because it has a name that is known."""
        token = minted(claims_of(), key_of("stranger"), kid="one")
        self.assert_all_refused(self.bench(), {"kid": token})

    def test_g025_addresses(self) -> None:
        """No address in a token is asked."""
        url = "https://evil.example/keys"
        tokens = {
            name: minted(claims_of(), key_of("stranger"), kid="evil", **{name: url})
            for name in ("jku", "x5u")
        }
        tokens["known"] = minted(claims_of(), jku=url)
        self.assert_all_refused(self.bench(), tokens)

    def test_g026_enclosed_key(self) -> None:
        """No key in a token verifies it."""
        stranger = key_of("stranger")
        enclosed = public(stranger)
        token = minted(claims_of(), stranger, kid="one", jwk=enclosed)
        bench = self.bench()
        self.assert_all_refused(bench, {"jwk": token})
        self.assert_refused(bench, token, "its header has jwk")

    def test_g027_extensions(self) -> None:
        """Extensions are not understood, so a token with some does not hold."""
        tokens = {
            name + repr(value): minted(claims_of(), **{name: value})
            for name, value in (
                ("crit", ["exp"]), ("crit", []), ("crit", ["typ"]), ("crit", ["b64"]),
                ("b64", False), ("b64", True), ("zip", "DEF"), ("cty", "JWT"),
            )
        }  # fmt: skip
        self.assert_all_refused(self.bench(), tokens)

    def test_g042_other_kinds(self) -> None:
        """Tokens of other kinds by the same key are no access tokens."""
        tokens = {
            repr(kind): minted(claims_of(), typ=kind)
            for kind in (
                "logout+jwt", "dpop+jwt", "secevent+jwt", "oauth-id-jag+jwt", "JOSE",
                "application/logout+jwt", "application/application/jwt", 1, ["JWT"],
            )
        }  # fmt: skip
        bench = self.bench()
        self.assert_all_refused(bench, tokens)
        for kind in (None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"):
            self.active(bench, minted(claims_of(), typ=kind))

    def test_g056_graph(self) -> None:
        """A token for Microsoft Graph is refused, and the log says what it is."""
        bench = self.bench()
        token = minted(claims_of(), nonce="x")
        with capturedLogs() as events:
            self.successResultOf(bench.introspector.introspect(token))
        self.assertIn("Microsoft Graph", events[-1]["reason"])


class FormAttackTests(JudgingTestCase):
    """Tokens that are written in another way."""

    def payloads(self, *texts: bytes) -> dict[str, str]:
        """Give tokens with these payloads, by the provider's key."""
        head = b'{"alg":"RS256","kid":"one"}'
        return {repr(text[-60:]): signed(text, key_of("one"), head) for text in texts}

    def test_g008_long(self) -> None:
        """What is longer than any token is not parsed."""
        bench = self.bench()
        self.assert_refused(bench, "a" * 12289, "more than 12288 characters")
        filled = minted(claims_of(more="x" * 8192))
        self.assert_refused(bench, filled, "more than 8192 bytes")

    def test_g028_name_twice(self) -> None:
        """A claim that is there twice is refused."""
        good = json.dumps(claims_of())[:-1]
        bench = self.bench()
        tokens = self.payloads(
            f'{{"exp":1,{good[1:]}}}'.encode(),
            f'{good},"exp":{NOW + 100}}}'.encode(),
            f'{good},"a":{{"b":1,"b":2}}}}'.encode(),
        )
        self.assert_all_refused(bench, tokens)
        for token in tokens.values():
            self.assert_refused(bench, token, "a name twice")

    def test_g029_header_name_twice(self) -> None:
        """A header that is there twice is refused."""
        payload = json.dumps(claims_of()).encode()
        for head in (
            b'{"alg":"none","alg":"RS256","kid":"one"}',
            b'{"alg":"RS256","alg":"none","kid":"one"}',
        ):
            token = signed(payload, key_of("one"), head)
            self.assert_refused(self.bench(), token, "a name twice")

    def test_g030_numbers(self) -> None:
        """Numbers that are none or too large are refused, not an error."""
        good = json.dumps(claims_of(exp=None))[:-1]
        numbers = ("NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "9" * 17)
        self.assert_all_refused(
            self.bench(),
            self.payloads(
                *(f'{good},"exp":{number}}}'.encode() for number in numbers),
                *(f'{good},"exp":1,"x":{number}}}'.encode() for number in numbers),
            ),
        )

    def test_g044_encrypted(self) -> None:
        """An encrypted token is refused before anything is decrypted."""
        header = {"alg": "A256GCMKW", "enc": "A256GCM", "kid": "one", "zip": "DEF"}
        jwe = JWE(b"x" * 5000, json_encode(header))
        jwe.add_recipient(JWK.generate(kty="oct", size=256))
        bench = self.bench()
        slow = encoded(b'{"alg":"PBES2-HS256+A128KW","p2c":1000000000,"p2s":"AA"}')
        self.assert_all_refused(
            bench,
            {"jwe": jwe.serialize(compact=True), "p2c": f"{slow}.aa.aa.aa.aa"},
        )
        self.assert_refused(bench, f"{slow}.aa.aa.aa.aa", "encrypted")

    def test_g045_json(self) -> None:
        """The JSON form of a signature is none here."""
        token = json.loads(serialized(claims_of(), key_of("one")))
        bench = self.bench()
        self.assert_all_refused(
            bench,
            {
                "flattened": json.dumps(token),
                "two dots": json.dumps({**token, "pad": ".."}),
                "general": json.dumps(
                    {
                        "payload": token.pop("payload"),
                        "signatures": [token],
                        "pad": "a.b.",
                    }
                ),
            },
        )

    def test_g046_spellings(self) -> None:
        """A token has one spelling."""
        token = minted(claims_of())
        head, payload, signature = token.split(".")
        last = signature[-1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        others = [signature[:-1] + letter for letter in alphabet if letter != last]
        tokens = {
            text: text
            for text in (
                f"{token}!!!!", f"{token}==", f"{token}=", f"{token}\n", f" {token}",
                f"{token} ", f"{token}.", f".{token}", f"{token}\0", f"{token}\u0660",
                f"{head}=.{payload}.{signature}", f"{head}.{payload}\n.{signature}",
                f"{head}..{signature}", f"{head}.{payload}+/.{signature}",
                f"{head}.!!!!{payload}.{signature}", "", ".", "..", "...", "a.b.c",
                *(f"{head}.{payload}.{other}" for other in others),
            )
        }  # fmt: skip
        bench = self.bench()
        self.active(bench, token)
        self.assert_all_refused(bench, tokens)

    def test_g047_deep(self) -> None:
        """Payloads that are nested deeply are refused, however deeply."""
        good = json.dumps(claims_of())[:-1]
        deep = [
            f'{good},"a":{"[" * depth}{"]" * depth}}}'.encode()
            for depth in (9, 100, 3000, 100000)
        ]
        opening, closing = '{"a":' * 1000, "}" * 1000
        objects = f'{good},"a":{opening}1{closing}}}'.encode()
        bench = self.bench()
        self.assert_all_refused(bench, self.payloads(*deep, objects))
        self.active(bench, minted(claims_of(a=[[[[[[1]]]]]])))

    def test_g048_no_unicode(self) -> None:
        """What is no sound UTF-8 is refused."""
        good = json.dumps(claims_of()).encode()
        self.assert_all_refused(
            self.bench(),
            self.payloads(
                b"\xef\xbb\xbf" + good,
                good[:-1] + b',"x":"\xff"}',
                good[:-1] + b',"x":"\xed\xa0\x80"}',
                good[:-1] + b',"x":"\\ud800"}',
                good[:-1] + b',"\\udc00":1}',
                good.decode().encode("utf-16"),
                b"",
                b"[]",
                b"null",
                b"1",
                b'"x"',
                good + b"x",
                b"{}",
            ),
        )

    def test_g057_opaque(self) -> None:
        """A token that is no JWT is refused without asking anyone."""
        self.assert_all_refused(self.bench(), {"google": "ya29.a0AfB_byC-secret"})


class ClaimAttackTests(JudgingTestCase):
    """Claims that do not hold."""

    def assert_claims_refused(self, *changes: dict[str, Any]) -> None:
        """See to it that tokens with these claims are refused."""
        tokens = {repr(change): minted(claims_of(**change)) for change in changes}
        self.assert_all_refused(self.bench(), tokens)

    def test_g031_expiry_of_other_type(self) -> None:
        """An expiry that is no number is refused."""
        wrong = (str(int(NOW) + 9), True, {}, [], [NOW + 9], -1, "")
        self.assert_claims_refused({"exp": None}, *({"exp": value} for value in wrong))
        null = minted({**claims_of(), "exp": None})
        self.assert_refused(self.bench(), null, "exp")

    def test_g032_expired(self) -> None:
        """A token ends when it says so, a minute of leeway after."""
        bench = self.bench()
        for late in (61, 60, 3600, NOW):
            token = minted(claims_of(exp=NOW - late))
            self.assert_refused(bench, token, "expired")
        self.active(bench, minted(claims_of(exp=NOW - 30)))

    def test_g033_not_yet(self) -> None:
        """A token that begins later, or comes from the future, is refused."""
        self.assert_claims_refused(
            {"nbf": NOW + 3600},
            {"iat": NOW + 3600},
            {"nbf": NOW + 61},
            {"nbf": "0"},
            {"iat": True},
            {"iat": {}},
        )
        self.active(self.bench(), minted(claims_of(nbf=NOW + 59, iat=NOW + 59)))

    def test_g034_for_ever(self) -> None:
        """A token that holds too long is refused."""
        self.assert_claims_refused({"exp": 253402300799}, {"exp": NOW + 86401})
        self.active(self.bench(), minted(claims_of(exp=NOW + 86400)))

    def test_g035_issuer_spellings(self) -> None:
        """An issuer has one spelling."""
        self.assert_claims_refused(
            {"iss": None},
            {"iss": f"{ISSUER}/"},
            {"iss": ISSUER.replace("issuer.example", "ISSUER.example")},
            {"iss": ISSUER.replace("https", "http")},
            {"iss": ISSUER.replace("example", "example:443")},
            {"iss": [ISSUER]},
            {"iss": {}},
            {"iss": ""},
            {"iss": f"{ISSUER}#"},
        )

    def test_g035_no_issuer_set(self) -> None:
        """Where no issuer is set the empty one is none."""
        for settings in (hmac_settings(issuer=""), native_settings(issuer="")):
            bench = Bench(settings)
            token = minted(claims_of(iss=""), JWK.from_password(SECRET))
            self.assert_refused(bench, token)
            self.assert_refused(bench, minted(claims_of(iss="")))

    def test_g036_other_issuer(self) -> None:
        """A token that says another issuer is refused, whoever signed it."""
        self.assert_claims_refused({"iss": "https://issuer.example/realms/b"})

    def test_g037_audience(self) -> None:
        """A token without our audience is refused."""
        self.assert_claims_refused(
            {"aud": None},
            {"aud": []},
            {"aud": {"a": 1}},
            {"aud": {RESOURCE: 1}},
            {"aud": [1]},
            {"aud": [RESOURCE, 1]},
            {"aud": [[RESOURCE]]},
            {"aud": 1},
            {"aud": ""},
            {"aud": "https://other.example/api"},
            {"aud": "account"},
        )

    def test_g038_more_audiences(self) -> None:
        """A provider's token may be for others too, one of ours not."""
        both = [RESOURCE, "https://other.example/api"]
        active = self.active(self.bench(), minted(claims_of(aud=both)))
        self.assertEqual(active.audiences, tuple(both))
        bench = own_bench(self)
        key = key_of("own", "ES256")
        self.active(bench, minted(own_claims(), key, typ="at+jwt"))
        self.active(bench, minted(own_claims(aud=[RESOURCE]), key, typ="at+jwt"))
        token = minted(own_claims(aud=both), key, typ="at+jwt")
        self.assert_refused(bench, token, "more than this server")

    def test_g039_audience_spellings(self) -> None:
        """An audience has one spelling."""
        self.assert_claims_refused(
            {"aud": f"{RESOURCE}/"},
            {"aud": f"{RESOURCE}-evil"},
            {"aud": f"{RESOURCE}/evil"},
            {"aud": "https://mcp.example"},
            {"aud": f"{RESOURCE}?a"},
            {"aud": RESOURCE.upper()},
        )

    def test_g040_id_token(self) -> None:
        """The ID token of the same client is no access token."""
        self.assert_claims_refused(
            {"nonce": "n"},
            {"at_hash": "h"},
            {"c_hash": "h"},
            {"typ": "ID"},
            {"scope": None},
        )

    def test_g041_other_keycloak_tokens(self) -> None:
        """Neither a refresh nor a logout token is an access token."""
        kinds = ("Refresh", "Offline", "Logout", "ID", "DPoP")
        self.assert_claims_refused(*({"typ": kind} for kind in kinds))
        self.active(self.bench(), minted(claims_of(typ="Bearer")))

    def test_g043_bound(self) -> None:
        """A token that is bound to a key is not a bearer's."""
        self.assert_claims_refused(
            {"cnf": {"jkt": "x"}}, {"cnf": {"x5t#S256": "x"}}, {"cnf": {}}
        )

    def test_g049_subject(self) -> None:
        """A subject is a text that can stand in a header."""
        wrong = (
            "",
            5,
            None,
            ["a"],
            "a\0",
            "a\r\nX-Trino-User: b",
            "a\u202eb",
            "x" * 256,
        )
        self.assert_claims_refused(*({"sub": value} for value in wrong))
        self.assert_claims_refused(
            *({"preferred_username": value} for value in ("a\0", "a\r\nb", "x" * 256)),
            {"azp": "a\nb"},
            {"jti": "a\nb"},
        )

    def test_g055_overage(self) -> None:
        """Groups that were left out are told of."""
        bench = self.bench()
        for more in (
            {"_claim_names": {"groups": "src1"}},
            {"hasgroups": True},
        ):
            active = self.active(bench, minted(claims_of(groups=["a"], **more)))
            self.assertFalse(active.groups_complete)
        active = self.active(bench, minted(claims_of(groups=["a", 1, "b\n", "c"])))
        self.assertTrue(active.groups_complete)
        self.assertEqual(active.groups, ("a", "c"))


ENTRA = "https://login.microsoftonline.com"
TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
COMMON = f"{ENTRA}/common/v2.0"
OID = "aaaaaaaa-0000-0000-0000-000000000000"
API_ID = "66666666-2222-3333-4444-555555555555"


def entra_claims(tenant: str = TENANT, **changes: Any) -> dict[str, Any]:
    """Give the claims of a token of Entra ID, version 2."""
    return claims_of(
        **{
            "iss": f"{ENTRA}/{tenant}/v2.0",
            "tid": tenant,
            "oid": OID,
            "aud": API_ID,
            "scope": None,
            "scp": "trino:read",
            "ver": "2.0",
            **changes,
        }
    )


def entra_provider(*keys: dict[str, Any], issuer: str = COMMON) -> FakeProvider:
    """Give what Entra ID publishes."""
    said = f"{ENTRA}/{{tenantid}}/v2.0" if issuer == COMMON else issuer
    provider = FakeProvider()
    provider.documents[f"{issuer}/.well-known/openid-configuration"] = {
        "issuer": said,
        "jwks_uri": f"{ENTRA}/common/discovery/v2.0/keys",
        "authorization_endpoint": f"{ENTRA}/common/oauth2/v2.0/authorize",
        "token_endpoint": f"{ENTRA}/common/oauth2/v2.0/token",
    }
    provider.documents[f"{ENTRA}/common/discovery/v2.0/keys"] = {"keys": list(keys)}
    return provider


def entra_settings(**changes: Any) -> WorkerSettings:
    """Give the settings for Entra ID with one tenant of many."""
    return native_settings(
        "azure",
        **{
            "issuer": COMMON,
            "audiences": (),
            "client_id": API_ID,
            "tenants": (TENANT,),
            **changes,
        },
    )


class TenantAttackTests(JudgingTestCase):
    """Issuers that sign for many tenants."""

    def setUp(self) -> None:
        """Publish a key for all tenants and one for personal accounts."""
        self.provider = entra_provider(
            public(key_of("one"), issuer=f"{ENTRA}/{{tenantid}}/v2.0", x5t="x"),
            public(key_of("two"), issuer=f"{ENTRA}/{PERSONAL}/v2.0"),
        )
        self.several = self.bench(entra_settings(), self.provider)

    def test_taken(self) -> None:
        """A tenant's tokens hold, in both versions."""
        for issuer in (f"{ENTRA}/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/"):
            claims = entra_claims(iss=issuer, aud=f"api://{API_ID}")
            active = self.active(self.several, minted(claims, x5t="x"))
            self.assertEqual(active.issuer, COMMON)
            self.assertEqual(active.subject, f"{TENANT}:{OID}")
            self.assertEqual(active.tenant, TENANT)

    def test_g053_tenants_that_are_none(self) -> None:
        """A tenant is what the issuer and the key say that it is."""
        open_ = self.bench(entra_settings(tenants=("*",)), self.provider)
        bad = {
            "no GUID": minted(entra_claims("common")),
            "empty": minted(entra_claims("")),
            "path": minted(entra_claims(f"{TENANT}/v2.0/x")),
            "upper": minted(entra_claims(TENANT.replace("1", "A"))),
            "other": minted(entra_claims(tid=OTHER_TENANT)),
            "missing": minted(entra_claims(tid=None)),
            "template": minted(entra_claims(iss=f"{ENTRA}/{{tenantid}}/v2.0")),
            "common": minted(entra_claims(iss=COMMON)),
            "key": minted(entra_claims(), key_of("two")),
        }
        for bench in (open_, self.several):
            self.assert_all_refused(bench, bad)
        self.assert_refused(open_, bad["key"], "its key is one of")
        self.active(open_, minted(entra_claims(PERSONAL), key_of("two")))

    def test_g054_tenant_not_listed(self) -> None:
        """A tenant that is not listed stays outside."""
        token = minted(entra_claims(OTHER_TENANT))
        self.assert_refused(self.several, token, "none of those that may enter")
        open_ = self.bench(entra_settings(tenants=("*",)), self.provider)
        self.active(open_, token)
        closed = self.bench(entra_settings(tenants=()), self.provider)
        self.assert_refused(closed, minted(entra_claims()))

    def test_one_tenant(self) -> None:
        """An issuer of one tenant takes its tokens of both versions, no others."""
        issuer = f"{ENTRA}/{TENANT}/v2.0"
        provider = entra_provider(public(key_of("one")), issuer=issuer)
        bench = self.bench(entra_settings(issuer=issuer, tenants=()), provider)
        self.active(bench, minted(entra_claims()))
        self.active(
            bench, minted(entra_claims(iss=f"https://sts.windows.net/{TENANT}/"))
        )
        self.assert_refused(bench, minted(entra_claims(OTHER_TENANT)), "its iss is")

    def test_services(self) -> None:
        """A token that a service got for itself says so."""
        claims = entra_claims(scp=None, roles=["trino:read"], idtyp="app", sub=OID)
        for changes in ({}, {"idtyp": None}):
            active = self.active(self.several, minted({**claims, **changes}))
            self.assertFalse(active.is_person)
            self.assertEqual(active.subject, OID)
            self.assertEqual(active.scopes, {"trino:read"})
        self.assertTrue(self.active(self.several, minted(entra_claims())).is_person)

    def test_unverified_email(self) -> None:
        """An address that Entra ID did not verify counts for nothing."""
        claims = entra_claims(email="ceo@victim.example")
        self.assertEqual(self.active(self.several, minted(claims)).email, "")

    def test_g036_no_subject(self) -> None:
        """A person without the identifier that never changes hands is refused."""
        token = minted(entra_claims(oid=None))
        self.assert_refused(self.several, token, "it has no tid and oid")


class DownTests(JudgingTestCase):
    """A provider that does not answer."""

    def test_g060_known_keys_go_on(self) -> None:
        """Known keys go on to verify, about others nobody can say."""
        bench = self.bench()
        bench.provider.go_down()
        self.active(bench, minted(claims_of()))
        unknown = minted(claims_of(), key_of("new"))
        for _ in range(5):
            judged = bench.introspector.introspect(unknown)
            self.failureResultOf(judged, Undecidable)
        self.active(bench, minted(claims_of()))

    def test_never_up(self) -> None:
        """Without any key nobody can say, and a token that cannot hold is refused."""
        bench = self.bench(provider=FakeProvider())
        self.assertFalse(bench.introspector.ready)
        judged = bench.introspector.introspect(minted(claims_of()))
        self.failureResultOf(judged, Undecidable)
        self.assert_refused(bench, minted(claims_of(exp=1)), "expired")


def own_bench(case: JudgingTestCase, **changes: Any) -> Bench:
    """Give a worker that judges this server's own tokens."""
    path = Path(case.mktemp())
    path.write_text(json.dumps({"keys": [public(key_of("own", "ES256"))]}))
    settings = native_settings(
        mode=OAuthMode.PROXY,
        own_issuer=OWN_ISSUER,
        own_keys_file=path,
        client_id=CLIENT_ID,
        **changes,
    )
    return case.bench(settings)


class OwnTokenTests(JudgingTestCase):
    """Tokens of this server's own authorization server."""

    def setUp(self) -> None:
        """Make a worker in mode ``proxy``."""
        self.own = own_bench(self)
        self.key = key_of("own", "ES256")

    def test_taken(self) -> None:
        """They say all that there is to know."""
        claims = own_claims(
            email="alice@example.net", email_verified=True, groups=["a"], tenant="t"
        )
        active = self.active(self.own, minted(claims, self.key, typ="at+jwt"))
        self.assertEqual(active.grant, "the-grant")
        self.assertEqual(active.username, "alice")
        self.assertEqual(active.email, "alice@example.net")
        self.assertEqual(active.groups, ("a",))
        self.assertEqual(active.tenant, "t")
        self.assertEqual(active.issuer, OWN_ISSUER)
        self.assertEqual(active.client_id, "https://client.example/about")

    def test_registered_client(self) -> None:
        """A client id may have the whole registration in it."""
        claims = own_claims(client_id="c" * 2048)
        self.active(self.own, minted(claims, self.key, typ="at+jwt"))
        longer = minted(own_claims(client_id="c" * 2049), self.key, typ="at+jwt")
        self.assert_refused(self.own, longer, "its client_id is")

    def test_b23_rules_of_one_issuer(self) -> None:
        """Neither a provider's token nor one of another kind is taken for ours."""
        tokens = {
            "typ": minted(own_claims(), self.key, typ="JWT"),
            "no typ": minted(own_claims(), self.key, typ=None),
            "key": minted(
                own_claims(), key_of("own2", "ES256"), kid="own", typ="at+jwt"
            ),
            "issuer": minted(claims_of(), self.key, typ="at+jwt"),
        }
        self.assert_all_refused(self.own, tokens)

    def test_g117_upstream_token(self) -> None:
        """A token of the provider's is not taken, however good it is."""
        self.assert_all_refused(self.own, {"upstream": minted(claims_of())})
        typed = minted(own_claims(), typ="at+jwt")
        self.assert_refused(self.own, typed, "its alg is 'RS256'")


class GoogleTests(JudgingTestCase):
    """Google's two spellings of its issuer."""

    def test_b20_alias(self) -> None:
        """Both are one issuer."""
        row = PROVIDERS["google"]
        url = "https://accounts.google.com/.well-known/openid-configuration"
        provider = FakeProvider()
        provider.documents[url] = {
            "issuer": "https://accounts.google.com",
            "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
        }
        provider.documents["https://www.googleapis.com/oauth2/v3/certs"] = {
            "keys": [public(key_of("one"))]
        }
        settings = native_settings(
            row,
            mode=OAuthMode.PROXY,
            issuer="https://accounts.google.com",
            client_id=CLIENT_ID,
            own_issuer=OWN_ISSUER,
            own_keys_file=Path(__file__),
        )
        bench = self.bench(settings, provider)
        for issuer in ("https://accounts.google.com", "accounts.google.com"):
            claims = claims_of(iss=issuer, aud=CLIENT_ID, azp=CLIENT_ID, scope=None)
            active = self.successResultOf(
                bench.introspector.identify(minted(claims), "")
            )
            self.assertEqual(active.issuer, "https://accounts.google.com")
        claims["iss"] = "https://accounts.google.com/"
        refused = bench.introspector.identify(minted(claims), "")
        self.assertIsNone(self.successResultOf(refused))
