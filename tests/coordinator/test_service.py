"""Tests of running statements: races, limits and handles, without a Trino."""

from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino.coordinator.failures import Transient
from mcp_trino.coordinator.lanes import Lane
from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.errors import (
    Busy,
    ConfigurationError,
    CoordinatorRefused,
    CoordinatorUnreachable,
    InvalidArgument,
    PageGone,
    QueryCanceled,
    QueryNotFound,
    StatementFailed,
    TimedOut,
)
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import PageState, Statement, Window
from mcp_trino.settings import QuerySettings, TrinoSettings
from mcp_trino.store import MemoryStore
from mcp_trino.trino_identity import TrinoLogin
from tests.coordinator.scripted_trino import (
    WAITING,
    HeldLanes,
    ScriptedTrino,
    failing,
    pages,
)

TRINO = TrinoSettings(
    scheme="http",
    host="trino.test",
    port=8080,
    user="mcp",
    password=None,
    catalog=None,
    schema=None,
    source="mcp-trino",
    ca_file=None,
    verify=True,
    request_timeout_seconds=30.0,
)
QUERIES = QuerySettings(
    timeout_seconds=60.0,
    wait_seconds=45.0,
    max_rows=1000,
    default_rows=100,
    max_bytes=100_000,
    max_cell_chars=1000,
    result_ttl_seconds=120.0,
    open_results=3,
    open_results_per_principal=2,
    concurrency=2,
    queue=2,
    quick_threads=1,
    slow_threads=1,
)
ALICE = Principal("https://idp.test", "1", "alice@example.test")
BOB = Principal("https://idp.test", "2", "Bob, the Größte", client_id="c1")
WINDOW = Window(max_rows=3, max_bytes=10_000, max_cell_chars=100, wait_seconds=45.0)
FOREVER = [WAITING] * 1000


def statement(text="q", timeout_seconds=60.0):
    """Give a statement of the script ``text``."""
    return Statement(text, "tpch", "tiny", timeout_seconds)


class CoordinatorTestCase(SynchronousTestCase):
    """A coordinator over a scripted Trino, on a clock."""

    settings = QUERIES

    def setUp(self):
        """Start a coordinator."""
        self.clock = Clock()
        self.trino = ScriptedTrino(self.clock)
        self.lanes = HeldLanes()
        self.store = MemoryStore(self.clock)
        self.coordinator = CoordinatorService(
            self.clock,
            TRINO,
            self.settings,
            self.store,
            b"key",
            lanes=self.lanes,
            transport=self.trino,
        )
        self.coordinator.startService()
        self.addCleanup(self.end)

    def end(self):
        """End all calls that the test has left: they must not end by themselves."""
        for call in self.coordinator._calls:
            call.addErrback(lambda _: None)
        if self.coordinator.running:
            self.coordinator.stopService()
        self.lanes.held = set()
        while self.lanes.jobs:
            self.lanes.go()

    def execute(self, script, principal=ALICE, window=WINDOW, watch=None, **asked):
        """Run a statement that is answered by a script."""
        text = f"q{len(self.trino.scripts)}"
        self.trino.scripts[text] = script
        return self.coordinator.execute(
            statement(text, **asked), principal, window, watch
        )

    def fetch(self, handle, principal=ALICE, window=WINDOW):
        """Read on."""
        return self.coordinator.fetch(handle, principal, window, None)

    def page(self, call):
        """Give the page of a call that has ended."""
        return self.successResultOf(call)

    def numbers(self, page):
        """Give the numbers in the rows of a page."""
        return [row[0] for row in page.rows]

    def methods(self):
        """Give the methods of the requests that were sent."""
        return [method for method, _ in self.trino.requests]


