"""From an empty machine to a server that answers: download, configure, run, wait."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from threading import Lock

from attrs import define, field

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox.artifacts import ensure_unpacked
from mcp_trino.sandbox.instances import Instance, create_instance
from mcp_trino.sandbox.keycloak import Keycloak
from mcp_trino.sandbox.launch import Event, KeycloakLaunch, Launch, TrinoLaunch
from mcp_trino.sandbox.ports import any_free_port
from mcp_trino.sandbox.program import Program
from mcp_trino.sandbox.trino import Trino

_PROBE_INTERVAL_SECONDS = 0.25
_TERMINATION_SECONDS = 5.0


@define(eq=False)
class Startup:
    """
    One server, from its download to its end.

    ``run`` belongs to one thread, ``end`` and ``remove`` to another.

    :ivar tell: called with each event, from the thread of ``run``.
    """

    _launch: Launch
    _tell: Callable[[Event, str], None] = field(repr=False)
    _now: Callable[[], float] = field(default=time.monotonic, repr=False)
    _program: Program = field(init=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)
    _ended: bool = field(init=False, default=False)
    _instance: Instance | None = field(init=False, default=None)
    _processes: list["Popen[bytes]"] = field(init=False, factory=list, repr=False)

    def __attrs_post_init__(self) -> None:
        self._program = _program(self._launch, any_free_port())

    def run(self) -> None:
        """
        Download what is missing, start the server and stay until it ends.

        :raise SandboxUnavailable: this machine lacks something.
        :raise SandboxFailed: it did not start, or ended by itself.
        :raise SystemExit: ``end`` was called.
        """
        launch, program = self._launch, self._program
        ensure_unpacked(
            program.artifacts,
            launch.cache,
            maven_url=launch.maven_url,
            spare_bytes=program.spare_bytes,
            report=self._report,
        )
        self._instance = instance = create_instance(launch.cache)

        def run(command: list[str], log: str) -> int:
            return self._spawn(command, instance, instance.directory / log).wait()

        program.configure(instance)
        self._report(
            f"Starting {program.title} on 127.0.0.1:{program.port} "
            f"with up to {launch.heap_mb} MB of memory for its data …"
        )
        program.prepare(instance, run)
        server = self._spawn(
            program.command(instance),
            instance,
            instance.log,
            [instance.server_lock.fileno()],
        )
        instance.note_server(server.pid)
        self._wait_until_ready(server, instance)
        self._tell(Event.READY, program.url)
        with suppress(OSError):
            program.follow_up(instance, run)
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
                env=os.environ | self._program.environment,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                pass_fds=inherited,
            )
            self._processes.append(process)
        return process

    def _wait_until_ready(self, server: "Popen[bytes]", instance: Instance) -> None:
        deadline = self._now() + self._launch.timeout_seconds
        while not self._program.is_ready():
            try:
                code = server.wait(_PROBE_INTERVAL_SECONDS)
            except TimeoutExpired:
                if self._now() < deadline:
                    continue
                seconds = self._launch.timeout_seconds
                raise self._failure(
                    f"is not ready after {seconds:g} s", instance
                ) from None
            raise self._failure(f"ended with exit code {code}", instance)

    def _failure(self, what: str, instance: Instance) -> SandboxFailed:
        if self._ended:
            raise SystemExit
        lines = instance.last_lines()
        return SandboxFailed(f"{self._program.title} {what}; its log ends:\n{lines}")


def _program(launch: Launch, port: int) -> Program:
    match launch:
        case TrinoLaunch():
            return Trino(launch, port)
        case KeycloakLaunch():
            return Keycloak(launch, launch.port or port)
    raise AssertionError(launch)
