"""Tests of ``mcp_trino.config.parse`` and ``mcp_trino.config.rules``."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.parse import read_settings
from mcp_trino.config.table import ABSENT
from mcp_trino.settings import TLSSettings, Transport
from tests.config.reading import problems, served, warnings


class DefaultTests(SynchronousTestCase):
    """What holds when nothing is said."""

    def test_safe(self) -> None:
        """Nothing listens beyond this machine, and Trino's certificate is checked."""
        settings = served()
        (place,) = settings.web.listen
        self.assertTrue(place.startswith("tcp:8080:interface=127.0.0.1:"), place)
        self.assertEqual(settings.web.public_url, "http://localhost:8080")
        self.assertTrue(settings.trino.verify)
        self.assertEqual(settings.trino.scheme, "https")
        self.assertEqual(warnings(), ())

    def test_transport(self) -> None:
        """Without a command stdio is served, with one what it says."""
        for transport, environ, served_by in (
            (None, {}, Transport.STDIO),
            (None, {"MCP_TRANSPORT": "HTTP"}, Transport.HTTP),
            (Transport.HTTP, {"MCP_TRANSPORT": "stdio"}, Transport.HTTP),
        ):
            settings, _ = read_settings({}, environ, None, transport)
            self.assertIs(settings.transport, served_by)

    def test_source(self) -> None:
        """Trino is told the product and its version, or what the operator says."""
        self.assertRegex(served().trino.source, r"^mcp-trino/\d")
        self.assertEqual(served(TRINO_SOURCE="reports").trino.source, "reports")


class ProblemTests(SynchronousTestCase):
    """What is wrong is said at once, one sentence for each."""

    def test_all_at_once(self) -> None:
        """Every problem is shown, from every place, with the setting and the place."""
        found = problems(
            {"MCP_PORT": "http"},
            {
                "TRINO_PORT": "tcp://10.0.0.1:8080",
                "TRINO_SSL_INSECURE": "",
                "MCP_UR": "",
            },
        )
        self.assertEqual(
            [problem.split(":")[0].split(" is ")[0] for problem in found],
            ["MCP_UR", "TRINO_PORT", "TRINO_SSL_INSECURE", "MCP_PORT"],
        )
        self.assertIn("(the command line)", found[-1])
        self.assertIn("(the environment)", found[-2])

    def test_no_false_consequences(self) -> None:
        """A certificate that cannot be read is not also said to be missing."""
        key = Path(self.mktemp())
        key.write_text("key")
        found = problems(
            environ={"HTTPS_CERT_FILE": "/nonexistent", "HTTPS_KEY_FILE": str(key)}
        )
        self.assertEqual(len(found), 1)

    def test_number_of_rows(self) -> None:
        """The peers' 0 for "unlimited" is refused: there is always a limit."""
        (problem,) = problems(environ={"TRINO_MAX_ROWS": "0"})
        self.assertIn("from 1 to 1000000", problem)


class TrinoTests(SynchronousTestCase):
    """How Trino is spoken to."""

    def test_scheme(self) -> None:
        """It is https unless one of two settings says http."""
        for environ, scheme in (
            ({"TRINO_SCHEME": "http"}, "http"),
            ({"TRINO_SSL": "false"}, "http"),
            ({"TRINO_SSL": "true"}, "https"),
            ({"TRINO_SSL": "no", "TRINO_SCHEME": "http"}, "http"),
        ):
            self.assertEqual(served(**environ).trino.scheme, scheme)

    def test_contradictions(self) -> None:
        """Settings that cannot hold together stop the start."""
        ca_file = Path(self.mktemp())
        ca_file.write_text("ca")
        for environ, part in (
            ({"TRINO_SCHEME": "http", "TRINO_SSL": "true"}, "TRINO_SSL is true"),
            ({"TRINO_SCHEME": "https", "TRINO_SSL": "0"}, "TRINO_SSL is false"),
            ({"TRINO_SSL": "0", "TRINO_PASSWORD": "x"}, "never sent over http"),
            ({"TRINO_SSL": "0", "TRINO_CA_FILE": str(ca_file)}, "over http"),
            (
                {"TRINO_SSL_INSECURE": "1", "TRINO_CA_FILE": str(ca_file)},
                "when TRINO_SSL_INSECURE is true",
            ),
            ({"TRINO_SCHEMA": "default"}, "without TRINO_CATALOG"),
            ({"TRINO_AUTH_MODE": "none", "TRINO_PASSWORD": "x"}, "is none"),
            ({"TRINO_AUTH_MODE": "Basic"}, "TRINO_PASSWORD is not set"),
        ):
            (problem,) = problems(environ=environ)
            self.assertIn(part, problem)

    def test_insecure(self) -> None:
        """Unchecked certificates of Trino's are possible, with a warning."""
        self.assertFalse(served(TRINO_SSL_INSECURE="true").trino.verify)
        (warning,) = warnings(TRINO_SSL_INSECURE="true")
        self.assertIn("can read and change", warning)
        self.assertEqual(warnings(TRINO_SSL_INSECURE="true", TRINO_SSL="false"), ())


