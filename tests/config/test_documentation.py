"""Tests of ``mcp_trino.config.documentation``."""

import re
from pathlib import Path

from docutils.core import publish_doctree
from twisted.trial.unittest import SynchronousTestCase

import mcp_trino
from mcp_trino.config.documentation import as_rst, help_of
from mcp_trino.config.names import NAMES
from mcp_trino.config.parse import read_settings
from mcp_trino.config.table import ALL, SETTINGS
from mcp_trino.settings import Transport

ROOT = Path(mcp_trino.__file__).parent.parent


class DocumentationTests(SynchronousTestCase):
    """The settings as people read of them."""

    def test_page_is_current(self) -> None:
        """The page in the documentation is what ``mcp-trino settings`` prints."""
        page = (ROOT / "docs" / "settings.rst").read_text(encoding="utf-8")
        self.assertEqual(page, as_rst())

    def test_page_is_sound(self) -> None:
        """It is reStructuredText without a complaint, and names every setting."""
        publish_doctree(as_rst(), settings_overrides={"halt_level": 1})
        for setting in ALL:
            self.assertIn(f"``{setting.name}``", as_rst())

    def test_help(self) -> None:
        """The help of an option names its setting, range and default."""
        (port,) = (setting for setting in SETTINGS if setting.name == "TRINO_PORT")
        self.assertEqual(
            help_of(port),
            "the coordinator's port (TRINO_PORT: 1 to 65535; default 8080)",
        )


class TableTests(SynchronousTestCase):
    """The table itself."""

    def test_unique(self) -> None:
        """No two settings share a name or an option."""
        names = [setting.name for setting in ALL]
        options = [setting.option for setting in SETTINGS if setting.option]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(options), len(set(options)))

    def test_defaults_can_be_given(self) -> None:
        """Each default is itself a value that can be given, and changes nothing."""
        given = {
            setting.name: setting.default for setting in SETTINGS if setting.default
        }
        self.assertEqual(
            read_settings(given, {}, None, Transport.HTTP),
            read_settings({}, {}, None, Transport.HTTP),
        )

    def test_secrets_have_no_option(self) -> None:
        """A secret cannot be given where every process can read it."""
        self.assertEqual(
            [setting.name for setting in SETTINGS if setting.secret and setting.option],
            [],
        )


class ExampleTests(SynchronousTestCase):
    """The example ini file in ``etc/``."""

    def test_example(self) -> None:
        """It can be read as it stands, and with every line that it leaves out."""
        example = ROOT / "etc" / "mcp-trino.ini"
        read_settings({}, {}, str(example), Transport.HTTP)
        everything = Path(self.mktemp())
        lines = re.findall(
            "^#?([a-z[].*)$", example.read_text(encoding="utf-8"), re.MULTILINE
        )
        # The files of an example are not there.
        everything.write_text(
            "\n".join(line for line in lines if "_file =" not in line)
        )
        settings, _ = read_settings({}, {}, str(everything), Transport.HTTP)
        self.assertEqual(settings.trino.catalog, "hive")
        self.assertEqual(
            {line.split(" =")[0].upper() for line in lines[1:]} - NAMES, set()
        )
