"""Tests of the way to Trino on a real one."""

from urllib.parse import urlsplit

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, DeferredList
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.errors import (
    PageGone,
    QueryCanceled,
    QueryNotFound,
    StatementFailed,
    TimedOut,
)
from mcp_trino.principal import Principal
from mcp_trino.queries import PageState, Statement, Window
from mcp_trino.store import MemoryStore
from tests.coordinator.test_service import QUERIES, TRINO
from tests.real_trino import real_trino

ALICE = Principal("https://idp.test", "1", "alice@example.test")
BOB = Principal("https://idp.test", "2", "Bob, 東京")
WINDOW = Window(
    max_rows=1000, max_bytes=1_000_000, max_cell_chars=10_000, wait_seconds=60.0
)
SETTINGS = evolve(QUERIES, concurrency=8, queue=8, quick_threads=4, slow_threads=4)
ENDLESS = (
    "SELECT count(*) FROM tpch.sf1000.lineitem l WHERE l.comment LIKE '%zzqq%' "
    "AND cast(l.orderkey AS varchar) LIKE '%9999999999%'"
)


class RealTestCase(TestCase):
    """A coordinator service on the Trino of the tests."""

    settings = SETTINGS
    timeout = 300

    def setUp(self):
        """Start a service."""
        url = urlsplit(real_trino())
        self.service = CoordinatorService(
            reactor,
            evolve(TRINO, host=url.hostname, port=url.port),
            self.settings,
            MemoryStore(reactor),
            b"key",
        )
        self.service.startService()
        self.addCleanup(self.stop, self.service)

    def stop(self, service):
        """Stop a service that runs."""
        return service.stopService() if service.running else None

    def execute(self, text, principal=ALICE, window=WINDOW, watch=None, timeout=120.0):
        """Run a statement."""
        statement = Statement(text, "tpch", "tiny", timeout)
        return self.service.execute(statement, principal, window, watch)

    def fetch(self, page, principal=ALICE, window=WINDOW):
        """Give the page after another."""
        return self.service.fetch(page.handle, principal, window, None)

    async def states(self, query_ids):
        """Give the states that Trino knows of queries."""
        ids = ", ".join(f"'{query_id}'" for query_id in query_ids)
        page = await self.execute(
            f"SELECT state FROM system.runtime.queries WHERE query_id IN ({ids})"
        )
        return {row[0] for row in page.rows}

    async def ended(self, *query_ids):
        """Wait until Trino says that queries have failed."""
        for _ in range(40):
            states = await self.states(query_ids)
            if states == {"FAILED"}:
                return
            await deferLater(reactor, 0.05)
        self.fail(f"the queries are {states}")


class StatementTests(RealTestCase):
    """Statements of all kinds."""

    async def test_kinds(self):
        """What only reads gives rows, whatever it is called."""
        for text in (
            "SHOW CATALOGS",
            "SHOW STATS FOR nation",
            "DESCRIBE nation",
            "EXPLAIN SELECT * FROM nation",
            "VALUES 1",
            "TABLE nation",
        ):
            page = await self.execute(text)
            self.assertEqual(page.state, PageState.COMPLETE)
            self.assertTrue(page.rows and page.columns, text)

    async def test_columns(self):
        """Columns without names, with equal names and of all empty results are kept."""
        page = await self.execute('SELECT 1, 2 AS a, 3 AS a, 4 AS "a," WHERE false')
        self.assertEqual([c.name for c in page.columns], ["_col0", "a", "a", "a,"])
        self.assertEqual(page.rows, ())

    async def test_many_columns(self):
        """A row of a thousand columns comes whole."""
        page = await self.execute("SELECT " + ", ".join(map(str, range(1000))))
        self.assertEqual(page.rows, (list(range(1000)),))

    async def test_errors(self):
        """Trino's error comes with its name, place and text."""
        with self.assertRaises(StatementFailed) as caught:
            await self.execute("SELECT\n  nope FROM nation")
        failed = caught.exception
        self.assertEqual((failed.name, failed.type), ("COLUMN_NOT_FOUND", "USER_ERROR"))
        self.assertEqual((failed.line, failed.column), (2, 3))
        self.assertEqual(failed.message, "Column 'nope' cannot be resolved")
        for text, name in (
            ("SELECT * FROM nation WHERE", "SYNTAX_ERROR"),
            ("SELECT * FROM nope.x.y", "CATALOG_NOT_FOUND"),
            ("SELECT 1 / (nationkey - 24) FROM nation", "DIVISION_BY_ZERO"),
            ("SELECT fail('boom')", "GENERIC_USER_ERROR"),
            ("", "BAD_REQUEST"),
        ):
            with self.assertRaises(StatementFailed) as caught:
                await self.execute(text)
            self.assertEqual(caught.exception.name, name)

    async def test_fails_midway(self):
        """A query that fails after many rows says so at last."""
        page = await self.execute(
            "SELECT 1 / (orderkey - 50000) FROM orders ORDER BY orderkey LIMIT 0"
        )
        self.assertEqual(page.rows, ())
        with self.assertRaises(StatementFailed):
            page = await self.execute(
                "SELECT orderkey / (orderkey - 59424) FROM tpch.sf1.orders"
            )
            while page.handle is not None:
                page = await self.fetch(page)

    async def test_probe(self):
        """The probe runs a query and knows the version."""
        state = await self.service.probe()
        self.assertTrue(state.reachable)
        self.assertRegex(state.version, r"^\d+")

    async def test_attribution(self):
        """Trino knows on whose behalf a query runs; the operator can see it."""
        page = await self.execute("SELECT 1", BOB)
        page = await self.execute(
            'SELECT "user", source FROM system.runtime.queries '
            f"WHERE query_id = '{page.query_id}'"
        )
        self.assertEqual(page.rows, (["mcp", "mcp-trino"],))


