"""Tests for ``mcp_trino.web.channel``, ``.request`` and ``.site`` without sockets."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from mcp_trino.reply import Reply, refusal
from mcp_trino.web.channel import BoundedChannel
from mcp_trino.web.request import MAX_FORM_BYTES, BoundedRequest, IGate
from mcp_trino.web.site import BoundedSite
from tests.web.serving import Answer, head, read_answer, web_settings

_ADDRESS = IPv4Address("TCP", "127.0.0.1", 1)


class _Transport(StringTransport):
    aborting = False

    def abortConnection(self) -> None:
        self.aborting = True


class _Echo(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []
        self.waiting: list[BoundedRequest] = []

    def render(self, request: Any) -> Any:
        self.bodies.append(request.body)
        if request.path == b"/wait":
            self.waiting.append(request)
            return NOT_DONE_YET
        if request.path == b"/fail":
            raise RuntimeError("a secret of the inside")
        return b"fine"


@implementer(IGate)
class _Gate:
    def __init__(self) -> None:
        self.judged: list[bytes] = []
        self.verdict: Any = lambda: succeed(None)

    def judge(self, request: BoundedRequest) -> Deferred[Reply | None]:
        self.judged.append(request.path)
        return self.verdict()


class ChannelTestCase(SynchronousTestCase):
    """Lets bytes into a site and looks at those that come out."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.echo = _Echo()
        self.gate = _Gate()
        self.site = self.make_site()
        self.channel, self.transport = self.connect()

    def make_site(self, *forms: bytes, **changes: Any) -> BoundedSite:
        settings = web_settings(**changes)
        return BoundedSite(
            self.echo, {}, self.gate, settings, self.clock, forms=frozenset(forms)
        )

    def connect(self) -> tuple[BoundedChannel, _Transport]:
        channel = self.site.buildProtocol(_ADDRESS)
        transport = _Transport(peerAddress=_ADDRESS)
        channel.makeConnection(transport)
        return channel, transport

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.channel.dataReceived(piece)

    def post(self, path: str = "/", length: int | None = None, **headers: str) -> None:
        framing = (
            {"Transfer-Encoding": "chunked"}
            if length is None
            else {"Content-Length": str(length)}
        )
        self.send(head("POST", path, {**framing, **headers}))

    def answer(self) -> Answer:
        return read_answer(self.transport.value())

    def lose(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))


