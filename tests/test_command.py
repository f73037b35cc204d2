"""Tests of ``mcp_trino.command``."""

import hmac
import json
import os
import socket
import sys
from base64 import urlsafe_b64decode
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino import command
from mcp_trino.commands import sandbox
from mcp_trino.config.documentation import as_rst
from mcp_trino.oauth.keys import Keys
from mcp_trino.settings import Transport


class Terminal(StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class CommandTests(SynchronousTestCase):
    """What ``mcp-trino`` does with its command line."""

    def setUp(self) -> None:
        """Catch the output, and what would be served."""
        self.output, self.served = StringIO(), []
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stdin", StringIO())
        self.patch(os, "environ", {})
        self.patch(command, "run", lambda service, observer: None)
        self.patch(command, "makeService", self.served.append)

    def main(self, *arguments: str) -> None:
        """Run the command."""
        self.patch(sys, "argv", ["mcp-trino", *arguments])
        command.main()

    def transport(self, *arguments: str) -> Transport:
        """Give what a command serves by."""
        self.main(*arguments)
        return self.served[-1].settings.transport

    def on_terminal(self) -> None:
        """Let a person sit there."""
        self.output = Terminal()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stdin", Terminal())

    def test_keys(self) -> None:
        """Keys are made in a file, and another run adds new ones to the old."""
        path = Path(self.mktemp()) / "keys"
        self.main("keys", str(path))
        made = Keys.from_text(path.read_text())
        self.main("keys", str(path))
        keys = Keys.from_text(path.read_text())
        self.assertEqual(keys.masters[0], made.masters[0])
        self.assertEqual((len(keys.masters), len(keys.signing)), (2, 2))
        self.assertIn("10 minutes", self.output.getvalue())
        self.assertNotIn(made.to_text()[30:60], self.output.getvalue())

    def test_keys_refused(self) -> None:
        """Neither another file nor a missing name is taken for keys."""
        path = Path(self.mktemp())
        path.write_text("canary")
        for arguments in ((), ("--help",), (str(path),)):
            error = self.assertRaises(SystemExit, self.main, "keys", *arguments)
            self.assertNotIn("canary", str(error))
        self.assertEqual(path.read_text(), "canary")

    def test_commands(self) -> None:
        """The command decides what is served, whatever the settings say."""
        os.environ["MCP_TRANSPORT"] = "stdio"
        self.assertIs(self.transport("serve"), Transport.HTTP)
        os.environ["MCP_TRANSPORT"] = "http"
        self.assertIs(self.transport("stdio"), Transport.STDIO)

    def test_without_command(self) -> None:
        """Without a command MCP_TRANSPORT decides; it is stdio by default."""
        self.assertIs(self.transport(), Transport.STDIO)
        self.assertIs(self.transport("--trino-user=ada"), Transport.STDIO)
        os.environ["MCP_TRANSPORT"] = "http"
        self.assertIs(self.transport(), Transport.HTTP)
        self.assertIs(self.transport("--trino-user=ada"), Transport.HTTP)
        self.assertEqual(self.served[-1].settings.trino.user, "ada")

    def test_curious_person(self) -> None:
        """On a terminal without any setting it helps, otherwise it serves."""
        self.on_terminal()
        self.main()
        self.assertIn("Usage: mcp-trino", self.output.getvalue())
        self.assertEqual(self.served, [])
        for name in ("TRINO_HOST", "MCP_PROTOCOL_VERSION"):
            os.environ[name] = "x"
            self.assertIs(self.transport(), Transport.STDIO)
            del os.environ[name]

    def test_help(self) -> None:
        """The help names every command."""
        for argument in ("--help", "-h", "help"):
            self.main(argument)
        for name in ("serve", "stdio", "sandbox", "settings", "token"):
            self.assertEqual(self.output.getvalue().count(f"\n  {name} "), 3)

    def test_settings(self) -> None:
        """The reference of the settings is printed."""
        self.main("settings")
        self.assertEqual(self.output.getvalue(), as_rst())

    def test_version(self) -> None:
        """The version is printed."""
        self.assertRaises(SystemExit, self.main, "--version")
        self.assertTrue(self.output.getvalue().startswith("mcp-trino "))

    def test_not_understood(self) -> None:
        """What it does not understand ends it with a sentence, as exit code 1."""
        for arguments, part in (
            (("server",), "there is no command server"),
            (("serve", "--speed"), "--speed"),
            (("stdio", "more"), "Wrong number of arguments"),
        ):
            error = self.assertRaises(SystemExit, self.main, *arguments)
            self.assertIn(part, error.code)


def decoded(part: str) -> bytes:
    """Read a part of a token."""
    return urlsafe_b64decode(part + "==")


class TokenTests(SynchronousTestCase):
    """``mcp-trino token``."""

    def setUp(self) -> None:
        """Catch the output; the settings are those of a server for development."""
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "__stderr__", StringIO())
        self.patch(
            os, "environ", {"OAUTH_ENABLED": "true", "JWT_SECRET": "development-secret"}
        )

    def main(self, *arguments: str) -> None:
        """Run the command."""
        self.patch(sys, "argv", ["mcp-trino", "token", *arguments])
        command.main()

    def claims(self, *arguments: str) -> dict[str, Any]:
        """Give what the token says that was printed, and nothing else was."""
        self.main(*arguments)
        (line,) = self.output.getvalue().splitlines()
        signed, _, signature = line.rpartition(".")
        expected = hmac.digest(b"development-secret", signed.encode(), "sha256")
        self.assertEqual(decoded(signature), expected)
        header, payload = map(decoded, signed.split("."))
        self.assertEqual(json.loads(header), {"alg": "HS256", "typ": "JWT"})
        claims: dict[str, Any] = json.loads(payload)
        return claims

    def test_default(self) -> None:
        """It is for this server's endpoints, to read, for an hour."""
        claims = self.claims("--subject=ada")
        self.assertEqual(claims["sub"], "ada")
        self.assertEqual(claims["iss"], "http://localhost:8080")
        self.assertIn("http://localhost:8080/mcp", claims["aud"])
        self.assertEqual(claims["scope"], "trino:read")
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        self.assertTrue(claims["jti"])

    def test_options(self) -> None:
        """Scope and lifetime can be chosen, and the settings hold."""
        os.environ["MCP_URL"] = "https://mcp.example.com"
        os.environ["JWT_SECRET"] = "x" * 31 + "y"
        self.main("--subject=a", "--scope=trino:write", "--lifetime=60.5", "--port=9")
        claims = json.loads(decoded(self.output.getvalue().split(".")[1]))
        self.assertEqual(claims["iss"], "https://mcp.example.com")
        self.assertEqual(claims["scope"], "trino:write")
        self.assertIn(claims["exp"] - claims["iat"], (60, 61))

    def test_refused(self) -> None:
        """What no server would take is not made."""
        for arguments, environ, part in (
            ((), {}, "--subject is needed"),
            (("--subject=a", "--lifetime=x"), {}, "could not convert"),
            (("--subject=a", "--lifetime=0"), {}, "lifetime"),
            (("--subject=a", "--lifetime=86401"), {}, "OAUTH_MAX_LIFETIME"),
            (("--subject=a\n",), {}, "printable"),
            (("--subject=a",), {"OAUTH_ENABLED": "false"}, "only with hmac"),
            (
                ("--subject=a",),
                {
                    "OAUTH_PROVIDER": "keycloak",
                    "OIDC_ISSUER": "https://id.example.com",
                },
                "only with hmac",
            ),
        ):
            with patch.dict(os.environ, environ):
                error = self.assertRaises(SystemExit, self.main, *arguments)
            self.assertIn(part, str(error))
        self.assertEqual(self.output.getvalue(), "")


class SandboxOptionsTests(SynchronousTestCase):
    """Where the sandbox's server listens."""

    def setUp(self) -> None:
        """Catch the output, and let the search begin at a port that is taken."""
        self.output = StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(os, "environ", {})
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.taken = taken.getsockname()[1]
        self.patch(sandbox, "_FIRST_PORT", self.taken)

    def url(self, *arguments: str) -> str:
        """Give the public URL."""
        options = sandbox.SandboxOptions()
        options.parseOptions(arguments)
        return options.settings.web.public_url

    def test_next_port(self) -> None:
        """When the port is taken it is the next free one, and this is said."""
        port = int(self.url().removeprefix("http://127.0.0.1:"))
        self.assertGreater(port, self.taken)
        self.assertEqual(
            self.output.getvalue(),
            f"Port {self.taken} is taken, the server takes {port}.\n",
        )

    def test_chosen_port(self) -> None:
        """A port that somebody chose is not changed."""
        self.assertEqual(self.url("--port=9000"), "http://localhost:9000")
        os.environ["MCP_PORT"] = "9001"
        self.assertEqual(self.url(), "http://localhost:9001")
        self.assertEqual(self.output.getvalue(), "")