class TypeTests(RealTestCase):
    """Values of every type, as text of Trino and as JSON."""

    async def test_types(self):
        """Nothing is lost, nothing rounded."""
        cases = [
            ("BIGINT '9223372036854775807'", "9223372036854775807"),
            ("BIGINT '-9007199254740991'", -9007199254740991),
            ("TINYINT '1'", 1),
            ("true", True),
            ("NULL", None),
            ("REAL '1.1'", 1.1),
            ("REAL '-0.0'", -0.0),
            ("1.5e300", 1.5e300),
            ("nan()", "NaN"),
            ("-infinity()", "-Infinity"),
            (
                "DECIMAL '12345678901234567890123456789012345678'",
                "12345678901234567890123456789012345678",
            ),
            ("DECIMAL '0.10'", "0.10"),
            ("DATE '+99999-01-01'", "+99999-01-01"),
            ("TIME '01:02:03.123456789012'", "01:02:03.123456789012"),
            ("TIME '01:02:03+02:00'", "01:02:03+02:00"),
            (
                "TIMESTAMP '2020-01-01 01:02:03.123456789012'",
                "2020-01-01 01:02:03.123456789012",
            ),
            (
                "TIMESTAMP '2020-01-01 01:02:03.1 Europe/Berlin'",
                "2020-01-01 01:02:03.1 Europe/Berlin",
            ),
            ("current_timezone()", "UTC"),
            ("INTERVAL '1' YEAR", "1-0"),
            ("INTERVAL '1.5' SECOND", "0 00:00:01.500"),
            (
                "UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'",
                "12151fd2-7586-11e9-8f9e-2a86e4085a59",
            ),
            ("IPADDRESS '2001:db8::1'", "2001:db8::1"),
            ("X'00FF'", "AP8="),
            ("CAST('a' AS char(3))", "a  "),
            ("'Größe 東京 ' || chr(128512) || chr(0)", "Größe 東京 \U0001f600\0"),
            (
                "JSON '{\"a\": 12345678901234567890123}'",
                '{"a":12345678901234567890123}',
            ),
            ("approx_set(1)", "AgwBAIADRAA="),
            ("ARRAY[BIGINT '9007199254740993', NULL]", ["9007199254740993", None]),
            ("ARRAY[nan()]", ["NaN"]),
            (
                "MAP(ARRAY[BIGINT '9007199254740993'], ARRAY[ARRAY[DECIMAL '1.0']])",
                {"9007199254740993": ["1.0"]},
            ),
            ("MAP(ARRAY[ROW(1, 2)], ARRAY['x'])", {"[1, 2]": "x"}),
            ("ROW(1, 'x')", [1, "x"]),
            (
                "CAST(ROW(1, ROW(9007199254740993)) AS ROW(a integer, b ROW(c bigint)))",
                {"a": 1, "b": {"c": "9007199254740993"}},
            ),
        ]
        page = await self.execute("SELECT " + ", ".join(sql for sql, _ in cases))
        for (sql, expected), value in zip(cases, page.rows[0], strict=True):
            self.assertEqual((sql, repr(value)), (sql, repr(expected)))

    async def test_long_cells(self):
        """Long cells are cut with a mark, and the bytes of a page are bounded."""
        window = evolve(WINDOW, max_cell_chars=1000, max_bytes=5000)
        page = await self.execute(
            "SELECT rpad('x', 1000000, 'y') FROM UNNEST(sequence(1, 10))", window=window
        )
        given = 0
        while True:
            given += len(page.rows)
            self.assertLessEqual(sum(len(row[0]) for row in page.rows), 5000)
            self.assertEqual(page.cut_cells, len(page.rows))
            self.assertIn("1000000 characters", page.rows[0][0])
            if page.handle is None:
                break
            page = await self.fetch(page, window=window)
        self.assertEqual(given, 10)


