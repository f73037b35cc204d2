"""Tests of many queries at once, of large and of failing ones, on a real Trino."""

import os
from uuid import uuid4

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from mcp_trino.errors import StatementFailed
from mcp_trino.principal import Principal
from mcp_trino.queries import PageState
from tests.coordinator.test_real import WINDOW, RealTestCase
from tests.coordinator.test_service import QUERIES
from tests.e2e.process_memory import peak_bytes, reset_peak, resident_bytes

PEOPLE = [Principal("https://idp.test", f"p{number}", "p") for number in range(16)]
COLUMNS = 500
CELL_CHARS = 1_000_000
BYTES_PER_QUERY = 15_000_000
AT_ONCE = 64


class LoadTests(RealTestCase):
    """Sixteen people who ask at once."""

    settings = evolve(
        QUERIES,
        concurrency=AT_ONCE,
        queue=AT_ONCE,
        concurrency_each=4,
        open_results=AT_ONCE,
        open_results_per_principal=4,
        quick_threads=16,
        slow_threads=16,
    )

    async def test_all_at_once(self):
        """Wide tables, long cells, failures after many rows: each gets its own."""
        table = f"memory.default.wide_{uuid4().hex[:8]}"
        names = [f"c{number}" for number in range(COLUMNS)]
        columns = ", ".join(f"x + {number} AS {n}" for number, n in enumerate(names))
        await self.execute(
            f"CREATE TABLE {table} AS SELECT {columns} "
            "FROM UNNEST(sequence(1, 10)) t(x)"
        )
        self.addCleanup(lambda: self.execute(f"DROP TABLE {table}"))

        async def wide(principal):
            page = await self.execute(f"SELECT * FROM {table}", principal)
            self.assertEqual([column.name for column in page.columns], names)
            rows = sorted(page.rows)
            self.assertEqual(
                rows, [[x + n for n in range(COLUMNS)] for x in range(1, 11)]
            )

        async def long(principal):
            text = f"SELECT x, rpad('', {CELL_CHARS}, 'y') FROM UNNEST(sequence(1, 3)) t(x)"
            window = evolve(
                WINDOW, max_bytes=4 * CELL_CHARS, max_cell_chars=2 * CELL_CHARS
            )
            page = await self.execute(text, principal, window)
            cells = sorted((row[0], len(row[1])) for row in page.rows)
            self.assertEqual(cells, [(1, CELL_CHARS), (2, CELL_CHARS), (3, CELL_CHARS)])

        async def failing(principal):
            text = (
                "SELECT 1 / (15000 - x - y * 10000) FROM UNNEST(sequence(0, 4)) b(y) "
                "CROSS JOIN UNNEST(sequence(0, 9999)) a(x)"
            )
            with self.assertRaises(StatementFailed) as caught:
                page = await self.execute(text, principal)
                while page.handle is not None:
                    page = await self.fetch(page, principal)
            self.assertEqual(caught.exception.name, "DIVISION_BY_ZERO")

        async def own(principal):
            mark = f"{principal.subject} {uuid4()}"
            page = await self.execute(f"SELECT '{mark}'", principal)
            self.assertEqual(page.rows, ([mark],))

        kinds = (wide, long, failing, own)
        pid = os.getpid()
        reset_peak(pid)
        before = resident_bytes(pid)
        calls = [Deferred.fromCoroutine(kind(p)) for kind in kinds for p in PEOPLE]
        short = evolve(WINDOW, further=False)
        page = await self.execute("SHOW CATALOGS", PEOPLE[0], short)
        self.assertEqual(page.state, PageState.COMPLETE)
        await gatherResults(calls, consumeErrors=True)
        grown = peak_bytes(pid) - before
        self.assertLess(grown, BYTES_PER_QUERY * AT_ONCE)
        self.assertEqual(self.service._places._free, AT_ONCE)
