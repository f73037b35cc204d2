"""Tests for ``mcp_trino.introspection.jwks``: keys that are fetched again."""

import json
from typing import Any

from twisted.logger import capturedLogs

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.fetching import Answer
from mcp_trino.introspection.jwks import STALE_SECONDS
from tests.introspection.judging import JudgingTestCase
from tests.introspection.minting import (
    DISCOVERY_URL,
    ISSUER,
    JWKS_URL,
    NOW,
    Bench,
    FakeProvider,
    claims_of,
    key_of,
    minted,
    native_settings,
    public,
)

NEW = minted(claims_of(exp=NOW + 80000), key_of("two"))
OLD = minted(claims_of(exp=NOW + 80000))


class RotationTests(JudgingTestCase):
    """Keys that come and go."""

    def undecided(self, bench: Bench, token: str) -> str:
        """Have a token judged that nobody can say anything about."""
        judged = bench.introspector.introspect(token)
        return str(self.failureResultOf(judged, Undecidable).value)

    def test_b19_new_key(self) -> None:
        """A new key counts with the first token that names it."""
        bench = self.bench()
        before = self.active(bench, OLD).generation
        bench.provider.publish(public(key_of("one")), public(key_of("two")))
        self.assertEqual(self.active(bench, NEW).key_id, "two")
        self.assertNotEqual(self.active(bench, OLD).generation, before)

    def test_g052_withdrawn_key(self) -> None:
        """A key that is gone stops to count with the next fetch."""
        bench = self.bench()
        self.active(bench, OLD)
        bench.provider.publish(public(key_of("two")))
        bench.clock.advance(901)
        self.assertEqual(bench.provider.key_fetches, 2)
        self.assert_refused(bench, OLD, "no key with kid 'one'")
        self.active(bench, NEW)

    def test_reread(self) -> None:
        """A hangup has the keys fetched at once."""
        bench = self.bench()
        bench.provider.publish(public(key_of("two")))
        bench.introspector.reread()
        self.assert_refused(bench, OLD)

    def test_c10_interval(self) -> None:
        """The provider says how often, within bounds."""
        for header, seconds in (
            ("", 900),
            ("no-cache", 900),
            ("public, max-age=600, must-revalidate", 600),
            ("max-age=1", 300),
            ("max-age=86400", 3600),
            ("s-max-age=600", 900),
        ):
            provider = FakeProvider().publish()
            body = f'{{"keys":[{json.dumps(public(key_of("one")))}]}}'.encode()
            provider.documents[JWKS_URL] = Answer(200, body, header)
            bench = self.bench(provider=provider)
            bench.clock.advance(seconds - 2)
            self.assertEqual(provider.key_fetches, 1, header)
            bench.clock.advance(3)
            self.assertEqual(provider.key_fetches, 2, header)

    def test_g071_failures_end_nothing(self) -> None:
        """Whatever a fetch does, the next one comes."""
        bench = self.bench()
        provider = bench.provider

        class Odd(Exception):
            """What nobody thought of."""

        provider.documents[JWKS_URL] = Odd()
        for _ in range(10):
            bench.clock.pump([1.0] * 400)
        self.assertGreater(provider.key_fetches, 10)
        self.assertGreaterEqual(len(self.flushLoggedErrors(Odd)), 10)
        provider.publish(public(key_of("two")))
        bench.clock.pump([1.0] * 301)
        self.active(bench, NEW)

    def test_g071_hanging_fetch(self) -> None:
        """A fetch that never ends keeps no token of a known key waiting."""
        bench = self.bench()
        bench.provider.hangs = []
        waiting = [bench.introspector.introspect(NEW) for _ in range(10)]
        # Those that come while enough wait are told at once.
        for judged in waiting[4:]:
            self.failureResultOf(judged, Undecidable)
        self.active(bench, OLD)
        for judged in waiting[:4]:
            self.assertNoResult(judged)
        bench.clock.advance(1.5)
        for judged in waiting[:4]:
            self.failureResultOf(judged, Undecidable)
        self.active(bench, OLD)
        self.assertEqual(len(bench.provider.hangs), 1)

    def test_b18_single_flight(self) -> None:
        """All that wait for one fetch get what it brings."""
        bench = self.bench()
        hanging = bench.provider.hangs = []
        waiting = [bench.introspector.introspect(NEW) for _ in range(3)]
        bench.provider.hangs = None
        bench.provider.publish(public(key_of("two")))
        [first] = hanging
        first.callback(
            Answer(200, json.dumps(bench.provider.documents[DISCOVERY_URL]).encode())
        )
        for judged in waiting:
            self.assertIsNotNone(self.successResultOf(judged))

    def test_b18_allowance_comes_back(self) -> None:
        """After half a minute one more fetch is allowed."""
        bench = self.bench()
        tokens = iter(
            minted(claims_of(), key_of("stranger"), kid=f"k{number}")
            for number in range(100)
        )
        for _ in range(10):
            self.assert_refused(bench, next(tokens))
        self.assertEqual(bench.provider.key_fetches, 3)
        bench.clock.advance(30)
        for _ in range(10):
            self.assert_refused(bench, next(tokens))
        self.assertEqual(bench.provider.key_fetches, 4)

    def test_b18_only_good_claims(self) -> None:
        """A token that could not hold anyway asks for no fetch."""
        bench = self.bench()
        stranger = key_of("stranger")
        for change in ({"exp": 1}, {"aud": "x"}, {"iss": "x"}, {"sub": None}):
            self.assert_refused(bench, minted(claims_of(**change), stranger))
        self.assert_refused(bench, minted(claims_of(), stranger, alg="RS1"))
        self.assertEqual(bench.provider.key_fetches, 1)

    def test_c12_stale(self) -> None:
        """Keys are good for a day without the provider, then nobody can say."""
        settings = native_settings(max_lifetime_seconds=2 * STALE_SECONDS)
        bench = self.bench(settings)
        bench.provider.go_down()
        token = minted(claims_of(exp=NOW + 2 * STALE_SECONDS))
        bench.clock.advance(STALE_SECONDS - 1)
        self.active(bench, token)
        self.assertTrue(bench.introspector.ready)
        bench.clock.advance(2)
        self.assertFalse(bench.introspector.ready)
        self.undecided(bench, token)
        bench.provider.publish(public(key_of("one")))
        bench.clock.advance(301)
        self.active(bench, token)

    def test_c12_retries(self) -> None:
        """Failures are retried less and less often, and recover by themselves."""
        bench = self.bench(provider=FakeProvider())
        asked = []
        for _ in range(600):
            bench.clock.advance(1)
            asked.append(len(bench.provider.asked))
        discoveries = len(bench.provider.asked) // 2
        self.assertLess(discoveries, 9)
        bench.provider.publish(public(key_of("one")))
        bench.clock.advance(301)
        self.active(bench, minted(claims_of(exp=NOW + 1800)))

    def test_g069_empty_set(self) -> None:
        """A set without a key that can be used leaves the keys as they are."""
        for document in ({"keys": []}, {"keys": [{"kty": "oct", "k": "AA"}]}, {}, 500):
            bench = self.bench()
            bench.provider.documents[JWKS_URL] = document
            bench.introspector.reread()
            self.assertEqual(bench.provider.key_fetches, 2)
            self.active(bench, OLD)
            self.undecided(bench, NEW)

    def test_g069_one_bad_key(self) -> None:
        """One bad key among good ones spoils nothing, and is told of."""
        bench = self.bench()
        bench.provider.publish({"kty": "RSA"}, public(key_of("two")))
        with capturedLogs() as events:
            bench.introspector.reread()
        self.active(bench, NEW)
        self.assertTrue(any("key 0" in event.get("problem", "") for event in events))


class DiscoveryTests(JudgingTestCase):
    """The document that names the keys."""

    def assert_not_trusted(self, **metadata: Any) -> None:
        """See to it that no key is taken by way of such a document."""
        provider = FakeProvider().publish(public(key_of("one")), **metadata)
        bench = self.bench(provider=provider)
        self.assertEqual(provider.key_fetches, 0)
        judged = bench.introspector.introspect(OLD)
        self.failureResultOf(judged, Undecidable)
        self.assertFalse(bench.introspector.ready)

    def test_g066_other_issuer(self) -> None:
        """A document of another issuer is not heeded."""
        for issuer in (
            "https://evil.example",
            f"{ISSUER}/",
            ISSUER.upper(),
            None,
            1,
            [ISSUER],
        ):
            self.assert_not_trusted(issuer=issuer)

    def test_c03_addresses(self) -> None:
        """An address that is not https is not heeded."""
        for url in (
            "http://issuer.example/keys",
            "http://169.254.169.254/keys",
            "file:///etc/passwd",
            "https://user@issuer.example/keys",
            "https://issuer.example/keys#a",
            1,
            "",
        ):
            self.assert_not_trusted(jwks_uri=url)
            self.assert_not_trusted(token_endpoint=url)

    def test_c01_second_place(self) -> None:
        """Where OpenID Connect's document is not, RFC 8414's may be."""
        provider = FakeProvider().publish(public(key_of("one")))
        document = provider.documents.pop(DISCOVERY_URL)
        url = "https://issuer.example/.well-known/oauth-authorization-server/realms/a"
        provider.documents[url] = document
        self.active(self.bench(provider=provider), OLD)

    def test_c01_chosen_address(self) -> None:
        """The operator may say where the keys are, without any document."""
        provider = FakeProvider()
        provider.documents["https://keys.example/"] = {"keys": [public(key_of("one"))]}
        settings = native_settings(jwks_uri="https://keys.example/")
        bench = self.bench(settings, provider)
        self.active(bench, OLD)
        endpoints = bench.introspector.endpoints()
        self.failureResultOf(endpoints, Undecidable)

    def test_document_lost(self) -> None:
        """A document that is gone leaves the address that it named."""
        bench = self.bench()
        del bench.provider.documents[DISCOVERY_URL]
        bench.provider.documents[JWKS_URL] = {"keys": [public(key_of("two"))]}
        bench.introspector.reread()
        self.active(bench, NEW)
        self.successResultOf(bench.introspector.endpoints())

    def test_no_logins(self) -> None:
        """An issuer without endpoints has keys all the same."""
        provider = FakeProvider().publish(
            public(key_of("one")), authorization_endpoint=None
        )
        bench = self.bench(provider=provider)
        self.active(bench, OLD)
        self.failureResultOf(bench.introspector.endpoints(), Undecidable)

    def test_g067_redirect(self) -> None:
        """A redirect is no document."""
        provider = FakeProvider().publish(public(key_of("one")))
        provider.documents[JWKS_URL] = Answer(302, b"")
        bench = self.bench(provider=provider)
        self.failureResultOf(bench.introspector.introspect(OLD), Undecidable)
        self.assertEqual({ask.url for ask in provider.asked}, {JWKS_URL, DISCOVERY_URL})
