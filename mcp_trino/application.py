"""From settings to the services of the process: the one module that knows all."""

import asyncio
from collections.abc import Sequence
from functools import partial
from secrets import token_bytes
from typing import Any

from attrs import frozen
from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from mcp_trino.audit import Audit, open_audit
from mcp_trino.authorization_server import (
    AuthorizationServer,
    Neighbours,
    make_authorization_server,
)
from mcp_trino.coordinator.credentials import PresentedTokens
from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.database.opening import open_store
from mcp_trino.database.store import DatabaseStore
from mcp_trino.errors import ConfigurationError
from mcp_trino.interfaces import IAuthenticator
from mcp_trino.log import StandardLogging
from mcp_trino.oauth.grants import has_ended
from mcp_trino.principal import Principal, local_principal
from mcp_trino.resource_server import ResourceServer, make_resource_server
from mcp_trino.settings import Settings, Transport
from mcp_trino.startup import Hangup, Startup
from mcp_trino.statements.guard import Guard
from mcp_trino.store import MemoryStore
from mcp_trino.tools.messages import principal_of_request
from mcp_trino.tools.server import make_server
from mcp_trino.tools.stdio import StdioService
from mcp_trino.web.service import WebService

_MARK_BYTES = 32


def make_service(settings: Settings, reactor: Any) -> IService:
    """
    Make what serves by the transport of the settings.

    :param reactor: the asyncio reactor; the service of stdio stops it when its
        client has gone.
    :raise ConfigurationError: a file or an endpoint cannot be used.
    """
    loop = asyncio.get_event_loop()
    audit = _audit(settings, reactor)
    everyone = local_principal(settings.trino.user)
    store = _store(settings, reactor)
    guard = Guard.of(settings.guard)
    guarding = _resource_server(settings, reactor, audit)
    login = _authorization_server(settings, reactor, audit, store, guarding)
    coordinator = _coordinator(settings, guard, reactor, store, login)
    by_http = settings.transport is Transport.HTTP
    server = make_server(
        coordinator=coordinator,
        queries=settings.queries,
        trino=settings.trino,
        principal_of=principal_of_request if by_http else lambda _: everyone,
        clock=reactor,
        loop=loop,
        audit=audit,
        audit_statements=settings.audit.statements,
        guard=guard,
        may_write=guarding.authority.may_write if guarding else lambda _: True,
    )
    services: list[Service] = [StandardLogging()]
    if store is not None:
        services += [store]
    services += [coordinator]
    if by_http:
        _require_inherited(settings.web.listen, reactor)
        web = WebService(
            reactor,
            loop,
            settings.web,
            server=server,
            authenticator=guarding.authenticator if guarding else Everyone(everyone),
            coordinator=coordinator,
            open_resources={
                **(guarding.documents if guarding else {}),
                **(login.resources if login else {}),
            },
            authority=guarding.authority if guarding else None,
            worker_ready=guarding.watch.is_ready if guarding else None,
        )
        rereading = [web.reload_tls, audit.reopen]
        # The worker reads the public half of the keys.
        services += [login.keyring] if login else []
        if guarding:
            services += guarding.services
            rereading += [guarding.reread]
        services += [web, Hangup(reactor, tuple(rereading))]
    else:
        services += [StdioService(server, loop, reactor)]
    startup = Startup(reactor, _greeting(settings))
    for service in services:
        service.setServiceParent(startup)
    return startup


def _audit(settings: Settings, clock: Any) -> Audit:
    try:
        return open_audit(settings.audit, clock)
    except OSError as error:
        raise ConfigurationError(
            (f"MCP_AUDIT_LOG: {settings.audit.destination}: {error.strerror}",)
        ) from error


def _store(settings: Settings, reactor: Any) -> DatabaseStore | None:
    """Give the store of this server's grants, where it makes any."""
    if settings.oauth is None or settings.oauth.proxy is None:
        return None
    proxy = settings.oauth.proxy
    return open_store(reactor, proxy.store_url or proxy.state_directory)


def _resource_server(
    settings: Settings, reactor: Any, audit: Audit
) -> ResourceServer | None:
    """Give what asks who is asking, ``None`` where nobody is asked."""
    oauth = settings.oauth
    if oauth is None or settings.transport is Transport.STDIO:
        return None
    exchanges = settings.trino.exchange is not None
    return make_resource_server(
        reactor,
        oauth,
        settings.web.public_url,
        audit,
        # Our own tokens mean nothing to anybody else.
        keeps_token=exchanges and oauth.proxy is None,
    )


def _authorization_server(
    settings: Settings,
    reactor: Any,
    audit: Audit,
    store: DatabaseStore | None,
    guarding: ResourceServer | None,
) -> AuthorizationServer | None:
    """Give what lets people log in, ``None`` where they do that elsewhere."""
    oauth = settings.oauth
    if oauth is None or oauth.proxy is None or store is None or guarding is None:
        return None
    guarding.authenticator.revoked = partial(has_ended, store)
    return make_authorization_server(
        reactor,
        oauth,
        oauth.proxy,
        settings.web.public_url,
        Neighbours(store, guarding.introspector, guarding.admission, audit),
        writes=settings.guard.allow_writes,
        exchanges=settings.trino.exchange is not None,
    )


def _coordinator(
    settings: Settings,
    guard: Guard,
    reactor: Any,
    store: DatabaseStore | None,
    login: AuthorizationServer | None,
) -> CoordinatorService:
    # Rows of people's queries go to a disk only where replicas need them.
    results = store if store is not None and store.is_shared else None
    secret = settings.trino.mark_secret
    return CoordinatorService(
        reactor,
        settings.trino,
        settings.queries,
        results or MemoryStore(reactor),
        secret.encode() if secret else token_bytes(_MARK_BYTES),
        inspection=guard.inspection,
        subject_tokens=PresentedTokens() if login is None else login.subject_tokens,
    )


def _greeting(settings: Settings) -> str:
    trino = settings.trino
    asking = f"asking {trino.scheme}://{trino.host}:{trino.port} as {trino.user}"
    if settings.transport is Transport.STDIO:
        return f"serving standard input and output, {asking}"
    places = ", ".join(settings.web.listen)
    mode = "without OAuth"
    if settings.oauth is not None:
        mode = f"for tokens of {settings.oauth.issuer} ({settings.oauth.mode.value})"
    return f"serving {settings.web.public_url} on {places}, {mode}, {asking}"


def _require_inherited(listen: tuple[str, ...], reactor: Any) -> None:
    for place in listen:
        if place.startswith("systemd:"):
            try:
                serverFromString(reactor, place)
            except LookupError:
                problem = (
                    f"MCP_BIND: no socket was passed for {place}: start the socket "
                    "unit with that FileDescriptorName (a launcher other than systemd "
                    "has to set LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES)"
                )
                raise ConfigurationError((problem,)) from None


@implementer(IAuthenticator)
@frozen
class Everyone:
    """Asks nobody who they are: all are the same principal."""

    _principal: Principal

    def authenticate(
        self, credentials: Sequence[bytes], uri: bytes
    ) -> Deferred[Principal]:
        """Give that principal."""
        del credentials, uri
        return succeed(self._principal)
