"""Where the provider is, not asked anew for each step of each login."""

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from mcp_trino.interfaces import IIntrospector
from mcp_trino.providers import Endpoints

_FRESH_SECONDS = 60.0
START_SECONDS = 15.0
"""How long the worker may take to start and to ask the provider."""
_AGAIN_SECONDS = 0.2


@implementer(IIntrospector)
@define(eq=False)
class RememberedEndpoints:
    """
    Asks the worker, about the endpoints once a minute at most.

    Whoever comes while the process starts waits until the worker answers.
    """

    _introspector: IIntrospector = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _known: Endpoints | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _started_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._started_at = self._clock.seconds()

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
        return Deferred.fromCoroutine(self._asked())

    async def _asked(self) -> Endpoints:
        while True:
            try:
                endpoints = await self._introspector.endpoints()
            except Undecidable:
                if not self._is_starting():
                    raise
                await deferLater(self._clock, _AGAIN_SECONDS)
            else:
                self._known = endpoints
                self._until = self._clock.seconds() + _FRESH_SECONDS
                return endpoints

    def _is_starting(self) -> bool:
        since = self._clock.seconds() - self._started_at
        return self._known is None and since < START_SECONDS
