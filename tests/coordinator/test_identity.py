"""Tests of on whose behalf requests are sent, without a Trino."""

import re

from attrs import evolve
from twisted.internet.defer import succeed

from mcp_trino.coordinator.lanes import Lane
from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.errors import Busy, NoTrinoUser, PageGone, QueryNotFound
from mcp_trino.principal import Principal
from mcp_trino.store import MemoryStore
from mcp_trino.trino_identity import ImpersonationSettings, TrinoLogin, UserRule
from tests.coordinator.scripted_trino import HeldLanes, ScriptedTrino, pages
from tests.coordinator.test_service import ALICE as ASKING
from tests.coordinator.test_service import (
    FOREVER,
    QUERIES,
    TRINO,
    WINDOW,
    CoordinatorTestCase,
)

ALICE = Principal("https://idp.test", "1", "alice", username="Alice")
BOB = Principal("https://idp.test", "2", "bob", username="Bob")
NOBODY = Principal("https://idp.test", "3", "nobody")
PEOPLE = ImpersonationSettings(
    "username", (UserRule(re.compile("(.*)"), case="lower"),), services=(("ci", "etl"),)
)


class IdentityTestCase(CoordinatorTestCase):
    """A coordinator over a scripted Trino that queries run as people by."""

    trino_settings = evolve(
        TRINO,
        scheme="https",
        login=TrinoLogin.BASIC,
        password="s3cret",
        impersonation=PEOPLE,
    )
    settings = evolve(
        QUERIES, concurrency=3, queue=3, concurrency_each=2, max_scan_bytes=1000
    )

    def setUp(self):
        """Start a coordinator."""
        super().setUp()
        self.end()
        self.trino = ScriptedTrino(self.clock)
        self.lanes = HeldLanes()
        self.coordinator = CoordinatorService(
            self.clock,
            self.trino_settings,
            evolve(self.settings, max_cpu_seconds=90.0),
            MemoryStore(self.clock),
            b"key",
            lanes=self.lanes,
            transport=self.trino,
        )
        self.coordinator.startService()


class ImpersonationTests(IdentityTestCase):
    """Requests as somebody."""

    def test_every_request(self):
        """All requests of a call are the person's, proved by the server."""
        self.page(self.execute(pages(1, 1), ALICE))
        self.assertGreater(len(self.trino.headers), 2)
        for headers in self.trino.headers:
            self.assertEqual(headers["X-Trino-User"], "alice")
            self.assertTrue(headers["Authorization"].startswith("Basic "))

    def test_read_on(self):
        """So are those of a later page, and of the end of the query."""
        page = self.page(self.execute(pages(2, 5, 5), ALICE))
        self.lanes.hold(Lane.CANCEL)
        self.page(self.fetch(page.handle, ALICE))
        self.clock.advance(1000)
        while self.lanes.jobs:
            self.lanes.go()
        self.assertIn("DELETE", self.methods())
        users = {headers["X-Trino-User"] for headers in self.trino.headers}
        self.assertEqual(users, {"alice"})

    def test_nobody(self):
        """Who has no user is refused before anything is sent."""
        self.failureResultOf(self.execute(pages(1), NOBODY), NoTrinoUser)
        self.failureResultOf(self.coordinator.cancel("q0", NOBODY), NoTrinoUser)
        self.failureResultOf(self.coordinator.queries(NOBODY), NoTrinoUser)
        with self.assertRaises(NoTrinoUser):
            self.coordinator.user_of(NOBODY)
        self.assertEqual(self.trino.requests, [])

    def test_service(self):
        """A service without a person is the user that it is mapped to."""
        service = Principal("https://idp.test", "x", "ci", "ci", is_person=False)
        self.assertEqual(self.coordinator.user_of(service), "etl")

    def test_probe(self):
        """The server itself asks as itself."""
        self.trino.scripts["SELECT 1"] = [[[1]]]
        self.assertTrue(self.successResultOf(self.coordinator.probe()).reachable)
        users = {headers["X-Trino-User"] for headers in self.trino.headers}
        self.assertEqual(users, {"mcp"})

    def test_bounds(self):
        """Trino's own limits go with every statement."""
        self.page(self.execute(pages(1), ALICE))
        sent = self.trino.headers[0]["X-Trino-Session"]
        self.assertIn("query_max_scan_physical_bytes=1000B", sent)
        self.assertIn("query_max_cpu_time=90s", sent)
        self.assertIn("query_max_run_time=", sent)

    def test_no_user_any_more(self):
        """Who has lost her Trino user, or is another, reads nothing any more."""
        page = self.page(self.execute(pages(2, 5, 5), ALICE))
        sent = len(self.trino.requests)
        for username, error in (("", NoTrinoUser), ("other", PageGone)):
            now = evolve(ALICE, username=username)
            self.failureResultOf(self.fetch(page.handle, now), error)
        self.assertEqual(len(self.trino.requests), sent)
        self.page(self.fetch(page.handle, ALICE))


