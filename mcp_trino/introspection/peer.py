"""Who is at the other end of a UNIX socket."""

import pwd
import socket
import struct
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from zope.interface import implementer

_CREDENTIALS = struct.Struct("3i")


def peer_uid(connection: socket.socket) -> int | None:
    """
    Give the user of the process at the other end (``SO_PEERCRED``).

    At the end that connects it is whoever called ``listen`` last; for a socket
    that systemd passed that is root, unless the program listens again.

    :return: ``None`` where the system does not tell it.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    return int(uid)


def uid_of(user: str) -> int:
    """
    Read the name or the number of a user.

    :raise ValueError: there is no such user.
    """
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {user!r}") from None


@implementer(IStreamClientEndpoint)
@frozen
class TrustedEndpoint:
    """
    Connects only to a process of a trusted user.

    :ivar trusted: says so of a uid.
    """

    _endpoint: IStreamClientEndpoint
    _trusted: Callable[[int | None], bool]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect; nothing is sent to anybody else.

        :raise ConnectError: nobody listens, or somebody who is not trusted.
        """
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addCallback(self._check)

    def _check(self, protocol: Any) -> Any:
        uid = peer_uid(protocol.transport.getHandle())
        if self._trusted(uid):
            return protocol
        protocol.transport.abortConnection()
        raise ConnectError(string=f"the user {uid} is not trusted to listen there")
