"""How quick the quick calls stay while 32 slow queries wait."""

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
_WAITING = "32 waiting"
_SLOW = 32
_CALLS = 15
_PATIENCE_SECONDS = 15
_STAYS_QUICK = (Target(2, _IDLE, (_WAITING,)),)
_LATENCY = (
    Row("list_schemas tpch: latency (median)", "ms", (_IDLE,), _STAYS_QUICK),
    Row("tools/list: latency (median)", "ms", (_IDLE,), _STAYS_QUICK),
    Row("/healthz: latency (median)", "ms", (_IDLE,), _STAYS_QUICK),
    Row("SHOW SCHEMAS FROM tpch by the raw client: latency (median)", "ms", (_IDLE,)),
)
_AT_TRINO = Row("slow queries that run at Trino", "queries")
_GONE = Row("32 dropped calls: until all are gone at Trino", "s")
# Runs for hours on tpch.sf1000; the mark finds it among the queries of others.
_SLOW_SQL = (
    "SELECT count(*) FROM tpch.sf1000.lineitem"
    " WHERE comment LIKE '%{mark}%' AND cast(orderkey AS varchar) LIKE '%9999999999%'"
)
_FIND_SQL = (
    "SELECT query_id FROM system.runtime.queries"
    " WHERE state NOT IN ('FINISHED', 'FAILED') AND strpos(query, '{mark}') > 0"
    " AND strpos(query, 'system.runtime') = 0"
)


def while_slow_ones_wait(bench: Bench) -> None:
    """Measure calls without and with 32 slow queries under way, then drop these."""
    _measure(bench, _IDLE)
    mark = uuid4().hex
    with closing(Floor(bench.coordinator)) as floor:
        running = partial(floor.ask, _FIND_SQL.format(mark=mark))
        try:
            with _slow_calls(bench, _SLOW_SQL.format(mark=mark)):
                _until(lambda: len(running()) == _SLOW)
                _measure(bench, _WAITING)
                bench.table.add(_AT_TRINO, "server", len(running()))
            bench.table.add(_GONE, "server", _until(lambda: not running()))
        finally:
            for (query_id,) in running():
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


def _measure(bench: Bench, when: str) -> None:
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
        times: dict[Row, list[float]] = {row: [] for row in _LATENCY}
        for _ in range(_CALLS):
            for row, ask in zip(_LATENCY, asks, strict=True):
                started = time.perf_counter()
                ask()
                times[row].append(time.perf_counter() - started)
        for row, measured in times.items():
            bench.table.add(row, when, statistics.median(measured) * 1000)


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
