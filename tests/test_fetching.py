"""Tests of the bounded fetching, with real connections on loopback."""

import gzip
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, wrapServerTLS
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from mcp_trino.fetching import Fetcher, FetchFailed, VerifiedEndpoints, trust_of
from mcp_trino.settings import TLSSettings
from mcp_trino.web.tls import ServerCertificate
from tests.e2e.certificates import make_certificates

OK = b"HTTP/1.1 200 OK\r\n"


def certificates_in(name):
    """Make certificates in a new directory."""
    directory = Path(name)
    directory.mkdir(parents=True)
    return make_certificates(directory)


class Scripted(Protocol):
    """Answers the first request with bytes, then says when the client has gone."""

    def connectionMade(self):
        """Begin to receive."""
        self.received = b""
        self.factory.connections += 1

    def dataReceived(self, data):
        """Answer when the headers are complete."""
        self.received += data
        if b"\r\n\r\n" in self.received:
            self.factory.request = self.received
            self.factory.answer(self.transport)

    def connectionLost(self, reason):
        """The client has gone."""
        self.factory.gone.callback(None)


class FetcherTests(TestCase):
    """What is fetched is bounded, whatever the other side does."""

    async def served(self, answer, *, tls=False, name="127.0.0.1"):
        """Serve one connection; give the URL."""
        self.factory = Factory.forProtocol(Scripted)
        self.factory.connections = 0
        self.factory.gone = Deferred()
        if isinstance(answer, bytes):
            self.factory.answer = lambda transport: transport.write(answer)
        else:
            self.factory.answer = answer
        endpoint = TCP4ServerEndpoint(
            reactor, 0, interface=name.replace("localhost", "127.0.0.1")
        )
        self.trust = trust_of(None)
        if tls:
            files = certificates_in(self.mktemp())
            self.trust = trust_of(files.authority)
            certificate = ServerCertificate(TLSSettings(files.chain, files.key))
            endpoint = wrapServerTLS(certificate, endpoint)
        port = await endpoint.listen(self.factory)
        self.addCleanup(port.stopListening)
        return f"{'https' if tls else 'http'}://{name}:{port.getHost().port}/document"

    def fetcher(self, **bounds):
        """Make a fetcher of at most 100 bytes."""
        endpoints = VerifiedEndpoints(reactor, self.trust)
        return Fetcher(reactor, endpoints, **({"max_bytes": 100} | bounds))

    async def failed(self, url, **bounds):
        """Give the reason why a document cannot be fetched; the connection is gone."""
        try:
            await self.fetcher(**bounds).fetch(url)
        except FetchFailed as error:
            if self.factory.connections:
                await self.factory.gone
            return str(error)
        return self.fail("it was fetched")

    async def test_get(self):
        """A short document is given as it was sent, over TLS too."""
        for tls, name in (
            (False, "127.0.0.1"),
            (True, "127.0.0.1"),
            (True, "localhost"),
        ):
            url = await self.served(
                OK + b"Content-Length: 2\r\nX-A: b\r\n\r\nhi", tls=tls, name=name
            )
            fetched = await self.fetcher().fetch(url, {"Accept": "application/json"})
            self.assertEqual((fetched.status, fetched.body), (200, b"hi"))
            self.assertEqual(fetched.headers.getRawHeaders(b"x-a"), [b"b"])
            self.assertIn(b"Accept: application/json\r\n", self.factory.request)
            self.assertTrue(
                self.factory.request.startswith(b"GET /document HTTP/1.1\r\n")
            )
            await self.factory.gone

    async def test_post(self):
        """A body is sent whole."""
        url = await self.served(OK + b"Content-Length: 2\r\n\r\nhi")
        await self.fetcher().fetch(url, body=b"a=1")
        self.assertTrue(self.factory.request.startswith(b"POST "))
        self.assertTrue(self.factory.request.endswith(b"\r\n\r\na=1"))
        await self.factory.gone

    async def test_no_redirect(self):
        """A redirect is an answer like any other: nobody is asked again."""
        url = await self.served(
            b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual((await self.fetcher().fetch(url)).status, 302)
        self.assertEqual(self.factory.connections, 1)
        await self.factory.gone

    async def test_too_long(self):
        """An answer that is too long is given up, said before, chunked or endless."""

        def endless(transport):
            transport.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
            chunk = b"40\r\n" + b"x" * 64 + b"\r\n"
            producer = Endless(transport, chunk)
            transport.registerProducer(producer, True)
            producer.resumeProducing()

        for answer in (
            OK + b"Content-Length: 101\r\n\r\n" + b"x" * 101,
            OK + b"Content-Length: 1000000\r\n\r\n" + b"x" * 200,
            OK + b"\r\n" + b"x" * 101,
            endless,
        ):
            for tls in (False, True):
                url = await self.served(answer, tls=tls)
                self.assertEqual(await self.failed(url), "more than 100 bytes")

    async def test_compressed(self):
        """What was compressed without being asked for stays so."""
        bomb = gzip.compress(b"x" * 10000)
        url = await self.served(
            OK
            + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
            + bomb
        )
        self.assertEqual((await self.fetcher().fetch(url)).body, bomb)
        await self.factory.gone

    async def test_too_slow(self):
        """Whoever answers nothing, or not all, is given up in time; TLS or not."""
        for answer in (b"", OK, OK + b"Content-Length: 9\r\n\r\nx"):
            for tls in (False, True):
                url = await self.served(answer, tls=tls)
                reason = await self.failed(url, timeout_seconds=0.3)
                self.assertEqual(reason, "it took more than 0.3 s")

    async def test_canceled(self):
        """Who does not want it any more leaves no connection behind."""
        url = await self.served(lambda transport: asked.callback(None))
        asked = Deferred()
        fetching = self.fetcher().fetch(url)
        await asked
        fetching.cancel()
        await self.factory.gone
        self.failureResultOf(fetching)

    async def test_cut(self):
        """Half an answer is none."""

        def cut(transport):
            transport.write(OK + b"Content-Length: 9\r\n\r\nx")
            transport.loseConnection()

        url = await self.served(cut)
        self.assertIn("ConnectionDone", await self.failed(url))

    async def test_no_http(self):
        """What is no HTTP is no answer."""
        url = await self.served(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        self.assertIn("SSH", await self.failed(url))

    async def test_unreachable(self):
        """A port where nobody listens is a failure like any other."""
        await self.served(b"")
        self.assertIn("Refused", await self.failed("http://127.0.0.1:1/"))

    async def test_certificate(self):
        """A certificate that nobody trusts, or of another name, ends the talk."""
        url = await self.served(OK + b"Content-Length: 0\r\n\r\n", tls=True)
        self.trust = trust_of(None)
        self.assertIn("certificate", await self.failed(url))
        url = await self.served(OK, tls=True, name="127.0.0.2")
        self.assertIn("VerificationError", await self.failed(url))

    def test_trust(self):
        """A file without certificates is no trust in nobody, but a mistake."""
        path = Path(self.mktemp())
        path.write_text("no certificate")
        self.assertRaises(ValueError, trust_of, path)


class Endless:
    """A producer that never ends."""

    def __init__(self, transport, chunk):
        self.transport, self.chunk = transport, chunk

    def resumeProducing(self):
        """Write until told to pause."""
        self.paused = False
        while not self.paused:
            self.transport.write(self.chunk)

    def pauseProducing(self):
        """Stop for now."""
        self.paused = True

    def stopProducing(self):
        """Stop for good."""
        self.paused = True
