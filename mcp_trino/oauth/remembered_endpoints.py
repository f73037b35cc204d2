"""Where the provider is, not asked anew for each step of each login."""

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.interfaces import IIntrospector
from mcp_trino.providers import Endpoints

_FRESH_SECONDS = 60.0


@implementer(IIntrospector)
@define(eq=False)
class RememberedEndpoints:
    """Asks the worker, about the endpoints once a minute at most."""

    _introspector: IIntrospector = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _known: Endpoints | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)

    def introspect(self, token: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        return self._introspector.introspect(token)

    def identify(self, id_token: str, nonce: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        return self._introspector.identify(id_token, nonce)

    def endpoints(self) -> Deferred[Endpoints]:
        """See ``IIntrospector``."""
        if self._known is not None and self._clock.seconds() < self._until:
            return succeed(self._known)
        return self._introspector.endpoints().addCallback(self._remember)

    def _remember(self, endpoints: Endpoints) -> Endpoints:
        self._known = endpoints
        self._until = self._clock.seconds() + _FRESH_SECONDS
        return endpoints