class OwnQueriesTests(IdentityTestCase):
    """The queries of a principal under way."""

    def test_own(self):
        """One sees her own, the latest first, and nobody else's."""
        self.lanes.hold(Lane.SLOW)
        for principal in (ALICE, BOB, ALICE):
            self.execute(FOREVER, principal)
        own = self.successResultOf(self.coordinator.queries(ALICE))
        self.assertEqual([query.query_id for query in own], ["q2", "q0"])
        self.assertEqual(own[0].text, "q2")
        self.assertEqual(own[0].state, "RUNNING")

    def test_hidden(self):
        """A query that Trino does not even let one look at is not found."""
        self.trino.failures.append((403, None))
        self.failureResultOf(self.coordinator.cancel("q9", ALICE), QueryNotFound)


class FairnessTests(IdentityTestCase):
    """Places that one principal may have."""

    def test_each(self):
        """One principal leaves a place to others, and a part of the queue."""
        self.lanes.hold(Lane.SLOW)
        for _ in range(4):
            self.assertNoResult(self.execute(FOREVER, ALICE))
        self.failureResultOf(self.execute(pages(1), ALICE), Busy)
        self.assertNoResult(self.execute(FOREVER, BOB))
        running = self.successResultOf(self.coordinator.queries(BOB))
        self.assertEqual(len(running), 1)

    def test_parts_of_answers(self):
        """What is a part of an answer does not wait behind results of any length."""
        self.lanes.hold(Lane.SLOW)
        for principal in (ALICE, ALICE, BOB):
            self.execute(FOREVER, principal)
        short = evolve(WINDOW, further=False)
        self.page(self.execute(pages(1), ALICE, short))


class TokenTests(IdentityTestCase):
    """Tokens that change while a query runs."""

    trino_settings = evolve(TRINO, scheme="https")

    def setUp(self):
        """Log in by tokens that the test gives."""
        super().setUp()
        self.given = ["one", "two", "three"]
        self.asked_for = []
        self.forgotten = 0
        object.__setattr__(self.coordinator._access._identities, "login", self)

    async def current(self, principal):
        """Stand in for ``Credentials``."""
        self.asked_for.append(principal)
        if not self.given:
            raise NoTrinoUser("her login has ended")
        token = await succeed(self.given[0])
        return lambda: f"Bearer {token}"

    def forget(self, principal, refused):
        """Stand in for ``Credentials``."""
        self.given.pop(0)
        self.forgotten += 1
        return True

    def test_renewed(self):
        """A long query goes on with the token of the moment."""
        self.lanes.hold(Lane.SLOW)
        self.execute(FOREVER)
        self.given.pop(0)
        self.lanes.go()
        self.lanes.go()
        sent = [headers["Authorization"] for headers in self.trino.headers]
        self.assertEqual((sent[0], sent[-1]), ("Bearer one", "Bearer two"))

    def test_later_call(self):
        """A later page is asked for with the credential of the call that wants it."""
        page = self.page(self.execute(pages(2, 5, 5), ALICE))
        later = evolve(ALICE, token_mark="later")
        self.page(self.fetch(page.handle, later))
        self.assertIs(self.asked_for[0], ALICE)
        self.assertIs(self.asked_for[-1], later)

    def test_login_has_ended(self):
        """A query whose person's login has ended fails, and is canceled all the same."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        del self.given[:]
        self.lanes.go()
        self.failureResultOf(call, NoTrinoUser)
        self.assertEqual(self.trino.deleted, ["q0"])
        self.assertEqual(self.trino.headers[-1]["Authorization"], "Bearer one")

    def test_refused(self):
        """A refused token is replaced once, then it is the operator's to see to."""
        self.trino.failures.append((401, None))
        self.page(self.execute(pages(1)))
        self.assertEqual(self.forgotten, 1)
        self.trino.failures.extend([(401, None)] * 2)
        self.failureResultOf(self.execute(pages(1)))
        self.assertEqual(self.forgotten, 2)

    def test_refused_cancellation(self):
        """So it is when a query is canceled by its id."""
        self.lanes.hold(Lane.SLOW)
        self.execute(FOREVER)
        self.trino.failures.append((401, None))
        self.successResultOf(self.coordinator.cancel("q0", ASKING))
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_not_shown(self):
        """A page of Trino's that repeats the credential does not get into the log."""
        self.trino.failures.extend([(401, "Bearer one is bad")] * 2)
        refused = self.failureResultOf(self.execute(pages(1))).value
        self.assertNotIn("one", str(refused))
