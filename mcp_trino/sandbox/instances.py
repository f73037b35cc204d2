"""
The working directories of running servers, one each, and their locks.

A server's directory holds two locks. ``supervisor.lock`` is held by the
supervisor. ``server.lock`` is inherited by the server, so it is held as long as
the server lives, whatever became of its supervisor, and it contains the
server's process id. That is how a later start tells a running sandbox from
what is left of one, and ends the latter.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from attrs import field, frozen

from mcp_trino.sandbox.locks import take_lock, try_lock

_LOG_LINES = 15


@frozen
class Instance:
    """
    The working directory of one server.

    :ivar directory: the server's working directory.
    :ivar server_lock: to be inherited by the server, and by nothing else.
    """

    directory: Path
    server_lock: TextIOWrapper = field(repr=False)
    _supervisor_lock: TextIOWrapper = field(repr=False)

    @property
    def log(self) -> Path:
        """What the server writes to its standard output and error."""
        return self.directory / "server.log"

    def last_lines(self) -> str:
        """Give the end of the server's log."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by their paths in the directory, for this user only."""
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def link(self, links: Mapping[str, Path]) -> None:
        """Make symbolic links, by their paths in the directory."""
        for name, target in links.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)

    def keep(self, made: Path, target: Path) -> None:
        """
        Move what this instance has made into the cache.

        :param made: in the instance's directory.
        """
        # A power cut must not leave the name without the content.
        os.sync()
        # Another instance may have been first.
        with suppress(OSError):
            made.rename(target)

    def note_server(self, process_id: int) -> None:
        """Keep the process id of the server for whoever finds it without us."""
        self.server_lock.write(str(process_id))
        self.server_lock.flush()

    def remove(self) -> None:
        """Delete the directory; the server has ended."""
        shutil.rmtree(self.directory, ignore_errors=True)


def create_instance(cache: Path) -> Instance:
    """
    Make a working directory, after ending what is left of dead sandboxes.

    :param cache: the directory of all sandboxes of this user.
    """
    instances = cache / "instances"
    instances.mkdir(exist_ok=True)
    with take_lock(cache / "instances.lock"):
        for left_over in instances.glob("*/"):
            _sweep(left_over)
        directory = Path(tempfile.mkdtemp(dir=instances))
        return Instance(
            directory,
            server_lock=take_lock(directory / "server.lock"),
            supervisor_lock=take_lock(directory / "supervisor.lock"),
        )


def _sweep(directory: Path) -> None:
    supervisor_lock = try_lock(directory / "supervisor.lock")
    if supervisor_lock is None:
        return
    with supervisor_lock:
        path = directory / "server.lock"
        server_lock = try_lock(path)
        if server_lock is None:
            process_id = path.read_text()
            if not process_id:
                # It has only just been started; the next sweep will know it.
                return
            with suppress(ProcessLookupError):
                os.kill(int(process_id), signal.SIGKILL)
            server_lock = take_lock(path)
        with server_lock:
            shutil.rmtree(directory)
