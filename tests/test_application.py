"""Tests of ``mcp_trino.application``."""

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino.application import Everyone, make_service
from mcp_trino.config.parse import read_settings
from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.database.store import DatabaseStore
from mcp_trino.errors import ConfigurationError
from mcp_trino.interfaces import IAuthenticator
from mcp_trino.log import StandardLogging
from mcp_trino.principal import local_principal
from mcp_trino.settings import Settings, Transport
from mcp_trino.startup import Hangup
from mcp_trino.store import MemoryStore
from mcp_trino.tools.stdio import StdioService
from mcp_trino.web.service import WebService

_PROXY = {
    "OAUTH_ENABLED": "true",
    "OAUTH_MODE": "proxy",
    "OAUTH_PROVIDER": "oidc",
    "OIDC_ISSUER": "https://issuer.test",
    "OIDC_CLIENT_ID": "mcp-trino",
    "OIDC_CLIENT_SECRET": "s3cret",
}


def settings(transport: Transport, **environ: str) -> Settings:
    """Read settings."""
    return read_settings({}, environ, None, transport)[0]


class MakeServiceTests(SynchronousTestCase):
    """What a process is made of."""

    def test_http(self) -> None:
        """The edge stands on the coordinator and so stops before it."""
        service = make_service(settings(Transport.HTTP), reactor)
        self.assertEqual(
            [type(part) for part in service],
            [StandardLogging, CoordinatorService, WebService, Hangup],
        )

    def test_stdio(self) -> None:
        """Over stdio nothing listens, and a hangup of the terminal ends it."""
        service = make_service(settings(Transport.STDIO), reactor)
        self.assertEqual(
            [type(part) for part in service],
            [StandardLogging, CoordinatorService, StdioService],
        )

    def test_stores(self) -> None:
        """Grants lie in a database, results only in one that replicas share."""
        for store, kind in (
            ({}, MemoryStore),
            ({"OAUTH_STORE_URL": "postgresql://db.test/x"}, DatabaseStore),
        ):
            proxy = settings(Transport.HTTP, **_PROXY, **store)
            parts = list(make_service(proxy, reactor))
            [database] = [part for part in parts if type(part) is DatabaseStore]
            [coordinator] = [part for part in parts if type(part) is CoordinatorService]
            # What is used by the other stops after it.
            self.assertLess(parts.index(database), parts.index(coordinator))
            self.assertIs(type(coordinator._store), kind)
            if kind is DatabaseStore:
                self.assertIs(coordinator._store, database)

    def test_lists(self) -> None:
        """Lists of what may be seen reach the coordinator, and none are none."""
        for lists, restricts in (({}, False), ({"TRINO_ALLOWED_CATALOGS": "a"}, True)):
            service = make_service(settings(Transport.STDIO, **lists), reactor)
            [coordinator] = [p for p in service if type(p) is CoordinatorService]
            self.assertEqual(coordinator._inspection is not None, restricts)

    def test_greeting(self) -> None:
        """It says what is served where, that it is open, and whom it asks as whom."""
        web = settings(Transport.HTTP, TRINO_PASSWORD="s3cret", MCP_BIND="unix:/x")
        self.assertEqual(
            make_service(web, reactor)._greeting,
            "serving http://localhost:8080 on unix:/x, without OAuth, "
            "asking https://localhost:8080 as trino",
        )
        stdio = settings(Transport.STDIO, TRINO_USER="ada")
        self.assertIn("as ada", make_service(stdio, reactor)._greeting)

    def test_socket_not_passed(self) -> None:
        """Outside systemd its sockets are missed in a clear sentence."""
        for place in ("systemd:domain=INET:name=x", "systemd:domain=INET:index=0"):
            error = self.assertRaises(
                ConfigurationError,
                make_service,
                settings(Transport.HTTP, MCP_BIND=place),
                reactor,
            )
            self.assertIn(f"no socket was passed for {place}", str(error))


class EveryoneTests(SynchronousTestCase):
    """A server that asks nobody who they are."""

    def test_one_principal(self) -> None:
        """Whatever is sent along, it is the same principal."""
        me = local_principal("trino")
        everyone = Everyone(me)
        verifyObject(IAuthenticator, everyone)
        for credentials in ([], [b"Bearer x"]):
            answer = everyone.authenticate(credentials, b"/mcp")
            self.assertIs(self.successResultOf(answer), me)
