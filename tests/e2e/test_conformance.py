"""The protocol's own conformance suite, against this project's transport."""

import re
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from mcp import Client
from mcp.server.lowlevel import Server
from twisted.internet.utils import getProcessOutputAndValue

from tests.e2e.conformance_fixtures import fixture_server
from tests.e2e.in_task import TaskTestCase, in_task
from tests.e2e.npm_programs import npm_programs
from tests.e2e.server_process import shared_server
from tests.web.serving import ServiceTestCase

_HANDSHAKE = "2025-11-25"
_MODERN = "2026-07-28"


async def _run_suite(url: str, *options: str) -> tuple[int, str]:
    """Give the exit code of the suite and what it printed."""
    from twisted.internet import reactor

    command = npm_programs().command("conformance", "server", "--url", url, *options)
    directory = mkdtemp()
    try:
        output, errors, status = await getProcessOutputAndValue(
            command[0], command[1:], env=None, path=directory, reactor=reactor
        )
    finally:
        rmtree(directory)
    return status, (output + errors).decode()


class ConformanceTests(ServiceTestCase):
    """
    The transport with all fixtures of the suite.

    Nothing is excused: no baseline of expected failures is given.
    """

    timeout = 300

    def build_server(self) -> Server[Any]:
        """Serve the fixtures of the suite."""
        return fixture_server()

    async def run_suite(self, revision: str) -> int:
        """Run all scenarios of a revision and give the number of checks passed."""
        self.serve(max_sessions=200, max_streams=100)
        url = f"http://127.0.0.1:{self.port}/mcp"
        options = ("--suite", "all", "--spec-version", revision)
        status, text = await _run_suite(url, *options)
        total = re.search(r"^Total: ([0-9]+) passed, 0 failed", text, re.MULTILINE)
        self.assertEqual(status, 0, text)
        assert total is not None, text
        return int(total[1])

    async def test_handshake(self) -> None:
        """2025-11-25 is spoken as its suite demands."""
        self.assertGreaterEqual(await self.run_suite(_HANDSHAKE), 81)

    async def test_modern(self) -> None:
        """2026-07-28 is spoken as its suite demands."""
        self.assertGreaterEqual(await self.run_suite(_MODERN), 152)


class ShippedServerTests(TaskTestCase):
    """
    The server as people run it, which has none of the fixtures.

    Its baselines excuse single checks, each under the fixture that it needs;
    with the fixtures the same checks pass, see ``ConformanceTests``.
    """

    timeout = 300

    def setUp(self) -> None:
        self.server = shared_server("http")

    async def assert_conforms(self, revision: str) -> None:
        """Run all that a revision requires: what fails is just what is excused."""
        baseline = _baseline(revision)
        status, text = await _run_suite(
            self.server.url,
            *("--requirements", revision),
            *("--expected-failures", str(baseline)),
        )
        self.assertEqual(status, 0, text)
        failed = re.findall(r"^  ~ (.+)$", text, re.MULTILINE)
        self.assertEqual(sorted(failed), sorted(_excused(baseline)), text)

    async def test_handshake(self) -> None:
        """All that 2025-11-25 requires of a server without fixtures passes."""
        await self.assert_conforms(_HANDSHAKE)

    async def test_modern(self) -> None:
        """All that 2026-07-28 requires of a server without fixtures passes."""
        await self.assert_conforms(_MODERN)

    @in_task
    async def test_baselines(self) -> None:
        """Only what the fixtures have and the server has not excuses a check."""
        needed = {
            fixture
            for revision in (_HANDSHAKE, _MODERN)
            for fixture in _excused(_baseline(revision)).values()
        }
        self.assertLessEqual(needed, await _offered(fixture_server()))
        self.assertEqual(needed & await _offered(self.server.url), set())


def _baseline(revision: str) -> Path:
    return Path(__file__).with_name(f"conformance-{revision}.yml")


def _excused(baseline: Path) -> dict[str, str]:
    """Give the excused checks, each with the fixture in the comment above it."""
    checks, fixture = {}, ""
    for line in baseline.read_text().splitlines():
        if line.startswith("  # "):
            fixture = line.removeprefix("  # ")
        elif line.startswith("  - "):
            checks[line.removeprefix("  - ")] = fixture
    return checks


async def _offered(server: Server[Any] | str) -> set[str]:
    """Give what a server has as the baselines write it."""
    async with Client(server) as client:
        capabilities = client.server_capabilities.model_dump(exclude_none=True)
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
    return {
        *(f"capability {name}" for name in capabilities),
        *(f"tool {tool.name}" for tool in tools),
        *(f"prompt {prompt.name}" for prompt in prompts),
        *(f"resource {resource.uri}" for resource in resources),
        *(f"template {template.uri_template}" for template in templates),
    }
