"""A worker that answers what a test wants, on a real UNIX socket."""

from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    """Write a whole answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@define(eq=False)
class ScriptedWorker(Factory):
    """
    Answers every request with the same bytes.

    :ivar answer: the bytes; ``None`` to say nothing.
    :ivar closes: the connection is closed after them.
    :ivar requests: what was asked.
    :ivar connections: those that are open.
    """

    answer: bytes | None = None
    closes: bool = False
    requests: list[bytes] = field(factory=list)
    connections: set[Any] = field(factory=set)
    _asked: Deferred[None] = field(factory=Deferred)
    _port: Any = None

    def listen(self, reactor: Any, path: Path) -> None:
        """Begin to answer there."""
        self._port = reactor.listenUNIX(str(path), self, mode=0o600)

    def buildProtocol(self, addr: Any) -> Protocol:
        """Make a connection."""
        del addr
        return _Connection(self)

    def asked(self) -> Deferred[None]:
        """Wait for the next request."""
        self._asked = Deferred()
        return self._asked

    async def close(self) -> None:
        """Listen no more and close all connections."""
        await self._port.stopListening()
        for connection in list(self.connections):
            connection.transport.abortConnection()
            await connection.lost

    def noted(self, request: bytes) -> None:
        """Note a request."""
        self.requests.append(request)
        if not self._asked.called:
            self._asked.callback(None)


class _Connection(Protocol):
    transport: Any

    def __init__(self, worker: ScriptedWorker) -> None:
        self._worker = worker
        self._received = b""
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._worker.connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._worker.connections.discard(self)
        self.lost.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
        if not end or len(body) < length:
            return
        self._received = b""
        self._worker.noted(head + end + body)
        if self._worker.answer is not None:
            self.transport.write(self._worker.answer)
        if self._worker.closes:
            self.transport.loseConnection()
