"""What the server takes of the machine: start, memory, sessions, streams."""

import time
from contextlib import ExitStack, closing

from bench.contenders import Bench
from bench.mcp_client import Era, MCPClient
from bench.report import Row, Target
from bench.server import Server, forget_peak, memory_kib, peak_kib, serving

_SERVER = "server"
_START = Row("start to the first /healthz", "s")
_IDLE = Row("idle memory after the first call", "MiB")
_GROWTH = Row(
    "1,000,000 rows asked, 10 pages of 1,000 at most read: peak growth",
    "MB",
    targets=(Target(20, None, (_SERVER,)),),
)
_SESSION = Row("an idle session", "KiB")
_STREAM = Row("an open stream of a session", "KiB")
_WARMING = 20
_SESSIONS = 150
_PAGES = 10
_MILLION = "SELECT * FROM tpch.sf1.orders LIMIT 1000000"
_SETTLE_SECONDS = 0.5


def of_fresh_processes(bench: Bench) -> None:
    """Measure servers that have done nothing yet, two in each round."""
    with serving(bench.coordinator) as server:
        bench.table.add(_START, _SERVER, server.start_seconds)
        if server.pid is None:
            bench.table.note("Memory is measured on Linux only.")
            return
        with closing(MCPClient.open(server.address, Era.STATELESS)) as client:
            client.query("SELECT 1", 1)
            for kind in ("Rss", "Pss"):
                bench.table.add(_IDLE, kind, memory_kib(server.pid, kind) / 1024)
            bench.table.add(_GROWTH, _SERVER, _growth(server.pid, client))
    # Another one: memory freed after large answers would hide what follows.
    with serving(bench.coordinator) as server:
        if server.pid is not None:
            _idle_clients(bench, server, server.pid)


def _growth(pid: int, client: MCPClient) -> float:
    """Give the MB that the peak lies above the size before."""
    forget_peak(pid)
    before = peak_kib(pid)
    page = client.call("execute_query", query=_MILLION, max_rows=1_000)
    query_id = page["query_id"]
    for _ in range(_PAGES - 1):
        page = client.call("fetch_page", page=page["next_page"])
    peak = peak_kib(pid)
    client.call("cancel_query", query_id=query_id)
    return (peak - before) * 1024 / 1e6


def _idle_clients(bench: Bench, server: Server, pid: int) -> None:
    """Open sessions, then a stream of each, and see what they add."""
    with ExitStack() as warming:
        for client in _sessions(warming, server, _WARMING):
            client.listen()
    with ExitStack() as stack:
        before = _settled_kib(pid)
        clients = _sessions(stack, server, _SESSIONS)
        with_sessions = _settled_kib(pid)
        for client in clients:
            client.listen()
        with_streams = _settled_kib(pid)
    bench.table.add(_SESSION, _SERVER, (with_sessions - before) / _SESSIONS)
    bench.table.add(_STREAM, _SERVER, (with_streams - with_sessions) / _SESSIONS)


def _sessions(stack: ExitStack, server: Server, number: int) -> list[MCPClient]:
    """Begin sessions that end with the stack; none keeps its connection."""
    clients = []
    for _ in range(number):
        client = MCPClient.open(server.address, Era.HANDSHAKE)
        stack.callback(client.close)
        client.hang_up()
        clients.append(client)
    return clients


def _settled_kib(pid: int) -> int:
    time.sleep(_SETTLE_SECONDS)
    return memory_kib(pid, "Pss")