class DeadlineTests(ChannelTestCase):
    """How long a client may take."""

    def pass_time(self, seconds: int) -> None:
        self.clock.pump([1] * seconds)

    def test_slow_head(self) -> None:
        """A head that arrives byte by byte ends at its deadline, with 408."""
        for byte in head("GET", "/", {})[:8]:
            self.send(bytes([byte]))
            self.pass_time(1)
            self.assertFalse(self.transport.disconnecting)
        self.pass_time(3)
        self.assertEqual(self.answer().status, 408)
        self.assertTrue(self.transport.disconnecting)

    def test_silent_client(self) -> None:
        """A connection on which nothing is ever said ends likewise."""
        self.pass_time(11)
        self.assertTrue(self.transport.disconnecting)

    def test_slow_body(self) -> None:
        """A body that arrives byte by byte ends at its deadline, with 408."""
        self.post(length=1000)
        for _ in range(19):
            self.send(b"x")
            self.pass_time(1)
            self.assertEqual(self.transport.value(), b"")
        self.pass_time(2)
        self.assertEqual(self.answer().status, 408)
        self.assertEqual(self.echo.bodies, [])

    def test_idle(self) -> None:
        """A kept connection may be idle for its time, then it is closed silently."""
        self.send(head("GET", "/", {}))
        self.transport.clear()
        self.pass_time(59)
        self.assertFalse(self.transport.disconnecting)
        self.pass_time(2)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.transport.value(), b"")

    def test_next_head_is_slow(self) -> None:
        """The head of a later request has the same deadline as the first one's."""
        self.send(head("GET", "/", {}))
        self.pass_time(30)
        self.send(b"GET / HT")
        self.pass_time(11)
        self.assertTrue(self.transport.disconnecting)

    def test_answer_takes_time(self) -> None:
        """No deadline runs while the server itself works."""
        self.send(head("GET", "/wait", {}))
        self.pass_time(1000)
        self.assertFalse(self.transport.disconnecting)
        self.echo.waiting[0].finish()
        self.assertEqual(self.answer().status, 200)

    def test_unread_answer(self) -> None:
        """A client that does not read is cut, also after its answer is complete."""
        self.send(head("GET", "/", {}))
        self.channel.pauseProducing()
        self.pass_time(29)
        self.assertFalse(self.transport.aborting)
        self.pass_time(2)
        self.assertTrue(self.transport.aborting)

    def test_slowly_read_answer(self) -> None:
        """A client that reads now and then is not cut."""
        self.send(head("GET", "/wait", {}))
        for _ in range(5):
            self.channel.pauseProducing()
            self.pass_time(20)
            self.channel.resumeProducing()
        self.assertFalse(self.transport.aborting)

    def test_unread_goodbye(self) -> None:
        """A closed connection whose client does not read its end is cut."""
        self.send(head("GET", "/", {"Connection": "close"}))
        self.assertTrue(self.transport.disconnecting)
        self.pass_time(31)
        self.assertTrue(self.transport.aborting)

    def test_no_wakeups(self) -> None:
        """Without connections nothing looks at deadlines."""
        self.lose()
        self.pass_time(2)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HeadTests(ChannelTestCase):
    """What a head may be."""

    def test_long_line(self) -> None:
        """A line beyond the bound is refused with 431 before it ends."""
        self.send(b"GET /" + b"x" * 40_000)
        self.assertEqual(self.answer().status, 431)

    def test_many_headers(self) -> None:
        """Headers that are too large together are refused with 431."""
        self.send(b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"x" * 1000 + b"\r\n"] * 40)
        self.assertEqual(self.answer().status, 431)
        self.assertEqual(self.gate.judged, [])

    def test_ten_thousand_bytes(self) -> None:
        """A large token is no reason to refuse a request."""
        self.send(head("GET", "/", {"Authorization": "Bearer " + "x" * 10_000}))
        self.assertEqual(self.answer().status, 200)

    def test_nonsense(self) -> None:
        """What is not HTTP is refused with 400 and never served."""
        for nonsense in (
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        ):
            with self.subTest(nonsense=nonsense[:60]):
                self.channel, self.transport = self.connect()
                self.send(nonsense)
                self.assertTrue(
                    self.transport.value().startswith(b"HTTP/1.1 400 "),
                    self.transport.value(),
                )
                self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.echo.bodies, [])

    def test_refused_head_ends_after_a_moment(self) -> None:
        """What follows a refused head is thrown away, then the connection ends."""
        self.send(b"GET /" + b"x" * 40_000, b"x\r\n\r\n", head("GET", "/", {}))
        self.assertFalse(self.transport.disconnecting)
        self.clock.pump([1] * 3)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.gate.judged, [])


