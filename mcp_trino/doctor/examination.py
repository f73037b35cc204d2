"""All checks, one after the other."""

from collections.abc import AsyncIterator, Callable
from secrets import token_bytes
from typing import Any

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.doctor.certificate import examine_certificate
from mcp_trino.doctor.finding import Finding, Grade, doubtful, fine
from mcp_trino.doctor.provider import examine_provider
from mcp_trino.doctor.state import examine_keys, examine_store
from mcp_trino.doctor.trino import examine_trino
from mcp_trino.doctor.worker import examine_worker
from mcp_trino.introspection.fetching import Fetching, read_trust
from mcp_trino.settings import Settings
from mcp_trino.store import MemoryStore


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
        if oauth.proxy is not None:
            # Before the worker, which reads the public half of the keys.
            yield examine_keys(reactor, oauth, oauth.proxy)
            yield await examine_store(reactor, oauth.proxy)
        yield await examine_worker(reactor, oauth)
    async for finding in _examine_trino(reactor, settings, person):
        yield finding


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
