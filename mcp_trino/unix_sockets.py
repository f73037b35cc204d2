"""
UNIX sockets that nobody else can reach, not even for an instant.

Twisted binds one first and restricts its mode after, to 0666 unless told, and
does that to a socket that it was passed, too, whose file it also removes.
"""

import os
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet import unix
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from mcp_trino.errors import ConfigurationError

_BACKLOG = 1024
_ALL = 0o777
_OWNER_ALONE = 0o600


def bind_private(path: Path, mode: int = _OWNER_ALONE) -> socket.socket:
    """
    Bind a socket that listens, of that mode from the beginning.

    One that was left over by a process that is gone is replaced.

    :raise ConfigurationError: it cannot be bound, or somebody listens there.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_ALL & ~mode)
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


class PassedPort(unix.Port):
    """
    A port at a socket that listens already.

    Neither its mode nor its file is changed: both are another process's, and the
    next process is passed the same socket.
    """

    def __init__(
        self, listening: socket.socket, factory: IProtocolFactory, reactor: Any
    ) -> None:
        """:param listening: it belongs to the port from now on."""
        super().__init__(listening.getsockname(), factory, reactor=reactor)
        self._listening = listening
        self._factory = factory

    def startListening(self) -> None:
        """Begin to accept connections."""
        self._factory.doStart()
        self._listening.setblocking(False)
        # Whoever connects is told that it is this process that listens.
        self._listening.listen(_BACKLOG)
        self.socket = self._listening
        self.fileno = self._listening.fileno  # type: ignore[method-assign]  # as Port
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """Accept no more; ``Port`` would shut the socket down for all its holders."""
        del reason
        self.connected = False
        self.disconnected = True
        self._listening.close()
        self._factory.doStop()
