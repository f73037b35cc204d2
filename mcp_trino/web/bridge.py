"""
``twisted.web`` on one side, ASGI applications in asyncio Tasks on the other.

What depends on the protocol that the applications speak is asked of it.
"""

import asyncio
import typing
from collections.abc import Callable, Coroutine
from time import time
from typing import Any

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from mcp_trino.principal import Principal
from mcp_trino.reply import Reply, refusal
from mcp_trino.tools.messages import PRINCIPAL
from mcp_trino.web.exchange import Application, Exchange, Scope
from mcp_trino.web.limits import Backlog, Places
from mcp_trino.web.request import BoundedRequest

_RETRY_AFTER_SECONDS = 30
_LAST_EVENTS_SECONDS = 0.1
_CLEAN_UP_SECONDS = 10.0


class Protocol(typing.Protocol):
    """What the bridge has to know of the protocol."""

    def user(self, principal: Principal) -> object:
        """Give the ``user`` of an ASGI scope."""

    def refuse(self, path: str, principal: Principal, body: bytes) -> Reply | None:
        """Refuse what its applications would not refuse well."""

    def is_stream(self, request: BoundedRequest) -> bool:
        """Say whether the answer is a stream that lasts until somebody ends it."""

    async def quiet(self) -> None:
        """Wait until no call runs."""

    async def abandoned(self, scope: Scope, body: bytes) -> None:
        """Do what has to be done when a client went before it was answered."""


@define(eq=False)
class Exchanges:
    """
    All requests that ASGI applications are answering, each in a Task.

    :ivar streams: places for event streams.
    """

    streams: Places
    _backlog: Backlog = field(repr=False)
    _protocol: Protocol = field(repr=False)
    _loop: asyncio.AbstractEventLoop = field(repr=False)
    _now: Callable[[], float] = field(default=time, repr=False)
    _calls: set[asyncio.Task[None]] = field(factory=set, init=False, repr=False)
    _lasting: set[asyncio.Task[None]] = field(factory=set, init=False, repr=False)

    def begin(self, request: BoundedRequest, application: Application) -> None:
        """
        Let an application answer a request.

        :param request: judged and complete.
        """
        principal = request.principal
        if principal is None:
            request.answer(refusal(503, "nobody said who is asking"))
            return
        body = request.body
        path = request.path.decode("latin-1")
        reply = self._protocol.refuse(path, principal, body)
        if reply is not None:
            request.answer(reply)
            return
        stream = self._protocol.is_stream(request)
        caller = principal.key if principal.issuer else ""
        if stream and not self.streams.take(caller):
            request.answer(
                refusal(
                    503,
                    f"all {self.streams.total} event streams are in use, or all "
                    f"{self.streams.each} that one person may have",
                    retry_after_seconds=_RETRY_AFTER_SECONDS,
                )
            )
            return
        scope = _scope(request, principal, self._protocol.user(principal))
        exchange = Exchange(request, self._backlog, body)
        answer = self._answer(exchange, application, scope)
        task = self._start(answer, self._lasting if stream else self._calls)
        if stream:
            task.add_done_callback(lambda _: self.streams.give_back(caller))
            self._end_with_token(task, principal)

    def _end_with_token(self, task: asyncio.Task[None], principal: Principal) -> None:
        if principal.expires_at is not None:
            left = max(0.0, principal.expires_at - self._now())
            ending = self._loop.call_later(left, task.cancel)
            task.add_done_callback(lambda _: ending.cancel())

    async def end(self, grace_seconds: float) -> None:
        """
        Let what is being answered finish, then end everything that is left.

        :param grace_seconds: how long that may take.
        """
        quiet = self._loop.create_task(self._protocol.quiet())
        await asyncio.wait({quiet, *self._calls}, timeout=grace_seconds)
        # What was answered last may still be on its way to an event stream.
        await asyncio.sleep(_LAST_EVENTS_SECONDS)
        tasks = {quiet, *self._calls, *self._lasting}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_CLEAN_UP_SECONDS)

    async def _answer(
        self, exchange: Exchange, application: Application, scope: Scope
    ) -> None:
        await exchange.run(application, scope)
        if exchange.lost:
            follow_up = self._protocol.abandoned(scope, exchange.body)
            self._start(follow_up, self._lasting)

    def _start(
        self, coroutine: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


@define(eq=False, slots=False)
class ASGIResource(Resource):
    """
    A resource that an ASGI application answers.

    :ivar methods: the methods that the application knows, ``None`` when it
        decides itself.
    """

    isLeaf = True

    _exchanges: Exchanges = field(repr=False)
    _application: Application = field(repr=False)
    methods: frozenset[bytes] | None = None

    def __attrs_pre_init__(self) -> None:
        """Initialise what Twisted keeps."""
        super().__init__()

    def render(self, request: BoundedRequest) -> int:
        """Begin the answer."""
        if self.methods is None or request.method in self.methods:
            self._exchanges.begin(request, self._application)
        else:
            allow = (b"Allow", b", ".join(sorted(self.methods)))
            request.answer(refusal(405, "method not allowed", allow))
        return NOT_DONE_YET


def _scope(request: BoundedRequest, principal: Principal, user: object) -> Scope:
    path, _, query = request.uri.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method.decode("ascii"),
        "scheme": "https" if request.isSecure() else "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [
            (name.lower(), value)
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        ],
        "client": _pair(request.getClientAddress()),
        "server": _pair(request.getHost()),
        "state": {},
        "user": user,
        PRINCIPAL: principal,
    }


def _pair(address: object) -> tuple[str, int] | None:
    if isinstance(address, IPv4Address | IPv6Address):
        return address.host, address.port
    return None
