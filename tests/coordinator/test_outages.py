"""Tests of a coordinator that fails at some moment, in every way."""

from mcp_trino.coordinator.failures import Transient
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    QueryCanceled,
    StatementFailed,
)
from tests.coordinator.scripted_trino import failing, pages
from tests.coordinator.test_service import CoordinatorTestCase

PASSING = {
    "refused": Transient("connection refused"),
    "closed": Transient("the connection fails"),
    "429": (429, None),
    "502": (502, None),
    "503": (503, None),
    "504": (504, None),
    "nothing": (200, None),
}
LASTING = {
    "other JSON": ((200, {"no": "protocol"}), CoordinatorUnreachable),
    "no object": ((200, [1]), CoordinatorUnreachable),
    "half JSON": ((200, b'{"id": "q0", "stats": {'), CoordinatorUnreachable),
    "HTML": ((200, b"<html>Welcome to the gateway"), CoordinatorUnreachable),
    "no text": ((200, b"\x1f\x8b\xff"), CoordinatorUnreachable),
    "500": ((500, None), CoordinatorUnreachable),
    "redirect": ((302, None), CoordinatorUnreachable),
    "401": ((401, None), CoordinatorRefused),
    "403": ((403, None), CoordinatorRefused),
}
# The number of requests that are answered before: the POST, the first GET, and
# one in the middle of the rows.
MOMENTS = (0, 1, 3)


class OutageTests(CoordinatorTestCase):
    """Every failure at every moment of a query."""

    def setUp(self):
        """Look afterwards whether the service has recovered."""
        super().setUp()
        self.addCleanup(self.works_again)

    def fail_after(self, answered, *failures):
        """Run a query of which a later request fails."""
        self.trino.failures_from[len(self.trino.requests) + answered + 1] = failures
        return self.execute(pages(1, 1, 1))

    def test_passing(self):
        """What passes costs a while, no row, and no second execution."""
        for name, failure in PASSING.items():
            for moment in MOMENTS:
                del self.trino.requests[:]
                call = self.fail_after(moment, failure, failure)
                self.assertNoResult(call)
                self.clock.pump([0.1, 0.5])
                self.assertEqual(
                    self.numbers(self.page(call)), [0, 1, 2], (name, moment)
                )
                posts = self.methods().count("POST")
                self.assertEqual(posts, 3 if moment == 0 else 1, (name, moment))

    def test_lost(self):
        """An answer that does not arrive is asked for again; what it began never runs."""
        for moment in MOMENTS:
            before = len(self.trino.requests)
            self.trino.lost = {before + moment + 1}
            call = self.execute(pages(1, 1, 1))
            self.clock.advance(0.1)
            self.assertEqual(self.numbers(self.page(call)), [0, 1, 2], moment)
            asked = self.trino.requests[before:]
            posts = [url for method, url in asked if method == "POST"]
            self.assertEqual(len(posts), 2 if moment == 0 else 1)
            # Trino runs a query when its first page is asked for.
            run = {url.split("/")[5] for method, url in asked if method == "GET"}
            self.assertEqual(len(run), 1)

    def test_lasting(self):
        """What does not pass is told, and the query is canceled if there is one."""
        for name, (failure, error) in LASTING.items():
            for moment in MOMENTS:
                del self.trino.requests[:], self.trino.deleted[:]
                call = self.fail_after(moment, failure)
                told = self.failureResultOf(call, error).value
                self.assertTrue(str(told), (name, moment))
                self.assertEqual(self.methods().count("POST"), 1)
                self.assertEqual(len(self.trino.deleted), moment > 0, (name, moment))

    def test_down(self):
        """After some attempts it is said that Trino does not answer."""
        for moment in MOMENTS:
            failures = [PASSING["refused"]] * 4
            call = self.fail_after(moment, *failures)
            self.clock.pump([0.1, 0.5, 1.5])
            told = self.failureResultOf(call, CoordinatorUnreachable).value
            self.assertIn("refused", str(told))

    def test_restarted(self):
        """A Trino that was restarted has lost the query, and it is not run again."""
        for moment in (1, 3):
            del self.trino.requests[:]
            call = self.fail_after(moment, (404, None))
            told = self.failureResultOf(call, CoordinatorUnreachable).value
            self.assertIn("restarted", str(told))
            self.assertEqual(self.methods().count("POST"), 1)

    def test_ended_there(self):
        """What ends a query at Trino is told apart."""
        for name, error in (
            ("SERVER_STARTING_UP", CoordinatorUnreachable),
            ("NO_NODES_AVAILABLE", CoordinatorUnreachable),
            ("ABANDONED_QUERY", CoordinatorUnreachable),
            ("ADMINISTRATIVELY_KILLED", QueryCanceled),
            ("ADMINISTRATIVELY_PREEMPTED", QueryCanceled),
            ("EXCEEDED_CPU_LIMIT", StatementFailed),
            ("EXCEEDED_SCAN_LIMIT", StatementFailed),
        ):
            self.failureResultOf(self.execute([*pages(1), failing(name)]), error)

    def works_again(self):
        """Find that the service works again, without having been restarted."""
        self.assertEqual(self.numbers(self.page(self.execute(pages(2)))), [0, 1])
        self.assertEqual(self.coordinator._places._free, self.settings.concurrency)
