"""Tests for ``mcp_trino.web.service``, ``.tls`` and ``.routes``."""

import asyncio
import contextlib
import socket
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from OpenSSL import SSL
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import ConfigurationError
from mcp_trino.queries import CoordinatorState
from mcp_trino.settings import TLSSettings
from mcp_trino.web.service import WebService
from mcp_trino.web.tls import ServerCertificate
from tests.e2e.certificates import Certificates, make_certificates
from tests.web.serving import (
    Connection,
    ScriptedAuthenticator,
    ScriptedCoordinator,
    ServiceTestCase,
    SmallServer,
    head,
    modern,
    read_answer,
    rpc,
    web_settings,
)


def _build(**changes: Any) -> WebService:
    from twisted.internet import reactor

    return WebService(
        reactor,
        asyncio.get_event_loop(),
        web_settings(**changes),
        server=SmallServer().build(),
        authenticator=ScriptedAuthenticator(),
        coordinator=ScriptedCoordinator(),
    )


class StartTests(SynchronousTestCase):
    """What keeps the service from starting."""

    def test_busy_port(self) -> None:
        """A busy port is one clear sentence, at once, by both ways to start."""
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            for start in ("privilegedStartService", "startService"):
                service = _build(listen=(f"tcp:{port}:interface=127.0.0.1",))
                error = self.assertRaises(ConfigurationError, getattr(service, start))
                busy_port = f"127.0.0.1:{port}: Address already in use (MCP_PORT)"
                self.assertEqual(error.problems, (f"cannot listen on {busy_port}",))

    def test_bad_socket(self) -> None:
        """A UNIX socket where none can be is a sentence too."""
        service = _build(listen=("unix:/nowhere/at/all",))
        error = self.assertRaises(ConfigurationError, service.privilegedStartService)
        self.assertIn("/nowhere/at/all", str(error))

    def test_bad_endpoint(self) -> None:
        """An endpoint without meaning, or that systemd did not pass, is a sentence."""
        for place in ("nonsense:1", "tcp:x", "tcp", "systemd:domain=INET:name=https"):
            with self.subTest(place=place):
                error = self.assertRaises(ConfigurationError, _build, listen=(place,))
                self.assertIn(place, str(error))
                self.assertNotIn("\n", str(error))


class CertificateTests(SynchronousTestCase):
    """Tests for ``ServerCertificate``."""

    def setUp(self) -> None:
        self.files = _certificates(self)

    def refuse(self) -> str:
        settings = TLSSettings(self.files.chain, self.files.key)
        error = self.assertRaises(ConfigurationError, ServerCertificate, settings)
        (problem,) = error.problems
        self.assertNotIn("\n", problem)
        return problem

    def test_missing(self) -> None:
        """A file that is not there is named."""
        self.files.key.unlink()
        self.assertIn(str(self.files.key), self.refuse())
        self.files.chain.unlink()
        self.assertIn(str(self.files.chain), self.refuse())

    def test_nonsense(self) -> None:
        """A file of something else is refused."""
        self.files.chain.write_text("nonsense")
        self.assertIn("PEM", self.refuse())

    def test_foreign_key(self) -> None:
        """A key that is not the certificate's is refused."""
        other = _certificates(self)
        self.files.key.write_bytes(other.key.read_bytes())
        self.refuse()

    def test_old_versions(self) -> None:
        """TLS before 1.2 is not spoken."""
        certificate = ServerCertificate(TLSSettings(self.files.chain, self.files.key))
        for version, spoken in (
            (SSL.TLS1_1_VERSION, False),
            (SSL.TLS1_2_VERSION, True),
            (SSL.TLS1_3_VERSION, True),
        ):
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_cipher_list(b"ALL:@SECLEVEL=0")
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
            server = certificate.serverConnectionForTLS(None)
            self.assertEqual(_shake_hands(SSL.Connection(context), server), spoken)


def _certificates(case: SynchronousTestCase | ServiceTestCase) -> Certificates:
    directory = Path(case.mktemp())
    directory.mkdir()
    return make_certificates(directory)