class BodyTests(ChannelTestCase):
    """How much a body may be."""

    def test_declared_too_large(self) -> None:
        """A declared length beyond the bound is refused before a byte is read."""
        self.post(length=100_001)
        answer = self.answer()
        self.assertEqual(answer.status, 413)
        self.assertIn("100000 bytes", answer.json()["error"])
        self.assertEqual(answer.headers["Connection"], "close")

    def test_chunked_too_large(self) -> None:
        """A body without a length is refused when it exceeds the bound."""
        self.post()
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        self.send(*[chunk] * 10)
        self.assertEqual(self.transport.value(), b"")
        self.send(chunk)
        self.assertEqual(self.answer().status, 413)
        self.assertEqual(self.site.bounds.bodies.taken, 0)

    def test_too_large_in_the_last_chunk(self) -> None:
        """A body that is refused with its last byte is not served as well."""
        self.post()
        chunk = b"186a1\r\n" + b"x" * 100_001 + b"\r\n"
        self.send(chunk + b"0\r\n\r\n" + head("GET", "/", {}))
        self.assertEqual(self.answer().status, 413)
        self.assertEqual(self.echo.bodies, [])

    def test_too_large_for_a_form(self) -> None:
        """A path that takes forms takes small bodies only, declared or not."""
        self.site = self.make_site(b"/form")
        for length in (MAX_FORM_BYTES + 1, None):
            self.channel, self.transport = self.connect()
            self.post("/form?x", length=length)
            if length is None:
                self.send(b"%x\r\n" % (MAX_FORM_BYTES + 1))
                self.send(b"x" * (MAX_FORM_BYTES + 1))
            self.assertEqual(self.answer().status, 413)
            self.assertIn(b"at most 32768 bytes", self.answer().body)

    def test_largest(self) -> None:
        """A body of exactly the bound is served, and counted until its answer."""
        self.post("/wait", length=100_000)
        self.send(*[b"x" * 1000] * 100)
        self.assertEqual(self.site.bounds.bodies.taken, 100_000)
        self.echo.waiting[0].finish()
        self.assertEqual(self.answer().status, 200)
        self.assertEqual(self.site.bounds.bodies.taken, 0)

    def test_budget(self) -> None:
        """When all bodies together are too much, the last one is told to wait."""
        first = self.connect(), self.connect()
        for self.channel, self.transport in first:
            self.post(length=100_000)
            self.send(b"x" * 99_000)
        self.channel, self.transport = self.connect()
        self.post(length=100_000)
        self.send(b"x" * 2_000)
        self.assertEqual(self.transport.value(), b"")
        self.send(b"x")
        answer = self.answer()
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers["Retry-After"], "5")
        for self.channel, self.transport in first:
            self.lose()
        self.assertEqual(self.site.bounds.bodies.taken, 0)

    def test_rest_is_thrown_away(self) -> None:
        """After a refusal the rest is taken for a moment, so the answer is seen."""
        self.post(length=100_001)
        self.send(*[b"x" * 1000] * 90)
        self.assertFalse(self.transport.disconnecting)
        self.send(*[b"x" * 1000] * 20)
        self.assertTrue(self.transport.disconnecting)

    def test_rest_came_along(self) -> None:
        """When the whole body is there already, the connection ends at once."""
        self.gate.verdict = lambda: succeed(refusal(401, "who are you"))
        self.send(head("POST", "/", {"Content-Length": "5"}) + b"hello")
        self.assertEqual(self.answer().status, 401)
        self.assertTrue(self.transport.disconnecting)

    def test_lost(self) -> None:
        """A body whose client has gone no longer counts."""
        self.post(length=50_000)
        self.send(b"x" * 40_000)
        self.lose()
        self.assertEqual(self.site.bounds.bodies.taken, 0)

    def test_pipelined_flood(self) -> None:
        """A client that sends on while it is served is cut: it could hide its end."""
        self.send(head("GET", "/wait", {}), b"x" * 20_000)
        self.assertTrue(self.transport.aborting)

    def test_pipelined_request(self) -> None:
        """A request that follows at once is served after the first."""
        self.send(head("GET", "/wait", {}) + head("GET", "/", {}))
        self.assertEqual(self.gate.judged, [b"/wait"])
        self.echo.waiting[0].finish()
        self.assertEqual(self.gate.judged, [b"/wait", b"/"])
        self.assertEqual(self.transport.value().count(b"HTTP/1.1 200"), 2)


