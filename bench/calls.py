"""One call after the other, many at once, and large results."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from attrs import frozen

from bench.contenders import (
    CONTENDERS,
    RAW,
    REFERENCES,
    SERVED,
    Bench,
    Contender,
    rotated,
)
from bench.mcp_client import Era, MCPClient
from bench.references import Client, Floor, WrongAnswer
from bench.report import Row, Target
from bench.server import cpu_seconds

_BLOCKS = 6
_CALLS = 6
_TIDY_SECONDS = 0.05
_STATEMENTS = (
    (
        "SELECT 1",
        1,
        Row(
            "SELECT 1, and tools/list: latency (median)",
            "ms",
            REFERENCES,
            (Target(1.0, RAW, SERVED),),
        ),
        Row(
            "SELECT 1, and tools/list: own CPU of client (references) or server",
            "ms a call",
            REFERENCES,
            (
                Target(0.75, RAW, (Era.STATELESS.value,)),
                Target(0.85, RAW, (Era.HANDSHAKE.value,)),
            ),
        ),
    ),
    (
        "SELECT * FROM tpch.tiny.nation",
        25,
        Row("25 rows: latency (median)", "ms", REFERENCES),
        Row("25 rows: own CPU of client or server", "ms a call", REFERENCES),
    ),
)
_CROWDS = {
    1: (24, Row("SELECT 1, 1 client", "answers a second", REFERENCES)),
    8: (64, Row("SELECT 1, 8 clients at once", "answers a second", REFERENCES)),
    32: (96, Row("SELECT 1, 32 clients at once", "answers a second", REFERENCES)),
}
_RESULTS = {
    1_000: (
        4,
        Row("1,000 rows: time (median)", "ms", REFERENCES),
        Row("1,000 rows: received", "bytes", REFERENCES),
    ),
    10_000: (
        4,
        Row("10,000 rows: time (median)", "ms", REFERENCES),
        Row("10,000 rows: received", "bytes", REFERENCES),
    ),
}
_ORDERS = (
    "SELECT orderkey, custkey, totalprice, orderdate, clerk"
    " FROM tpch.tiny.orders LIMIT {}"
)


@frozen
class _Turn:
    """What a contender does when it is its turn, and the clock of its CPU."""

    who: str
    ask: Callable[[], object]
    cpu_seconds: Callable[[], float] | None


def one_after_the_other(bench: Bench) -> None:
    """Measure latency and CPU of single calls, a few of each contender in turn."""
    for sql, rows, latency, cpu in _STATEMENTS:
        with _clients(bench, CONTENDERS) as clients:
            _compare(bench, clients, sql, rows)
            turns = [
                _Turn(
                    contender.name,
                    partial(client.query, sql, rows),
                    _served_cpu(bench) if contender.is_served else time.thread_time,
                )
                for contender, client in clients
            ]
            turns += [
                _Turn(
                    f"{contender.name} tools/list",
                    partial(client.request, "tools/list", {}),
                    _served_cpu(bench),
                )
                for contender, client in clients
                if isinstance(client, MCPClient) and rows == 1
            ]
            _take_turns(bench, turns, latency, cpu)


def many_at_once(bench: Bench) -> None:
    """Measure how many answers a second 1, 8 and 32 clients get."""
    for crowd, (total, row) in _CROWDS.items():
        for contender in rotated(CONTENDERS, bench.table.round):
            with _clients(bench, [contender] * crowd) as clients:
                left = iter(range(total))
                started = time.perf_counter()
                with ThreadPoolExecutor(crowd) as pool:
                    asking = [pool.submit(_ask, client, left) for _, client in clients]
                for asked in asking:
                    asked.result()
                rate = total / (time.perf_counter() - started)
            bench.table.add(row, contender.name, rate)


def large_results(bench: Bench) -> None:
    """Measure time and bytes of 1,000 and 10,000 rows, in pages where need be."""
    for rows, (repeats, time_row, bytes_row) in _RESULTS.items():
        sql = _ORDERS.format(rows)
        with _clients(bench, CONTENDERS) as clients:
            times = defaultdict(list)
            for repeat in range(repeats):
                for contender, client in rotated(clients, repeat):
                    started = time.perf_counter()
                    client.query(sql, rows)
                    times[contender.name].append(time.perf_counter() - started)
            for contender, client in clients:
                median = statistics.median(times[contender.name])
                bench.table.add(time_row, contender.name, median * 1000)
                if isinstance(client, Floor | MCPClient):
                    bench.table.add(
                        bytes_row, contender.name, client.bytes_read / repeats
                    )


@contextmanager
def _clients(
    bench: Bench, contenders: Sequence[Contender]
) -> Iterator[list[tuple[Contender, Client]]]:
    with ExitStack() as stack:
        yield [
            (contender, stack.enter_context(closing(contender.connect(bench))))
            for contender in contenders
        ]


def _compare(
    bench: Bench, clients: list[tuple[Contender, Client]], sql: str, rows: int
) -> None:
    """Make sure that everybody gives the same rows; this warms them up, too."""
    with closing(Floor(bench.coordinator)) as floor:
        expected = sorted(floor.query(sql, rows))
    for contender, client in clients:
        if sorted(client.query(sql, rows)) != expected:
            raise WrongAnswer(f"{contender.name} gives other rows of {sql}")


def _served_cpu(bench: Bench) -> Callable[[], float] | None:
    pid = bench.server.pid
    return None if pid is None else partial(cpu_seconds, pid)


def _take_turns(bench: Bench, turns: list[_Turn], latency: Row, cpu: Row) -> None:
    times = defaultdict(list)
    spent: dict[str, float] = defaultdict(float)
    for block in range(_BLOCKS):
        for turn in rotated(turns, block):
            before = turn.cpu_seconds() if turn.cpu_seconds else 0
            for _ in range(_CALLS):
                started = time.perf_counter()
                turn.ask()
                times[turn.who].append(time.perf_counter() - started)
            # What is tidied up after an answer is a part of the call's cost.
            time.sleep(_TIDY_SECONDS)
            if turn.cpu_seconds:
                spent[turn.who] += turn.cpu_seconds() - before
    for who, measured in times.items():
        bench.table.add(latency, who, statistics.median(measured) * 1000)
    for who, seconds in spent.items():
        bench.table.add(cpu, who, seconds / (_BLOCKS * _CALLS) * 1000)


def _ask(client: Client, left: Iterator[int]) -> None:
    for _ in left:
        client.query("SELECT 1", 1)
