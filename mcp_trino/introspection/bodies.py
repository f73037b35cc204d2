"""Bodies of HTTP messages, of known size."""

from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer


@implementer(IBodyProducer)
@frozen
class Bytes:
    """The body of a request that is there at once."""

    _data: bytes

    @property
    def length(self) -> int:
        """Its bytes."""
        return len(self._data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write all of it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: all was written."""

    resumeProducing = stopProducing = pauseProducing


class _Collector(Protocol):
    transport: Any

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self.whole: Deferred[bytes] = Deferred(lambda _: self._abort())

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._parts.append(data)
        if self._size > self._most and not self.whole.called:
            self.whole.errback(ValueError(f"the body has more than {self._most} bytes"))
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone):
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)

    def _abort(self) -> None:
        # Agent hands on a transport that cannot be aborted.
        self.transport.loseConnection()


def read_body(response: IResponse, most: int) -> Deferred[bytes]:
    """
    Read the body of an answer; canceling it ends the connection.

    :param most: the bytes that it may have.
    :raise ValueError: it has more.
    """
    collector = _Collector(most)
    response.deliverBody(collector)
    return collector.whole
