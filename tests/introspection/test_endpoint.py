"""Tests for ``mcp_trino.introspection.endpoint`` on a real UNIX socket."""

import os
import socket
import stat
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlencode

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino import unix_sockets as sockets_module
from mcp_trino.errors import ConfigurationError
from mcp_trino.introspection import endpoint as endpoint_module
from mcp_trino.introspection.endpoint import CheckedPeers, Endpoint
from mcp_trino.unix_sockets import PassedPort, bind_private
from tests.introspection.minting import (
    CLIENT_ID,
    NOW,
    Bench,
    FakeProvider,
    claims_of,
    key_of,
    minted,
    native_settings,
)


class SocketTests(SynchronousTestCase):
    """Tests for ``bind_private``."""

    def setUp(self) -> None:
        """Have a short path: that of a UNIX socket must be."""
        directory = Path(mkdtemp(prefix="mcp-trino-"))
        self.path = directory / "s"
        self.addCleanup(directory.rmdir)
        self.addCleanup(self.path.unlink, missing_ok=True)

    def test_g122_never_reachable(self) -> None:
        """It is nobody else's from the instant in which it appears."""
        modes = []

        class Watched(socket.socket):
            """Looks at the file right after it is there."""

            def bind(self, address: Any) -> None:
                super().bind(address)
                modes.append(stat.S_IMODE(Path(address).stat().st_mode))

        self.patch(sockets_module.socket, "socket", Watched)
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        bind_private(self.path).close()
        self.assertEqual(modes, [0o600])
        self.assertEqual(os.umask(0), 0)

    def test_left_over(self) -> None:
        """One that nobody listens at any more is replaced."""
        bind_private(self.path).close()
        bind_private(self.path).close()

    def test_taken(self) -> None:
        """One that somebody listens at is left alone."""
        listening = bind_private(self.path)
        self.addCleanup(listening.close)
        error = self.assertRaises(ConfigurationError, bind_private, self.path)
        self.assertIn(str(self.path), str(error))

    def test_no_socket(self) -> None:
        """A file that is none is left alone."""
        self.path.write_text("precious")
        self.assertRaises(ConfigurationError, bind_private, self.path)
        self.assertEqual(self.path.read_text(), "precious")