class ExecuteTests(CoordinatorTestCase):
    """Running a statement."""

    def test_interface(self):
        """The service provides what it says."""
        verifyObject(ICoordinator, self.coordinator)

    def test_whole_result(self):
        """A result that fits comes whole, without a handle and with its types."""
        page = self.page(self.execute([WAITING, [[1], [2]]]))
        self.assertEqual(page.state, PageState.COMPLETE)
        self.assertEqual(page.rows, ([1], [2]))
        self.assertEqual([(c.name, c.type) for c in page.columns], [("n", "bigint")])
        self.assertIsNone(page.handle)
        self.assertEqual(self.trino.deleted, [])

    def test_one_job_for_a_short_query(self):
        """A query that answers at once changes to a thread and back only once."""
        self.page(self.execute([[], [[1]], []]))
        self.assertEqual(self.lanes.ran, [Lane.QUICK])

    def test_rows_of_several_pages(self):
        """Short pages of Trino's are put together."""
        page = self.page(self.execute(pages(1, 1, 1)))
        self.assertEqual(self.numbers(page), [0, 1, 2])
        self.assertEqual(page.state, PageState.COMPLETE)

    def test_exactly_as_many_as_wanted(self):
        """A result as long as the window is known to be complete."""
        page = self.page(self.execute(pages(3)))
        self.assertEqual((page.state, len(page.rows)), (PageState.COMPLETE, 3))

    def test_no_result(self):
        """A result without rows is complete and has its columns."""
        page = self.page(self.execute([[]]))
        self.assertEqual((page.state, page.rows), (PageState.COMPLETE, ()))

    def test_statement_fails(self):
        """What Trino says of a statement is told, with its place in the text."""
        error = failing(
            "COLUMN_NOT_FOUND",
            message="line 1:8: Column 'x' cannot be resolved",
            errorLocation={"lineNumber": 1, "columnNumber": 8},
        )
        failed = self.failureResultOf(self.execute([error]), StatementFailed).value
        self.assertEqual(failed.message, "Column 'x' cannot be resolved")
        self.assertEqual((failed.line, failed.column, failed.query_id), (1, 8, "q0"))
        self.assertEqual(self.trino.deleted, [])

    def test_fails_midway(self):
        """A query that fails after rows fails as a whole, not with half a result."""
        self.failureResultOf(self.execute([*pages(2), failing()]), StatementFailed)

    def test_external_error(self):
        """A failure of what Trino reads from is a failed statement as well."""
        call = self.execute([failing("JDBC_ERROR", "EXTERNAL")])
        self.assertEqual(
            self.failureResultOf(call, StatementFailed).value.type, "EXTERNAL"
        )

    def test_canceled_elsewhere(self):
        """A query that an administrator ends is told from a failed one."""
        call = self.execute([failing("ADMINISTRATIVELY_KILLED", message="because")])
        self.assertEqual(
            str(self.failureResultOf(call, QueryCanceled).value), "because"
        )

    def test_starting_up(self):
        """A Trino without workers is not the statement's fault."""
        call = self.execute([failing("NO_NODES_AVAILABLE", "INTERNAL_ERROR")])
        self.assertIn(
            "starting up", str(self.failureResultOf(call, CoordinatorUnreachable))
        )

    def test_progress(self):
        """Whoever watches is told of each answer that took its time."""
        seen = []
        self.page(self.execute([WAITING, WAITING, [[1]]], watch=seen.append))
        self.assertEqual({p.query_id for p in seen}, {"q0"})
        self.assertGreaterEqual(len(seen), 2)

    def test_header_injection(self):
        """A catalog that would add a header is refused before anything is sent."""
        bad = evolve(statement(), catalog="x\r\nX-Trino-User: admin")
        call = self.coordinator.execute(bad, ALICE, WINDOW, None)
        self.failureResultOf(call, InvalidArgument)
        self.assertEqual(self.trino.requests, [])

    def test_attribution(self):
        """A statement says on whose behalf it is asked, in characters of a header."""
        self.page(self.execute([[[1]]], BOB))
        sent = self.trino.headers[0]
        self.assertEqual(sent["X-Trino-User"], "mcp")
        self.assertEqual(
            sent["X-Trino-Client-Tags"], "user:Bob%2C the Gr%C3%B6%C3%9Fte,client:c1"
        )
        self.assertEqual(sent["X-Trino-Time-Zone"], "UTC")
        self.assertIsNone(sent["X-Trino-Query-Data-Encoding"])
        self.assertIn("query_max_run_time=665s", sent["X-Trino-Session"])

    def test_password_needs_tls(self):
        """A password is never sent in the clear."""
        with self.assertRaises(ConfigurationError):
            CoordinatorService(
                self.clock,
                evolve(TRINO, login=TrinoLogin.BASIC, password="s3cret"),
                QUERIES,
                MemoryStore(self.clock),
                b"key",
            )


