"""``/healthz`` and ``/readyz``: for balancers and for the people who run this."""

import json
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mcp_trino.interfaces import ICoordinator
from mcp_trino.queries import CoordinatorState
from mcp_trino.reply import JSON, Reply

_PATIENCE_SECONDS = 1.0

ALIVE = Reply(
    status=200,
    body=b"ok\n",
    headers=((b"Content-Type", b"text/plain"), (b"Cache-Control", b"no-store")),
)


@define(eq=False)
class Readiness:
    """
    Whether this process and its worker can take requests, and what was last
    heard of Trino.

    Trino being down is no reason to take every replica out: their tools say
    so themselves, and recover by themselves.

    :ivar ready: this process takes requests.
    """

    _coordinator: ICoordinator = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _worker_ready: Callable[[], bool] | None = field(default=None, repr=False)
    ready: bool = field(default=False, init=False)
    _last: CoordinatorState | None = field(default=None, init=False)
    _probing: bool = field(default=False, init=False)
    _waiting: list[Deferred[None]] = field(factory=list, init=False, repr=False)
    _log = Logger()

    def report(self, *, local: bool) -> Deferred[Reply]:
        """
        Say it as JSON, within a second even when Trino takes longer.

        :param local: the client is on this machine and may read what is wrong
            with Trino.
        """
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        if not self._probing:
            self._probing = True
            probe = self._coordinator.probe()
            probe.addCallbacks(self._learn, self._failed)
        waiter.addTimeout(_PATIENCE_SECONDS, self._clock)
        return waiter.addBoth(lambda _: self._reply(local=local))

    def _learn(self, state: CoordinatorState) -> None:
        self._last = state
        self._probing = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("a probe of Trino failed unexpectedly", failure=failure)
        self._learn(CoordinatorState(reachable=False))

    def _reply(self, *, local: bool) -> Reply:
        judges = self._worker_ready is None or self._worker_ready()
        ready = self.ready and judges
        body: dict[str, Any] = {"status": "ready" if ready else "not ready"}
        if self._worker_ready is not None:
            body["worker"] = "ready" if judges else "not ready"
        if self._last is not None:
            trino = body["trino"] = {"reachable": self._last.reachable}
            if self._last.version is not None:
                trino["version"] = self._last.version
            if local and self._last.problem is not None:
                trino["problem"] = self._last.problem
        return Reply(
            status=200 if ready else 503,
            body=json.dumps(body).encode() + b"\n",
            headers=((b"Content-Type", JSON), (b"Cache-Control", b"no-store")),
        )
