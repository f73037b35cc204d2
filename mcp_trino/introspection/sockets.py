"""A UNIX socket that nobody else can reach, not even for an instant."""

import os
import socket
import stat
from pathlib import Path

from mcp_trino.errors import ConfigurationError

# Of Twisted's own 50 the next one would be refused, not wait.
_BACKLOG = 1024
_NOBODY_ELSE = 0o177


def bind_private(path: Path) -> socket.socket:
    """
    Bind a socket that listens, of mode 0600 from the beginning.

    One that was left over by a process that is gone is replaced.

    :raise ConfigurationError: it cannot be bound, or somebody listens there.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Twisted binds first and restricts the mode after.
    before = os.umask(_NOBODY_ELSE)
    try:
        _remove_stale(path)
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        reason = error.strerror or error
        raise ConfigurationError((f"cannot listen at {path}: {reason}",)) from error
    finally:
        os.umask(before)
    listening.setblocking(False)
    return listening


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
