"""The server as people run it: a process of its own, on a free port of loopback."""

import atexit
import os
import re
import subprocess
import sysconfig
import threading
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from attrs import define, field

from tests.e2e.certificates import Certificates, make_certificates
from tests.real_trino import real_trino

_START_SECONDS = 30
_STOP_SECONDS = 20
_STARTING = re.compile(r"starting on (\d+)")


@define(eq=False)
class ServerProcess:
    """
    A running server and all that it has said.

    :ivar scheme: ``http`` or ``https``.
    :ivar trust: environment variables by which clients in Python and in
        JavaScript trust its certificate.
    """

    scheme: str
    trust: dict[str, str]
    _process: subprocess.Popen[str] = field(repr=False)
    _directory: "TemporaryDirectory[str]" = field(repr=False)
    _lines: list[str] = field(factory=list, repr=False)
    _listening: threading.Event = field(factory=threading.Event, repr=False)
    _reader: threading.Thread = field(init=False, repr=False)
    _port: int = 0

    def __attrs_post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._port

    @property
    def url(self) -> str:
        """The MCP endpoint."""
        return f"{self.scheme}://127.0.0.1:{self._port}/mcp"

    @property
    def sse_url(self) -> str:
        """The endpoint for clients of the revision of 2024-11-05."""
        return f"{self.scheme}://127.0.0.1:{self._port}/sse"

    @property
    def log(self) -> str:
        """All that it wrote so far."""
        return "".join(self._lines)

    def wait_until_listening(self) -> None:
        """:raise AssertionError: it ended or said nothing; shows the log."""
        if not self._listening.wait(_START_SECONDS) or not self._port:
            self.stop()
            raise AssertionError(f"the server did not start:\n{self.log}")

    def terminate(self) -> None:
        """Ask it to end, as ``kill -TERM`` does."""
        self._process.terminate()

    def wait(self, timeout_seconds: float) -> int:
        """
        Wait for its end and give its exit code.

        :raise subprocess.TimeoutExpired: it runs on.
        """
        return self._process.wait(timeout_seconds)

    def stop(self) -> None:
        """End it, whatever it does, and read its log to the end."""
        self.terminate()
        try:
            self.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.wait(_STOP_SECONDS)
        self._reader.join()
        self._directory.cleanup()

    def _read(self) -> None:
        with self._process.stdout as output:
            for line in output:
                self._lines.append(line)
                if not self._port and (found := _STARTING.search(line)):
                    self._port = int(found[1])
                    self._listening.set()
        self._listening.set()


def start_server(
    scheme: str = "http",
    trino: str | None = None,
    certificates: Certificates | None = None,
    port: int = 0,
    twistd: tuple[str, ...] = (),
    **settings: str,
) -> ServerProcess:
    """
    Start ``mcp-trino serve`` for http, ``twistd mcp-trino`` for https or by wish.

    :param trino: the URL of the coordinator, that of the tests if ``None``.
    :param certificates: those of https, its own if ``None``.
    :param port: where it has to listen, a free one if 0.
    :param twistd: options of ``twistd``, to start that.
    :param settings: further environment variables.
    """
    environment = server_environment(trino, **settings)
    listen = ["--listen", f"tcp:{port}:interface=127.0.0.1:backlog=1024"]
    directory = TemporaryDirectory(prefix="mcp-trino-")
    command, trust = [program("mcp-trino"), "serve", *listen], {}
    if twistd or scheme == "https":
        command = [program("twistd"), "--nodaemon", "--pidfile=", *twistd]
        command += ["mcp-trino", *listen]
    if scheme == "https":
        files = certificates or make_certificates(Path(directory.name))
        command += ["--tls-cert", str(files.chain), "--tls-key", str(files.key)]
        trust = files.trust
    process = subprocess.Popen(
        command,
        cwd=directory.name,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = ServerProcess(scheme, trust, process, directory)
    server.wait_until_listening()
    return server


@cache
def shared_server(scheme: str) -> ServerProcess:
    """Give the server of all tests that neither end nor fill it."""
    server = start_server(scheme)
    atexit.register(server.stop)
    return server


def server_environment(trino: str | None = None, **settings: str) -> dict[str, str]:
    """Give a server's whole environment, so that none of the caller's counts."""
    coordinator = urlsplit(trino or real_trino())
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "TRINO_HOST": str(coordinator.hostname),
        "TRINO_PORT": str(coordinator.port),
        "TRINO_SCHEME": coordinator.scheme,
        "TRINO_USER": "end-to-end",
        **settings,
    }


def program(name: str) -> str:
    """Give the path of a program of the environment that the tests run in."""
    return str(Path(sysconfig.get_path("scripts")) / name)
