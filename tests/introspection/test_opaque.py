"""Tests for ``mcp_trino.introspection.opaque``: tokens only their issuer can read."""

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.fetching import Answer
from mcp_trino.providers import PROVIDERS, TokenKind
from tests.introspection.judging import JudgingTestCase
from tests.introspection.minting import (
    CLIENT_ID,
    ISSUER,
    NOW,
    RESOURCE,
    Bench,
    FakeProvider,
    claims_of,
    key_of,
    minted,
    native_settings,
    public,
)

ENDPOINT = f"{ISSUER}/introspect"
TOKEN = "opaque-token_of.somebody~+/=="
GOOGLE = PROVIDERS["google"].tokeninfo


class IntrospectionTests(JudgingTestCase):
    """RFC 7662 at the issuer."""

    def setUp(self) -> None:
        """Have an issuer that introspects."""
        self.provider = FakeProvider().publish(public(key_of("one")))
        self.worker = self.bench(
            native_settings(
                token_kind=TokenKind.INTROSPECTION,
                client_id="a client",
                client_secret="s:cret",
            ),
            self.provider,
        )

    def answer(self, **claims: Any) -> None:
        """Have the issuer say this."""
        self.provider.documents[ENDPOINT] = {"active": True, **claims}

    def undecided(self, bench: Bench, token: str = TOKEN) -> None:
        """See to it that nobody can say."""
        judged = bench.introspector.introspect(token)
        self.failureResultOf(judged, Undecidable)

    def test_taken(self) -> None:
        """A token holds when its issuer says so, and says it for us."""
        self.answer(**claims_of())
        active = self.active(self.worker, TOKEN)
        self.assertEqual((active.subject, active.key_id), ("0123-alice", ""))
        ask = self.provider.asked[-1]
        self.assertEqual((ask.method, ask.url), ("POST", ENDPOINT))
        self.assertEqual(
            parse_qs(ask.body.decode()),
            {"token": [TOKEN], "token_type_hint": ["access_token"]},
        )
        kind, _, credential = ask.headers["Authorization"].partition(" ")
        self.assertEqual(kind, "Basic")
        self.assertEqual(b64decode(credential), b"a+client:s%3Acret")

    def test_no_issuer_said(self) -> None:
        """The issuer need not say that it is itself."""
        self.answer(**claims_of(iss=None))
        self.active(self.worker, TOKEN)

    def test_b36_refused(self) -> None:
        """All that a JWT has to say has to be said here."""
        for change in (
            {"active": False},
            {"active": "true"},
            {"active": 1},
            {"active": None},
            {"aud": "https://other.example"},
            {"aud": None},
            {"aud": None, "client_id": "another-client"},
            {"exp": None},
            {"exp": NOW - 61},
            {"exp": "1"},
            {"iss": "https://other.example"},
            {"sub": None},
            {"typ": "Refresh"},
            {"nbf": NOW + 100},
            {"cnf": {"jkt": "x"}},
        ):
            self.provider.documents[ENDPOINT] = {
                "active": True,
                **claims_of(),
                **change,
            }
            self.provider.documents[ENDPOINT] = {
                name: value
                for name, value in self.provider.documents[ENDPOINT].items()
                if value is not None
            }
            self.assert_refused(self.worker, TOKEN)

    def test_for_its_client(self) -> None:
        """Without an audience a token is for the client that it was given to."""
        self.answer(**claims_of(aud=None, client_id=RESOURCE))
        self.active(self.worker, TOKEN)

    def test_undecidable(self) -> None:
        """An issuer that does not answer as it should says nothing."""
        for document in (
            400, 401, 403, 404, 500, 503, 302, Undecidable("down"),
            Answer(200, b""), Answer(200, b"<html>"), Answer(200, b"[]"),
            Answer(200, b'{"active":true,"active":false}'), Answer(204, b""),
        ):  # fmt: skip
            self.provider.documents[ENDPOINT] = document
            self.undecided(self.worker)
        self.provider.documents[ENDPOINT] = {}
        self.assert_refused(self.worker, TOKEN, "not active")

    def test_no_endpoint(self) -> None:
        """An issuer that has no such endpoint can say nothing."""
        self.provider.publish(introspection_endpoint=None)
        self.undecided(self.bench(self.worker.settings, self.provider))

    def test_never_sent(self) -> None:
        """What cannot be a token is not shown to anybody."""
        before = len(self.provider.asked)
        for token in ("", "a b", "a\r\nb", "ä", "=", "a=b", "x" * 12289, "a&b=c"):
            self.assert_refused(self.worker, token)
        self.assertEqual(len(self.provider.asked), before)

    def test_jwt_is_asked_about_too(self) -> None:
        """What a token says of itself counts for nothing."""
        self.provider.documents[ENDPOINT] = {"active": False}
        self.assert_refused(self.worker, minted(claims_of()))

    def test_secret_needed(self) -> None:
        """The worker does not start without a client's secret."""
        for name in ("client_id", "client_secret"):
            settings = native_settings(
                token_kind=TokenKind.INTROSPECTION,
                **{"client_id": "a", "client_secret": "b", name: None},
            )
            self.assertRaises(ConfigurationError, Bench, settings)


