"""How quick the quick calls stay while 100 slow queries wait."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from uuid import uuid4

from bench.contenders import Bench
from bench.mcp_client import MCPClient
from bench.references import Floor, RawClient, WrongAnswer
from bench.report import Row, Target

_IDLE = "idle"
_WAITING = "100 waiting"
_SLOW = 100
_CALLS = 15
_PATIENCE_SECONDS = 15
_STAYS_QUICK = (Target(2, _IDLE, (_WAITING,)),)
_METADATA_STAYS_QUICK = (Target(1.5, _IDLE, (_WAITING,)),)
_LATENCY = (
    Row("list_schemas tpch: latency (median)", "ms", (_IDLE,), _METADATA_STAYS_QUICK),
    Row("tools/list: latency (median)", "ms", (_IDLE,), _STAYS_QUICK),
    Row("/healthz: latency (median)", "ms", (_IDLE,), _STAYS_QUICK),
    Row("SHOW SCHEMAS FROM tpch by the raw client: latency (median)", "ms", (_IDLE,)),
)
_AT_TRINO = Row("slow queries that wait at Trino", "queries")
_GONE = Row("100 dropped calls: until all are gone at Trino", "s")
# To wait for workers that never come takes no CPU time of Trino's, which has to
# stay as quick as it was; queries that read no table of a connector's need none.
TRINO_PROPERTIES = {
    "query-manager.required-workers": "2",
    "query-manager.required-workers-max-wait": "1h",
}
_SLOW_SQL = "SELECT count(*) FROM tpch.tiny.nation WHERE name = '{mark}'"
# They all have to be at Trino at once.
SERVER_SETTINGS = {"TRINO_CONCURRENCY": str(_SLOW)}
_FIND_SQL = (
    "SELECT query_id FROM system.runtime.queries"
    " WHERE state NOT IN ('FINISHED', 'FAILED') AND strpos(query, '{mark}') > 0"
    " AND strpos(query, 'system.runtime') = 0"
)


def while_slow_ones_wait(bench: Bench) -> None:
    """
    Measure calls without and with 100 slow queries under way, then drop these.

    :param bench: its coordinator has ``TRINO_PROPERTIES``.
    """
    before = _times(bench)
    mark = uuid4().hex
    with closing(Floor(bench.coordinator)) as floor:
        running = partial(floor.ask, _FIND_SQL.format(mark=mark))
        try:
            with _slow_calls(bench, _SLOW_SQL.format(mark=mark)):
                _until(lambda: len(running()) == _SLOW)
                waiting = _times(bench)
                at_trino = len(running())
            gone = _until(lambda: not running())
        finally:
            _kill_the_rest(bench, mark)
    # Trino becomes quicker with every query at first: idle is before and after.
    after = _times(bench)
    for row in _LATENCY:
        idle = before[row] + after[row]
        bench.table.add(row, _IDLE, statistics.median(idle) * 1000)
        bench.table.add(row, _WAITING, statistics.median(waiting[row]) * 1000)
    bench.table.add(_AT_TRINO, "server", at_trino)
    bench.table.add(_GONE, "server", gone)


def _kill_the_rest(bench: Bench, mark: str) -> None:
    with closing(Floor(bench.coordinator)) as floor:
        for (query_id,) in floor.ask(_FIND_SQL.format(mark=mark)):
            bench.table.note(f"{query_id} was left behind and had to be killed")
            floor.kill(query_id)


@contextmanager
def _slow_calls(bench: Bench, sql: str) -> Iterator[None]:
    """Have calls under way; at the end their connections are closed."""
    clients = [bench.mcp() for _ in range(_SLOW)]
    try:
        for client in clients:
            client.send(
                "tools/call", {"name": "execute_query", "arguments": {"query": sql}}
            )
        yield
    finally:
        for client in clients:
            client.hang_up()


def _until(reached: Callable[[], bool]) -> float:
    """Wait, with a limit, and say how long it took."""
    started = time.perf_counter()
    while not reached() and time.perf_counter() - started < _PATIENCE_SECONDS:
        time.sleep(0.05)
    return time.perf_counter() - started


def _times(bench: Bench) -> dict[Row, list[float]]:
    """Make each kind of call, in turns, and give the seconds that each took."""
    times: dict[Row, list[float]] = {row: [] for row in _LATENCY}
    with (
        closing(bench.mcp()) as client,
        closing(RawClient(bench.coordinator)) as raw,
        closing(_Health(bench)) as health,
    ):
        asks: tuple[Callable[[], object], ...] = (
            partial(_list_schemas, client),
            partial(client.request, "tools/list", {}),
            health.ask,
            partial(raw.query, "SHOW SCHEMAS FROM tpch", 10),
        )
        for _ in range(_CALLS):
            for row, ask in zip(_LATENCY, asks, strict=True):
                started = time.perf_counter()
                ask()
                times[row].append(time.perf_counter() - started)
    return times


def _list_schemas(client: MCPClient) -> None:
    if "tiny" not in str(client.call("list_schemas", catalog="tpch")):
        raise WrongAnswer("list_schemas does not know tpch.tiny")


class _Health:
    """A kept connection that asks ``/healthz``."""

    def __init__(self, bench: Bench) -> None:
        address = bench.server.address
        self._connection = HTTPConnection(address.host, address.port, timeout=120)

    def ask(self) -> None:
        self._connection.request("GET", "/healthz")
        response = self._connection.getresponse()
        response.read()
        if response.status != 200:
            raise WrongAnswer(f"/healthz: HTTP {response.status}")

    def close(self) -> None:
        self._connection.close()