class EndpointTests(TestCase):
    """What the worker answers."""

    def setUp(self) -> None:
        """Listen."""
        self.bench = Bench(native_settings(client_id=CLIENT_ID)).start(self.addCleanup)
        self.trusted: Any = lambda uid: uid == os.geteuid()
        self.listen()

    def listen(self) -> None:
        """Serve at a socket of its own."""
        directory = Path(mkdtemp(prefix="mcp-trino-"))
        self.path = directory / "s"
        listening = bind_private(self.path)
        self.endpoint = Endpoint(self.bench.introspector)
        factory = CheckedPeers(self.endpoint.site(), self.trusts)
        port = PassedPort(listening, factory, reactor)
        port.startListening()
        self.addCleanup(directory.rmdir)
        self.addCleanup(self.path.unlink)
        self.addCleanup(port.stopListening)

    def trusts(self, uid: int | None) -> bool:
        """Say whom the worker trusts; a test may change its mind."""
        return bool(self.trusted(uid))

    def send(self, data: bytes) -> "Deferred[bytes]":
        """Send bytes and read all that comes."""

        def talk() -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(self.path))
                parts = []
                try:
                    client.sendall(data)
                    while part := client.recv(65536):
                        parts.append(part)
                except ConnectionError:
                    pass
                return b"".join(parts)

        return deferToThread(talk)

    async def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Make one request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [
            f"{name.replace('_', '-')}: {value}" for name, value in headers.items()
        ]
        lines.append(f"Content-Length: {len(body)}")
        answer = await self.send("\r\n".join([*lines, "", ""]).encode() + body)
        head, _, rest = answer.partition(b"\r\n\r\n")
        status, *more = head.decode().split("\r\n")
        pairs = dict(line.lower().split(": ", 1) for line in more)
        if pairs.get("transfer-encoding") == "chunked":
            rest = rest.split(b"\r\n")[1]
        return int(status.split()[1]), pairs, rest

    async def post(self, path: str = "/introspect", **form: str) -> Any:
        """Send a form."""
        return await self.ask("POST", path, urlencode(form).encode())

    async def test_g122_mode_stays(self) -> None:
        """To listen changes nothing about the file, nor does to stop."""
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    async def test_h03_active(self) -> None:
        """A token that holds is answered as RFC 7662 says."""
        status, headers, body = await self.post(token=minted(claims_of()))
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertIn(b'"active":true', body)

    async def test_g124_inactive(self) -> None:
        """A token that does not hold is answered in the same way whatever it is."""
        for token in (minted(claims_of(exp=1)), "x", "a.b.c", minted(claims_of(aud=1))):
            status, _, body = await self.post(token=token)
            self.assertEqual((status, body), (200, b'{"active":false}'))

    async def test_g123_bad_requests(self) -> None:
        """What is no question is refused."""
        good = urlencode({"token": minted(claims_of())})
        for body in (
            b"", b"token=", b"tokens=x", b"token=a&token=b", b"\xff=\xff",
            b"token=%ff", b"a=1&b=2&c=3&d=4&token=5", b'{"token":"x"}',
        ):  # fmt: skip
            status, _, _ = await self.ask("POST", "/introspect", body)
            self.assertEqual(status, 400, body)
        status, _, _ = await self.ask("POST", f"/introspect?{good}")
        self.assertEqual(status, 400)

    async def test_g123_methods(self) -> None:
        """Questions are posted, and there are no others."""
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
            status, headers, _ = await self.ask(method, "/introspect")
            self.assertEqual((status, headers["allow"]), (405, "post"))
        self.assertEqual((await self.ask("GET", "/keys"))[0], 404)
        self.assertEqual((await self.ask("POST", "/endpoints"))[0], 405)

    async def test_g123_size(self) -> None:
        """A body that is too large is not taken, announced or not."""
        head = (
            b"POST /introspect HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"
        )
        answer = await self.send(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413"), answer)
        head = b"POST /introspect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%s\r\n" % (10000, b"x" * 10000)
        answer = await self.send(head + chunk * 3)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413"), answer)
        self.assertEqual((await self.ask("GET", "/healthz"))[0], 200)

    async def test_h07_undecidable(self) -> None:
        """What nobody can say is 503, with when to ask again."""
        self.bench.provider.go_down()
        token = minted(claims_of(), key_of("new"))
        status, headers, body = await self.post(token=token)
        self.assertEqual((status, headers["retry-after"]), (503, "2"))
        self.assertNotIn(b"active", body)

    async def test_h07_bug(self) -> None:
        """A bug lets nobody in and ends nothing."""
        error = RuntimeError("oh")

        def broken(token: str) -> None:
            raise error

        self.patch(self.bench.introspector, "introspect", broken)
        status, _, body = await self.post(token="x")
        self.assertEqual(status, 503)
        self.assertNotIn(b"active", body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual((await self.ask("GET", "/healthz"))[0], 200)

    async def test_identify(self) -> None:
        """Who logged in is asked with the nonce of the login."""
        claims = claims_of(aud=CLIENT_ID, azp=CLIENT_ID, nonce="n", scope=None)
        token = minted(claims)
        status, _, body = await self.post("/identify", token=token, nonce="n")
        self.assertEqual(status, 200)
        self.assertIn(b'"active":true', body)
        _, _, body = await self.post("/identify", token=token, nonce="m")
        self.assertEqual(body, b'{"active":false}')
        self.assertEqual((await self.post("/identify", token=token))[0], 400)

    async def test_endpoints(self) -> None:
        """The provider's endpoints are given, or nobody can say."""
        status, _, body = await self.ask("GET", "/endpoints")
        self.assertEqual(status, 200)
        self.assertIn(b'"token_endpoint"', body)

    async def test_readiness(self) -> None:
        """It is alive from the beginning, and ready when there are keys."""
        self.assertEqual((await self.ask("GET", "/readyz"))[0], 200)
        self.bench = Bench(native_settings(), FakeProvider()).start(self.addCleanup)
        self.listen()
        self.assertEqual((await self.ask("GET", "/healthz"))[0], 200)
        self.assertEqual((await self.ask("GET", "/readyz"))[0], 503)

    async def test_g121_other_user(self) -> None:
        """A process of another user is told nothing at all."""
        self.trusted = lambda uid: uid == os.geteuid() + 1
        with capturedLogs() as events:
            answer = await self.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(answer, b"")
        self.assertTrue(any(event.get("uid") == os.geteuid() for event in events))

    async def test_g121_looked_at_first(self) -> None:
        """Who it is comes from the system, before anything is read."""
        asked: list[Any] = []
        real = endpoint_module.peer_uid

        def looked(connection: socket.socket) -> int | None:
            asked.append(real(connection))
            return 12345

        self.patch(endpoint_module, "peer_uid", looked)
        answer = await self.send(b"x")
        self.assertEqual((answer, asked), (b"", [os.geteuid()]))

    async def test_g123_log(self) -> None:
        """No log shows a token, only the beginning of its digest."""
        token = minted(claims_of(exp=NOW - 1000))
        with capturedLogs() as events:
            await self.post(token=token)
            await self.post("/identify", token=token, nonce="secret-nonce")
        text = repr(events)
        for part in (*token.split("."), "secret-nonce"):
            self.assertNotIn(part, text)
        self.assertIn("expired", text)

    async def test_h15_drain(self) -> None:
        """A worker that ends answers what it was asked."""
        hanging: Deferred[Any] = Deferred()
        self.patch(self.bench.introspector, "introspect", lambda token: hanging)
        asking = ensureDeferred(self.post(token="x"))
        while not self.endpoint._under_way:
            await deferToThread(lambda: None)
        draining = self.endpoint.drain(self.bench.clock)
        self.assertNoResult(draining)
        hanging.callback(None)
        await draining
        self.assertEqual((await asking)[2], b'{"active":false}')
