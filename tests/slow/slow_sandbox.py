"""``mcp-trino sandbox --oauth`` as a newcomer runs it."""

import os
import subprocess
import threading

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.launch import KeycloakLaunch
from tests.e2e.oauth_clients import start_client
from tests.e2e.server_process import program
from tests.ports import free_port
from tests.real_keycloak import real_keycloak

_SECONDS = 240
_LAST_WORDS = "All of it ends with Ctrl-C."


class _Sandbox:
    """The running command, as far as a client has to know it."""

    def __init__(self, port: int) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}
        self.url = f"http://127.0.0.1:{port}/mcp"
        self.trust: dict[str, str] = {}
        self.lines: list[str] = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [program("mcp-trino"), "sandbox", "--oauth", f"--port={port}"],
            env=kept | {"MCP_HOST": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def log(self) -> str:
        """All that it has said."""
        return "".join(self.lines)

    def wait_until_ready(self) -> None:
        """:raise AssertionError: it does not get ready."""
        if not self._ready.wait(_SECONDS) or _LAST_WORDS not in self.log:
            raise AssertionError(self.log)

    def _read(self) -> None:
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                if _LAST_WORDS in line:
                    self._ready.set()
        self._ready.set()


class SandboxTests(SynchronousTestCase):
    """Trino, Keycloak and the server between them."""

    def test_login(self) -> None:
        """It proves itself by a login, lets alice in, and leaves nothing behind."""
        real_keycloak()  # It is had on this machine.
        sandbox = _Sandbox(free_port())
        self.addCleanup(sandbox.process.wait)
        self.addCleanup(sandbox.process.terminate)
        sandbox.wait_until_ready()
        self.assertIn("ALGERIA,AFRICA", sandbox.log)
        self.assertIn(
            f"claude mcp add --transport http trino {sandbox.url}", sandbox.log
        )
        client = start_client("typescript 2", sandbox)
        self.addCleanup(client.close)
        self.assertEqual(client.whoami(), "alice")
        self.assertEqual(len(client.pages), 1)
        instances = KeycloakLaunch.from_environment(os.environ).cache / "instances"
        before = set(instances.iterdir())
        sandbox.process.terminate()
        self.assertEqual(sandbox.process.wait(_SECONDS), 0)
        self.assertEqual(len(before - set(instances.iterdir())), 2)
