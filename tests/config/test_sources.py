"""Tests of ``mcp_trino.config.sources`` and ``mcp_trino.config.names``."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.names import NAMES, is_stray, nearest
from mcp_trino.config.parse import read_settings
from mcp_trino.settings import Transport
from tests.config.reading import problems, served, warnings


class PrecedenceTests(SynchronousTestCase):
    """Option before environment before ini file before default."""

    def setUp(self) -> None:
        """Write an ini file."""
        self.ini = Path(self.mktemp())
        self.ini.write_text(
            "[mcp-trino]\ntrino_user = from-ini\nTRINO_HOST = ini-host\n"
        )

    def user(self, options: dict[str, str], environ: dict[str, str]) -> str:
        """Give the Trino user that comes out."""
        settings, _ = read_settings(options, environ, str(self.ini), Transport.HTTP)
        return settings.trino.user

    def test_order(self) -> None:
        """Each place holds before the next."""
        option, environment = {"TRINO_USER": "option"}, {"TRINO_USER": "environment"}
        self.assertEqual(self.user(option, environment), "option")
        self.assertEqual(self.user({}, environment), "environment")
        self.assertEqual(self.user({}, {}), "from-ini")
        self.assertEqual(served().trino.user, "trino")

    def test_keys_in_any_case(self) -> None:
        """The environment's spelling of a name is also a key."""
        settings, _ = read_settings({}, {}, str(self.ini), Transport.HTTP)
        self.assertEqual(settings.trino.host, "ini-host")


class IniTests(SynchronousTestCase):
    """The ini file is read strictly."""

    def problems(self, text: str) -> tuple[str, ...]:
        """Give what is wrong with the text of an ini file."""
        path = Path(self.mktemp())
        path.write_bytes(text.encode("latin-1"))
        return tuple(
            problem.replace(str(path), "FILE") for problem in problems(config=str(path))
        )

    def test_unknown_key(self) -> None:
        """An unknown key stops the start, with the key that was meant."""
        self.assertEqual(
            self.problems("[mcp-trino]\ntrino_hosts = x\nspeed = 1\n"),
            (
                "FILE: trino_hosts is not the name of a setting, did you mean trino_host?",
                "FILE: speed is not the name of a setting",
            ),
        )

    def test_unknown_section(self) -> None:
        """There is one section, and no section of defaults."""
        for section in ("trino", "DEFAULT"):
            (problem,) = self.problems(f"[{section}]\ntrino_host = x\n")
            self.assertIn(f"[{section}] is unknown", problem)

    def test_no_ini(self) -> None:
        """What is not an ini file is refused in one line."""
        for text in ("trino_host = x", "[mcp-trino]\na = 1\na = 2", "[mcp-trino]\nü=1"):
            (problem,) = self.problems(text)
            self.assertIn("FILE: cannot be read: ", problem)
            self.assertNotIn("\n", problem)

    def test_missing(self) -> None:
        """A file that is not there stops the start."""
        (problem,) = problems(config="/nonexistent/mcp-trino.ini")
        self.assertIn("No such file", problem)

    def test_percent_signs(self) -> None:
        """A percent sign stands for itself."""
        path = Path(self.mktemp())
        path.write_text("[mcp-trino]\ntrino_user = 100%(x)s\n")
        settings, _ = read_settings({}, {}, str(path), Transport.HTTP)
        self.assertEqual(settings.trino.user, "100%(x)s")


