"""The protocol's own conformance suite, against this project's transport."""

import re
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from mcp.server.lowlevel import Server
from twisted.internet.utils import getProcessOutputAndValue

from tests.e2e.conformance_fixtures import fixture_server
from tests.e2e.npm_programs import npm_programs
from tests.web.serving import ServiceTestCase


class ConformanceTests(ServiceTestCase):
    """Nothing is excused: no baseline of expected failures is given."""

    timeout = 300

    def setUp(self) -> None:
        super().setUp()
        self.directory = mkdtemp()
        self.addCleanup(rmtree, self.directory)

    def build_server(self) -> Server[Any]:
        """Serve the fixtures of the suite."""
        return fixture_server()

    async def run_suite(self, revision: str) -> int:
        """Run all scenarios of a revision and give the number of checks passed."""
        from twisted.internet import reactor

        command = npm_programs().command("conformance", "server", "--suite", "all")
        self.serve(max_sessions=200, max_streams=100)
        url = f"http://127.0.0.1:{self.port}/mcp"
        output, errors, status = await getProcessOutputAndValue(
            command[0],
            [*command[1:], "--url", url, "--spec-version", revision],
            env=None,
            path=self.directory,
            reactor=reactor,
        )
        text = (output + errors).decode()
        total = re.search(r"^Total: ([0-9]+) passed, 0 failed", text, re.MULTILINE)
        self.assertEqual(status, 0, text)
        assert total is not None, text
        return int(total[1])

    async def test_handshake(self) -> None:
        """2025-11-25 is spoken as its suite demands."""
        self.assertGreaterEqual(await self.run_suite("2025-11-25"), 81)

    async def test_modern(self) -> None:
        """2026-07-28 is spoken as its suite demands."""
        self.assertGreaterEqual(await self.run_suite("2026-07-28"), 152)
