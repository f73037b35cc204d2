"""Tests of ``mcp_trino.tools.identity``."""

from attrs import evolve

from mcp_trino.errors import CoordinatorUnreachable
from mcp_trino.principal import client_mark, local_principal
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.guard import Guard
from tests.tools.scripted import (
    ALICE,
    WITHOUT_DEFAULTS,
    ToolsTestCase,
    only,
    page,
)


class WhoamiTests(ToolsTestCase):
    """``whoami``."""

    principal = evolve(ALICE, client_id="claude", scopes=frozenset({"b", "a"}))

    def test_long_client(self) -> None:
        """Of an id that nobody could read it shows the mark."""
        self.principal = evolve(ALICE, client_id="sealed" * 50)
        shown = self.call("whoami").structured["client_id"]
        self.assertEqual(shown, client_mark("sealed" * 50))
        self.assertLess(len(shown), 30)

    def test_person(self) -> None:
        """It shows who is asking, as whom Trino is asked, and the limits."""
        self.assertEqual(
            self.call("whoami").structured,
            {
                "name": "alice",
                "issuer": "https://id.example",
                "subject": "1",
                "client_id": "claude",
                "scopes": ["a", "b"],
                "trino_user": "trino",
                "catalog": "tpch",
                "schema": "tiny",
                "read_only": True,
                "max_rows": 1000,
                "max_bytes": 200_000,
                "timeout_seconds": 300.0,
            },
        )
        self.assertEqual(self.coordinator.asked, [])


class RestrictedTests(ToolsTestCase):
    """``whoami`` where the operator has decided more."""

    guard = only("hive.s.t")

    def test_catalogs(self) -> None:
        """It shows the catalogs that are left, when Trino tells them."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"c": "varchar"}, ["hive"], ["tpch"])
        }
        self.assertEqual(self.call("whoami").structured["catalogs"], ["hive"])
        self.coordinator.script = {"": CoordinatorUnreachable("Trino is away")}
        self.assertNotIn("catalogs", self.call("whoami").structured)


class ReaderTests(ToolsTestCase):
    """``whoami`` of somebody whose token does not allow to write."""

    guard = Guard.of(GuardSettings(allow_writes=True))
    principal = evolve(ALICE, scopes=frozenset({"read"}))

    def test_read_only(self) -> None:
        """What the operator allows is not hers."""
        self.assertIs(self.call("whoami").structured["read_only"], True)


class NobodyTests(ToolsTestCase):
    """``whoami`` of a server that asks nobody who they are."""

    trino = WITHOUT_DEFAULTS
    guard = Guard.of(GuardSettings(allow_writes=True))
    principal = local_principal("trino")

    def test_nobody_asked(self) -> None:
        """What is not known is left out."""
        told = self.call("whoami").structured
        left_out = {"issuer", "client_id", "scopes", "catalog", "schema", "catalogs"}
        self.assertEqual(left_out & told.keys(), set())
        self.assertIs(told["read_only"], False)
