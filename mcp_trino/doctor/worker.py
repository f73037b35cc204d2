"""Whether tokens can be judged: by a worker like the server's own, or by that."""

import time
from typing import Any

from twisted.internet.task import deferLater

from mcp_trino.doctor.finding import Finding, bad, fine
from mcp_trino.introspection.client import Introspector, make_introspector
from mcp_trino.introspection.supervisor import SupervisedWorker
from mcp_trino.settings import OAuthSettings

_SUBJECT = "worker"
_START_SECONDS = 20.0
_PAUSE_SECONDS = 0.1


async def examine_worker(reactor: Any, settings: OAuthSettings) -> Finding:
    """Ask the one that somebody else runs, or start one as the server would."""
    path = settings.introspection_socket
    if path is not None:
        introspector = make_introspector(reactor, settings, path, time.time)
        return await _asked(reactor, introspector, f"the one at {path}", 0)
    worker = SupervisedWorker(reactor, settings.worker)
    worker.startService()
    try:
        introspector = make_introspector(reactor, settings, worker.path, time.time)
        own = "one of this server's own"
        return await _asked(reactor, introspector, own, _START_SECONDS)
    finally:
        await worker.stopService()


async def _asked(
    reactor: Any, introspector: Introspector, which: str, patience_seconds: float
) -> Finding:
    """Ask again for a while: it may have just been started."""
    until = reactor.seconds() + patience_seconds
    try:
        ready = await introspector.ready()
        while ready is None and reactor.seconds() < until:
            await deferLater(reactor, _PAUSE_SECONDS)
            ready = await introspector.ready()
    finally:
        await introspector.close()
    if ready is not None:
        return fine(_SUBJECT, f"{which} can judge tokens")
    if introspector.heard_at:
        return bad(_SUBJECT, f"{which} answers, but has no keys to judge tokens by")
    return bad(_SUBJECT, f"{which} does not answer")
