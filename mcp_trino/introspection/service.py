"""The worker as a service: what judges, and the socket that it is asked at."""

import random
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred

from mcp_trino.introspection.endpoint import CheckedPeers, Endpoint
from mcp_trino.introspection.fetching import Fetching, read_trust
from mcp_trino.introspection.introspector import Introspector
from mcp_trino.settings import WorkerSettings
from mcp_trino.unix_sockets import PassedPort

_ADDRESS_SPACE_BYTES = 1 << 30
_OPEN_FILES = 256


def make_introspector(settings: WorkerSettings, reactor: Any) -> Introspector:
    """
    Give what judges tokens, with the real network and the real time.

    :raise ConfigurationError: the settings cannot be met.
    """
    fetch = Fetching(reactor, read_trust(settings.ca_file), reactor)
    return Introspector(
        settings, reactor, fetch=fetch, now=time.time, random=random.random
    )


class WorkerService(MultiService):
    """
    The worker.

    :ivar introspector: what judges.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        reactor: Any,
        bind: Callable[[], socket.socket],
        user: int,
    ) -> None:
        """
        Make it; nothing is bound yet.

        :param bind: gives the listening socket, when the service starts.
        :param user: the uid that may ask.
        :raise ConfigurationError: the settings cannot be met.
        """
        super().__init__()
        self._reactor = reactor
        self._bind = bind
        self._trusted = {user} if hasattr(socket, "SO_PEERCRED") else {None}
        self._socket: socket.socket | None = None
        self.introspector = make_introspector(settings, reactor)
        self.introspector.setServiceParent(self)
        self._endpoint = Endpoint(self.introspector)

    def privilegedStartService(self) -> None:
        """Bind the socket."""
        super().privilegedStartService()
        self._socket = self._bind()

    def startService(self) -> None:
        """Begin to answer."""
        super().startService()
        listening = self._bind() if self._socket is None else self._socket
        peers = CheckedPeers(self._endpoint.site(), self._trusted.__contains__)
        self._port = PassedPort(listening, peers, self._reactor)
        self._port.startListening()

    def stopService(self) -> Deferred[None]:
        """Take no more questions, and answer those that were asked."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._port.stopListening()
        await self._endpoint.drain(self._reactor)
        await super().stopService()


class Limits(Service):
    """What the process may take of the machine; it never gets it back."""

    def startService(self) -> None:
        """Take it away."""
        super().startService()
        for kind, most in (
            (resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            # A core would hold tokens.
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(kind)
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            # macOS knows no limit of address space.
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (limit, limit))