class SizeTests(SynchronousTestCase):
    """Sizes that bound each other."""

    def test_default_rows(self) -> None:
        """A small TRINO_MAX_ROWS bounds the default too; a larger wish is an error."""
        self.assertEqual(served(TRINO_MAX_ROWS="50").queries.default_rows, 50)
        (problem,) = problems(
            environ={"TRINO_MAX_ROWS": "50", "TRINO_DEFAULT_ROWS": "60"}
        )
        self.assertIn("TRINO_DEFAULT_ROWS is 60", problem)

    def test_parts(self) -> None:
        """A part larger than the whole stops the start."""
        for environ in (
            {"TRINO_OPEN_RESULTS": "4", "TRINO_OPEN_RESULTS_PER_PRINCIPAL": "5"},
            {"MCP_MAX_BODY_BYTES": "4096", "MCP_BODY_BUDGET_BYTES": "2048"},
            {"TRINO_QUERY_WAIT": "60", "TRINO_RESULT_TTL": "30"},
        ):
            self.assertEqual(len(problems(environ=environ)), 1)


class WebTests(SynchronousTestCase):
    """How the server is reached."""

    def test_public_url(self) -> None:
        """It is MCP_URL, else MCP_HOST with the port that is bound."""
        for environ, url in (
            ({"MCP_URL": "https://mcp.example.com/"}, "https://mcp.example.com"),
            ({"MCP_HOST": "mcp.example.com"}, "http://mcp.example.com:8080"),
            ({"MCP_PORT": "80"}, "http://localhost"),
            ({"MCP_BIND": "tcp:9000"}, "http://localhost:9000"),
            ({"MCP_BIND": "tcp:9000", "MCP_PORT": "8443"}, "http://localhost:8443"),
            ({"MCP_BIND": "unix:/run/x"}, "http://localhost:8080"),
        ):
            self.assertEqual(served(**environ).web.public_url, url)

    def test_tls(self) -> None:
        """A certificate makes the public URL https; it needs its key."""
        certificate = Path(self.mktemp())
        certificate.write_text("certificate")
        files = {
            name: str(certificate) for name in ("HTTPS_CERT_FILE", "HTTPS_KEY_FILE")
        }
        web = served(**files, MCP_PORT="443").web
        self.assertEqual(web.public_url, "https://localhost")
        absolute = certificate.absolute()
        self.assertEqual(web.tls, TLSSettings(absolute, absolute))
        for name, path in files.items():
            (problem,) = problems(environ={name: path})
            self.assertIn(f"{name} has no meaning without", problem)

    def test_several_places(self) -> None:
        """It can listen at several places, in any mixture."""
        web = served(MCP_BIND="127.0.0.1, ::1 unix:/run/x", MCP_PORT="9000").web
        first, second, third = web.listen
        self.assertTrue(first.startswith("tcp:9000:interface=127.0.0.1:"), first)
        self.assertTrue(second.startswith(r"tcp:9000:interface=\:\:1:"), second)
        self.assertEqual(third, "unix:/run/x")

    def test_nowhere(self) -> None:
        """A server that listens nowhere does not start."""
        (problem,) = problems(environ={"MCP_BIND": ","})
        self.assertIn("no place to listen", problem)

    def test_open_to_others(self) -> None:
        """Whoever lets others in without OAuth is told so, for each place."""
        self.assertEqual(warnings(MCP_BIND="::1 unix:/run/x"), ())
        first, second = warnings(MCP_BIND="0.0.0.0 systemd:domain=INET:name=x")
        self.assertIn("tcp:8080:interface=0.0.0.0", first)
        self.assertIn("systemd:domain=INET:name=x", second)
        self.assertIn("can ask Trino as trino", second)

    def test_allowed_hosts(self) -> None:
        """The public name, the bound addresses and what the operator adds."""
        self.assertEqual(
            served(
                MCP_URL="https://mcp.example.com:8443",
                MCP_BIND="10.0.0.7 fd00::7 0.0.0.0 unix:/run/x",
                MCP_ALLOWED_HOSTS="Alias.example.com:8080, mcp.example.com",
            ).web.allowed_hosts,
            ("mcp.example.com", "10.0.0.7", "[fd00::7]", "alias.example.com:8080"),
        )

    def test_loopback_names(self) -> None:
        """A server called by one of the loopback names is called by all of them."""
        names = {"localhost", "127.0.0.1", "[::1]"}
        for host in ("localhost", "127.0.0.1", "::1"):
            self.assertEqual(set(served(MCP_HOST=host).web.allowed_hosts), names)

    def test_allowed_origins(self) -> None:
        """Only the operator lets web pages of other origins in."""
        self.assertEqual(served().web.allowed_origins, ())
        web = served(MCP_ALLOWED_ORIGINS="https://a.example.com https://b:1").web
        self.assertEqual(web.allowed_origins, ("https://a.example.com", "https://b:1"))


class AbsentTests(SynchronousTestCase):
    """What other servers do and this one does not must not seem to be done."""

    def test_each_stops(self) -> None:
        """Each setting that asks for it stops the start, with what is missing."""
        for setting in ABSENT:
            (problem,) = problems(environ={setting.name: "true"})
            self.assertEqual(
                problem,
                f"{setting.name}: this version does not do {setting.what}; unset it",
            )

    def test_harmless(self) -> None:
        """Values that do not ask for it are fine, so is an empty one."""
        for name, value in (
            ("TRINO_ALLOW_WRITE_QUERIES", "no"),
            ("TRINO_ALLOWED_CATALOGS", ""),
        ):
            self.assertEqual(problems(environ={name: value}), ())