class EnvironmentTests(SynchronousTestCase):
    """Names in the environment that are nearly or not at all settings."""

    def test_misspelt(self) -> None:
        """A name within two letters of a setting's stops the start."""
        for name, meant in (
            ("TRINO_HOTS", "TRINO_HOST"),
            ("OAUTH_ENABLE", "OAUTH_ENABLED"),
            ("MCP_POTR", "MCP_PORT"),
            ("TRINO_PASWORD", "TRINO_PASSWORD"),
        ):
            (problem,) = problems(environ={name: "x"})
            self.assertEqual(
                problem, f"{name} is not the name of a setting, did you mean {meant}?"
            )

    def test_unknown(self) -> None:
        """Another name under our prefixes is a warning."""
        self.assertEqual(
            warnings(TRINO_SPEED_OF_LIGHT="1", HOME="/root", MCPX="1"),
            ("TRINO_SPEED_OF_LIGHT is not the name of a setting",),
        )

    def test_of_others(self) -> None:
        """What Kubernetes and assistants put there is passed over."""
        self.assertEqual(
            warnings(
                TRINO_SERVICE_HOST="10.0.0.1",
                TRINO_SERVICE_PORT="8080",
                TRINO_SERVICE_PORT_HTTP="8080",
                TRINO_PORT_8080_TCP="tcp://10.0.0.1:8080",
                TRINO_PORT_8080_TCP_ADDR="10.0.0.1",
                MCP_TRINO_SERVICE_HOST="10.0.0.2",
                MCP_TIMEOUT="30000",
                MCP_TOOL_TIMEOUT="30000",
                HTTPS_PROXY="http://proxy:3128",
            ),
            (),
        )

    @given(st.sampled_from(sorted(NAMES)), st.data())
    def test_two_letters(self, name: str, data: st.DataObject) -> None:
        """Whatever two letters of a name are wrong, it is found."""
        letters = list(name)
        for _ in range(2):
            place = data.draw(st.integers(0, len(letters) - 1))
            change = data.draw(st.sampled_from(("insert", "delete", "replace")))
            if change == "insert":
                letters.insert(place, "Q")
            elif change == "delete":
                del letters[place]
            else:
                letters[place] = "Q"
        self.assertIsNotNone(nearest("".join(letters)))

    def test_settings_are_no_strays(self) -> None:
        """No setting's own name is taken for one of somebody else's."""
        self.assertEqual([name for name in NAMES if is_stray(name)], [])


class SecretTests(SynchronousTestCase):
    """A secret comes from one of several places, and is shown in none."""

    def setUp(self) -> None:
        """Write a secret into a file, as systemd and Kubernetes do."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.file = self.directory / "trino_password"
        self.file.write_text("s3cret\n")

    def test_file(self) -> None:
        """The file's content without its line's end is the secret."""
        settings = served(TRINO_PASSWORD_FILE=str(self.file))
        self.assertEqual(settings.trino.password, "s3cret")

    def test_credential(self) -> None:
        """A systemd credential with the setting's name is the secret."""
        settings = served(CREDENTIALS_DIRECTORY=str(self.directory))
        self.assertEqual(settings.trino.password, "s3cret")

    def test_twice(self) -> None:
        """A secret given in two ways stops the start, with both."""
        environ = {
            "TRINO_PASSWORD": "other",
            "TRINO_PASSWORD_FILE": str(self.file),
            "CREDENTIALS_DIRECTORY": str(self.directory),
        }
        (problem,) = problems(environ=environ)
        self.assertEqual(
            problem,
            "TRINO_PASSWORD is given twice: by TRINO_PASSWORD and by "
            "TRINO_PASSWORD_FILE and by systemd's credentials",
        )

    def test_bad_files(self) -> None:
        """A file that is missing, empty or no text stops the start."""
        for content, reason in (
            (None, "cannot be read: No such file or directory"),
            (b"\n", "is empty"),
            (b"\xff", "it is not a text in UTF-8"),
        ):
            self.file.unlink(missing_ok=True)
            if content is not None:
                self.file.write_bytes(content)
            (problem,) = problems(environ={"TRINO_PASSWORD_FILE": str(self.file)})
            self.assertIn(reason, problem)

    def test_empty(self) -> None:
        """An empty variable is none, as compose files write it."""
        settings = served(TRINO_PASSWORD="", TRINO_PASSWORD_FILE="", TRINO_CATALOG="")
        self.assertIsNone(settings.trino.password)
        self.assertIsNone(settings.trino.catalog)

    def test_never_shown(self) -> None:
        """Neither a problem nor the settings' own text shows a secret."""
        (problem,) = problems(environ={"TRINO_PASSWORD": "s3\x07cret"})
        self.assertNotIn("s3", problem)
        self.assertNotIn("s3cret", repr(served(TRINO_PASSWORD="s3cret")))