class CancelTests(CoordinatorTestCase):
    """However a call ends, its query ends at Trino."""

    def test_before_the_statement_was_answered(self):
        """A call canceled before a thread took its statement never sends it."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(FOREVER)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(self.methods(), [])
        self.lanes.go()
        self.assertEqual(self.methods(), [])

    def test_while_the_statement_is_under_way(self):
        """A call canceled while its POST is under way: not run on, and canceled."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(FOREVER)
        self.trino.meanwhile = call.cancel
        self.lanes.go()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(self.methods(), ["POST", "DELETE"])

    def test_statement_never_arrived(self):
        """A call canceled while a POST fails leaves nothing to do."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(FOREVER)
        self.trino.failures.append(Transient("no answer"))
        self.trino.meanwhile = call.cancel
        self.lanes.go()
        self.assertEqual(self.methods(), ["POST"])
        self.failureResultOf(call, CancelledError)

    def test_during_get(self):
        """The DELETE overtakes the GET that is under way."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        self.assertEqual(len(self.lanes.jobs), 1)
        call.cancel()
        self.assertEqual(self.trino.deleted, ["q0"])
        self.lanes.go()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_cancel_is_repeated(self):
        """A DELETE that fails, or is redirected, is sent again."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        self.trino.failures.extend([Transient("no answer"), (503, None), (302, {})])
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(self.trino.deleted, [])
        self.clock.pump([0.2, 1.0, 2.0])
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_cancel_in_vain(self):
        """A DELETE that fails for good is logged with the id of the query only."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        self.trino.failures.extend([Transient("no answer")] * 4)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.pump([0.2, 1.0, 2.0])
        self.assertEqual(len(self.flushLoggedErrors(Transient)), 1)

    def test_deadline(self):
        """A query that takes longer than it may is canceled, and it is said."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER, timeout_seconds=10.0)
        self.clock.advance(10.0)
        timed_out = self.failureResultOf(call, TimedOut).value
        self.assertEqual((timed_out.seconds, timed_out.query_id), (10.0, "q0"))
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_by_id(self):
        """A principal's own query can be canceled by its id, nobody else's."""
        self.lanes.hold(Lane.SLOW)
        self.execute(FOREVER)
        for principal, query_id in ((BOB, "q0"), (ALICE, "q9"), (ALICE, "../q0")):
            refused = self.coordinator.cancel(query_id, principal)
            self.failureResultOf(refused, QueryNotFound)
        self.assertEqual(self.trino.deleted, [])
        self.assertIsNone(self.successResultOf(self.coordinator.cancel("q0", ALICE)))
        self.assertEqual(self.trino.deleted, ["q0"])
        again = self.coordinator.cancel("q0", ALICE)
        self.failureResultOf(again, QueryNotFound)

    def test_owner_is_told(self):
        """A call whose query was canceled by id ends as canceled."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        self.successResultOf(self.coordinator.cancel("q0", ALICE))
        self.lanes.go()
        self.failureResultOf(call, QueryCanceled)


