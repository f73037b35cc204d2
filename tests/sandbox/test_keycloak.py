"""Tests of Keycloak's files and command, without one."""

import json
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox.instances import create_instance
from mcp_trino.sandbox.keycloak import Keycloak
from mcp_trino.sandbox.launch import KeycloakLaunch
from mcp_trino.sandbox.realm import realm


class KeycloakTests(SynchronousTestCase):
    """What the server reads, what it is told, and what is kept of its build."""

    def setUp(self) -> None:
        self.launch = KeycloakLaunch(
            cache=Path(self.mktemp()), realm=realm(["http://x/cb"], "s3cret")
        )
        unpacked = self.launch.cache / "keycloak-26.7.3"
        (unpacked / "lib/quarkus").mkdir(parents=True)
        (unpacked / "lib/quarkus/state").write_text("as it came")
        self.instance = create_instance(self.launch.cache)
        self.addCleanup(self.instance.server_lock.close)
        self.addCleanup(self.instance._supervisor_lock.close)
        self.runs: list[list[str]] = []

    def keycloak(self, **changes: str) -> Keycloak:
        return Keycloak(evolve(self.launch, **changes), 1234)

    def build(self, command: list[str], log: str) -> int:
        """Play a server that builds itself."""
        self.runs.append(command)
        (self.instance.directory / "lib/quarkus/state").write_text("built")
        return 10

    def state(self) -> str:
        return (self.instance.directory / "lib/quarkus/state").read_text()

    def test_realm(self) -> None:
        """The realm lies where it is imported from."""
        self.keycloak().configure(self.instance)
        path = self.instance.directory / "data/import/realm.json"
        self.assertEqual(json.loads(path.read_text()), self.launch.realm)

    def test_built_once(self) -> None:
        """The first start builds and keeps what it built; the next uses it."""
        first = self.keycloak()
        first.configure(self.instance)
        self.assertEqual(self.state(), "as it came")
        first.prepare(self.instance, self.build)
        self.assertEqual(len(self.runs), 1)
        unpacked = self.launch.cache / "keycloak-26.7.3/lib/quarkus/state"
        self.assertEqual(unpacked.read_text(), "as it came")
        self.instance = create_instance(self.launch.cache)
        self.addCleanup(self.instance.server_lock.close)
        self.addCleanup(self.instance._supervisor_lock.close)
        second = self.keycloak()
        second.configure(self.instance)
        self.assertEqual(self.state(), "built")
        second.prepare(self.instance, self.build)
        self.assertEqual(len(self.runs), 1)

    def test_not_built(self) -> None:
        """A build that fails says so, and nothing of it is kept."""
        keycloak = self.keycloak()
        keycloak.configure(self.instance)
        with self.assertRaises(SandboxFailed):
            keycloak.prepare(self.instance, lambda command, log: 1)
        self.assertEqual(list(self.launch.cache.glob("*-built")), [])

    def test_command(self) -> None:
        """It listens on loopback only, and its issuer follows no Host header."""
        command = self.keycloak().command(self.instance)
        for expected in (
            "-Xmx512m",
            "--http-host=127.0.0.1",
            "--http-port=1234",
            "--hostname=http://127.0.0.1:1234",
        ):
            self.assertIn(expected, command)

    def test_https(self) -> None:
        """With a certificate it speaks https at its port."""
        keycloak = self.keycloak(certificate_file="/c", key_file="/k")
        command = keycloak.command(self.instance)
        self.assertIn("--https-port=1234", command)
        self.assertNotIn("--http-port=1234", command)
        self.assertEqual(keycloak.url, "https://127.0.0.1:1234")

    def test_administrator(self) -> None:
        """Its administrator has a password that is in no command and no text."""
        keycloak = self.keycloak()
        password = keycloak.environment["KC_BOOTSTRAP_ADMIN_PASSWORD"]
        self.assertGreater(len(password), 20)
        self.assertNotIn(password, repr(keycloak))
        self.assertNotIn(password, " ".join(keycloak.command(self.instance)))
        other = KeycloakLaunch(cache=self.launch.cache)
        self.assertNotEqual(other.admin_password, password)
