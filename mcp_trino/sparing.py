"""How to tell of things that anybody can have happen, without filling a disk."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

_MINUTE = 60.0


class Sparing(Service):
    """
    Says which of many like things are told one by one: so many a minute.

    How many the others were is told in one number, at the latest at the end of
    the service.
    """

    def __init__(
        self,
        clock: IReactorTime,
        sum_up: Callable[[int], None],
        per_minute: int = 60,
    ) -> None:
        """:param sum_up: tells how many were not told one by one."""
        self._clock = clock
        self._sum_up = sum_up
        self._per_minute = per_minute
        self._began_at = clock.seconds()
        self._told = 0
        self._others = 0

    def may_tell(self) -> bool:
        """Say whether the one that has just happened is told by itself."""
        now = self._clock.seconds()
        if now - self._began_at >= _MINUTE:
            self._tell_others()
            self._began_at, self._told = now, 0
        if self._told < self._per_minute:
            self._told += 1
            return True
        self._others += 1
        return False

    def stopService(self) -> None:
        """Tell how many are left."""
        super().stopService()
        self._tell_others()

    def _tell_others(self) -> None:
        if self._others:
            self._sum_up(self._others)
            self._others = 0