class StopTests(CoordinatorTestCase):
    """Stopping."""

    def test_everything_is_canceled(self):
        """Calls under way and open results are canceled before threads are joined."""
        self.page(self.execute(pages(2, 5, 5)))
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        stopped = self.coordinator.stopService()
        self.failureResultOf(call, QueryCanceled)
        self.successResultOf(stopped)
        self.assertEqual(set(self.trino.deleted), {"q0", "q1"})
        self.assertTrue(self.trino.aborted and self.lanes.stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_statement_under_way(self):
        """A query whose POST is under way is waited for and canceled."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(FOREVER)
        stops = []

        def stop():
            stops.append(self.coordinator.stopService())
            self.failureResultOf(call, QueryCanceled)
            self.assertNoResult(stops[0])

        self.trino.meanwhile = stop
        self.lanes.go()
        self.successResultOf(stops[0])
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_bounded(self):
        """A Trino that does not answer delays the end by some seconds only."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(FOREVER)
        stopped = self.coordinator.stopService()
        self.failureResultOf(call, QueryCanceled)
        self.clock.advance(5.0)
        self.successResultOf(stopped)
        self.assertTrue(self.trino.aborted and self.lanes.stopped)

    def test_afterwards(self):
        """A call that comes too late is refused at once."""
        self.successResultOf(self.coordinator.stopService())
        self.failureResultOf(self.execute([[[1]]]), QueryCanceled)


class RetryTests(CoordinatorTestCase):
    """Requests that fail and may be repeated."""

    def test_repeated(self):
        """A statement and a page are asked for again after a while."""
        self.trino.failures.extend([Transient("refused"), (503, None)])
        call = self.execute([[[1]]])
        self.assertNoResult(call)
        self.clock.pump([0.1, 0.5])
        self.assertEqual(self.numbers(self.page(call)), [1])
        self.assertEqual(self.methods()[:3], ["POST", "POST", "POST"])

    def test_no_row_twice(self):
        """A page whose answer was lost is asked for again, its rows come once."""
        self.lanes.hold(Lane.QUICK)
        call = self.execute(pages(2, 1))
        self.trino.lost = {3}
        self.lanes.go()
        self.clock.advance(0.1)
        self.lanes.go()
        self.assertEqual(self.numbers(self.page(call)), [0, 1, 2])

    def test_for_good(self):
        """After some attempts it is said that Trino does not answer."""
        self.trino.failures.extend([Transient("refused")] * 4)
        call = self.execute([[[1]]])
        self.clock.pump([0.1, 0.5, 1.5])
        self.failureResultOf(call, CoordinatorUnreachable)
        self.assertEqual(self.methods(), ["POST"] * 4)

    def test_retry_after(self):
        """What the server asks for in Retry-After is heeded."""
        self.trino.failures.append((429, None, [("Retry-After", "3")]))
        call = self.execute([[[1]]])
        self.clock.advance(2.9)
        self.assertNoResult(call)
        self.clock.advance(0.2)
        self.page(call)

    def test_canceled_between_attempts(self):
        """A call canceled while it waits to try again sends nothing more."""
        self.trino.failures.append(Transient("refused"))
        call = self.execute([[[1]]])
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.clock.advance(10)
        self.assertEqual(self.methods(), ["POST"])

    def test_not_repeated(self):
        """A refused credential, a redirect and garbage are told at once."""
        for status, error in (
            (401, CoordinatorRefused),
            (403, CoordinatorRefused),
            (302, CoordinatorUnreachable),
            (500, CoordinatorUnreachable),
            (400, StatementFailed),
        ):
            self.trino.failures.append((status, {}))
            self.failureResultOf(self.execute([[[1]]]), error)
        self.trino.failures.append((200, {"no": "protocol"}))
        self.failureResultOf(self.execute([[[1]]]), CoordinatorUnreachable)
        self.assertEqual(self.methods(), ["POST"] * 6)

    def test_query_lost(self):
        """A Trino that has forgotten the query was restarted."""
        self.lanes.hold(Lane.SLOW)
        call = self.execute(FOREVER)
        self.trino.failures.append((404, None))
        self.lanes.go()
        self.assertIn(
            "restarted", str(self.failureResultOf(call, CoordinatorUnreachable))
        )


class AdmissionTests(CoordinatorTestCase):
    """Places for queries under way."""

    def test_in_turn(self):
        """Whoever finds no place waits; principals take turns."""
        self.lanes.hold(Lane.SLOW)
        running = [self.execute(FOREVER, ALICE) for _ in range(2)]
        second = self.execute([[[1]]], ALICE)
        third = self.execute([[[2]]], BOB)
        self.assertNoResult(second)
        running[0].cancel()
        self.failureResultOf(running[0], CancelledError)
        self.page(second)
        self.page(third)

    def test_queue_full(self):
        """A call too many is told to come back."""
        self.lanes.hold(Lane.SLOW)
        calls = [self.execute(FOREVER) for _ in range(4)]
        busy = self.failureResultOf(self.execute([[[1]]]), Busy).value
        self.assertGreater(busy.retry_after_seconds, 0)
        for call in calls:
            call.addErrback(lambda failure: failure.trap(CancelledError))
            call.cancel()
        self.page(self.execute([[[1]]]))

    def test_waited_in_vain(self):
        """A call that gets no place in time says so, and nothing was run."""
        self.lanes.hold(Lane.SLOW)
        for _ in range(2):
            self.execute(FOREVER)
        sent = len(self.trino.requests)
        call = self.execute([[[1]]], window=evolve(WINDOW, wait_seconds=5.0))
        self.clock.advance(5.0)
        self.failureResultOf(call, Busy)
        self.assertEqual(len(self.trino.requests), sent)

    def test_slow_lane(self):
        """A query that takes longer than half a second leaves the quick lane to others."""
        self.lanes.hold(Lane.SLOW)
        self.execute(FOREVER)
        self.assertEqual(set(self.lanes.ran), {Lane.QUICK})
        self.assertEqual([job[0] for job in self.lanes.jobs], [Lane.SLOW])
        self.assertLess(self.clock.seconds(), 1.0)


class PageTests(CoordinatorTestCase):
    """Reading on by handle."""

    def read_all(self, page):
        """Give all numbers from a page on."""
        numbers = self.numbers(page)
        while page.handle is not None:
            page = self.page(self.fetch(page.handle))
            self.assertEqual(page.row_offset, len(numbers))
            numbers += self.numbers(page)
        return numbers

    def test_no_row_lost(self):
        """However Trino cuts its pages, all rows come once and in order."""
        for lengths in ((10,), (1,) * 10, (3, 3, 4), (2, 0, 7, 0, 1), (0, 9, 1)):
            first = self.page(self.execute(pages(*lengths)))
            self.assertEqual(first.state, PageState.MORE)
            self.assertEqual(self.read_all(first), list(range(10)))

    def test_finished_at_once(self):
        """A result that fits one page of Trino's is off Trino with the first page."""
        first = self.page(self.execute(pages(7)))
        sent = len(self.trino.requests)
        self.assertEqual(self.read_all(first), list(range(7)))
        self.assertEqual(len(self.trino.requests), sent)
        self.assertEqual(self.trino.deleted, [])

    def test_same_page_again(self):
        """A handle gives the same page until the next one is used."""
        first = self.page(self.execute(pages(4, 4, 4)))
        second = self.page(self.fetch(first.handle))
        self.assertEqual(self.page(self.fetch(first.handle)), second)
        third = self.page(self.fetch(second.handle))
        self.failureResultOf(self.fetch(first.handle), PageGone)
        self.assertEqual(self.page(self.fetch(second.handle)), third)

    def test_last_page_again(self):
        """The last page can be had again although the query is over."""
        first = self.page(self.execute(pages(4)))
        last = self.page(self.fetch(first.handle))
        self.assertEqual(last.state, PageState.COMPLETE)
        self.assertEqual(self.page(self.fetch(first.handle)), last)

    def test_rows_are_dropped(self):
        """Rows of Trino's that were kept go when all of them were given."""
        first = self.page(self.execute(pages(7)))
        self.assertTrue(any(key.startswith("rows:") for key in self.store._values))
        self.read_all(first)
        self.assertFalse(any(key.startswith("rows:") for key in self.store._values))

    def test_at_once(self):
        """Two who use a handle at the same time get the same page."""
        first = self.page(self.execute([*pages(1), [[1]] * 5, *FOREVER]))
        self.lanes.hold(Lane.QUICK)
        calls = [self.fetch(first.handle), self.fetch(first.handle)]
        while self.lanes.jobs:
            self.lanes.go()
        self.assertEqual(*[self.page(call) for call in calls])

    def test_foreign(self):
        """A handle of somebody else's is refused in the words of an unknown one."""
        first = self.page(self.execute(pages(4, 4)))
        texts = {
            str(self.failureResultOf(self.fetch(handle, principal), PageGone).value)
            for handle, principal in (
                (first.handle, BOB),
                ("nothing.2", ALICE),
                ("nonsense", ALICE),
                (first.handle.replace(".2", ".3"), ALICE),
                (first.handle.replace(".2", ".1"), ALICE),
                ("x" * 300 + ".2", ALICE),
            )
        }
        self.assertEqual(len(texts), 1)
        self.page(self.fetch(first.handle))

    def test_running(self):
        """A query without rows in time answers with its state; the handle waits on."""
        window = evolve(WINDOW, wait_seconds=5.0)
        page = self.page(self.execute([WAITING] * 15 + pages(2), window=window))
        self.assertEqual((page.state, page.rows), (PageState.RUNNING, ()))
        self.assertEqual(self.trino.deleted, [])
        again = self.page(
            self.fetch(page.handle, window=evolve(window, wait_seconds=1.0))
        )
        self.assertEqual((again.state, again.handle), (PageState.RUNNING, page.handle))
        done = self.page(self.fetch(page.handle, window=window))
        self.assertEqual((done.state, self.numbers(done)), (PageState.COMPLETE, [0, 1]))
        self.assertEqual(self.page(self.fetch(page.handle, window=window)), done)

    def test_slow_rows(self):
        """Rows that came in time are given although more may follow."""
        window = evolve(WINDOW, wait_seconds=5.0)
        page = self.page(self.execute([*pages(1), *FOREVER], window=window))
        self.assertEqual((page.state, len(page.rows)), (PageState.MORE, 1))

    def test_deadline_between_calls(self):
        """The deadline of a query counts on while nobody waits for it."""
        window = evolve(WINDOW, wait_seconds=5.0)
        page = self.page(self.execute(FOREVER, window=window, timeout_seconds=20.0))
        self.clock.advance(20.0)
        self.assertEqual(self.trino.deleted, ["q0"])
        self.failureResultOf(self.fetch(page.handle), TimedOut)

    def test_time_to_live(self):
        """A result that nobody comes back for is canceled."""
        page = self.page(self.execute(pages(4, 4, 4)))
        self.clock.advance(119.0)
        page = self.page(self.fetch(page.handle))
        self.clock.advance(119.0)
        self.assertEqual(self.trino.deleted, [])
        self.clock.advance(1.0)
        self.assertEqual(self.trino.deleted, ["q0"])
        self.failureResultOf(self.fetch(page.handle), PageGone)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_many(self):
        """The oldest result of a principal, or of all, gives way to a new one."""
        mine = [self.page(self.execute(pages(4, 4))) for _ in range(3)]
        self.assertEqual(self.trino.deleted, ["q0"])
        self.failureResultOf(self.fetch(mine[0].handle), PageGone)
        for _ in range(2):
            self.page(self.execute(pages(4, 4), BOB))
        self.assertEqual(self.trino.deleted, ["q0", "q1"])
        self.page(self.fetch(mine[2].handle))

    def test_given_up(self):
        """Nothing is left of a result that made room, the page shown last neither."""
        shown = []
        for _ in range(4):
            first = self.page(self.execute(pages(4, 4, 4)))
            shown.append(self.page(self.fetch(first.handle)).handle.partition(".")[0])
        kept = {key.split(":")[1].split("/")[0] for key in self.store._values}
        self.assertNotIn(shown[0], kept)
        self.assertIn(shown[-1], kept)

    def test_nothing_further(self):
        """Whoever wants no more than a page leaves nothing open."""
        window = evolve(WINDOW, further=False)
        kept = self.page(self.execute(pages(4, 4)))
        for _ in range(5):
            page = self.page(self.execute(pages(4, 4), window=window))
            self.assertEqual((page.state, page.handle), (PageState.MORE, None))
            self.assertEqual(self.numbers(page), [0, 1, 2])
        self.assertEqual(self.trino.deleted, ["q1", "q2", "q3", "q4", "q5"])
        self.assertEqual(self.numbers(self.page(self.fetch(kept.handle))), [3, 4, 5])

    def test_not_while_it_is_read(self):
        """A result that is being read gives way to no other."""
        read = self.page(self.execute([*pages(4), *FOREVER]))
        self.lanes.hold(Lane.SLOW)
        call = self.fetch(read.handle)
        for _ in range(3):
            self.page(self.execute(pages(4, 4)))
        self.assertNotIn("q0", self.trino.deleted)
        self.assertNoResult(call)
        call.cancel()
        self.failureResultOf(call, CancelledError)

    def test_call_canceled(self):
        """A canceled call for a page ends the query and its handle."""
        page = self.page(self.execute([*pages(4), [[1]] * 4, *FOREVER]))
        self.lanes.hold(Lane.QUICK)
        call = self.fetch(page.handle)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(self.trino.deleted, ["q0"])
        self.lanes.go()
        self.lanes.hold(Lane.SLOW)
        self.failureResultOf(self.fetch(page.handle), PageGone)

    def test_outage(self):
        """A handle outlives a while without Trino."""
        page = self.page(self.execute(pages(4, 4)))
        self.trino.failures.extend([Transient("refused")] * 4)
        call = self.fetch(page.handle)
        self.clock.pump([0.1, 0.5, 1.5])
        self.failureResultOf(call, CoordinatorUnreachable)
        self.clock.advance(119.0)
        self.assertEqual(self.numbers(self.page(self.fetch(page.handle))), [3, 4, 5])

    def test_query_lost(self):
        """A handle whose query Trino has forgotten is gone."""
        page = self.page(self.execute(pages(4, 4)))
        for status in (404, 410):
            self.trino.failures.append((status, None))
            self.failureResultOf(self.fetch(page.handle), PageGone)

    def test_fails_later(self):
        """A query that fails while it is read on says so, and is forgotten."""
        page = self.page(self.execute([*pages(4), [[1]] * 4, failing()]))
        self.failureResultOf(self.fetch(page.handle), StatementFailed)
        self.failureResultOf(self.fetch(page.handle), PageGone)

    def two_processes(self):
        """Give two coordinators that share a store."""
        store = MemoryStore(self.clock)
        first, second = (
            CoordinatorService(
                self.clock,
                TRINO,
                QUERIES,
                store,
                b"key",
                lanes=self.lanes,
                transport=self.trino,
            )
            for _ in range(2)
        )
        first.startService()
        second.startService()
        return first, second

    def test_other_process(self):
        """A handle can be used in another process that shares the store."""
        first, second = self.two_processes()
        self.trino.scripts["q"] = pages(4, 4, 4)
        page = self.page(first.execute(statement(), ALICE, WINDOW, None))
        page = self.page(second.fetch(page.handle, ALICE, WINDOW, None))
        self.assertEqual(self.numbers(page), [3, 4, 5])
        second.stopService()
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_in_turn(self):
        """Two processes can read one result in turn, to its end."""
        first, second = self.two_processes()
        self.trino.scripts["q"] = pages(4, 4, 4, 4)
        page = self.page(first.execute(statement(), ALICE, WINDOW, None))
        numbers = self.numbers(page)
        for process in (second, first, second, first, second):
            page = self.page(process.fetch(page.handle, ALICE, WINDOW, None))
            numbers += self.numbers(page)
        self.assertEqual(numbers, list(range(16)))
        self.assertIsNone(page.handle)

    def test_not_of_another_process(self):
        """A process leaves alone what another one reads since."""
        first, second = self.two_processes()
        self.trino.scripts["q"] = pages(4, 4, 4, 4)
        page = self.page(first.execute(statement(), ALICE, WINDOW, None))
        self.clock.advance(60.0)
        page = self.page(second.fetch(page.handle, ALICE, WINDOW, None))
        self.clock.advance(60.0)
        first.stopService()
        page = self.page(second.fetch(page.handle, ALICE, WINDOW, None))
        self.assertEqual(self.numbers(page), [6, 7, 8])
        self.assertEqual(self.trino.deleted, [])
        self.clock.advance(120.0)
        self.assertEqual(self.trino.deleted, ["q0"])


class ProbeTests(CoordinatorTestCase):
    """Asking whether Trino runs queries."""

    def test_reachable(self):
        """A query that was run shows it; the answer is good for five seconds."""
        self.trino.scripts["SELECT 1"] = pages(1)
        for _ in range(3):
            state = self.successResultOf(self.coordinator.probe())
            self.assertEqual((state.reachable, state.version), (True, "476"))
        self.assertEqual(self.methods().count("POST"), 1)
        self.clock.advance(5.0)
        self.successResultOf(self.coordinator.probe())
        self.assertEqual(self.methods().count("POST"), 2)

    def test_together(self):
        """All who ask at once wait for one query; who leaves does not end it."""
        self.trino.scripts["SELECT 1"] = pages(1)
        self.lanes.hold(Lane.QUICK)
        asked = [self.coordinator.probe() for _ in range(3)]
        asked[0].cancel()
        self.failureResultOf(asked[0], CancelledError)
        self.assertEqual(len(self.lanes.jobs), 1)
        while self.lanes.jobs:
            self.lanes.go()
        self.assertEqual(
            [self.successResultOf(other).reachable for other in asked[1:]], [True] * 2
        )

    def test_unreachable(self):
        """What is wrong is said, and found right again by itself."""
        self.trino.scripts["SELECT 1"] = pages(1)
        self.trino.failures.append((401, None))
        state = self.successResultOf(self.coordinator.probe())
        self.assertFalse(state.reachable)
        self.assertIn("401", state.problem)
        self.clock.advance(5.0)
        self.assertTrue(self.successResultOf(self.coordinator.probe()).reachable)

    def test_too_slow(self):
        """A Trino that only queues is not reachable; the query is canceled."""
        self.trino.scripts["SELECT 1"] = FOREVER
        state = self.successResultOf(self.coordinator.probe())
        self.assertFalse(state.reachable)
        self.assertEqual(self.trino.deleted, ["q0"])
