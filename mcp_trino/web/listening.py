"""
Listening at what the settings say.

All but UNIX sockets is Twisted's own. It would open one to everybody, put a lock
beside it that outlives a crash, and take one away that another process passed.
"""

import re
import socket
from pathlib import Path
from typing import Any

from attrs import define
from twisted.application.internet import StreamServerEndpointService
from twisted.application.strports import service as twisted_service
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from mcp_trino.unix_sockets import PassedPort, bind_private

_PASSED = "systemd:domain=UNIX:"
_OWNER_ALONE = 0o600


def listening_service(
    description: str, factory: IProtocolFactory, reactor: Any
) -> StreamServerEndpointService:
    """
    Give what listens at an endpoint string of Twisted's.

    :raise ValueError, TypeError, LookupError, OSError: it has no meaning, or no
        such socket was passed.
    """
    service = twisted_service(description, factory, reactor)
    if description.startswith("unix:"):
        service.endpoint = _OwnSocket(reactor, *_read(description))
    elif description.startswith(_PASSED):
        service.endpoint = _PassedSocket(reactor, service.endpoint.fileno)
    return service


def _read(description: str) -> tuple[Path, int]:
    """Give the path and the mode of ``unix:…``, which Twisted could read."""
    parts = [
        re.sub(r"\\(.)", r"\1", part)
        for part in re.split(r"(?<!\\):", description.removeprefix("unix:"))
    ]
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    path = named.get("address", parts[0])
    return Path(path), int(named["mode"], 8) if "mode" in named else _OWNER_ALONE


@implementer(IStreamServerEndpoint)
@define(eq=False)
class _OwnSocket:
    _reactor: Any
    _path: Path
    _mode: int

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Bind it, with its mode from the beginning, and listen."""
        return execute(self._listen, protocolFactory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        listening = bind_private(self._path, self._mode)
        port = _OwnPort(listening, factory, self._reactor, self._path)
        port.startListening()
        return port


class _OwnPort(PassedPort):
    """A port whose file goes when it does."""

    def __init__(
        self,
        listening: socket.socket,
        factory: IProtocolFactory,
        reactor: Any,
        path: Path,
    ) -> None:
        super().__init__(listening, factory, reactor)
        self._path = path
        self._file = path.lstat().st_ino

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        try:
            # Another server may have taken its place.
            if self._path.lstat().st_ino == self._file:
                self._path.unlink()
        except OSError:
            # The next one to listen there removes it.
            pass


@implementer(IStreamServerEndpoint)
@define(eq=False)
class _PassedSocket:
    _reactor: Any
    _descriptor: int

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen at it, and leave it as it is."""
        return execute(self._listen, protocolFactory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        port = PassedPort(
            socket.socket(fileno=self._descriptor), factory, self._reactor
        )
        port.startListening()
        return port
