"""The threads in which requests to Trino wait, in lanes of their own."""

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_T = TypeVar("_T")

_CANCEL_THREADS = 2


class Lane(Enum):
    """
    What a thread is for.

    :cvar QUICK: the beginning of every query, and whatever is short.
    :cvar SLOW: queries that turned out to take long.
    :cvar CANCEL: cancellations, which never wait behind queries.
    """

    QUICK = "quick"
    SLOW = "slow"
    CANCEL = "cancel"


@define(eq=False)
class Lanes:
    """Named, bounded thread pools, without a thread until one is needed."""

    _reactor: Any = field(repr=False)
    _pools: dict[Lane, ThreadPool] = field(repr=False)

    @classmethod
    def of(cls, reactor: Any, quick_threads: int, slow_threads: int) -> "Lanes":
        """Give lanes with that many threads at most."""
        sizes = {
            Lane.QUICK: quick_threads,
            Lane.SLOW: slow_threads,
            Lane.CANCEL: _CANCEL_THREADS,
        }
        return cls(
            reactor,
            {
                lane: ThreadPool(0, size, f"trino-{lane.value}")
                for lane, size in sizes.items()
            },
        )

    def start(self) -> None:
        """Let jobs run; to be called after the process has forked."""
        for pool in self._pools.values():
            pool.start()

    def stop(self) -> None:
        """Wait for the jobs under way and end the threads."""
        for pool in self._pools.values():
            pool.stop()

    def run(self, lane: Lane, job: Callable[..., _T], *args: Any) -> Deferred[_T]:
        """Run a job in a thread of the lane; first come, first served."""
        return deferToThreadPool(self._reactor, self._pools[lane], job, *args)
