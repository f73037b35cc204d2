"""Tests of ``mcp_trino.demonstration``."""

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino import demonstration
from mcp_trino.config.parse import read_settings
from mcp_trino.demonstration import Demonstration
from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.settings import Settings, Transport
from mcp_trino.startup import CannotStart


@define(eq=False)
class Trino:
    """A sandbox's Trino that does what a test says."""

    started: Deferred[str] = field(factory=Deferred)
    gone: Deferred[None] = field(factory=Deferred)
    stopped: list[None] = field(factory=list)

    def start(self) -> Deferred[str]:
        """Begin."""
        return self.started

    def ended(self) -> Deferred[None]:
        """Last."""
        return self.gone

    def stop(self) -> Deferred[None]:
        """End."""
        self.stopped.append(None)
        return Deferred(lambda _: None)


@define(eq=False)
class Stoppable:
    """The part of a reactor that ends the process."""

    stopped: int = 0

    def stop(self) -> None:
        """Count."""
        self.stopped += 1


class DemonstrationTests(SynchronousTestCase):
    """Trino, the server, the proof, in this order; and how each may fail."""

    def setUp(self) -> None:
        """Begin, with the server and the proof replaced."""
        self.made: list[Settings] = []
        self.server = Service()
        self.asked: list[str] = []
        self.people: list[str | None] = []
        self.proof: Deferred[str] = Deferred()
        self.said: list[str] = []
        self.patch(demonstration, "make_service", self.make_service)
        self.patch(demonstration, "prove", self.prove)
        environ = {"TRINO_PASSWORD": "for another", "TRINO_CATALOG": "other"}
        settings, _ = read_settings({"MCP_PORT": "9000"}, environ, None, Transport.HTTP)
        self.reactor, self.trino = Stoppable(), Trino()
        self.demonstration = Demonstration(
            self.reactor, settings, self.trino, self.said.append
        )
        self.demonstration.startService()

    def make_service(self, settings: Settings, reactor: Stoppable) -> Service:
        """Note the settings."""
        self.made.append(settings)
        return self.server

    def prove(self, url: str, loop: object, person: str | None) -> Deferred[str]:
        """Note the URL and who logs in."""
        self.asked.append(url)
        self.people.append(person)
        return self.proof

    def test_order(self) -> None:
        """The server starts when Trino answers, and is shown when it has proved itself."""
        self.assertEqual(self.made, [])
        self.trino.started.callback("http://127.0.0.1:4711")
        self.assertTrue(self.server.running)
        self.assertEqual(self.asked, ["http://localhost:9000/mcp"])
        self.assertEqual(self.said, [])
        self.proof.callback("nation,region\nALGERIA,AFRICA")
        (text,) = self.said
        self.assertIn("ALGERIA,AFRICA", text)
        self.assertIn(
            "claude mcp add --transport http trino http://localhost:9000/mcp", text
        )
        self.assertEqual(self.reactor.stopped, 0)
        self.assertEqual(self.people, [None])
        self.assertNotIn("log in", text)

    def test_login(self) -> None:
        """Where people log in, somebody does for the proof, and it is said who can."""
        demonstration = Demonstration(
            self.reactor,
            self.demonstration._settings,
            self.trino,
            self.said.append,
            "alice",
        )
        self.trino.started = Deferred()
        demonstration.startService()
        self.trino.started.callback("http://127.0.0.1:4711")
        self.assertEqual(self.people, ["alice"])
        self.proof.callback("")
        self.assertIn("log in as alice with the password alice", self.said[-1])

    def test_settings(self) -> None:
        """The server asks this Trino, with nothing that was meant for another."""
        self.trino.started.callback("http://127.0.0.1:4711")
        trino = self.made[0].trino
        self.assertEqual(
            (trino.scheme, trino.host, trino.port), ("http", "127.0.0.1", 4711)
        )
        self.assertEqual((trino.catalog, trino.schema), ("tpch", "tiny"))
        self.assertIsNone(trino.password)

    def test_trino_fails(self) -> None:
        """When Trino cannot be had, or ends, this is said and the process ends badly."""
        for error in (SandboxUnavailable("no disk"), SandboxFailed("it crashed")):
            self.setUp()
            self.trino.started.errback(error)
            self.assertEqual(self.said, [str(error)])
            self.assertEqual(self.reactor.stopped, 1)
            self.assertTrue(self.demonstration.failed)
        self.setUp()
        self.trino.started.callback("http://127.0.0.1:4711")
        self.proof.callback("")
        self.trino.gone.errback(SandboxFailed("it was killed"))
        self.assertEqual(self.said[1:], ["it was killed"])
        self.assertTrue(self.demonstration.failed)

    def test_server_cannot_start(self) -> None:
        """Why the server could not start was said already."""

        def refuse(settings: Settings, reactor: Stoppable) -> Service:
            raise CannotStart("taken")

        self.patch(demonstration, "make_service", refuse)
        self.trino.started.callback("http://127.0.0.1:4711")
        self.assertEqual((self.said, self.demonstration.failed), ([], True))

    def test_proof_fails(self) -> None:
        """A proof that fails in an unforeseen way is logged."""
        self.trino.started.callback("http://127.0.0.1:4711")
        self.proof.errback(ValueError("what?"))
        self.assertTrue(self.demonstration.failed)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_stopped_early(self) -> None:
        """A person who does not want to wait ends it, which is no failure."""
        ended = self.demonstration.stopService()
        self.assertEqual(len(self.trino.stopped), 1)
        self.assertNoResult(ended)
        self.assertEqual((self.reactor.stopped, self.demonstration.failed), (0, False))
        self.assertEqual(self.made, [])

    def test_stopped(self) -> None:
        """The server ends before its Trino does."""
        self.trino.started.callback("http://127.0.0.1:4711")
        stopped: Deferred[None] = Deferred()
        self.patch(self.server, "stopService", lambda: stopped)
        self.demonstration.stopService()
        self.assertEqual(self.trino.stopped, [])
        stopped.callback(None)
        self.assertEqual(len(self.trino.stopped), 1)
        self.assertFalse(self.demonstration.failed)
