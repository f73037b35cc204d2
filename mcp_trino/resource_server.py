"""This server as an OAuth resource server: what guards the protocol's endpoints."""

import time
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.web.resource import IResource

from mcp_trino.interfaces import IAudit
from mcp_trino.introspection.client import Introspector, make_introspector
from mcp_trino.introspection.supervisor import SupervisedWorker
from mcp_trino.introspection.watch import WorkerWatch
from mcp_trino.oauth.admission import Admission, make_admission
from mcp_trino.oauth.challenges import Challenges
from mcp_trino.oauth.resource_metadata import make_resources
from mcp_trino.oauth.scopes import Scopes
from mcp_trino.settings import OAuthMode, OAuthSettings
from mcp_trino.sparing import Sparing
from mcp_trino.web.authority import Authority
from mcp_trino.web.bearer import BearerCheck
from mcp_trino.web.documents import document_resources
from mcp_trino.web.token_cache import TokenCache


@frozen
class ResourceServer:
    """
    All that asks who is asking.

    :ivar authenticator: judges tokens; whoever makes some has to tell it which
        grants were ``revoked``.
    :ivar documents: of RFC 9728, by path.
    :ivar introspector: asks the worker.
    :ivar admission: says who may enter.
    :ivar cache: the tokens of the last minutes.
    :ivar watch: a service that looks after the worker.
    :ivar refusals: a service that tells how many tokens were refused.
    :ivar worker: the worker, ``None`` where somebody else runs it.
    """

    authenticator: BearerCheck
    authority: Authority
    documents: Mapping[bytes, IResource]
    introspector: Introspector
    admission: Admission
    cache: TokenCache
    watch: WorkerWatch
    refusals: Sparing
    worker: SupervisedWorker | None

    @property
    def services(self) -> list[Service]:
        """What has to run, in this order."""
        services = [self.refusals, self.watch]
        return services if self.worker is None else [self.worker, *services]

    def reread(self) -> None:
        """Have the worker fetch its keys now."""
        if self.worker is not None:
            self.worker.reread()


def make_resource_server(
    reactor: Any,
    settings: OAuthSettings,
    origin: str,
    audit: IAudit,
    *,
    keeps_token: bool = False,
) -> ResourceServer:
    """
    Guard the server at an origin.

    :param origin: the public URL.
    :param keeps_token: principals carry their tokens, to be exchanged.
    :raise ConfigurationError: the user who has to listen at the worker's socket
        is unknown.
    """
    worker, socket = None, settings.introspection_socket
    if socket is None:
        worker = SupervisedWorker(reactor, settings.worker)
        socket = worker.path
    own = settings.mode is OAuthMode.PROXY
    scopes = Scopes(settings.read_scope, settings.write_scope)
    resources = make_resources(origin, scopes.supported)
    # With tokens of a shared secret there is nobody to get one from.
    announced = settings.mode is not OAuthMode.HMAC
    challenges = Challenges(announced)
    admission = make_admission(settings.admission, reactor)
    introspector = make_introspector(reactor, settings, socket, time.time)
    cache = TokenCache(settings.cache_seconds, time.time)
    refusals = Sparing(
        reactor,
        lambda count: audit.record("token", None, outcome="refused", count=count),
    )
    check = BearerCheck(
        introspector,
        cache,
        admission,
        audit,
        refusals,
        resources,
        challenges,
        audiences=frozenset(settings.audiences),
        recognize=admission.recognize if own else admission.admit,
        leeway_seconds=settings.worker.leeway_seconds,
        keeps_token=keeps_token,
    )
    documents = resources.documents(settings.issuer) if announced else {}
    return ResourceServer(
        check,
        Authority(scopes, challenges, resources),
        document_resources(documents),
        introspector,
        admission,
        cache,
        _watch(reactor, introspector, cache, worker),
        refusals,
        worker,
    )


def _watch(
    reactor: Any,
    introspector: Introspector,
    cache: TokenCache,
    worker: SupervisedWorker | None,
) -> WorkerWatch:
    if worker is None:
        return WorkerWatch(introspector, reactor, cache.renew)
    return WorkerWatch(introspector, reactor, cache.renew, worker.heard)
