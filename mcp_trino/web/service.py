"""The HTTP edge as a service: what listens, and how it ends."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import IResource

from mcp_trino.errors import ConfigurationError
from mcp_trino.interfaces import IAuthenticator, ICoordinator
from mcp_trino.oauth.connections_page import CONNECTIONS_PATH
from mcp_trino.settings import WebSettings
from mcp_trino.web.asgi import ProtocolServer, Transports, protocol_resources
from mcp_trino.web.authority import Authority
from mcp_trino.web.bridge import Exchanges
from mcp_trino.web.gate import Gate
from mcp_trino.web.health import Readiness
from mcp_trino.web.limits import Backlog, Places, share_of
from mcp_trino.web.listening import listening_service
from mcp_trino.web.origin import name_rules
from mcp_trino.web.pages import landing_page
from mcp_trino.web.routes import Pages
from mcp_trino.web.site import BoundedSite
from mcp_trino.web.tls import ServerCertificate


class WebService(MultiService):
    """
    Serves the protocol and a few pages on all of the settings' endpoints.

    It can be started once. Ports are bound by ``privilegedStartService``, or
    by ``startService`` where nothing calls the former.

    :raise ConfigurationError: an endpoint has no meaning or cannot be bound,
        or the certificate cannot be used; from the constructor and from both
        ways to start.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        settings: WebSettings,
        *,
        server: ProtocolServer,
        authenticator: IAuthenticator,
        coordinator: ICoordinator,
        open_resources: Mapping[bytes, IResource] | None = None,
        authority: Authority | None = None,
        worker_ready: Callable[[], bool] | None = None,
    ) -> None:
        """
        Build everything and read the certificate; nothing listens yet.

        :param reactor: the asyncio reactor.
        :param loop: its event loop, which need not run yet.
        :param open_resources: what anybody may ask for, by exact paths: the
            endpoints and documents of OAuth. They take small bodies only.
        :param authority: what tokens allow, ``None`` where nobody has one.
        :param worker_ready: says whether tokens can be judged.
        """
        super().__init__()
        self._loop = loop
        self._settings = settings
        self._transports = Transports(server, settings, reactor, authority)
        self._exchanges = Exchanges(
            Places(settings.max_streams, share_of(settings.max_streams)),
            Backlog(settings.body_budget_bytes),
            self._transports,
            loop,
        )
        self._readiness = Readiness(coordinator, reactor, worker_ready)
        endpoints = protocol_resources(self._transports, self._exchanges)
        self._gate = Gate(frozenset(endpoints), name_rules(settings), authenticator)
        more = open_resources or {}
        login = CONNECTIONS_PATH if CONNECTIONS_PATH.encode() in more else None
        home = landing_page(settings.public_url, login)
        pages = Pages(self._readiness, home)
        self._site = BoundedSite(
            pages.resource(),
            {**endpoints, **more},
            self._gate,
            settings,
            reactor,
            forms=frozenset(more),
        )
        self._certificate = (
            None if settings.tls is None else ServerCertificate(settings.tls)
        )
        factory = self._factory(reactor)
        for description in settings.listen:
            _endpoint(description, factory, reactor).setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Bind the ports."""
        with _clear_sentence():
            super().privilegedStartService()

    def startService(self) -> None:
        """Begin to serve."""
        with _clear_sentence():
            super().startService()
        self._run = self._loop.create_task(self._transports.run())
        self._run.add_done_callback(self._no_longer_ready)
        self._readiness.ready = True

    def stopService(self) -> Deferred[None]:
        """
        Stop listening, let running calls finish, then end all that is left.

        :return: fires when every call has ended and every connection is closed.
        """
        return Deferred.fromCoroutine(self._stop())

    def reload_tls(self) -> None:
        """
        Take a renewed certificate for the connections to come.

        One that cannot be used is logged, and the old one stays in use.
        """
        if self._certificate is None:
            return
        try:
            self._certificate.reload()
        except ConfigurationError as error:
            self._log.error(
                "the old certificate stays in use: {problem}", problem=str(error)
            )
        else:
            self._log.info("the certificate was read again")

    def _factory(self, reactor: Any) -> IProtocolFactory:
        """Give what makes connections, under TLS where there is a certificate."""
        if self._certificate is None:
            return self._site
        return TLSMemoryBIOFactory(self._certificate, False, self._site, clock=reactor)

    def _no_longer_ready(self, _: object = None) -> None:
        self._readiness.ready = False

    async def _stop(self) -> None:
        self._no_longer_ready()
        self._gate.closed = True
        await super().stopService()
        ending = self._exchanges.end(self._settings.shutdown_grace_seconds)
        await Deferred.fromFuture(self._loop.create_task(ending))
        self._transports.stop()
        await Deferred.fromFuture(self._run)
        await self._site.close()


def _endpoint(
    description: str, factory: IProtocolFactory, reactor: Any
) -> StreamServerEndpointService:
    try:
        return listening_service(description, factory, reactor)
    except (ValueError, TypeError, LookupError, OSError) as error:
        # A name that systemd did not pass is a bare LookupError.
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            (f"cannot listen on {description!r}: {reason} (MCP_BIND)",)
        ) from error


@contextmanager
def _clear_sentence() -> Iterator[None]:
    try:
        yield
    except CannotListenError as error:
        place = ":".join(str(part) for part in (error.interface, error.port) if part)
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        raise ConfigurationError(
            (f"cannot listen on {place}: {reason} (MCP_PORT)",)
        ) from error
    except OSError as error:
        raise ConfigurationError((f"cannot listen: {error} (MCP_BIND)",)) from error
