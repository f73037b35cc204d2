"""The worker's decision on tokens of a real OpenID provider, over real sockets."""

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.introspector import Introspector
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.service import make_introspector
from mcp_trino.providers import TokenKind
from tests.e2e.certificates import make_certificates
from tests.e2e.oidc_provider import (
    ALGORITHMS,
    NATIVE_CLIENT,
    SERVICE_CLIENT,
    start_oidc_provider,
)
from tests.introspection.minting import RESOURCE, native_settings


class RealProviderTests(TestCase):
    """npm's ``oidc-provider``, by https with a private authority."""

    async def setUp(self) -> None:
        """Start it."""
        self.certificates = make_certificates(self.directory())
        self.provider = await deferToThread(start_oidc_provider, self.certificates)
        self.addCleanup(self.provider.close)

    def directory(self) -> Path:
        """Make a place for certificates."""
        directory = Path(self.mktemp())
        directory.mkdir()
        return directory

    def worker(self, **changes: Any) -> Introspector:
        """Give a worker that judges its tokens."""
        settings = native_settings(
            "oidc",
            issuer=self.provider.issuer,
            ca_file=self.certificates.authority,
            client_id=NATIVE_CLIENT,
        )
        introspector = make_introspector(evolve(settings, **changes), reactor)
        introspector.startService()
        self.addCleanup(introspector.stopService)
        return introspector

    async def login(self, person: str = "alice") -> dict[str, Any]:
        """Log a person in."""
        return await deferToThread(self.provider.login, RESOURCE, person)

    async def reason(self, worker: Introspector, token: str) -> str:
        """Give why a token is refused."""
        try:
            await worker.explain(token)
        except Refused as refused:
            return refused.reason
        return "it holds"

    async def test_algorithms(self) -> None:
        """Tokens by each algorithm hold, ID tokens are none of access."""
        worker = self.worker()
        for algorithm in ALGORITHMS:
            self.provider.set(algorithm=algorithm)
            tokens = await self.login()
            active = await worker.introspect(tokens["access_token"])
            self.assertEqual(
                (active.subject, active.client_id), ("alice", NATIVE_CLIENT)
            )
            self.assertIn("trino:read", active.scopes)
            self.assertEqual(active.groups, ("analysts",))
            self.assertIsNone(await worker.introspect(tokens["id_token"]))
            identity = await worker.identify(tokens["id_token"], "")
            self.assertEqual(identity.subject, "alice")
            self.assertIsNone(await worker.identify(tokens["id_token"], "another"))
            self.assertIsNone(await worker.identify(tokens["access_token"], ""))

    async def test_rotation(self) -> None:
        """New keys count at once, withdrawn ones no more after the next fetch."""
        worker = self.worker()
        first = (await self.login())["access_token"]
        before = await worker.introspect(first)
        self.provider.rotate()
        second = (await self.login())["access_token"]
        after = await worker.introspect(second)
        self.assertNotEqual(after.key_id, before.key_id)
        self.assertNotEqual(after.generation, before.generation)
        self.assertIsNotNone(await worker.introspect(first))
        self.provider.retire()
        self.provider.rotate()
        third = (await self.login())["access_token"]
        self.assertIsNotNone(await worker.introspect(third))
        self.assertIn("no key with kid", await self.reason(worker, first))

    async def test_audience(self) -> None:
        """A token that was made for somebody else does not hold."""
        worker = self.worker()
        self.provider.set(audience="https://elsewhere.example")
        token = (await self.login())["access_token"]
        self.assertIn("its aud is", await self.reason(worker, token))

    async def test_service(self) -> None:
        """A service's token says that it is one."""
        worker = self.worker()
        got = await deferToThread(self.provider.service_token, RESOURCE)
        active = await worker.introspect(got["access_token"])
        self.assertEqual((active.subject, active.is_person), ("service", False))

    async def test_opaque(self) -> None:
        """An opaque token holds until it is revoked."""
        self.provider.set(format="opaque")
        client_id, client_secret = SERVICE_CLIENT
        worker = self.worker(
            token_kind=TokenKind.INTROSPECTION,
            client_id=client_id,
            client_secret=client_secret,
        )
        token = (await self.login("bob"))["access_token"]
        self.assertEqual((await worker.introspect(token)).subject, "bob")
        await deferToThread(self.provider.revoke, token)
        self.assertIn("not active", await self.reason(worker, token))

    async def test_g060_down(self) -> None:
        """Without the provider known keys go on, and about others nobody can say."""
        worker = self.worker()
        first = (await self.login())["access_token"]
        await worker.introspect(first)
        self.provider.rotate()
        second = (await self.login())["access_token"]
        self.provider.stop()
        self.addCleanup(self.provider.start)
        self.assertIsNotNone(await worker.introspect(first))
        try:
            await worker.introspect(second)
            self.fail("it was decided")
        except Undecidable as error:
            self.assertIn("does not answer", str(error))

    async def test_c04_not_trusted(self) -> None:
        """A provider whose certificate nobody vouches for is none."""
        worker = self.worker(ca_file=None)
        token = (await self.login())["access_token"]
        try:
            await worker.introspect(token)
            self.fail("it was decided")
        except Undecidable as error:
            self.assertIn("certificate verify failed", str(error))
