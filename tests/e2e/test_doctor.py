"""``mcp-trino doctor`` as operators run it."""

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.oidc_provider import start_oidc_provider
from tests.e2e.server_process import program, server_environment

_SECRET = "a secret of the tests, which is long enough"


class DoctorTests(SynchronousTestCase):
    """The whole examination."""

    def examine(self, trino: str | None = None, **settings: str) -> dict[str, str]:
        """Run it; gives the grade of each subject, and its exit code."""
        result = subprocess.run(
            [program("mcp-trino"), "doctor"],
            env=server_environment(trino, **settings),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(result.stderr, "")
        found = {"exit": str(result.returncode)}
        for line in result.stdout.splitlines():
            grade, subject = line.split()[0], line[9:22].strip()
            # Of several the worst was wanted.
            found[subject] = "bad" if found.get(subject) == "bad" else grade
        return found

    def test_hmac(self) -> None:
        """All is well: also a worker that it starts, and Trino."""
        found = self.examine(
            OAUTH_ENABLED="true",
            JWT_SECRET=_SECRET,
            MCP_URL="http://localhost:8080",
        )
        self.assertEqual(found["exit"], "0", found)
        self.assertEqual([found["worker"], found["trino"]], ["ok", "ok"])

    def test_proxy(self) -> None:
        """In mode ``proxy`` also the keys, the store and the provider."""
        provider = start_oidc_provider()
        self.addCleanup(provider.close)
        directory = Path(self.mktemp()).absolute()
        settings = {
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "oidc",
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CLIENT_ID": "some",
            "OIDC_CLIENT_SECRET": "secret",
            "OAUTH_STATE_DIRECTORY": str(directory),
            "MCP_URL": "http://localhost:8080",
        }
        found = self.examine(**settings)
        self.assertEqual(found["exit"], "0", found)
        for subject in ("provider", "keys", "own keys", "store", "worker", "trino"):
            self.assertEqual(found[subject], "ok", found)
        (directory / "secret-keys.json").write_text("something else")
        found = self.examine("http://127.0.0.1:1", **settings)
        self.assertEqual(found["exit"], "1", found)
        self.assertEqual([found["own keys"], found["trino"]], ["bad", "bad"])
