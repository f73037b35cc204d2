"""
A request of HTTP/1.1 with bounds (RFC 9110).

``twisted.web`` takes a whole request, of any size, before anything is asked
about it. Here a request is judged when its headers are complete, and its body
is counted while it arrives.
"""

import traceback
from io import BytesIO
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_CONTENT, datetimeToString
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.server import Request, Site
from zope.interface import Interface, provider

from mcp_trino.principal import Principal
from mcp_trino.reply import Reply, refusal
from mcp_trino.settings import WebSettings
from mcp_trino.web.limits import Budget

MAX_FORM_BYTES = 32 * 1024
_RETRY_AFTER_SECONDS = 5

_log = Logger()


class IGate(Interface):
    """Who may pass, decided from the headers of a request alone."""

    def judge(request: "BoundedRequest") -> Deferred[Reply | None]:  # noqa: N805
        """
        Decide on a request whose headers are complete and whose body is not.

        :return: the answer of a request that does not pass, else ``None``; a
            failure is answered 503.
        """


@frozen
class Bounds:
    """
    What the requests of one server share.

    :ivar bodies: bytes of the bodies of all requests under way.
    :ivar forms: paths that take a form or a small document, and nothing larger.
    """

    settings: WebSettings
    gate: IGate
    bodies: Budget
    forms: frozenset[bytes] = frozenset()

    def max_body_bytes(self, path: bytes) -> int:
        """Give the bytes that the body of a request for that path may have."""
        most = self.settings.max_body_bytes
        return min(most, MAX_FORM_BYTES) if path in self.forms else most


class _Channel(Protocol):
    transport: Any
    bounds: Bounds
    site: Site
    length: int | None

    def discard_rest(self, expected: int | None) -> None: ...


@provider(INonQueuedRequestFactory)
class BoundedRequest(Request):
    """
    A request that is judged by its headers before its body is taken.

    :ivar principal: who asks; set by the gate when it asked.
    :ivar verdict: fires when the gate has decided; it does not fail.
    """

    defaultContentType = None
    channel: _Channel  # type: ignore[assignment]  # always ours
    principal: Principal | None = None
    verdict: Deferred[Reply | None]
    bounds: Bounds
    _content: BytesIO
    _arrived = 0
    _body_taken = 0
    _body_complete = False

    def headersReceived(self, method: bytes, uri: bytes, version: bytes) -> None:
        """
        Take the head of the request and have it judged.

        :param version: the version of HTTP.
        """
        self.method, self.uri, self.clientproto = method, uri, version
        self.path = uri.split(b"?", 1)[0]
        self.bounds = self.channel.bounds
        self.setHeader(b"Server", b"mcp-trino")
        self.setHeader(b"Date", datetimeToString())
        self.verdict = self._judge()

    def gotLength(self, length: int | None) -> None:
        """Hold the body in memory: its size is bounded."""
        del length
        self._content = self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body, unless it is too much."""
        self._arrived += len(data)
        if self._arrived > self.bounds.max_body_bytes(self.path):
            self.answer(self._too_large())
        elif not self.bounds.bodies.take(len(data)):
            self.answer(
                refusal(
                    503,
                    "too many large requests at once",
                    retry_after_seconds=_RETRY_AFTER_SECONDS,
                )
            )
        else:
            self._body_taken += len(data)
            self._content.write(data)

    def process(self) -> None:
        """Serve the request once it is complete and judged."""
        self._body_complete = True
        self.prepath = []
        self.postpath = self.path[1:].split(b"/")
        self.verdict.addCallback(self._serve).addErrback(self.processingFailed)

    @property
    def body(self) -> bytes:
        """The whole body; not copied."""
        return self._content.getvalue()

    def answer(self, reply: Reply) -> None:
        """
        Answer with a whole reply, also while the body still arrives.

        Does nothing when an answer was begun or the client has gone.
        """
        if self._disconnected or self.startedWriting:
            return
        body = self.prepare(reply)
        if self._body_complete:
            self.write(body)
        else:
            self.setHeader(b"Connection", b"close")
            self.write(body)
            length = self.channel.length
            rest = None if length is None else length - self._arrived
            self.channel.discard_rest(rest)
        self.finish()

    def prepare(self, reply: Reply) -> bytes:
        """
        Take status and headers from a reply.

        :return: the body, to be written by the caller.
        """
        self.setResponseCode(reply.status)
        for name in {name for name, _ in reply.headers}:
            self.responseHeaders.removeHeader(name)
        for name, value in reply.headers:  # of Set-Cookie there may be several
            self.responseHeaders.addRawHeader(name, value)
        if reply.status != NO_CONTENT:  # RFC 9110 section 8.6
            self.setHeader(b"Content-Length", b"%d" % len(reply.body))
        return reply.body

    def finish(self) -> None:
        """End the answer; the body is no longer held."""
        self._give_back()
        super().finish()

    def connectionLost(self, reason: Failure) -> None:
        """Forget the request: its client has gone."""
        self._give_back()
        super().connectionLost(reason)

    def processingFailed(self, reason: Failure) -> None:
        """Answer 500 and say no more than that."""
        self._log.failure("a request failed", failure=reason)
        self.answer(refusal(500, "internal error"))

    def _serve(self, reply: Reply | None) -> None:
        if self._disconnected:
            return
        if reply is not None:
            self.answer(reply)
        else:
            self.site = self.channel.site
            self.render(self.site.getResourceFor(self))

    def _judge(self) -> Deferred[Reply | None]:
        length = self.channel.length
        if length is not None and length > self.bounds.max_body_bytes(self.path):
            return succeed(self._too_large())
        return maybeDeferred(self.bounds.gate.judge, self).addErrback(_undecided)

    def _too_large(self) -> Reply:
        most = self.bounds.max_body_bytes(self.path)
        return refusal(413, f"a body may have at most {most} bytes")

    def _give_back(self) -> None:
        if self._body_taken:
            self.bounds.bodies.give_back(self._body_taken)
            self._body_taken = 0


def _undecided(failure: Failure) -> Reply:
    # The text of the exception could repeat the credential.
    place = traceback.extract_tb(failure.getTracebackObject())[-1]
    _log.critical(
        "nobody could say who may pass: {error} at {file}:{line}",
        error=type(failure.value).__name__,
        file=place.filename,
        line=place.lineno,
    )
    return refusal(
        503,
        "access cannot be decided now",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )
