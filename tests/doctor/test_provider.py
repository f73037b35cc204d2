"""Tests of ``mcp_trino.doctor.provider``."""

import json
from email.utils import formatdate

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.doctor.finding import Finding, Grade
from mcp_trino.doctor.provider import examine_provider
from mcp_trino.introspection.fetching import Answer
from mcp_trino.settings import AdmissionSettings, OAuthSettings, WorkerSettings
from tests.introspection.minting import (
    DISCOVERY_URL,
    ISSUER,
    JWKS_URL,
    NOW,
    FakeProvider,
    hmac_settings,
    key_of,
    native_settings,
    public,
)


@define
class Dated:
    """A JWK set with the time of the provider."""

    date: str
    keys: list[object] = field(factory=lambda: [public(key_of("one"))])

    def answer(self) -> Answer:
        """Give it as it is fetched."""
        return Answer(200, json.dumps({"keys": self.keys}).encode(), date=self.date)


class ProviderTests(SynchronousTestCase):
    """The identity provider."""

    def setUp(self) -> None:
        """Have one that is as it should be, its clock 5 s ahead."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = FakeProvider().publish()
        self.answer_keys(NOW + 5)

    def answer_keys(self, time: float) -> None:
        """Publish the keys at that time of the provider's clock."""
        self.provider.documents[JWKS_URL] = Dated(formatdate(time)).answer()

    def examined(self, worker: WorkerSettings | None = None) -> dict[str, Finding]:
        """Look at it, and give what was found by subject."""
        worker = worker or native_settings()
        settings = OAuthSettings(
            mode=worker.mode,
            provider=worker.provider,
            issuer=ISSUER,
            audiences=(),
            read_scope="",
            write_scope="",
            admission=AdmissionSettings(),
            worker=worker,
        )

        async def collected() -> list[Finding]:
            findings = examine_provider(settings, self.provider, self.clock)
            return [finding async for finding in findings]

        found = self.successResultOf(Deferred.fromCoroutine(collected()))
        return {finding.subject: finding for finding in found}

    def test_fine(self) -> None:
        """Discovery, keys and clock are told apart."""
        found = self.examined()
        grades = {subject: finding.grade for subject, finding in found.items()}
        self.assertEqual(
            grades, dict.fromkeys(("provider", "keys", "clock"), Grade.FINE)
        )
        self.assertIn("5 s behind", found["clock"].sentence)

    def test_other_issuer(self) -> None:
        """A document of another issuer is bad; then nobody says where keys are."""
        self.provider.documents[DISCOVERY_URL]["issuer"] = "https://evil.example"
        found = self.examined()
        self.assertEqual(found.keys(), {"provider", "keys"})
        self.assertEqual({finding.grade for finding in found.values()}, {Grade.BAD})

    def test_no_keys(self) -> None:
        """Keys that are not there are bad."""
        self.provider.documents[JWKS_URL] = 404
        self.assertIs(self.examined()["keys"].grade, Grade.BAD)

    def test_clock(self) -> None:
        """A clock that is wrong by more than the leeway is bad."""
        self.answer_keys(NOW - 61)
        self.assertIs(self.examined()["clock"].grade, Grade.BAD)
        self.provider.documents[JWKS_URL] = Dated("today").answer()
        self.assertIs(self.examined()["clock"].grade, Grade.DOUBTFUL)

    def test_hmac(self) -> None:
        """Without a provider nothing is asked."""
        found = self.examined(hmac_settings())
        self.assertEqual({finding.grade for finding in found.values()}, {Grade.FINE})
        self.assertEqual(self.provider.asked, [])
