"""
A connection of HTTP/1.1 with a deadline for each of its phases (RFC 9112).
"""

import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from mcp_trino.reply import Reply, refusal
from mcp_trino.web.request import BoundedRequest, Bounds

_MAX_HEAD_BYTES = 32 * 1024
_LINGER_SECONDS = 2.0

_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
_HEAD_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class BoundedChannel(HTTPChannel):
    """
    A connection: a deadline for each of its phases.

    They are, in order: the head of a request, its body, the answer as long as
    the client does not read it, and the idle time before the next request.
    The factory looks at them now and then, so that none costs a timer.

    :ivar bounds: set by the factory.
    :ivar clock: set by the factory.
    :ivar ended: fires when the connection is lost; set by the factory.
    """

    bounds: Bounds
    clock: IReactorTime
    ended: Deferred[None]
    transport: Any
    requests: list[BoundedRequest]
    MAX_LENGTH = totalHeadersSize = _MAX_HEAD_BYTES
    _head_bytes = 0
    _pipelined_bytes = 0
    _to_discard = 0
    _idle = False
    _in_body = False
    _held = False
    _discarding = False
    _closing = False
    _lost = False
    _receive_by: float | None = None
    _read_by: float | None = None

    def connectionMade(self) -> None:
        """Start the deadline of the first head."""
        super().connectionMade()
        # A peer that vanished is noticed in this way while little is written
        # to it; not every system has the option.
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        connection = getattr(self.transport, "socket", None)
        if option and connection and connection.family != socket.AF_UNIX:
            milliseconds = int(self.bounds.settings.write_timeout_seconds * 1000)
            connection.setsockopt(socket.IPPROTO_TCP, option, milliseconds)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget the connection."""
        self._lost = True
        super().connectionLost(reason)
        self.ended.callback(None)

    def setTimeout(self, period: Any) -> Any:
        """
        Start the deadline of a phase, in place of any other.

        :param period: seconds from now, ``None`` for no deadline.
        :return: the period of the deadline before.
        """
        before, self.timeOut = self.timeOut, period
        self._receive_by = None if period is None else self.clock.seconds() + period
        return before

    def resetTimeout(self) -> None:
        """Do nothing: a byte now and then does not move a deadline."""

    def check(self, now: float) -> None:
        """
        End the connection when a deadline has passed.

        :param now: the time of the clock, in seconds.
        """
        if self._read_by is not None and now >= self._read_by:
            self.transport.abortConnection()
        elif self._receive_by is not None and now >= self._receive_by:
            self._receive_by = None
            self.timeoutConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; the first ones after an idle time start a head's deadline."""
        if self._discarding:
            self._to_discard -= len(data)
            self.loseConnection()
            return
        if self._idle and data:
            self._idle = False
            self.setTimeout(self.bounds.settings.header_timeout_seconds)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Take a line of the head, unless the head is too large."""
        self._head_bytes += len(line)
        if self._head_bytes > _MAX_HEAD_BYTES:
            self.lineLengthExceeded(line)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a head that is too large."""
        del line
        self.transport.write(_HEAD_TOO_LARGE)
        self.discard_rest(None)

    def headerReceived(self, line: bytes) -> Any:
        """Take a header, refusing a length that is too long to be a number."""
        try:
            return super().headerReceived(line)
        except ValueError:
            return self._failChooseTransferDecoder()

    def allHeadersReceived(self) -> None:
        """Have the request judged, and leave its body unread until it was."""
        self._head_bytes = 0
        request = self.requests[-1]
        request.parseCookies()
        self.persistent = self.checkPersistence(request, self._version)
        request.gotLength(self.length)
        request.headersReceived(self._command, self._path, self._version)
        if self.length == 0:
            return
        self._in_body = self.paused = True
        self.setTimeout(self.bounds.settings.body_timeout_seconds)
        request.verdict.addCallback(self._judged, request)
        if self.paused:
            self._held = True
            self._networkProducer.pauseProducing()

    def allContentReceived(self) -> None:
        """Serve the request, unless it was refused while its body arrived."""
        if not self._discarding:
            self._in_body = False
            super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """Take a part of a body, or a little of the next request."""
        if self._handlingRequest:
            # More would stop the reading and hide that the client has gone.
            self._pipelined_bytes += len(data)
            if self._pipelined_bytes > self._optimisticEagerReadSize:
                self.transport.abortConnection()
                return
        super().rawDataReceived(data)

    def requestDone(self, request: BoundedRequest) -> None:
        """Wait for the next request."""
        self._pipelined_bytes = 0
        self._idle = True
        self._savedTimeOut = self.bounds.settings.idle_timeout_seconds
        super().requestDone(request)

    def timeoutConnection(self) -> None:
        """Close the connection, telling a client that was too slow."""
        if self._in_body and not self._discarding:
            self.requests[-1].answer(refusal(408, "the body took too long"))
            return
        if not self._idle and not self._discarding:
            self.transport.write(_HEAD_TOO_SLOW)
        self._to_discard = 0
        self.loseConnection()

    def loseConnection(self) -> None:
        """Close the connection when all is thrown away and written, or too late."""
        if self._lost or self._closing or self._to_discard > 0:
            return
        self._closing = True
        self._start_unread_deadline()
        super().loseConnection()

    def pauseProducing(self) -> None:
        """Start the deadline of an answer that the client does not read."""
        self._start_unread_deadline()
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """Go on: the client reads."""
        self._read_by = None
        super().resumeProducing()

    def discard_rest(self, expected: int | None) -> None:
        """
        Throw away what still arrives, for a moment, then close.

        Closing at once would reset the connection, and the client might never
        see the answer (RFC 9112 section 9.6).

        :param expected: bytes that the client has yet to send, when known.
        """
        most = self.bounds.settings.max_body_bytes
        self._to_discard = most if expected is None else min(expected, most)
        self._to_discard -= len(self.clearLineBuffer())
        self._discarding = True
        self.persistent = 0
        self.setTimeout(_LINGER_SECONDS)

    def _judged(self, reply: Reply | None, request: BoundedRequest) -> Reply | None:
        self.paused = False
        if reply is not None:
            request.answer(reply)
        elif not self._discarding and _waits_for_continue(request):
            self._send100Continue()
        if self._held and not self._lost:
            self._networkProducer.resumeProducing()
            self.dataReceived(b"")
        self._held = False
        return reply

    def _start_unread_deadline(self) -> None:
        if self._read_by is None:
            patience = self.bounds.settings.write_timeout_seconds
            self._read_by = self.clock.seconds() + patience


def _waits_for_continue(request: BoundedRequest) -> bool:
    expectation = request.getHeader(b"Expect") or b""
    modern = request.clientproto == b"HTTP/1.1"
    return modern and expectation.lower() == b"100-continue"
