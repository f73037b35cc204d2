"""Tests of ``mcp_trino.doctor.trino``."""

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.doctor.finding import Finding, Grade
from mcp_trino.doctor.trino import examine_trino
from mcp_trino.errors import CoordinatorRefused, NoTrinoUser
from mcp_trino.queries import CoordinatorState
from mcp_trino.settings import TrinoSettings
from mcp_trino.trino_identity import ImpersonationSettings
from tests.tools.scripted import TRINO, ScriptedCoordinator, page

_IMPERSONATING = evolve(TRINO, impersonation=ImpersonationSettings(claim="username"))


class TrinoTests(SynchronousTestCase):
    """Trino, and whom it lets this server be."""

    def setUp(self) -> None:
        """Have a coordinator that answers."""
        self.coordinator = ScriptedCoordinator()

    def examined(
        self, settings: TrinoSettings, person: str | None
    ) -> dict[str, Finding]:
        """Look at it, and give what was found by subject."""

        async def collected() -> list[Finding]:
            findings = examine_trino(self.coordinator, settings, person)
            return [finding async for finding in findings]

        found = self.successResultOf(Deferred.fromCoroutine(collected()))
        return {finding.subject: finding for finding in found}

    def impersonation(self, answer: object, person: str | None = "alice") -> Finding:
        """Try to be somebody, and let Trino answer that."""
        self.coordinator.script["current_user"] = answer
        return self.examined(_IMPERSONATING, person)["impersonation"]

    def test_unreachable(self) -> None:
        """Why it does not answer is said, and nothing else is tried."""
        state = CoordinatorState(reachable=False, problem="connection refused")
        self.patch(ScriptedCoordinator, "probe", lambda _: succeed(state))
        found = self.examined(_IMPERSONATING, "alice")
        self.assertEqual(found.keys(), {"trino"})
        self.assertIs(found["trino"].grade, Grade.BAD)
        self.assertIn("connection refused", found["trino"].sentence)

    def test_off(self) -> None:
        """Without impersonation nobody is tried."""
        found = self.examined(TRINO, "alice")
        self.assertIs(found["impersonation"].grade, Grade.FINE)
        self.assertEqual(self.coordinator.asked, [])

    def test_works(self) -> None:
        """A query runs as the person, and Trino says who that is there."""
        finding = self.impersonation(page({"_col0": "varchar"}, ["a.smith"]))
        self.assertIs(finding.grade, Grade.FINE)
        self.assertIn("alice is a.smith", finding.sentence)
        (asked,) = self.coordinator.asked
        self.assertEqual(asked.principal.username, "alice")

    def test_refused(self) -> None:
        """Whoever refuses, the operator reads why."""
        for error in (
            CoordinatorRefused(401, "Invalid credentials"),
            NoTrinoUser("nobody may be the Trino user 'root' here"),
        ):
            finding = self.impersonation(error)
            self.assertIs(finding.grade, Grade.BAD)
            self.assertIn(error.message, finding.sentence)

    def test_nobody_named(self) -> None:
        """It is doubtful as long as nobody is named."""
        self.assertIs(self.impersonation(page({}), None).grade, Grade.DOUBTFUL)