class VerdictTests(ChannelTestCase):
    """A request is judged by its head."""

    def setUp(self) -> None:
        super().setUp()
        self.decision: Deferred[Reply | None] = Deferred()
        self.gate.verdict = lambda: self.decision

    def test_body_waits(self) -> None:
        """While nobody has decided, the body is not read."""
        self.post(length=5)
        self.assertEqual(self.gate.judged, [b"/"])
        self.assertEqual(self.transport.producerState, "paused")
        self.decision.callback(None)
        self.assertEqual(self.transport.producerState, "producing")
        self.send(b"hello")
        self.assertEqual(self.echo.bodies, [b"hello"])

    def test_body_came_along(self) -> None:
        """A body that came with the head is served when somebody has decided."""
        self.send(head("POST", "/", {"Content-Length": "5"}) + b"hello")
        self.assertEqual(self.echo.bodies, [])
        self.decision.callback(None)
        self.assertEqual(self.echo.bodies, [b"hello"])

    def test_refused_before_the_body(self) -> None:
        """A refusal is answered at once, and what follows is never a request."""
        self.post(length=50)
        self.decision.callback(refusal(401, "who are you"))
        self.assertEqual(self.answer().status, 401)
        self.assertEqual(self.answer().headers["Connection"], "close")
        self.send(head("GET", "/smuggled", {}))
        self.assertEqual(self.gate.judged, [b"/"])
        self.assertEqual(self.echo.bodies, [])

    def test_refused_without_a_body(self) -> None:
        """A refusal of a request without a body keeps the connection."""
        self.send(head("GET", "/", {}))
        self.decision.callback(refusal(401, "who are you"))
        self.assertEqual(self.answer().status, 401)
        self.decision = succeed(None)
        self.transport.clear()
        self.send(head("GET", "/", {}))
        self.assertEqual(self.answer().status, 200)

    def test_continue(self) -> None:
        """``100 Continue`` is for those who may go on, and only then."""
        self.post(length=5, Expect="100-continue")
        self.assertEqual(self.transport.value(), b"")
        self.decision.callback(None)
        self.assertEqual(self.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n")

    def test_no_continue(self) -> None:
        """Those who may not are told so instead."""
        self.post(length=5, Expect="100-continue")
        self.decision.callback(refusal(403, "no"))
        self.assertEqual(self.answer().status, 403)

    def test_client_goes_meanwhile(self) -> None:
        """A decision about somebody who has gone changes nothing."""
        for request in (
            head("GET", "/", {}),
            head("POST", "/", {"Content-Length": "5"}),
        ):
            with self.subTest(request=request[:4]):
                self.decision = Deferred()
                self.channel, self.transport = self.connect()
                self.send(request)
                self.lose()
                self.decision.callback(None)
                self.assertEqual(self.echo.bodies, [])

    def test_slow_decision(self) -> None:
        """A decision that comes after the deadline of the body comes too late."""
        self.post(length=5, Expect="100-continue")
        self.clock.pump([1] * 21)
        self.assertEqual(self.answer().status, 408)
        self.transport.clear()
        self.decision.callback(None)
        self.assertEqual(self.transport.value(), b"")

    def test_nobody_can_decide(self) -> None:
        """A failure to decide lets nobody in, and does not repeat the credential."""

        def fail() -> Any:
            raise RuntimeError("could not parse Bearer s3cret")

        self.gate.verdict = fail
        with capturedLogs() as events:
            self.post(length=5, Authorization="Bearer s3cret")
        self.assertEqual(self.answer().status, 503)
        self.assertEqual(len(events), 1)
        self.assertNotIn("s3cret", repr(events))


class SiteTests(ChannelTestCase):
    """What all connections share."""

    def test_too_many_connections(self) -> None:
        """One connection too many is told so; a place is free when one ends."""
        self.site = self.make_site(max_connections=2)
        first, _ = self.connect()
        self.connect()
        _, transport = self.connect()
        self.assertEqual(read_answer(transport.value()).status, 503)
        self.assertTrue(transport.disconnecting)
        first.connectionLost(Failure(ConnectionDone()))
        self.channel, self.transport = self.connect()
        self.send(head("GET", "/", {}))
        self.assertEqual(self.answer().status, 200)

    def test_defect(self) -> None:
        """A defect is logged and answered with 500, without its text."""
        self.send(head("GET", "/fail", {}))
        self.assertEqual(self.answer().status, 500)
        self.assertEqual(self.answer().json(), {"error": "internal error"})
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_repeated_header(self) -> None:
        """A header that a reply has twice is sent twice, instead of an earlier one."""
        cookies = ((b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"Server", b"x"))
        self.gate.verdict = lambda: succeed(Reply(status=200, headers=cookies))
        self.send(head("GET", "/", {}))
        headers = self.answer().headers
        self.assertEqual(headers.get_all("Set-Cookie"), ["a=1", "b=2"])
        self.assertEqual(headers.get_all("Server"), ["x"])

    def test_server_header(self) -> None:
        """No version of anything is told."""
        self.send(head("GET", "/", {}))
        self.assertEqual(self.answer().headers["Server"], "mcp-trino")

    def test_protocols(self) -> None:
        """Only HTTP/1.1 is negotiated, whatever is installed."""
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])

    def test_close(self) -> None:
        """Closing waits for the connections, and forces those that do not let go."""
        closed = Deferred.fromCoroutine(self.site.close())
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(closed)
        self.clock.pump([1] * 3)
        self.assertTrue(self.transport.aborting)
        self.lose()
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
