"""ID tokens of logins (OpenID Connect Core section 3.1.3.7)."""

from typing import Any

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from tests.introspection.judging import JudgingTestCase
from tests.introspection.minting import (
    CLIENT_ID,
    NOW,
    Bench,
    claims_of,
    hmac_settings,
    key_of,
    minted,
    native_settings,
)


def id_claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of an ID token that answers the nonce ``n``."""
    return claims_of(
        **{
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "scope": None,
            "nonce": "n",
            "typ": "ID",
            "at_hash": "h",
            "email": "alice@example.net",
            "email_verified": True,
            **changes,
        }
    )


class LoginTests(JudgingTestCase):
    """``identify``."""

    def setUp(self) -> None:
        """Be a client of the provider."""
        self.client = self.bench(native_settings(client_id=CLIENT_ID))

    def identify(self, token: str, nonce: str = "n", bench: Bench | None = None) -> Any:
        """Have an ID token judged."""
        introspector = (bench or self.client).introspector
        return self.successResultOf(introspector.identify(token, nonce))

    def test_taken(self) -> None:
        """It says who logged in."""
        found = self.identify(minted(id_claims()))
        self.assertIsInstance(found, Active)
        self.assertEqual(found.subject, "0123-alice")
        self.assertEqual(found.email, "alice@example.net")
        self.assertTrue(found.is_person)

    def test_refresh(self) -> None:
        """That of a refresh may leave the nonce out, or repeat it."""
        self.assertIsNotNone(self.identify(minted(id_claims(nonce=None)), ""))
        self.assertIsNotNone(self.identify(minted(id_claims()), ""))

    def test_g101_refused(self) -> None:
        """It proves nothing when it is for another login, client or time."""
        for change in (
            {"nonce": None},
            {"nonce": "m"},
            {"nonce": "n2"},
            {"nonce": ["n"]},
            {"nonce": ""},
            {"aud": "other-client"},
            {"aud": [CLIENT_ID, "other-client"], "azp": None},
            {"aud": [CLIENT_ID, "other-client"], "azp": "other-client"},
            {"azp": "other-client"},
            {"azp": 1},
            {"aud": None},
            {"iss": "https://other.example"},
            {"exp": NOW - 61},
            {"exp": None},
            {"iat": None},
            {"iat": NOW + 61},
            {"sub": None},
            {"sub": ""},
            {"typ": "Logout"},
            {"typ": "Refresh"},
            {"cnf": {}},
        ):
            self.assertIsNone(self.identify(minted(id_claims(**change))), change)
        self.assertIsNone(
            self.identify(minted(id_claims(), key_of("stranger"), kid="one"))
        )
        self.assertIsNone(self.identify(minted(id_claims(), typ="at+jwt")))
        none = minted(id_claims(), header={"alg": "none", "kid": "one"})
        self.assertIsNone(self.identify(none))

    def test_several_audiences(self) -> None:
        """It may be for others as well, when it says that it was given to us."""
        token = minted(id_claims(aud=["other-client", CLIENT_ID]))
        self.assertIsNotNone(self.identify(token))

    def test_access_token(self) -> None:
        """An access token for our resource is no ID token."""
        self.assertIsNone(self.identify(minted(claims_of(nonce="n"))))

    def test_no_client(self) -> None:
        """Nobody can say it where this server is no client of a provider."""
        for settings in (hmac_settings(), native_settings()):
            bench = self.bench(settings)
            judged = bench.introspector.identify(minted(id_claims()), "n")
            self.failureResultOf(judged, Undecidable)

    def test_endpoints(self) -> None:
        """The provider's endpoints are those of its discovery document."""
        endpoints = self.successResultOf(self.client.introspector.endpoints())
        self.assertTrue(endpoints.token.endswith("/token"))
        failing = self.bench(hmac_settings()).introspector.endpoints()
        self.failureResultOf(failing, Undecidable)
