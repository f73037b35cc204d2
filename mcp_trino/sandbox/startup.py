"""From an empty machine to a Trino that answers: download, configure, run, wait."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from threading import Lock

from attrs import define, field

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox import trino
from mcp_trino.sandbox.artifacts import ensure_unpacked
from mcp_trino.sandbox.instances import Instance, create_instance
from mcp_trino.sandbox.launch import Event, Launch
from mcp_trino.sandbox.probe import runs_queries

_PROBE_INTERVAL_SECONDS = 0.25
_TERMINATION_SECONDS = 5.0


@define(eq=False)
class Startup:
    """
    One Trino, from its download to its end.

    ``run`` belongs to one thread, ``end`` and ``remove`` to another.

    :ivar tell: called with each event, from the thread of ``run``.
    """

    _launch: Launch
    _tell: Callable[[Event, str], None] = field(repr=False)
    _now: Callable[[], float] = field(default=time.monotonic, repr=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)
    _ended: bool = field(init=False, default=False)
    _instance: Instance | None = field(init=False, default=None)
    _processes: list["Popen[bytes]"] = field(init=False, factory=list, repr=False)

    def run(self) -> None:
        """
        Download what is missing, start Trino and stay until it ends.

        :raise SandboxUnavailable: this machine lacks something.
        :raise SandboxFailed: Trino did not start, or ended by itself.
        :raise SystemExit: ``end`` was called.
        """
        launch = self._launch
        ensure_unpacked(
            trino.ARTIFACTS,
            launch.cache,
            maven_url=launch.maven_url,
            spare_bytes=trino.SPARE_BYTES,
            report=self._report,
        )
        self._instance = instance = create_instance(launch.cache)
        port = _free_port()
        trino.configure(instance, launch, port)
        self._report(
            f"Starting Trino {trino.VERSION} on 127.0.0.1:{port} "
            f"with up to {launch.heap_mb} MB of memory for its data …"
        )
        server = self._spawn(
            trino.server_command(instance, launch),
            instance,
            instance.log,
            [instance.server_lock.fileno()],
        )
        instance.note_server(server.pid)
        self._wait_until_ready(server, instance, port)
        self._tell(Event.READY, f"http://127.0.0.1:{port}")
        with suppress(OSError):
            self._archive_classes(instance)
        raise self._failure(f"ended with exit code {server.wait()}", instance)

    def end(self) -> None:
        """Have no process any more, neither now nor later; this blocks shortly."""
        with self._lock:
            self._ended = True
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_TERMINATION_SECONDS)
            except TimeoutExpired:
                process.kill()
                process.wait()

    def remove(self) -> None:
        """Delete what the server wrote; call it after ``end``."""
        if self._instance is not None:
            self._instance.remove()

    def _report(self, sentence: str) -> None:
        if self._ended:
            raise SystemExit
        self._tell(Event.REPORT, sentence)

    def _spawn(
        self,
        command: list[str],
        instance: Instance,
        log: Path,
        inherited: Sequence[int] = (),
    ) -> "Popen[bytes]":
        with self._lock, log.open("wb") as output:
            if self._ended:
                raise SystemExit
            process = Popen(  # noqa: S603 - nothing of it comes from outside
                command,
                cwd=instance.directory,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                pass_fds=inherited,
            )
            self._processes.append(process)
        return process

    def _wait_until_ready(
        self, server: "Popen[bytes]", instance: Instance, port: int
    ) -> None:
        deadline = self._now() + self._launch.timeout_seconds
        while not runs_queries(port):
            try:
                code = server.wait(_PROBE_INTERVAL_SECONDS)
            except TimeoutExpired:
                if self._now() < deadline:
                    continue
                seconds = self._launch.timeout_seconds
                raise self._failure(
                    f"runs no query after {seconds:g} s", instance
                ) from None
            raise self._failure(f"ended with exit code {code}", instance)

    def _archive_classes(self, instance: Instance) -> None:
        """
        Archive the classes of a first run, so that the next start is quicker.

        It is done beside the running server and at a low priority; when it
        fails, later starts are as slow as this one.
        """
        archive = trino.class_archive(self._launch.cache)
        if archive.exists():
            return
        written = instance.directory / archive.name
        command = trino.archive_command(instance, self._launch, written)
        log = instance.directory / "archive.log"
        if self._spawn(command, instance, log).wait() == 0:
            # A power cut must not leave the name without the content.
            os.sync()
            written.rename(archive)

    def _failure(self, what: str, instance: Instance) -> SandboxFailed:
        if self._ended:
            raise SystemExit
        return SandboxFailed(
            f"Trino {what}; the end of its log:\n{instance.last_lines()}"
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
