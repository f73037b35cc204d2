"""The server under measurement as a process, and what ``/proc`` says of it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from attrs import frozen

from bench.references import USER, Address

LINUX = sys.platform == "linux"


@frozen
class Server:
    """
    A server that answers.

    :ivar pid: its process, ``None`` when it cannot be looked into.
    :ivar start_seconds: from the start of the process to the first answer of
        ``/healthz``; 0 when it was running already.
    """

    address: Address
    pid: int | None
    start_seconds: float = 0


@contextmanager
def serving(coordinator: Address, **settings: str) -> Iterator[Server]:
    """
    Start ``mcp-trino serve`` in front of a coordinator and stop it at the end.

    :param settings: further environment variables.
    :raise RuntimeError: it ended or did not answer within 30 s; what it said
        is in the message.
    """
    address = Address("127.0.0.1", _free_port())
    command = [str(Path(sys.executable).with_name("mcp-trino")), "serve"]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MCP_", "TRINO_", "OAUTH_", "OIDC_"))
    } | {
        "MCP_PORT": str(address.port),
        "TRINO_SCHEME": "http",
        "TRINO_HOST": coordinator.host,
        "TRINO_PORT": str(coordinator.port),
        "TRINO_USER": USER,
        **settings,
    }
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log
        )
        try:
            while not _answers(address):
                if process.poll() is not None or time.perf_counter() - started > 30:
                    log.seek(0)
                    said = log.read().decode(errors="replace")
                    raise RuntimeError(f"{' '.join(command)} does not answer:\n{said}")
                time.sleep(0.01)
            elapsed = time.perf_counter() - started
            yield Server(address, process.pid if LINUX else None, elapsed)
        finally:
            _stop(process)


def cpu_seconds(pid: int) -> float:
    """Give the CPU time of a process so far, ended threads included."""
    # What clock_getcpuclockid(3) computes: unlike the ticks of /proc it is exact.
    return time.clock_gettime((~pid << 3) | 2)


def memory_kib(pid: int, kind: str) -> int:
    """Give ``Pss`` or ``Rss`` of a process in KiB."""
    return _number(Path(f"/proc/{pid}/smaps_rollup"), kind)


def peak_kib(pid: int) -> int:
    """Give the largest resident size since ``forget_peak`` in KiB."""
    return _number(Path(f"/proc/{pid}/status"), "VmHWM")


def forget_peak(pid: int) -> None:
    """Begin to look for the largest resident size anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _number(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"{file} has no {name}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(address: Address) -> bool:
    connection = HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
