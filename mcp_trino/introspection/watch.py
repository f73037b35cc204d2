"""Keeps an eye on the worker: whether it answers, and by which keys it judges."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from mcp_trino.introspection.client import Introspector

_INTERVAL_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0


class WorkerWatch(Service):
    """Asks the worker once a second."""

    def __init__(
        self,
        introspector: Introspector,
        clock: IReactorTime,
        renew: Callable[[str], None],
        heard: Callable[[float], None] = lambda _: None,
    ) -> None:
        """
        Watch nothing yet.

        :param renew: told the state of the worker's keys each time.
        :param heard: told each time when the worker last answered anything.
        """
        self._introspector = introspector
        self._clock = clock
        self._renew = renew
        self._heard = heard
        self._answered_at: float | None = None
        self._rounds = LoopingCall(self._look)
        self._rounds.clock = clock

    def is_ready(self) -> bool:
        """Whether the worker could judge tokens within the last ten seconds."""
        if self._answered_at is None:
            return False
        return self._clock.seconds() - self._answered_at < _PATIENCE_SECONDS

    def startService(self) -> None:
        """Begin to ask."""
        super().startService()
        self._rounds.start(_INTERVAL_SECONDS)

    def stopService(self) -> Deferred[None]:
        """Ask no more, and let go of the worker."""
        super().stopService()
        self._rounds.stop()
        return self._introspector.close()

    async def _ask(self) -> None:
        generation = await self._introspector.ready()
        if generation is not None:
            self._answered_at = self._clock.seconds()
            self._renew(generation)
        self._heard(self._introspector.heard_at)

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._ask())
