"""Tests of ``mcp_trino.doctor.certificate`` and ``.finding``."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.doctor.certificate import examine_certificate
from mcp_trino.doctor.finding import Finding, Grade, bad
from mcp_trino.settings import TLSSettings
from tests.e2e.certificates import make_certificates
from tests.web.serving import web_settings

_HOUR = 3600.0


class FindingTests(SynchronousTestCase):
    """A line for the operator."""

    def test_line(self) -> None:
        """It is one line, whatever somebody else's text has in it."""
        line = str(bad("provider", "it says:\nno\r\nok  provider fine"))
        self.assertEqual(len(line.splitlines()), 1)
        self.assertTrue(line.startswith("bad "), line)


class CertificateTests(SynchronousTestCase):
    """This server's own certificate."""

    def setUp(self) -> None:
        """Have one that is good for an hour each way, for this machine."""
        directory = Path(self.mktemp())
        directory.mkdir()
        files = make_certificates(directory)
        self.tls = TLSSettings(files.chain, files.key)
        self.now = files.chain.stat().st_mtime

    def found(
        self, url: str = "https://localhost:1", after: float = 0
    ) -> tuple[Finding, ...]:
        """Look at it some seconds from now, as the certificate of that URL."""
        settings = web_settings(tls=self.tls, public_url=url)
        return tuple(examine_certificate(settings, self.now + after))

    def test_dates(self) -> None:
        """It is bad before and after its time, and doubtful shortly before its end."""
        for after, grade in (
            (-2 * _HOUR, Grade.BAD),
            (0, Grade.DOUBTFUL),
            (2 * _HOUR, Grade.BAD),
        ):
            (finding,) = self.found(after=after)
            self.assertIs(finding.grade, grade)

    def test_names(self) -> None:
        """It has to be for the public host, by name or by address."""
        for url, wrong in (
            ("https://localhost", 0),
            ("https://127.0.0.1:8443", 0),
            ("https://mcp.example", 1),
            ("https://127.0.0.2", 1),
            ("https://[::1]", 1),
        ):
            grades = [finding.grade for finding in self.found(url)]
            self.assertEqual(grades.count(Grade.BAD), wrong, url)

    def test_none(self) -> None:
        """Without one it is said who speaks https, if anybody does."""
        self.tls = None
        for url, word in (("http://localhost", "plain"), ("https://a.b", "proxy")):
            (finding,) = self.found(url)
            self.assertIs(finding.grade, Grade.FINE)
            self.assertIn(word, finding.sentence)
