"""Tests of holding lists against what Trino says, without a Trino."""

from collections import deque

from attrs import evolve, frozen

from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    PageGone,
    StatementFailed,
    StatementRefused,
)
from mcp_trino.queries import PageState
from tests.coordinator.scripted_trino import WAITING, failing, pages
from tests.coordinator.test_service import (
    ALICE,
    FOREVER,
    WINDOW,
    CoordinatorTestCase,
    statement,
)

SECRET = failing("INVALID_CAST_ARGUMENT", message="Cannot cast 'secret' to INT")


def analysis(*tables, kind="SELECT", state="RUNNING", direct=True):
    """Give what Trino says that a query is about."""
    return {
        "queryType": kind,
        "state": state,
        "referencedTables": [
            {
                "catalog": "tpch",
                "schema": "tiny",
                "table": table,
                "directlyReferenced": direct,
            }
            for table in tables
        ],
    }


@frozen
class OnlyNation:
    """Lets only one table be seen."""

    mark: str = "nation"

    def allow(self, tables):
        """Refuse any other."""
        for table in tables:
            if table != ("tpch", "tiny", "nation"):
                raise StatementRefused(f"{table[2]} is kept away")

    def disclose(self, error, tables):
        """Show nothing of what is not known."""
        if tables is None:
            return evolve(error, message="withheld")
        self.allow(tables)
        return error


class InspectionTestCase(CoordinatorTestCase):
    """A coordinator that looks at what Trino says."""

    def setUp(self):
        """Let only one table be seen."""
        super().setUp()
        self.coordinator._inspection = OnlyNation()
        self.trino.analysis = analysis("nation")

    def inspected(self, script, watch=None, window=WINDOW):
        """Run a statement of a caller's."""
        text = f"q{len(self.trino.scripts)}"
        self.trino.scripts[text] = script
        asked = evolve(statement(text), inspection=OnlyNation())
        return self.coordinator.execute(asked, ALICE, window, watch)

    def asked_about(self):
        """How often Trino was asked what a query is about."""
        return sum("/v1/query/" in url for _, url in self.trino.requests)


class InspectionTests(InspectionTestCase):
    """What is given out of an answer, and when."""

    def test_passes(self):
        """What reads only what is listed is given, for one more request."""
        page = self.page(self.inspected([WAITING, *pages(1, 1, 1)]))
        self.assertEqual(self.numbers(page), [0, 1, 2])
        self.assertEqual(self.asked_about(), 1)

    def test_own(self):
        """Statements of the server's own are not asked about."""
        self.trino.analysis = analysis("other")
        self.page(self.execute(pages(1)))
        self.assertEqual(self.asked_about(), 0)

    def test_refused(self):
        """Of anything else no row is given, and it ends at Trino."""
        self.trino.analysis = analysis("nation", "other")
        self.failureResultOf(self.inspected(pages(1, 1)), StatementRefused)
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_views(self):
        """What a view reads for the statement is let pass."""
        self.trino.analysis = analysis("other", direct=False)
        self.assertEqual(len(self.page(self.inspected(pages(2))).rows), 2)

    def test_not_a_query(self):
        """What Trino takes for something else than a query is refused."""
        for kind in ("INSERT", "EXPLAIN", None):
            self.trino.analysis = analysis(kind=kind)
            self.failureResultOf(self.inspected(pages(1)), StatementRefused)

    def test_not_known_yet(self):
        """While Trino does not know what is read it is asked again."""
        early = analysis("nation", state="PLANNING")
        self.trino.analysis = deque([(200, early), (503, {}), (200, analysis())])
        call = self.inspected(pages(1))
        self.assertNoResult(call)
        for _ in range(2):
            self.clock.advance(0.5)
        self.assertEqual(self.page(call).rows, ([0],))

    def test_never_known(self):
        """When Trino never says it, nothing is given."""
        self.trino.analysis = analysis("nation", state="PLANNING")
        call = self.inspected(pages(1))
        for _ in range(4):
            self.clock.advance(2)
        self.failureResultOf(call, CoordinatorUnreachable)
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_not_said(self):
        """Where the question is not answered nothing is given."""
        for answered, error in (
            ((403, {}), CoordinatorRefused),
            ((404, {}), CoordinatorRefused),
            ((410, {}), CoordinatorRefused),
            ((200, {"referencedTables": None}), CoordinatorUnreachable),
            ((200, {"queryType": "SELECT"}), CoordinatorUnreachable),
            ((200, {"referencedTables": [{"catalog": "a"}]}), CoordinatorUnreachable),
        ):
            self.trino.analysis = deque([answered])
            self.failureResultOf(self.inspected(pages(1)), error)

    def test_error(self):
        """An error tells nothing of what is kept away."""
        self.trino.analysis = analysis("other", state="FAILED")
        self.failureResultOf(self.inspected([WAITING, SECRET]), StatementRefused)
        self.trino.analysis = analysis("nation", state="FAILED")
        call = self.inspected([WAITING, SECRET])
        self.assertIn("secret", str(self.failureResultOf(call, StatementFailed)))
        self.trino.analysis = deque([(404, {})])
        call = self.inspected([SECRET])
        error = self.failureResultOf(call, StatementFailed)
        self.assertEqual(error.value.message, "withheld")

    def test_error_after_rows(self):
        """Once it passed an error is shown, without being asked about again."""
        call = self.inspected([[[1]], SECRET])
        self.assertIn("secret", str(self.failureResultOf(call, StatementFailed)))
        self.assertEqual(self.asked_about(), 1)

    def test_progress(self):
        """Before that progress has no numbers, and a page no warnings."""
        told = []
        call = self.inspected(FOREVER, told.append)
        page = self.page(call)
        self.assertEqual(page.state, PageState.RUNNING)
        for progress in (*told, page.progress):
            self.assertEqual(progress.processed_rows, 0)
            self.assertIsNone(progress.percentage)
            self.assertEqual(progress.state, "RUNNING")
        self.assertEqual(self.asked_about(), 0)


