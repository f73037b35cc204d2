"""Tests of ``mcp_trino.introspection.client``."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection import peer
from mcp_trino.introspection.client import Introspector, make_introspector
from mcp_trino.introspection.peer import uid_of
from mcp_trino.introspection.wire import (
    INACTIVE,
    active_to_json,
    endpoints_to_json,
    ready_to_json,
)
from mcp_trino.providers import Endpoints
from mcp_trino.settings import OAuthSettings
from tests.config.test_oauth import HMAC, oauth
from tests.introspection.scripted_worker import ScriptedWorker, http

NOW = 1_800_000_000.0
ACTIVE = Active(
    issuer="http://localhost:8080",
    subject="ada",
    audiences=("http://localhost:8080/mcp",),
    expires_at=NOW + 600,
    client_id="claude",
    scopes=frozenset({"trino:read"}),
    groups=("analysts",),
)


class ClientTestCase(TestCase):
    """Asks a worker whose clock stands still."""

    def setUp(self) -> None:
        """Make a worker, which does not listen yet."""
        # Short: the path of a socket has about 100 bytes.
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        self.path = Path(os.path.relpath(directory)) / "s"
        self.clock = Clock()
        self.worker = ScriptedWorker()
        self.listening = False
        self.client = self.make(oauth(**HMAC))

    def make(self, settings: OAuthSettings) -> Introspector:
        """Make a client of the worker, whose patience ends when a test says so."""
        client = make_introspector(reactor, settings, self.path, lambda: NOW)
        client._clock = self.clock
        return client

    def listen(self, answer: bytes | None, *, closes: bool = False) -> None:
        """Let the worker answer."""
        self.worker.answer, self.worker.closes = answer, closes
        if not self.listening:
            self.worker.listen(reactor, self.path)
            self.listening = True

    async def tearDown(self) -> None:
        """Close everything."""
        await self.client.close()
        if self.listening:
            await self.worker.close()


class AnswerTests(ClientTestCase):
    """What a worker in its right mind says."""

    async def test_active(self) -> None:
        """A token that holds gives what it says; it goes into the body alone."""
        self.listen(http(active_to_json(ACTIVE)))
        self.assertEqual(await self.client.introspect("a+b&c"), ACTIVE)
        (request,) = self.worker.requests
        head, _, body = request.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /introspect HTTP/1.1\r\n"), head)
        self.assertEqual(parse_qs(body.decode()), {"token": ["a+b&c"]})

    async def test_inactive(self) -> None:
        """A token that does not hold gives nothing, whatever the reason."""
        self.listen(http(INACTIVE))
        self.assertIsNone(await self.client.introspect("x"))

    async def test_identity(self) -> None:
        """The ID token of a login is asked about with its nonce."""
        self.listen(http(active_to_json(ACTIVE)))
        self.assertEqual(await self.client.identify("id", "n-1"), ACTIVE)
        self.assertIn(b"POST /identify ", self.worker.requests[0])
        self.assertTrue(self.worker.requests[0].endswith(b"token=id&nonce=n-1"))

    async def test_endpoints(self) -> None:
        """The provider's endpoints are asked for."""
        endpoints = Endpoints(
            "https://id.example", "https://id.example/a", "https://id.example/t"
        )
        self.listen(http(endpoints_to_json(endpoints)))
        self.assertEqual(await self.client.endpoints(), endpoints)
        self.assertIn(b"GET /endpoints ", self.worker.requests[0])

    async def test_ready(self) -> None:
        """It is ready when it says so, with the state of its keys."""
        self.listen(http(ready_to_json("k-1")))
        self.assertEqual(await self.client.ready(), "k-1")
        for answer in (http(b"", b"503 Service Unavailable"), http(b"ok")):
            self.worker.answer = answer
            self.assertIsNone(await self.client.ready())

    async def test_connection_is_kept(self) -> None:
        """Questions share a connection; no more than eight are open."""
        self.listen(http(INACTIVE))
        for _ in range(3):
            await self.client.introspect("x")
        self.assertEqual(len(self.worker.connections), 1)
        await gatherResults([self.client.introspect("x") for _ in range(30)])
        self.assertLessEqual(len(self.worker.connections), 8)


