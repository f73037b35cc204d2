"""Clients of both SDK languages and all their versions get the same answers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.documented_values import documented_values, statement
from tests.e2e.npm_programs import npm_programs
from tests.e2e.server_process import (
    ServerProcess,
    program,
    server_environment,
    shared_server,
)
from tests.e2e.trino_queries import endless_statement
from tests.e2e.virtual_environments import python_with

_CLIENTS = Path(__file__).parent / "clients"
_SECONDS = 60
_ROWS = 25
_PLAN = {
    "query": (
        "SELECT x, 'row ' || CAST(x AS varchar) AS text, CAST(x AS decimal(38, 2)),"
        " 9007199254740992 + x AS large, CAST(ROW(x, ARRAY[nan()]) AS ROW(a bigint,"
        f" b array(double))) AS nested FROM UNNEST(sequence(1, {_ROWS})) AS t(x)"
        " ORDER BY x"
    ),
    "max_rows": 10,
    "values": statement(),
    "broken": "SELECT nationkye FROM tpch.tiny.nation",
    "endless": endless_statement(),
    "timeout_seconds": 2,
}
_TOOLS = {"execute_query", "fetch_page", "list_tables", "whoami"}


class _Answers:
    """What every client must get."""

    def assert_answer(self, answer: dict[str, Any], revision: str | None) -> None:
        self.assertEqual(answer["revision"], revision)
        self.assertLessEqual(_TOOLS, set(answer["tools"]))
        self.assertEqual(
            answer["columns"],
            [
                ["x", "bigint"],
                ["text", "varchar"],
                ["_col2", "decimal(38, 2)"],
                ["large", "bigint"],
                ["nested", "row(a bigint, b array(double))"],
            ],
        )
        self.assertGreater(len(answer["pages"]), 1)
        self.assertEqual(
            [row for page in answer["pages"] for row in page],
            [
                [x, f"row {x}", f"{x}.00", str(2**53 + x), {"a": x, "b": ["NaN"]}]
                for x in range(1, _ROWS + 1)
            ],
        )
        self.assertEqual(answer["values"], [v.shown for v in documented_values()])
        broken, endless = answer["errors"]
        self.assertEqual(broken["error_name"], "COLUMN_NOT_FOUND")
        self.assertEqual((broken["line"], broken["column"]), (1, 8))
        self.assertEqual(endless["code"], "TIMED_OUT")
        self.assertGreater(answer["progress"], 0)


class _ClientTests(_Answers):
    """
    One client of each language.

    :cvar scheme: of the server's URL.
    """

    scheme: str

    def setUp(self) -> None:
        self.server = shared_server(self.scheme)

    def test_python_2(self) -> None:
        """The Python SDK 2 finds the latest revision by itself."""
        answer = self._python_2("auto", self.server.url)
        self.assert_answer(answer, "2026-07-28")

    def test_typescript_2(self) -> None:
        """The TypeScript SDK 2 finds the latest revision by itself."""
        answer = self._typescript("typescript_2.cjs", "auto", self.server.url)
        self.assert_answer(answer, "2026-07-28")

    def _python_2(self, *arguments: str, **environment: str) -> dict[str, Any]:
        command = [sys.executable, str(_CLIENTS / "python_2.py"), *arguments]
        return _run(command, {**self.server.trust, **environment}, self.server)

    def _python_1(self, *arguments: str) -> dict[str, Any]:
        python = str(python_with("mcp==1.30.0"))
        command = [python, str(_CLIENTS / "python_1.py"), *arguments]
        return _run(command, self.server.trust, self.server)

    def _typescript(self, script: str, *arguments: str) -> dict[str, Any]:
        npm = npm_programs()
        command = [npm.node, str(_CLIENTS / script), *arguments]
        packages = {"NODE_PATH": str(npm.directory / "node_modules")}
        return _run(command, {**self.server.trust, **packages}, self.server)


class HTTPTests(_ClientTests, SynchronousTestCase):
    """Clients of ``mcp-trino serve``."""

    scheme = "http"


class HTTPSTests(_ClientTests, SynchronousTestCase):
    """All clients, of ``twistd mcp-trino``, that trust a private authority."""

    scheme = "https"

    def test_python_2_legacy(self) -> None:
        """The Python SDK 2 talks by handshake."""
        answer = self._python_2("legacy", self.server.url)
        self.assert_answer(answer, "2025-11-25")

    def test_python_2_modern(self) -> None:
        """The Python SDK 2 talks without a session and without asking first."""
        answer = self._python_2("2026-07-28", self.server.url)
        self.assert_answer(answer, "2026-07-28")

    def test_python_2_sse(self) -> None:
        """The Python SDK 2 talks by the transport of 2024-11-05."""
        answer = self._python_2("sse", self.server.sse_url)
        self.assert_answer(answer, "2025-11-25")

    def test_python_1(self) -> None:
        """The Python SDK 1 talks by handshake."""
        answer = self._python_1("streamable", self.server.url)
        self.assert_answer(answer, "2025-11-25")

    def test_python_1_sse(self) -> None:
        """The Python SDK 1 talks by the transport of 2024-11-05."""
        answer = self._python_1("sse", self.server.sse_url)
        self.assert_answer(answer, "2025-11-25")

    def test_typescript_1(self) -> None:
        """The TypeScript SDK 1 talks by handshake."""
        answer = self._typescript("typescript_1.cjs", "streamable", self.server.url)
        self.assert_answer(answer, "2025-11-25")

    def test_typescript_1_sse(self) -> None:
        """The TypeScript SDK 1 talks by the transport of 2024-11-05."""
        answer = self._typescript("typescript_1.cjs", "sse", self.server.sse_url)
        self.assert_answer(answer, None)

    def test_typescript_2_legacy(self) -> None:
        """The TypeScript SDK 2 talks by handshake."""
        answer = self._typescript("typescript_2.cjs", "legacy", self.server.url)
        self.assert_answer(answer, "2025-11-25")

    def test_mcp_remote(self) -> None:
        """A host that knows only stdio gets through by mcp-remote."""
        bridge = npm_programs().command("mcp-remote", self.server.url)
        settings = {"MCP_REMOTE_CONFIG_DIR": self.mktemp()}
        answer = self._python_2("stdio", *bridge, **settings)
        self.assert_answer(answer, "2026-07-28")

    def test_untrusted(self) -> None:
        """A client that does not know the authority does not talk to the server."""
        command = [sys.executable, str(_CLIENTS / "python_2.py"), "auto"]
        done = subprocess.run(
            [*command, self.server.url],
            input=json.dumps(_PLAN),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CERTIFICATE_VERIFY_FAILED", done.stderr)


class StdioTests(_Answers, SynchronousTestCase):
    """Clients that start ``mcp-trino stdio`` themselves."""

    def test_python_2(self) -> None:
        """The Python SDK 2 gets from stdio what others get by HTTP."""
        script = str(_CLIENTS / "python_2.py")
        command = [sys.executable, script, "stdio", program("mcp-trino"), "stdio"]
        answer = _run(command, server_environment())
        self.assert_answer(answer, "2026-07-28")


def _run(
    command: list[str],
    environment: dict[str, str],
    server: ServerProcess | None = None,
) -> dict[str, Any]:
    """
    Run a client with the plan and give its answer.

    :raise AssertionError: it failed; shows its errors and the server's log.
    """
    done = subprocess.run(
        command,
        input=json.dumps(_PLAN),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        log = server.log if server else ""
        raise AssertionError(f"{command} failed:\n{done.stderr}\nserver:\n{log}")
    return json.loads(done.stdout)