class GoogleTests(JudgingTestCase):
    """Google's tokeninfo."""

    def setUp(self) -> None:
        """Have Google."""
        self.provider = FakeProvider()
        self.worker = self.bench(
            native_settings(
                "google",
                issuer="https://accounts.google.com",
                audiences=(),
                token_kind=TokenKind.GOOGLE_TOKENINFO,
                client_id=CLIENT_ID,
            ),
            self.provider,
        )

    def answer(self, **changes: Any) -> None:
        """Have Google say this."""
        said = {
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": "1234567890",
            "scope": "openid https://www.googleapis.com/auth/userinfo.email",
            "exp": str(int(NOW) + 300),
            "expires_in": "300",
            "email": "alice@corp.example",
            "email_verified": "true",
            **changes,
        }
        self.provider.documents[GOOGLE] = {
            name: value for name, value in said.items() if value is not None
        }

    def test_b37_taken(self) -> None:
        """All that Google says are texts."""
        self.answer(hd="corp.example")
        active = self.active(self.worker, "ya29.token")
        self.assertEqual(active.issuer, "https://accounts.google.com")
        self.assertEqual(active.email, "alice@corp.example")
        self.assertEqual(active.tenant, "corp.example")
        self.assertEqual(active.scopes, {"openid", "email"})
        self.assertEqual(active.expires_at, NOW + 300)
        query = parse_qs(urlsplit(self.provider.asked[-1].url).query)
        self.assertEqual(query, {"access_token": ["ya29.token"]})
        self.assertNotIn("ya29", repr(self.provider.asked))

    def test_g058_refused(self) -> None:
        """A token of another client, or one that ended, is refused."""
        for change in (
            {"aud": "another-client", "azp": "another-client"},
            {"aud": None},
            {"exp": str(int(NOW) - 61)},
            {"exp": None},
            {"exp": "soon"},
            {"exp": "9" * 30},
            {"sub": None},
        ):
            self.answer(**change)
            self.assert_refused(self.worker, "ya29.token")
        for status in (400, 401):
            self.provider.documents[GOOGLE] = status
            self.assert_refused(self.worker, "ya29.token")

    def test_g058_undecidable(self) -> None:
        """When Google does not answer nobody can say."""
        for document in (500, 503, 429, 302, Undecidable("down"), Answer(200, b"x")):
            self.provider.documents[GOOGLE] = document
            judged = self.worker.introspector.introspect("ya29.token")
            self.failureResultOf(judged, Undecidable)

    def test_unverified_email(self) -> None:
        """An address that was not verified counts for nothing."""
        self.answer(email_verified="false")
        self.assertEqual(self.active(self.worker, "ya29.token").email, "")
