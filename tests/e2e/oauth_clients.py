"""Real MCP clients that log in by OAuth, and make calls when they are told to."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, field

from tests.e2e.npm_programs import npm_programs
from tests.e2e.server_process import ServerProcess

_BROWSER = Path(__file__).with_name("browser.py")
_CLIENTS = Path(__file__).parent / "clients"
_SECONDS = 60


@define(eq=False)
class OAuthClient:
    """
    A running client.

    :ivar server: its log is shown when the client fails.
    """

    server: ServerProcess
    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _directory: "TemporaryDirectory[str]" = field(repr=False)
    _received: bytes = field(default=b"", repr=False)

    @property
    def pages(self) -> list[str]:
        """The URLs of the pages that its person was shown, one for each login."""
        log = _log_of(self._directory)
        return log.read_text().splitlines() if log.exists() else []

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """
        Call a tool; the first call connects and logs in.

        :raise AssertionError: it hangs, it ended, or it says that it could not.
        """
        answer = self.ask(name, **arguments)
        if "error" in answer:
            raise AssertionError(f"{answer['error']}\n{self._logs()}")
        return answer

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; gives ``{"error": …}`` when the client could not."""
        line = json.dumps({"name": name, "arguments": arguments})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def whoami(self) -> str:
        """Give the name that the server knows the person by."""
        result = self.call("whoami")
        return str(result["structuredContent"]["name"])

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._directory.cleanup()

    def _line(self) -> bytes:
        output = self._process.stdout.fileno()
        while b"\n" not in self._received:
            ready, _, _ = select.select([output], [], [], _SECONDS)
            received = os.read(output, 65536) if ready else b""
            if not received:
                what = "ended" if ready else "hangs"
                raise AssertionError(f"the client {what}\n{self._logs()}")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _logs(self) -> str:
        errors = Path(self._directory.name, "errors").read_text(errors="replace")
        return f"client:\n{errors}\nserver:\n{self.server.log}"


def start_client(
    kind: str, server: ServerProcess, person: str = "alice", *options: str
) -> OAuthClient:
    """
    Start a client; ``close`` it.

    :param kind: a key of ``KINDS``.
    :param person: who sits before its browser.
    :param options: further ones of its command line.
    """
    directory = TemporaryDirectory(prefix="mcp-trino-")
    npm = npm_programs()
    environment = {
        **os.environ,
        **server.trust,
        "BROWSER": str(_browser(Path(directory.name))),
        "BROWSER_PERSON": person,
        "BROWSER_LOG": str(_log_of(directory)),
        "MCP_REMOTE_CONFIG_DIR": directory.name,
        "NODE_PATH": str(npm.directory / "node_modules"),
    }
    with Path(directory.name, "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*KINDS[kind](server), *options],
            cwd=directory.name,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    return OAuthClient(server, process, directory)


def _browser(directory: Path) -> Path:
    """Make a program of the browser: clients know only a name to run."""
    program = directory / "browser"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {_BROWSER} "$@"\n')
    program.chmod(0o700)
    return program


def _log_of(directory: "TemporaryDirectory[str]") -> Path:
    return Path(directory.name, "pages")


def _python(mode: str, *target: str) -> list[str]:
    return [sys.executable, str(_CLIENTS / "oauth_python_2.py"), mode, *target]


def _typescript(version: int, mode: str, url: str) -> list[str]:
    script = _CLIENTS / f"oauth_typescript_{version}.cjs"
    return [npm_programs().node, str(script), mode, url]


def _mcp_remote(server: ServerProcess) -> list[str]:
    return _python("stdio", *npm_programs().command("mcp-remote", server.url))


KINDS = {
    "python": lambda server: _python("auto", server.url),
    "python by handshake": lambda server: _python("legacy", server.url),
    "python by sse": lambda server: _python("sse", server.sse_url),
    "typescript 1": lambda server: _typescript(1, "streamable", server.url),
    "typescript 1 by sse": lambda server: _typescript(1, "sse", server.sse_url),
    "typescript 2": lambda server: _typescript(2, "auto", server.url),
    "mcp-remote": _mcp_remote,
}
"""How to start each kind of client against a server."""