def _shake_hands(client: SSL.Connection, server: SSL.Connection) -> bool:
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(10):
        for one, other in ((client, server), (server, client)):
            try:
                with contextlib.suppress(SSL.WantReadError):
                    one.do_handshake()
            except SSL.Error:
                return False
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))
    return client.get_state_string() == b"SSL negotiation finished successfully"


class TLSTests(ServiceTestCase):
    """The service behind TLS."""

    def setUp(self) -> None:
        super().setUp()
        self.files = _certificates(self)
        self.serve(tls=TLSSettings(self.files.chain, self.files.key))

    async def connect_trusting(self, files: Certificates) -> Connection:
        """Open a connection as a client that trusts one authority."""
        from twisted.internet import reactor
        from twisted.internet.ssl import Certificate

        root = Certificate.loadPEM(files.authority.read_bytes())
        options = optionsForClientTLS(
            "localhost",
            trustRoot=root,
            acceptableProtocols=[b"h2", b"http/1.1"],
        )
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        connection = await connectProtocol(
            wrapClientTLS(options, endpoint), Connection()
        )
        self.addCleanup(lambda: connection.closed)
        self.addCleanup(connection.abort)
        return connection

    async def call_trusting(self, files: Certificates) -> Connection:
        connection = await self.connect_trusting(files)
        headers, body = modern("tools/call", name="large", arguments={"bytes": 300_000})
        length = {"Content-Length": str(len(body))}
        connection.transport.write(head("POST", "/mcp", {**headers, **length}) + body)
        await connection.until(b'xxx"')
        return connection

    async def test_chain(self) -> None:
        """A client that trusts the root only is served, by HTTP/1.1."""
        connection = await self.call_trusting(self.files)
        self.assertEqual(read_answer(connection.received).status, 200)
        self.assertEqual(connection.transport.negotiatedProtocol, b"http/1.1")

    async def test_reload(self) -> None:
        """A renewed certificate is for new connections; old ones go on."""
        old = await self.call_trusting(self.files)
        renewed = _certificates(self)
        self.files.chain.write_bytes(renewed.chain.read_bytes())
        self.files.key.write_bytes(renewed.key.read_bytes())
        self.service.reload_tls()
        await self.call_trusting(renewed)
        old.received = b""
        old.transport.write(head("GET", "/healthz", {}))
        await old.until(b"ok")

    async def test_broken_renewal(self) -> None:
        """A certificate that cannot be used is logged, and the old one stays."""
        self.files.chain.write_text("nonsense")
        with capturedLogs() as events:
            self.service.reload_tls()
        self.assertIn("stays in use", events[0]["log_format"])
        await self.call_trusting(self.files)

    async def test_plain_client(self) -> None:
        """A client that does not speak TLS is not answered."""
        connection = await self.connect()
        connection.transport.write(head("GET", "/healthz", {}))
        self.assertNotIn(b"HTTP", await connection.closed)

    async def test_lost(self) -> None:
        """Behind TLS, too, a client that goes away cancels its call."""
        connection = await self.connect_trusting(self.files)
        headers, body = modern("tools/call", name="wait", arguments={})
        length = {"Content-Length": str(len(body))}
        connection.transport.write(head("POST", "/mcp", {**headers, **length}) + body)
        await self.eventually(lambda: self.small.running)
        connection.abort()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["cancelled"])


class StopTests(ServiceTestCase):
    """How the service ends."""

    async def test_call_finishes(self) -> None:
        """A call under way is answered, while nothing new is begun."""
        self.serve(shutdown_grace_seconds=30.0)
        kept = await self.connect()
        kept.transport.write(head("GET", "/healthz", {}))
        await kept.until(b"ok")
        connection = await self.start_call("wait")
        await self.eventually(lambda: self.small.running)
        stopped = self.service.stopService()
        kept.received = b""
        kept.transport.write(head("GET", "/readyz", {}) + head("GET", "/mcp", {}))
        received = await kept.until(b"the server is stopping")
        self.assertEqual(received.count(b"HTTP/1.1 503"), 2)
        self.assertIn(b'"not ready"', received)
        self.assertNoResult(stopped)
        self.small.release.set()
        await stopped
        answer = read_answer(await connection.closed)
        self.assertEqual(answer.json()["result"]["content"][0]["text"], "done")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port))

    async def test_event_stream_finishes(self) -> None:
        """A call of HTTP with SSE is answered on its stream."""
        self.serve(shutdown_grace_seconds=30.0)
        stream, _ = await self.start_sse_call()
        stopped = self.service.stopService()
        self.small.release.set()
        await stopped
        self.assertIn(b'"done"', await stream.closed)

    async def test_call_is_cancelled(self) -> None:
        """A call that takes longer than the grace is cancelled, in both eras."""
        self.serve(shutdown_grace_seconds=0.05)
        session = await self.open_session()
        call = rpc("tools/call", id=1, name="wait")
        connections = [
            await self.start_call("wait"),
            await self.begin("POST", session, call),
        ]
        await self.eventually(lambda: self.small.running == 2)
        await self.service.stopService()
        self.assertEqual(self.small.outcomes, ["cancelled"] * 2)
        first = read_answer(await connections[0].closed)
        self.assertEqual((first.status, first.headers["Connection"]), (503, "close"))
        await connections[1].closed

    async def test_streams_end(self) -> None:
        """Streams do not delay the end, and are ended properly."""
        self.serve(shutdown_grace_seconds=30.0)
        session = {**await self.open_session(), "Accept": "text/event-stream"}
        stream = await self.begin("GET", session)
        await stream.until(b"\r\n\r\n")
        await self.service.stopService()
        self.assertTrue((await stream.closed).endswith(b"0\r\n\r\n"))


class PageTests(ServiceTestCase):
    """What is found at the other paths."""

    async def test_landing_page(self) -> None:
        """The page for people has the public address."""
        self.serve()
        answer = await self.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertIn(b"https://mcp.example/mcp", answer.body)

    async def test_unknown(self) -> None:
        """An unknown page is not found, in JSON."""
        self.serve()
        for path in ("/nowhere", "/.well-known/oauth-protected-resource/mcp"):
            answer = await self.ask("GET", path)
            self.assertEqual(
                (answer.status, answer.json()), (404, {"error": "not found"})
            )

    async def test_method(self) -> None:
        """A page is got or headed, not posted."""
        self.serve()
        for path in ("/", "/healthz", "/readyz"):
            answer = await self.ask("POST", path, body=b"x")
            self.assertEqual(answer.status, 405)
            self.assertIn("GET", answer.headers["Allow"])
            answer = await self.ask("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""))

    async def test_health(self) -> None:
        """The process is alive and ready."""
        self.serve()
        answer = await self.ask("GET", "/healthz")
        self.assertEqual((answer.status, answer.body), (200, b"ok\n"))
        answer = await self.ask("GET", "/readyz")
        self.assertEqual(answer.json()["status"], "ready")

    async def test_sessions_have_ended(self) -> None:
        """A process whose sessions ended unexpectedly is not ready any more."""
        self.serve()
        self.service._transports.stop()
        await self.eventually(self.service._run.done)
        answer = await self.ask("GET", "/readyz")
        self.assertEqual((answer.status, answer.json()["status"]), (503, "not ready"))

    async def test_problem_is_for_this_machine(self) -> None:
        """What is wrong with Trino is not told to those who come through a proxy."""
        self.serve()
        self.coordinator.state = CoordinatorState(reachable=False, problem="down")
        answer = await self.ask("GET", "/readyz")
        self.assertEqual(answer.json()["trino"]["problem"], "down")
        for name in ("X-Forwarded-For", "Forwarded", "Via"):
            answer = await self.ask("GET", "/readyz", {name: "for=10.0.0.9"})
            self.assertEqual(answer.json()["trino"], {"reachable": False})

    async def test_unix_socket(self) -> None:
        """It also listens on a UNIX socket."""
        from twisted.internet import reactor

        path = str(Path(mkdtemp()) / "socket")
        self.addCleanup(rmtree, Path(path).parent)
        self.serve(listen=("tcp:0:interface=127.0.0.1", f"unix:{path}"))
        connection = await connectProtocol(
            UNIXClientEndpoint(reactor, path), Connection()
        )
        headers, body = modern("tools/list")
        lines = {**headers, "Host": "localhost", "Content-Length": str(len(body))}
        connection.transport.write(head("POST", "/mcp", lines) + body)
        await connection.until(b'"whoami"')
        connection.abort()
        await connection.closed
