"""Tests of ``mcp_trino.doctor.state``."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.doctor.finding import Finding, Grade
from mcp_trino.doctor.state import examine_keys
from mcp_trino.oauth.keyring import FILE_NAME
from tests.config.reading import served
from tests.introspection.minting import NOW


class KeysTests(SynchronousTestCase):
    """The keys of this server's own tokens."""

    def setUp(self) -> None:
        """Have settings with an empty directory."""
        self.directory = Path(self.mktemp()).absolute()
        self.clock = Clock()
        self.clock.advance(NOW)

    def examined(self, **settings: str) -> Finding:
        """Look at them."""
        oauth = served(
            OAUTH_ENABLED="true",
            OAUTH_MODE="proxy",
            OAUTH_PROVIDER="oidc",
            OIDC_ISSUER="https://id.example",
            OIDC_CLIENT_ID="mcp",
            OIDC_CLIENT_SECRET="s",
            OAUTH_STATE_DIRECTORY=str(self.directory),
            MCP_URL="http://localhost:8080",
            **settings,
        ).oauth
        assert oauth is not None and oauth.proxy is not None
        return examine_keys(self.clock, oauth, oauth.proxy)

    def test_fine(self) -> None:
        """The first are made, and read the next time."""
        self.assertIs(self.examined().grade, Grade.FINE)
        keys = (self.directory / FILE_NAME).read_text()
        self.assertIs(self.examined().grade, Grade.FINE)
        self.assertEqual((self.directory / FILE_NAME).read_text(), keys)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bad(self) -> None:
        """A file that holds something else is told, without what it holds."""
        self.examined()
        (self.directory / FILE_NAME).write_text("canary")
        finding = self.examined()
        self.assertIs(finding.grade, Grade.BAD)
        self.assertNotIn("canary", finding.sentence)

    def test_no_directory(self) -> None:
        """A directory that cannot be made is told."""
        self.directory.write_text("")
        self.assertIs(self.examined().grade, Grade.BAD)
