"""The sandbox's Keycloak is what the tests take it for."""

import base64
import json
import os
import socket
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.launch import KeycloakLaunch
from mcp_trino.sandbox.realm import realm
from tests.real_keycloak import AUDIENCE, real_keycloak
from tests.sandbox.fakes import PARENT


def part(token: str, number: int) -> dict[str, Any]:
    """Give header or claims of a JWT."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[number] + "=="))


class KeycloakTests(SynchronousTestCase):
    """People, tokens and keys."""

    def setUp(self) -> None:
        self.keycloak = real_keycloak()

    def test_login(self) -> None:
        """A person logs in and her token says who and for whom."""
        claims = part(self.keycloak.login()["access_token"], 1)
        found = [
            claims[name] for name in ("iss", "aud", "preferred_username", "groups")
        ]
        self.assertEqual(found, [self.keycloak.issuer, AUDIENCE, "alice", ["analysts"]])
        self.assertEqual(
            (claims["email"], claims["email_verified"]), ("alice@example.com", True)
        )
        self.assertIn("trino:read", claims["scope"].split())

    def test_refresh_and_revoke(self) -> None:
        """A refresh token gives another access token until it is revoked."""
        tokens = self.keycloak.login()
        again = self.keycloak.refresh(tokens["refresh_token"])
        self.assertTrue(self.keycloak.introspect(again["access_token"])["active"])
        self.keycloak.revoke(again["refresh_token"])
        self.assertFalse(self.keycloak.introspect(again["access_token"])["active"])
        with self.assertRaises(AssertionError):
            self.keycloak.refresh(again["refresh_token"])

    def test_rotation(self) -> None:
        """A new key signs at once; it can be withdrawn."""
        key = self.keycloak.rotate()
        kid = part(self.keycloak.login()["access_token"], 0)["kid"]
        self.assertIn(kid, self.keycloak.key_ids())
        self.keycloak.withdraw(key)
        self.assertNotIn(kid, self.keycloak.key_ids())

    def test_only_this_address(self) -> None:
        """It listens on 127.0.0.1 and on no other address of this machine."""
        with self.assertRaises(OSError):
            port = urlsplit(self.keycloak.url).port
            socket.create_connection(("127.0.0.2", port), timeout=5)


class LifetimeTests(SynchronousTestCase):
    """A real Keycloak and its parent."""

    def test_parent_killed(self) -> None:
        """``kill -9`` of the parent ends Keycloak in seconds and deletes its files."""
        real_keycloak()  # It is had on this machine, and built.
        launch = evolve(
            KeycloakLaunch.from_environment(os.environ), realm=realm([], "secret")
        )
        parent = Popen(
            [sys.executable, "-c", PARENT, launch.to_line()],
            stdout=PIPE,
            # The supervisor has it as well: it is at its end when both have gone.
            stderr=PIPE,
        )
        self.addCleanup(parent.communicate)
        self.addCleanup(parent.kill)
        port = urlsplit(parent.stdout.readline().decode().strip()).port
        before = set(Path(launch.cache, "instances").iterdir())
        parent.kill()
        parent.communicate(timeout=10)
        [gone] = before - set(Path(launch.cache, "instances").iterdir())
        self.assertFalse(gone.exists())
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
