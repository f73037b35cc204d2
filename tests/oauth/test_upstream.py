"""Tests of ``mcp_trino.oauth.upstream``: what the provider is sent, and answers."""

import json
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from mcp_trino.errors import Undecidable
from mcp_trino.fetching import Fetched, FetchFailed
from mcp_trino.oauth.pkce import challenge_of
from mcp_trino.oauth.upstream import Tokens, Upstream, UpstreamRefused
from mcp_trino.providers import PROVIDERS, Endpoints

_ENDPOINTS = Endpoints(
    issuer="https://id.example",
    authorization="https://id.example/auth?tenant=a%2Fb",
    token="https://id.example/token",
    revocation="https://id.example/revoke",
    token_methods=("client_secret_basic", "client_secret_post"),
)
_CALLBACK = "https://mcp.example/oauth/callback"
_GOOD = {
    "access_token": "a",
    "refresh_token": "r",
    "id_token": "i",
    "token_type": "bearer",
    "expires_in": 60,
}


class UpstreamTestCase(SynchronousTestCase):
    """Answers in the provider's place."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.sent: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Any = (200, _GOOD)

    def upstream(self, name: str = "oidc", secret: str | None = "s&=+ :é") -> Upstream:
        """Make a client of a provider."""
        scopes = ("openid", "email")
        return Upstream(
            self, self.clock, PROVIDERS[name], "us:1", secret, _CALLBACK, scopes, "aud"
        )

    def fetch(self, url: str, headers: dict[str, str], *, body: bytes) -> Deferred[Any]:
        """Be the way to the provider."""
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        self.sent.append((url, headers, form))
        if isinstance(self.answer, Exception):
            return fail(self.answer)
        status, content = self.answer
        content = (
            content if isinstance(content, bytes) else json.dumps(content).encode()
        )
        return succeed(Fetched(status, Headers(), content))

    def redeem(self) -> Tokens:
        """Redeem a code."""
        upstream = self.upstream()
        return self.successResultOf(upstream.redeem(_ENDPOINTS, "c", "v"))


class RequestTests(UpstreamTestCase):
    """What is sent."""

    def test_login_url(self) -> None:
        """The URL keeps the provider's own query and has PKCE, state and nonce."""
        url = self.upstream().login_url(_ENDPOINTS, "st", "ver", "no")
        parts = urlsplit(url)
        self.assertTrue(parts.query.startswith("tenant=a%2Fb&"))
        asked = dict(parse_qsl(parts.query))
        del asked["tenant"]
        self.assertEqual(
            asked,
            {
                "response_type": "code",
                "client_id": "us:1",
                "redirect_uri": _CALLBACK,
                "scope": "openid email",
                "state": "st",
                "nonce": "no",
                "code_challenge": challenge_of("ver"),
                "code_challenge_method": "S256",
            },
        )

    def test_quirks(self) -> None:
        """What some providers want besides is in their rows."""
        for name, more in (
            ("google", {"access_type": "offline", "prompt": "consent"}),
            ("auth0", {"audience": "aud"}),
            ("azure", {}),
        ):
            url = self.upstream(name).login_url(_ENDPOINTS, "st", "ver", "no")
            asked = dict(parse_qsl(urlsplit(url).query))
            self.assertEqual(asked, {**asked, **more})
            self.assertNotIn("resource", asked)
            self.assertEqual("audience" in asked, name == "auth0")
        self.upstream("azure").refresh(_ENDPOINTS, "r")
        self.assertEqual(self.sent[-1][2]["scope"], "openid email")

    def test_redeem(self) -> None:
        """A code goes with its verifier and our authentication, encoded by the RFC."""
        self.assertEqual(self.redeem(), Tokens("a", "r", "i", 1060.0))
        url, headers, form = self.sent[0]
        self.assertEqual(url, _ENDPOINTS.token)
        pair = b64decode(headers["Authorization"].removeprefix("Basic "))
        self.assertEqual(pair, b"us%3A1:s%26%3D%2B+%3A%C3%A9")
        expected = {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": _CALLBACK,
            "code_verifier": "v",
        }
        self.assertEqual(form, expected)

    def test_in_the_form(self) -> None:
        """The secret goes into the form where the provider takes it only there."""
        post = evolve(_ENDPOINTS, token_methods=("client_secret_post",))
        self.upstream().refresh(post, "r")
        self.upstream(secret=None).refresh(_ENDPOINTS, "r")
        (_, headers, form), (_, public, named) = self.sent
        self.assertNotIn("Authorization", {**headers, **public})
        self.assertEqual(form["client_secret"], "s&=+ :é")
        self.assertEqual(form["client_id"], "us:1")
        self.assertEqual(named["client_id"], "us:1")
        self.assertNotIn("client_secret", named)

    def test_revoke(self) -> None:
        """A token is given back where the provider takes it; failures pass."""
        tokens = Tokens("a", "r", None, 0.0)
        for answer in ((200, b""), (500, b""), FetchFailed("away")):
            self.answer = answer
            self.successResultOf(self.upstream().revoke(_ENDPOINTS, tokens))
        url, _, form = self.sent[0]
        self.assertEqual((url, form["token"]), (_ENDPOINTS.revocation, "r"))
        self.upstream().revoke(_ENDPOINTS, evolve(tokens, refresh=None))
        self.assertEqual(self.sent[-1][2]["token"], "a")
        count = len(self.sent)
        nowhere = evolve(_ENDPOINTS, revocation=None)
        self.successResultOf(self.upstream().revoke(nowhere, tokens))
        self.assertEqual(len(self.sent), count)

    def test_secrets_are_not_shown(self) -> None:
        """No secret is in what a value shows of itself."""
        self.assertNotIn("s&=+", repr(self.upstream()))
        self.assertEqual(
            repr(Tokens("abc", "def", "ghi", 0.0)), "Tokens(expires_at=0.0)"
        )