class PageTests(RealTestCase):
    """Results of many pages."""

    async def test_add_up(self):
        """A hundred thousand rows come once each; pages read again are the same."""
        window = evolve(WINDOW, max_rows=7000)
        page = await self.execute(
            "SELECT orderkey, comment FROM tpch.sf1.orders LIMIT 100000", window=window
        )
        keys = []
        while True:
            self.assertEqual(page.row_offset, len(keys))
            keys += [row[0] for row in page.rows]
            if page.handle is None:
                break
            again = self.fetch(page, window=window)
            page = await self.fetch(page, window=window)
            self.assertEqual(page, await again)
        self.assertEqual((len(keys), len(set(keys))), (100000, 100000))

    async def test_left_at_once(self):
        """A small result that is read by pages does not stay open at Trino."""
        page = await self.execute(
            "SELECT * FROM nation", window=evolve(WINDOW, max_rows=10)
        )
        self.assertEqual(page.state, PageState.MORE)
        self.assertEqual(await self.states([page.query_id]), {"FINISHED"})
        page = await self.fetch(page)
        self.assertEqual((page.state, len(page.rows)), (PageState.COMPLETE, 15))

    async def test_running(self):
        """A query that takes longer answers with a handle that waits on."""
        progress = []
        text = (
            "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) "
            "CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
            "CROSS JOIN UNNEST(sequence(1, 2)) c(z)"
        )
        short = evolve(WINDOW, wait_seconds=0.1)
        page = await self.execute(text, window=short, watch=progress.append)
        self.assertEqual((page.state, page.rows), (PageState.RUNNING, ()))
        with self.assertRaises(PageGone):
            await self.fetch(page, BOB)
        page = await self.fetch(page)
        self.assertEqual((page.state, page.rows), (PageState.COMPLETE, ([200000000],)))
        self.assertEqual({seen.query_id for seen in progress}, {page.query_id})


class CancelTests(RealTestCase):
    """Queries end at Trino whenever their call ends."""

    async def running(self, **asked):
        """Start an endless query and give its call and its id when it runs."""
        seen = []
        call = self.execute(ENDLESS, watch=seen.append, **asked)
        call.addErrback(lambda failure: failure.trap(CancelledError) and failure.value)
        while not any(progress.state == "RUNNING" for progress in seen):
            await deferLater(reactor, 0.05)
        return call, seen[0].query_id

    async def test_canceled_call(self):
        """A call that is canceled takes its query along."""
        call, query_id = await self.running()
        call.cancel()
        await self.ended(query_id)
        self.assertIsInstance(await call, CancelledError)

    async def test_canceled_early(self):
        """A call canceled at any moment of its first second leaves nothing running."""
        mark = f"SELECT count(*) AS c{id(self)}" + ENDLESS.removeprefix(
            "SELECT count(*)"
        )
        for delay in (0.0, 0.005, 0.02, 0.05, 0.1, 0.3):
            call = self.execute(mark)
            call.addErrback(lambda failure: failure.trap(CancelledError) and None)
            await deferLater(reactor, delay)
            call.cancel()
            await call
        for _ in range(40):
            page = await self.execute(
                "SELECT count(*) FROM system.runtime.queries "
                f"WHERE query LIKE 'SELECT count(*) AS c{id(self)} %' "
                "AND state NOT IN ('FAILED', 'FINISHED')"
            )
            if page.rows == ([0],):
                return
            await deferLater(reactor, 0.05)
        self.fail(f"{page.rows} queries go on")

    async def test_deadline(self):
        """A query is canceled when its time is up."""
        with self.assertRaises(TimedOut) as caught:
            await self.execute(ENDLESS, timeout=2.0)
        await self.ended(caught.exception.query_id)

    async def test_by_id(self):
        """The owner cancels a query by its id; nobody else can, nor a second time."""
        call, query_id = await self.running()
        call.addErrback(lambda failure: failure.trap(QueryCanceled) and failure.value)
        with self.assertRaises(QueryNotFound):
            await self.service.cancel(query_id, BOB)
        await self.service.cancel(query_id, ALICE)
        self.assertIsInstance(await call, QueryCanceled)
        for wrong in (query_id, "20200101_000000_00000_abcde", "x/../y"):
            with self.assertRaises(QueryNotFound):
                await self.service.cancel(wrong, ALICE)

    async def test_open_result(self):
        """An open result whose time has passed is canceled within two seconds."""
        self.service._results._settings = evolve(SETTINGS, result_ttl_seconds=0.5)
        page = await self.execute("SELECT * FROM tpch.sf1.lineitem")
        self.assertEqual(page.state, PageState.MORE)
        await self.ended(page.query_id)
        with self.assertRaises(PageGone):
            await self.fetch(page)

    async def test_stop(self):
        """Stopping cancels what runs and what is open, and ends all threads."""
        page = await self.execute("SELECT * FROM tpch.sf1.lineitem")
        call, query_id = await self.running()
        call.addErrback(lambda failure: failure.trap(QueryCanceled) and failure.value)
        await self.service.stopService()
        self.assertIsInstance(await call, QueryCanceled)
        self.setUp()
        await self.ended(page.query_id, query_id)

    async def test_many(self):
        """Sixteen people at once each get their own rows."""
        people = [Principal("i", str(n), f"p{n}") for n in range(16)]
        calls = [self.execute(f"SELECT {n}", person) for n, person in enumerate(people)]
        results = await DeferredList(calls)
        self.assertEqual(
            [page.rows for _, page in results], [([n],) for n in range(16)]
        )
