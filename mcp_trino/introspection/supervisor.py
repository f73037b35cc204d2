"""
Runs the worker as a child of the web process, and runs it again.

Under one user this keeps crashes, memory and parsing apart; it is no boundary
between the two. The listening socket stays here, so that who asks while the
worker starts again waits and is not refused.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from mcp_trino.errors import ConfigurationError
from mcp_trino.introspection.handover import to_line
from mcp_trino.settings import WorkerSettings
from mcp_trino.unix_sockets import bind_private

_PROGRAM = (sys.executable, "-P", "-m", "mcp_trino.introspection.child")
_SOCKET_DESCRIPTOR = 3
_FIRST_DELAY_SECONDS = 0.1
_MAX_DELAY_SECONDS = 30.0
_STEADY_SECONDS = 10.0
_STOP_SECONDS = 3.0
_HANGS_SECONDS = 5.0
_START_SECONDS = 30.0
_MAX_LINE_BYTES = 65536
# What Python and OpenSSL need; everything else may be a secret.
_ENVIRONMENT = (
    "PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


class SupervisedWorker(Service):
    """
    A worker that lives as long as this service runs.

    It starts when the service starts, so after twistd forked and shed its
    privileges.

    :ivar path: the socket that it answers at, in a directory of its own.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, settings: WorkerSettings, directory: Path | None = None
    ) -> None:
        """
        Decide where the socket will be; nothing is made yet.

        :param reactor: runs the child, and measures the time.
        :param directory: where to make the socket's own directory, that for
            temporary files if ``None``.
        """
        parent = Path(gettempdir()) if directory is None else directory
        self._directory = parent / f"mcp-trino-{token_hex(8)}"
        self.path = self._directory / "introspection"
        self._reactor = reactor
        self._settings = settings
        self._delay_seconds = _FIRST_DELAY_SECONDS
        self._child: _Child | None = None
        self._started_at = 0.0
        self._again: IDelayedCall | None = None
        self._listening: Any = None  # the socket

    @property
    def process_id(self) -> int | None:
        """The worker's process id, ``None`` between two of them."""
        return None if self._child is None else self._child.process_id

    def startService(self) -> None:
        """
        Make the socket and start the worker.

        :raise ConfigurationError: the socket cannot be made.
        """
        super().startService()
        try:
            self._directory.mkdir(mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                (f"{self._directory} cannot be made: {error.strerror}",)
            ) from error
        self._listening = bind_private(self.path)
        self._spawn()

    def stopService(self) -> Deferred[None]:
        """
        End the worker.

        :return: fires when it is gone, and its socket with it.
        """
        super().stopService()
        if self._again is not None and self._again.active():
            self._again.cancel()
        if self._child is None:
            ended: Deferred[None] = succeed(None)
        else:
            ended = self._child.end(self._reactor)
        return ended.addCallback(lambda _: self._remove())

    def reread(self) -> None:
        """Have the worker fetch its keys now."""
        if self._child is not None:
            self._child.signal("HUP")

    def heard(self, at: float) -> None:
        """
        Kill a worker that runs but no longer answers; another one is started.

        :param at: when a worker last answered, in seconds of the reactor's
            clock. One that has just been started gets more time.
        """
        patience = _HANGS_SECONDS if at >= self._started_at else _START_SECONDS
        silent = self._reactor.seconds() - max(at, self._started_at)
        if self._child is not None and silent >= patience:
            self._log.error(
                "the introspection worker has not answered for {seconds:.0f} s",
                seconds=silent,
            )
            self._child.signal("KILL")

    def _remove(self) -> None:
        if self._listening is not None:
            self._listening.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _spawn(self) -> None:
        if self._listening is None:
            return
        self._started_at = self._reactor.seconds()
        child = self._child = _Child(to_line(self._settings), self._log)
        child.ended.addCallback(self._ended)
        try:
            self._reactor.spawnProcess(
                child,
                _PROGRAM[0],
                _PROGRAM,
                env=environment_of(os.environ),
                childFDs={
                    0: "w",
                    1: "r",
                    2: "r",
                    _SOCKET_DESCRIPTOR: self._listening.fileno(),
                },
            )
        except OSError as error:
            child.ended.callback(f"it could not be started: {error}")

    def _ended(self, reason: str) -> None:
        self._child = None
        if not self.running:
            return
        if self._reactor.seconds() - self._started_at >= _STEADY_SECONDS:
            self._delay_seconds = _FIRST_DELAY_SECONDS
        delay = self._delay_seconds
        self._delay_seconds = min(2 * delay, _MAX_DELAY_SECONDS)
        self._log.error(
            "the introspection worker is gone ({reason}); again in {delay} s",
            reason=reason,
            delay=delay,
        )
        self._again = self._reactor.callLater(delay, self._spawn)


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what the worker sees of an environment."""
    return {name: environ[name] for name in _ENVIRONMENT if name in environ}


@define(eq=False)
class _Child(ProcessProtocol):
    """
    Our ends of the worker's pipes.

    :ivar ended: fires with the reason when the process is gone.
    """

    transport: IProcessTransport = field(init=False)
    _line: bytes = field(repr=False)
    _log: Logger
    ended: Deferred[str] = field(init=False, factory=Deferred)
    process_id: int | None = field(init=False, default=None)
    _output: bytes = field(init=False, default=b"", repr=False)

    def connectionMade(self) -> None:
        """Hand the settings over; the pipe stays open until the end."""
        self.process_id = self.transport.pid
        self.transport.write(self._line)

    def signal(self, name: str) -> None:
        """Send a signal, unless it is gone."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def end(self, clock: Any) -> Deferred[None]:
        """Have it end; by force when it does not."""
        self.transport.closeStdin()
        force = clock.callLater(_STOP_SECONDS, self.signal, "KILL")
        gone: Deferred[None] = Deferred()

        def tell(reason: str) -> str:
            if force.active():
                force.cancel()
            gone.callback(None)
            return reason

        self.ended.addCallback(tell)
        return gone

    def outReceived(self, data: bytes) -> None:
        """Take what it logs into our log."""
        *lines, self._output = (self._output + data).split(b"\n")
        for line in lines:
            self._relay(line)
        self._output = self._output[-_MAX_LINE_BYTES:]

    def errReceived(self, data: bytes) -> None:
        """Take what should not be there: why it could not start, for example."""
        for line in data.decode(errors="replace").splitlines():
            self._log.error("introspection worker: {line}", line=line)

    def processEnded(self, reason: Failure) -> None:
        """Tell who waits."""
        done = reason.check(ProcessDone)
        self.ended.callback("it ended" if done else reason.getErrorMessage())

    def _relay(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            level = LogLevel.lookupByName(event["level"])
            text = event["message"] + event.get("traceback", "")
            log = Logger(namespace=str(event["logger"]))
        except (ValueError, LookupError, TypeError):
            self.errReceived(line)
        else:
            log.emit(level, "{text}", text=text)
