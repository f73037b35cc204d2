"""All checks, one after the other."""

import time
from collections.abc import AsyncIterator, Callable
from secrets import token_bytes
from typing import Any

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.database.opening import open_store
from mcp_trino.doctor.certificate import examine_certificate
from mcp_trino.doctor.finding import Finding, Grade, bad, doubtful, fine
from mcp_trino.doctor.provider import examine_provider
from mcp_trino.doctor.trino import examine_trino
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.client import make_introspector
from mcp_trino.introspection.fetching import Fetching, read_trust
from mcp_trino.settings import OAuthSettings, ProxySettings, Settings
from mcp_trino.store import MemoryStore

_WORKER = "worker"
_STORE = "store"


async def examine(
    reactor: Any,
    settings: Settings,
    warnings: tuple[str, ...],
    *,
    person: str | None,
    say: Callable[[str], None],
) -> bool:
    """
    Say a line for each finding.

    :param warnings: what the settings give reason for.
    :param person: whom to be at Trino, where people are impersonated.
    :return: whether nothing is bad.
    """
    healthy = True
    async for finding in _findings(reactor, settings, warnings, person):
        say(str(finding))
        healthy = healthy and finding.grade is not Grade.BAD
    return healthy


async def _findings(
    reactor: Any, settings: Settings, warnings: tuple[str, ...], person: str | None
) -> AsyncIterator[Finding]:
    for warning in warnings:
        yield doubtful("settings", warning)
    yield fine("settings", "they have a meaning together")
    for finding in examine_certificate(settings.web, reactor.seconds()):
        yield finding
    oauth = settings.oauth
    if oauth is None:
        yield doubtful("oauth", "off: nobody is asked who they are")
    else:
        fetch = Fetching(reactor, read_trust(oauth.worker.ca_file), reactor)
        async for finding in examine_provider(oauth, fetch, reactor):
            yield finding
        yield await _examine_worker(reactor, oauth)
        if oauth.proxy is not None:
            yield await _examine_store(reactor, oauth.proxy)
    async for finding in _examine_trino(reactor, settings, person):
        yield finding


async def _examine_worker(reactor: Any, settings: OAuthSettings) -> Finding:
    path = settings.introspection_socket
    if path is None:
        return fine(_WORKER, "this server runs one itself")
    introspector = make_introspector(reactor, settings, path, time.time)
    ready = await introspector.ready()
    await introspector.close()
    if ready:
        return fine(_WORKER, f"the one at {path} can judge tokens")
    return bad(_WORKER, f"the one at {path} cannot judge tokens; its log says why")


async def _examine_store(reactor: Any, settings: ProxySettings) -> Finding:
    place = settings.state_directory
    try:
        store = open_store(reactor, settings.store_url or place)
        store.startService()
        try:
            await store.get("doctor")
        finally:
            store.stopService()
    except (ConfigurationError, Undecidable, OSError) as error:
        return bad(_STORE, str(error))
    return fine(_STORE, "shared by replicas" if settings.store_url else f"in {place}")


async def _examine_trino(
    reactor: Any, settings: Settings, person: str | None
) -> AsyncIterator[Finding]:
    coordinator = CoordinatorService(
        reactor,
        settings.trino,
        settings.queries,
        MemoryStore(reactor),
        token_bytes(32),
    )
    coordinator.startService()
    try:
        async for finding in examine_trino(coordinator, settings.trino, person):
            yield finding
    finally:
        await coordinator.stopService()
