"""Tests of ``mcp_trino.tap``."""

import os
import sys
from io import StringIO
from pathlib import Path

from twisted.logger import capturedLogs
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.table import SETTINGS
from mcp_trino.startup import CannotStart, Startup
from mcp_trino.tap import Options, makeService


class TapTestCase(SynchronousTestCase):
    """Tests that see all that is said."""

    def setUp(self) -> None:
        """Catch the output, and have an environment without settings."""
        self.output, self.error = StringIO(), StringIO()
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "__stderr__", self.error)
        self.patch(os, "environ", {})

    def parsed(self, *arguments: str) -> Options:
        """Give the options of a command line."""
        options = Options()
        options.parseOptions(arguments)
        return options

    def exit_code(self, *arguments: str) -> object:
        """Give the exit code of a command line that ends at once."""
        return self.assertRaises(SystemExit, self.parsed, *arguments).code


class OptionsTests(TapTestCase):
    """From the command line to settings."""

    def test_settings(self) -> None:
        """Options are settings, and come before the environment."""
        os.environ.update(TRINO_HOST="environment", TRINO_USER="environment")
        settings = self.parsed("--trino-host", "option").settings
        self.assertEqual(settings.trino.host, "option")
        self.assertEqual(settings.trino.user, "environment")

    def test_listen_repeated(self) -> None:
        """It listens at each place that is named."""
        settings = self.parsed("--listen", "unix:/run/a", "--listen=tcp:1").settings
        self.assertEqual(settings.web.listen, ("unix:/run/a", "tcp:1"))

    def test_help(self) -> None:
        """The help has every option, with its setting and default."""
        self.assertEqual(self.exit_code("--help"), 0)
        text = " ".join(self.output.getvalue().split())
        for setting in SETTINGS:
            if setting.option:
                self.assertIn(f"--{setting.option}=", text)
                self.assertIn(f"({setting.name}: ", text)
        self.assertIn("(TRINO_PORT: 1 to 65535; default 8080)", text)

    def test_version(self) -> None:
        """It says the version of this product."""
        self.assertEqual(self.exit_code("--version"), 0)
        self.assertRegex(self.output.getvalue(), r"^mcp-trino \d+\.\d+\.\d+\n$")

    def test_unknown(self) -> None:
        """An unknown option or a left over word is a usage error."""
        for argument in ("--speed=1", "serve"):
            self.assertRaises(UsageError, self.parsed, argument)

    def test_problems(self) -> None:
        """All that is wrong is said, one sentence a line, with exit code 1."""
        os.environ["OAUTH_ENABLED"] = "perhaps"
        self.assertEqual(self.exit_code("--port=x", "--trino-port=0"), 1)
        lines = self.error.getvalue().splitlines()
        self.assertEqual(
            [line.partition(":")[0] for line in lines],
            ["TRINO_PORT", "MCP_PORT", "OAUTH_ENABLED"],
        )


class CheckTests(TapTestCase):
    """``--check-config``."""

    def test_sound(self) -> None:
        """Sound settings are ok, with what to know about them."""
        code = self.exit_code("--check-config", "--listen", "0.0.0.0")
        self.assertEqual(code, 0)
        warning, last = self.output.getvalue().splitlines()
        self.assertIn("OAuth is off", warning)
        self.assertEqual(last, "ok")

    def test_files_are_used(self) -> None:
        """It looks into files as the start does."""
        path = self.mktemp()
        Path(path).write_text("no certificate")
        code = self.exit_code("--check-config", "--tls-cert", path, "--tls-key", path)
        self.assertEqual(code, 1)
        self.assertIn(path, self.error.getvalue())


class ServiceTests(TapTestCase):
    """From settings to a service."""

    def test_service(self) -> None:
        """It is made without anything being started; warnings are logged."""
        options = self.parsed("--listen", "0.0.0.0")
        with capturedLogs() as events:
            service = makeService(options)
        self.assertIsInstance(service, Startup)
        self.assertFalse(service.running)
        self.assertIn("OAuth is off", events[0]["sentence"])

    def test_refused(self) -> None:
        """A socket that systemd did not pass ends the start with a sentence."""
        options = self.parsed("--listen", "systemd:domain=INET:name=https")
        self.assertRaises(CannotStart, makeService, options)
        self.assertIn("no socket was passed", self.error.getvalue())