class AnswerTests(UpstreamTestCase):
    """What is made of the answer."""

    def test_no_new_refresh_token(self) -> None:
        """Without a new refresh token the old one stays."""
        self.answer = (200, {"access_token": "a"})
        tokens = self.successResultOf(self.upstream().refresh(_ENDPOINTS, "old"))
        self.assertEqual(tokens, Tokens("a", "old", None, 0.0))

    def test_refused(self) -> None:
        """The provider's no is a no."""
        for error in ("invalid_grant", "interaction_required", "consent_required"):
            self.answer = (400, {"error": error, "error_description": "x"})
            deferred = self.upstream().refresh(_ENDPOINTS, "r")
            self.failureResultOf(deferred, UpstreamRefused)

    def test_undecidable(self) -> None:
        """Everything else says nothing of the person; it is logged without secrets."""
        for answer in (
            (500, _GOOD),
            (302, _GOOD),
            (400, {"error": "invalid_client"}),
            (401, {"error": ["x"]}),
            (400, b"<html>"),
            (200, b"<html>"),
            (200, b"[]"),
            (200, b"[" * 100_000),
            (200, {}),
            (200, {**_GOOD, "access_token": 1}),
            (200, {**_GOOD, "refresh_token": ["x"]}),
            (200, {**_GOOD, "id_token": {"x": 1}}),
            (200, {**_GOOD, "access_token": "é"}),
            (200, {**_GOOD, "expires_in": "soon"}),
            FetchFailed("it took too long"),
        ):
            with self.subTest(answer=answer):
                self.answer = answer
                deferred = self.upstream().redeem(_ENDPOINTS, "c", "v")
                self.failureResultOf(deferred, Undecidable)
                (logged,) = self.flush()
                self.assertNotIn("s&=+", logged)

    def test_expires_in(self) -> None:
        """Numbers as text are taken, as some providers send them."""
        self.answer = (200, {**_GOOD, "expires_in": "60"})
        self.assertEqual(self.redeem().expires_at, 1060.0)
        self.answer = (200, {**_GOOD, "expires_in": None})
        self.assertEqual(self.redeem().expires_at, 0.0)

    def flush(self) -> list[str]:
        """Give what was logged as an error since the last time."""
        logged, self.logged = self.logged, []
        return logged

    def setUp(self) -> None:
        super().setUp()
        from twisted.logger import formatEvent, globalLogPublisher

        self.logged: list[str] = []

        def observe(event: Any) -> None:
            if event["log_level"].name == "error":
                self.logged.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
