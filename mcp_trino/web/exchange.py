"""
One request and its answer as an ASGI application sees them (ASGI 3.0, HTTP).

Everything here runs in the thread of the event loop: the application in an
asyncio Task, ``twisted.web`` in callbacks of the reactor.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from mcp_trino.reply import refusal
from mcp_trino.web.limits import Backlog
from mcp_trino.web.request import BoundedRequest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SLICE_BYTES = 64 * 1024

# They belong to the connection, not to the application.
_OWN_HEADERS = frozenset({b"connection", b"date", b"server", b"transfer-encoding"})


@implementer(IPushProducer)
@define(eq=False)
class Exchange:
    """
    The two ends of one request.

    :ivar body: the whole body of the request.
    :ivar lost: the client went away before its answer was complete.
    """

    _request: BoundedRequest = field(repr=False)
    _backlog: Backlog = field(repr=False)
    body: bytes = field(repr=False)
    lost: bool = field(default=False, init=False)
    _unread_body: bool = field(default=True, init=False)
    _over: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _resumed: asyncio.Event | None = field(default=None, init=False, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        """Watch the connection from now on, before the application runs."""
        self._request.notifyFinish().addErrback(self._client_has_gone)
        self._request.registerProducer(self, True)

    async def run(self, application: Application, scope: Scope) -> None:
        """
        Let an application answer the request, or answer for it when it fails.

        A cancelled run means that the server stops.
        """
        try:
            await application(scope, self._receive, self._send)
            self._give_up(500, "internal error")
        except asyncio.CancelledError:
            if self._request.startedWriting and not self._over.is_set():
                self._end()
            self._give_up(503, "the server is stopping")
            raise
        except Exception:  # noqa: BLE001 - the outermost frame of the task
            self._log.failure("an ASGI application failed")
            self._give_up(500, "internal error")

    async def _receive(self) -> Message:
        if self._unread_body:
            self._unread_body = False
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._over.is_set():
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        await self._write(message.get("body", b""))
        if not message.get("more_body", False) and not self._over.is_set():
            self._end()

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        request = self._request
        request.setResponseCode(status)
        for name, value in headers:
            if name not in _OWN_HEADERS:
                request.responseHeaders.addRawHeader(name, value)
        request.write(b"")  # the client of a stream waits for the head

    async def _write(self, data: bytes) -> None:
        # In slices, so that what an unread answer holds is known, and no more
        # than a slice of it is beyond reach in the transport's buffer.
        for start in range(0, len(data), _SLICE_BYTES):
            await self._until_read(len(data) - start)
            if self._over.is_set():
                return
            self._request.write(data[start : start + _SLICE_BYTES])
        await self._until_read(0)

    async def _until_read(self, remaining: int) -> None:
        if self._resumed is None:
            return
        self._backlog.add(self._cut, remaining)
        try:
            await self._resumed.wait()
        finally:
            self._backlog.discard(self._cut)

    def _end(self) -> None:
        self._over.set()
        self._request.unregisterProducer()
        self._request.finish()

    def _give_up(self, status: int, reason: str) -> None:
        if self._over.is_set():
            return
        self._request.unregisterProducer()
        if self._request.startedWriting:
            self._cut()
        else:
            self._over.set()
            self._request.answer(refusal(status, reason, (b"Connection", b"close")))

    def _cut(self) -> None:
        self._request.channel.transport.abortConnection()
        self._client_has_gone()

    def _client_has_gone(self, _: object = None) -> None:
        self.lost = self.lost or not self._over.is_set()
        self._over.set()
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """Let the application wait: the client does not read."""
        if self._resumed is None:
            self._resumed = asyncio.Event()

    def resumeProducing(self) -> None:
        """Let the application go on."""
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    def stopProducing(self) -> None:
        """Do nothing: the end of the connection is told in another way."""