class LaterTests(InspectionTestCase):
    """Results that are read on."""

    def waiting(self):
        """Give the page of a query of which nothing is known yet."""
        window = evolve(WINDOW, wait_seconds=1.0)
        return self.page(self.inspected([WAITING] * 6 + pages(1), window=window))

    def test_inspected_later(self):
        """A query that had to wait is looked at when it answers."""
        page = self.waiting()
        self.assertEqual(page.state, PageState.RUNNING)
        self.assertEqual(self.page(self.fetch(page.handle)).rows, ([0],))
        self.assertEqual(self.asked_about(), 1)

    def test_refused_later(self):
        """It is refused then, too, and ends at Trino."""
        page = self.waiting()
        self.trino.analysis = analysis("other")
        self.failureResultOf(self.fetch(page.handle), StatementRefused)
        self.assertEqual(self.trino.deleted, ["q0"])

    def test_once(self):
        """A result that passed is not asked about for each page."""
        page = self.page(self.inspected(pages(4)))
        self.assertEqual(len(self.page(self.fetch(page.handle)).rows), 1)
        self.assertEqual(self.asked_about(), 1)

    def test_other_lists(self):
        """By other lists, or without lists, no page is given, read before or not."""
        page = self.page(self.inspected(pages(7)))
        self.page(self.fetch(page.handle))
        for inspection in (OnlyNation("other"), None):
            self.coordinator._inspection = inspection
            self.failureResultOf(self.fetch(page.handle), PageGone)
        self.coordinator._inspection = OnlyNation()
        self.assertEqual(len(self.page(self.fetch(page.handle)).rows), 3)


class PlanTests(CoordinatorTestCase):
    """Plans, which are one long text."""

    def test_lines(self):
        """Each line is a row, and the rest is read by page."""
        asked = evolve(statement("plan"), is_plan=True)
        varchar = {"rawType": "varchar", "arguments": []}
        columns = [{"name": "Plan", "type": "varchar", "typeSignature": varchar}]
        plan = {"columns": columns, "data": [["a\n  b\nc\nd\n\n"]]}
        self.trino.scripts["plan"] = [plan]
        page = self.page(self.coordinator.execute(asked, ALICE, WINDOW, None))
        self.assertEqual(page.rows, (["a"], ["  b"], ["c"]))
        page = self.page(self.fetch(page.handle))
        self.assertEqual(page.rows, (["d"], [""]))
        self.assertEqual(page.state, PageState.COMPLETE)