class FaultTests(ClientTestCase):
    """G59: nothing that a broken worker does lets anybody in."""

    async def undecidable(self) -> None:
        """Require that nobody can say whether a token holds."""
        await self.assertFailure(self.client.introspect("x"), Undecidable)

    async def test_g059_absent(self) -> None:
        """Without a worker; the connection is tried twice."""
        asking = self.client.introspect("x")
        await deferLater(reactor, 0.01)
        self.assertFalse(asking.called)
        self.clock.advance(0.1)
        await self.assertFailure(asking, Undecidable)

    async def test_g059_hanging(self) -> None:
        """It hangs: the question ends after two seconds, and its connection."""
        self.listen(None)
        asked = self.worker.asked()
        asking = self.client.introspect("x")
        await asked
        (connection,) = self.worker.connections
        self.clock.advance(1.9)
        self.assertFalse(asking.called)
        self.clock.advance(0.2)
        await self.assertFailure(asking, Undecidable)
        await connection.lost

    async def test_g059_other_answers(self) -> None:
        """Garbage, half an answer, another status, or one that never ends."""
        whole = http(active_to_json(ACTIVE))
        for answer in (
            b"",
            b"garbage\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            whole[:-1],
            whole[: len(whole) // 2],
            http(b"{}"),
            http(b""),
            http(b"null"),
            http(b"[]"),
            http(b'{"active":true}'),
            http(b'{"active":1}'),
            http(b'{"active":false,"sub":"ada"}'),
            http(active_to_json(ACTIVE), b"500 Internal Server Error"),
            http(active_to_json(ACTIVE), b"201 Created"),
            http(active_to_json(ACTIVE), b"302 Found"),
            http(active_to_json(ACTIVE), b"503 Service Unavailable"),
            http(b" " * 300_000),
        ):
            self.listen(answer, closes=True)
            self.clock.advance(10)
            await self.undecidable()

    async def test_confused(self) -> None:
        """H-4: an answer that cannot be true is none."""
        for change in (
            {"issuer": "https://id.example"},
            {"audiences": ()},
            {"audiences": ("https://other.example/mcp",)},
            {"expires_at": NOW - 61},
        ):
            changed: Any = evolve(ACTIVE, **change)
            self.listen(http(active_to_json(changed)))
            self.clock.advance(10)
            await self.undecidable()
        self.worker.answer = http(active_to_json(evolve(ACTIVE, expires_at=NOW - 30)))
        self.assertIsNotNone(await self.client.introspect("x"))

    async def test_another_user(self) -> None:
        """A socket at which somebody else listens is told nothing."""
        settings = evolve(oauth(**HMAC), introspection_user=str(os.geteuid() + 1))
        client = self.make(settings)
        self.listen(http(active_to_json(ACTIVE)))
        asking = client.introspect("x")
        while not self.clock.getDelayedCalls():
            await deferLater(reactor, 0.001)
        while not asking.called:
            self.clock.advance(0.05)
            await deferLater(reactor, 0.001)
        error = await self.assertFailure(asking, Undecidable)
        self.assertIn("not trusted", str(error))
        self.assertEqual(self.worker.requests, [])

    async def test_privileges_shed(self) -> None:
        """The worker may run as the user that this process became after its start."""
        self.listen(http(active_to_json(ACTIVE)))
        self.patch(peer, "peer_uid", lambda _: 65534)
        self.patch(os, "geteuid", lambda: 65534)
        self.assertIsNotNone(await self.client.introspect("x"))

    async def test_rest(self) -> None:
        """After five faults in a row nobody waits, for a second."""
        self.listen(http(b"{}"))
        for _ in range(5):
            await self.undecidable()
        await self.undecidable()
        self.assertEqual(len(self.worker.requests), 5)
        self.worker.answer = http(INACTIVE)
        self.clock.advance(1)
        self.assertIsNone(await self.client.introspect("x"))

    async def test_own_doubts_are_no_fault(self) -> None:
        """A worker that says that it cannot say is asked again at once."""
        self.listen(http(b"", b"503 Service Unavailable"))
        for _ in range(7):
            await self.undecidable()
        self.assertEqual(len(self.worker.requests), 7)

    async def test_crowd(self) -> None:
        """Beyond 256 that wait, nobody waits; nor does anybody for a dead worker."""
        self.listen(None)
        asking = [self.client.introspect("x") for _ in range(8 + 256)]
        await self.undecidable()
        self.clock.advance(2)
        self.assertGreater(sum(question.called for question in asking), 250)
        self.clock.advance(2)
        for question in asking:
            await self.assertFailure(question, Undecidable)

    async def test_patience(self) -> None:
        """Nobody waits for a turn longer than ten seconds."""
        self.listen(http(INACTIVE))
        for _ in range(8):
            self.client._places.acquire()
        asking = self.client.introspect("x")
        self.clock.advance(9.9)
        self.assertFalse(asking.called)
        self.clock.advance(0.2)
        await self.assertFailure(asking, Undecidable)
        self.assertEqual(self.worker.requests, [])

    async def test_turn(self) -> None:
        """Who waits for a turn is answered after it, however long ago she came."""
        self.listen(None)
        asked = self.worker.asked()
        first = [self.client.introspect("x") for _ in range(4)]
        await asked
        self.clock.advance(1.5)
        rest = [self.client.introspect("x") for _ in range(4 + 8)]
        self.worker.answer = http(INACTIVE)
        self.clock.advance(0.5)
        for question in first:
            await self.assertFailure(question, Undecidable)
        self.clock.advance(1)
        for question in rest[4:]:
            self.assertIsNone(await question)

    def test_no_fault_lets_in(self) -> Deferred[None]:
        """H-8: whatever is left of an answer, nobody comes in by it."""
        whole = json.loads(active_to_json(ACTIVE))
        names = st.sampled_from(sorted(whole))
        values = st.none() | st.booleans() | st.just({}) | st.just([1])

        def without(name: str) -> bytes:
            return json.dumps({k: v for k, v in whole.items() if k != name}).encode()

        def instead(name: str, value: Any) -> bytes:
            kept = value is True and name == "active"
            return json.dumps({**whole, name: 0 if kept else value}).encode()

        body = active_to_json(ACTIVE)
        bodies = (
            st.binary(max_size=200)
            | st.builds(without, names)
            | st.builds(instead, names, values)
            | st.integers(0, len(body) - 1).map(lambda end: body[:end])
        ).map(http)
        answers = (
            bodies
            | st.binary(max_size=200)
            | st.integers(0, len(http(body)) - 1).map(lambda end: http(body)[:end])
        )

        def ask(answer: bytes) -> Deferred[Active | None]:
            self.listen(answer, closes=True)
            self.clock.advance(10)
            return self.client.introspect("x")

        @settings(
            max_examples=300,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(answers)
        def examine(answer: bytes) -> None:
            try:
                found = blockingCallFromThread(reactor, ask, answer)
            except Undecidable:
                return
            self.assertIsNone(found)
            self.assertIn(INACTIVE, answer)

        return deferToThread(examine)


class UserTests(SynchronousTestCase):
    """Who has to listen."""

    def test_unknown(self) -> None:
        """A user that does not exist stops the start."""
        settings = evolve(oauth(**HMAC), introspection_user="no-such-user")
        error = self.assertRaises(
            ConfigurationError,
            make_introspector,
            reactor,
            settings,
            Path("/x"),
            lambda: NOW,
        )
        self.assertIn("OAUTH_INTROSPECTION_USER", str(error))

    def test_by_name_and_number(self) -> None:
        """A user is named either way."""
        self.assertEqual(uid_of("root"), 0)
        self.assertEqual(uid_of("1234"), 1234)
