"""Tests of ``mcp_trino.doctor.worker``."""

import tempfile
from pathlib import Path
from tempfile import mkdtemp

from attrs import evolve
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from mcp_trino.doctor.finding import Grade
from mcp_trino.doctor.worker import examine_worker
from mcp_trino.settings import AdmissionSettings, OAuthSettings
from tests.introspection.minting import ISSUER, hmac_settings
from tests.introspection.scripted_worker import ScriptedWorker, http


class WorkerTests(TestCase):
    """Whether tokens can be judged."""

    def setUp(self) -> None:
        """Have settings, and a place for a socket."""
        worker = hmac_settings()
        self.settings = OAuthSettings(
            mode=worker.mode,
            provider=worker.provider,
            issuer=ISSUER,
            audiences=(),
            read_scope="",
            write_scope="",
            admission=AdmissionSettings(),
            worker=worker,
        )
        directory = Path(mkdtemp())
        self.addCleanup(directory.rmdir)
        self.path = directory / "socket"

    def at_path(self) -> OAuthSettings:
        """Give settings with somebody else's worker."""
        return evolve(self.settings, introspection_socket=self.path)

    async def test_own(self) -> None:
        """One is started as the server does and asked, and leaves nothing behind."""
        self.patch(tempfile, "tempdir", str(self.path.parent))
        finding = await examine_worker(reactor, self.settings)
        self.assertIs(finding.grade, Grade.FINE, finding)

    async def test_absent(self) -> None:
        """Nobody listens where somebody should."""
        finding = await examine_worker(reactor, self.at_path())
        self.assertIs(finding.grade, Grade.BAD)
        self.assertIn("does not answer", finding.sentence)
        self.flushLoggedErrors()

    async def test_no_keys(self) -> None:
        """One that answers but cannot judge is told apart."""
        worker = ScriptedWorker(http(b"{}", b"503 Service Unavailable"))
        worker.listen(reactor, self.path)
        finding = await examine_worker(reactor, self.at_path())
        await worker.close()
        self.assertIs(finding.grade, Grade.BAD)
        self.assertIn("has no keys", finding.sentence)
