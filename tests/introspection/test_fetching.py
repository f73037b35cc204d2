"""Tests for ``mcp_trino.introspection.fetching`` on real sockets of loopback."""

import gzip
import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.server import Request

from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.fetching import Ask, Fetching, read_trust
from tests.introspection.loopback import LoopbackProvider, certificates
from tests.ports import free_port


class FetchingTests(TestCase):
    """One request."""

    def setUp(self) -> None:
        """Have a provider, and a clock for patience."""
        self.provider = LoopbackProvider().listen(reactor)
        self.addCleanup(self.provider.close)
        self.clock = Clock()
        self.fetch = Fetching(reactor, read_trust(None), self.clock)

    def ask(self, path: str, most: int = 1000) -> "Deferred[Any]":
        """Make a request."""
        return self.fetch(Ask(self.provider.issuer + path, most))

    async def undecided(self, path: str, most: int = 1000) -> str:
        """Make a request that comes to nothing."""
        try:
            await self.ask(path, most)
        except Undecidable as error:
            return str(error)
        return "it answered"

    async def test_answer(self) -> None:
        """An answer has a status, a body and how long it may be kept."""

        def answer(request: Request) -> bytes:
            request.setResponseCode(418)
            request.setHeader("Cache-Control", "max-age=5")
            self.assertEqual(request.getHeader("accept-encoding"), "identity")
            self.assertEqual(request.getHeader("user-agent"), "mcp-trino")
            self.assertIsNone(request.getHeader("cookie"))
            return b"tea"

        self.provider.answers["/tea"] = answer
        got = await self.ask("/tea")
        self.assertEqual(
            (got.status, got.body, got.cache_control), (418, b"tea", "max-age=5")
        )

    async def test_post(self) -> None:
        """A form is posted as it is."""
        self.provider.answers["/form"] = lambda request: request.content.read()
        ask = Ask(f"{self.provider.issuer}/form", 1000, "POST", {"X": "y"}, b"a=b")
        self.assertEqual((await self.fetch(ask)).body, b"a=b")

    async def test_g067_redirect(self) -> None:
        """A redirect is an answer, and nobody goes there."""

        def redirect(request: Request) -> bytes:
            request.redirect(b"/elsewhere")
            return b""

        self.provider.answers["/moved"] = redirect
        self.assertEqual((await self.ask("/moved")).status, 302)
        self.assertEqual(self.provider.asked, ["/moved"])

    async def test_g068_size(self) -> None:
        """Of a body that is too large no more is read."""
        self.provider.answers["/large"] = b"x" * 307200
        self.assertIn("more than 262144 bytes", await self.undecided("/large", 262144))
        self.assertEqual(len((await self.ask("/large", 307200)).body), 307200)

    async def test_g068_endless(self) -> None:
        """A body without an end ends."""
        gone: Deferred[Any] = Deferred()

        def endless(request: Request) -> None:
            class Forever:
                def resumeProducing(self) -> None:
                    request.write(b"x" * 65536)

                def pauseProducing(self) -> None:
                    pass

                def stopProducing(self) -> None:
                    pass

            request.notifyFinish().addBoth(lambda _: gone.callback(None))
            request.registerProducer(Forever(), False)

        self.provider.answers["/endless"] = endless
        self.assertIn("more than", await self.undecided("/endless"))
        await gone

    async def test_g068_bomb(self) -> None:
        """What is compressed although we asked for it as it is stays compressed."""
        bomb = gzip.compress(b"x" * 10_000_000)

        def compressed(request: Request) -> bytes:
            request.setHeader("Content-Encoding", "gzip")
            return bomb

        self.provider.answers["/bomb"] = compressed
        self.assertEqual((await self.ask("/bomb", 100_000)).body, bomb)

    async def test_g068_drip(self) -> None:
        """A body that drips is not waited for."""
        started: Deferred[Any] = Deferred()
        gone: Deferred[Any] = Deferred()

        def drip(request: Request) -> None:
            request.write(b"x")
            request.notifyFinish().addBoth(lambda _: gone.callback(None))
            reactor.callLater(0.05, started.callback, None)

        self.provider.answers["/drip"] = drip
        asking = self.ask("/drip")
        await started
        self.clock.advance(9.9)
        self.assertNoResult(asking)
        self.clock.advance(0.2)
        failure = self.failureResultOf(asking, Undecidable)
        self.assertIn("more than 10 s", str(failure.value))
        # The provider sees the connection end, too.
        await gone

    async def test_down(self) -> None:
        """A provider that is not there is no answer."""
        nobody = f"http://127.0.0.1:{free_port()}/"
        try:
            await self.fetch(Ask(nobody, 1000))
            self.fail("it answered")
        except Undecidable as error:
            self.assertIn("does not answer: ConnectionRefused", str(error))

    async def test_c08_no_proxy(self) -> None:
        """No proxy of the environment is used."""
        self.patch(os, "environ", {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9"})
        self.provider.answers["/"] = b"here"
        self.assertEqual((await self.ask("/")).body, b"here")

    async def test_canceled(self) -> None:
        """A question that nobody wants answered any more is broken off."""
        asked: Deferred[Any] = Deferred()
        gone: Deferred[Any] = Deferred()

        def hang(request: Request) -> None:
            request.notifyFinish().addBoth(lambda _: gone.callback(None))
            asked.callback(None)

        self.provider.answers["/hang"] = hang
        asking = self.ask("/hang")
        await asked
        asking.addErrback(lambda _: None)
        asking.cancel()
        await gone


class TLSTests(TestCase):
    """Providers that speak TLS."""

    async def test_c04_certificates(self) -> None:
        """A certificate has to be vouched for, and to be for that host."""
        authority, served = certificates(Path(self.mktemp()))
        provider = LoopbackProvider().listen(reactor, served)
        self.addCleanup(provider.close)
        url = f"{provider.issuer}/keys"
        trusting = Fetching(reactor, read_trust(authority), reactor)
        self.assertEqual((await trusting(Ask(url, 10000))).status, 200)
        other = url.replace("localhost", "127.0.0.2")
        for fetch, address in (
            (Fetching(reactor, read_trust(None), reactor), url),
            (trusting, other),
        ):
            try:
                await fetch(Ask(address, 10000))
                self.fail("it was trusted")
            except Undecidable as error:
                self.assertIn("does not answer", str(error))


class TrustTests(SynchronousTestCase):
    """Tests for ``read_trust``."""

    def test_no_certificates(self) -> None:
        """A file without certificates stops the start."""
        path = Path(self.mktemp())
        for content in (
            None,
            b"",
            b"x",
            b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
        ):
            if content is not None:
                path.write_bytes(content)
            error = self.assertRaises(ConfigurationError, read_trust, path)
            self.assertIn(str(path), str(error))
