"""Tests of the connections to the coordinator, against sockets."""

import os
import ssl
from pathlib import Path
from threading import Event, Thread

from attrs import evolve
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.coordinator import connection as connection_module
from mcp_trino.coordinator import transport as transport_module
from mcp_trino.coordinator.credentials import Fixed
from mcp_trino.coordinator.failures import Transient
from mcp_trino.coordinator.identity import Identity
from mcp_trino.coordinator.transport import Session, Transport
from mcp_trino.errors import ConfigurationError, CoordinatorUnreachable, StatementFailed
from tests.coordinator.socket_server import Held, SocketServer, response
from tests.coordinator.test_service import TRINO
from tests.e2e.certificates import make_certificates

HEADERS = {"X-Trino-User": "mcp", "X-Trino-Catalog": None}

OWN = Identity("mcp", Fixed(), None)


class TransportTestCase(SynchronousTestCase):
    """A transport to a server of bytes."""

    def serve(self, *scripts, tls=None):
        """Start a server with scripts."""
        server = SocketServer(list(scripts), tls)
        self.addCleanup(server.stop)
        return server

    def transport(self, server, **settings):
        """Give a transport to a server."""
        values = {"host": "127.0.0.1", "port": server.port, **settings}
        transport = Transport(evolve(TRINO, **values))
        self.addCleanup(transport.abort)
        return transport


class RequestTests(TransportTestCase):
    """Requests and answers in plain HTTP."""

    def test_round_trip(self):
        """A request carries its headers and body, its answer comes whole."""
        server = self.serve(response(200, b'{"a": 1}', "X-Trino-Set-Role: r"))
        transport = self.transport(server)
        answer = transport.request("POST", "/v1/statement", HEADERS, b"SELECT 1")
        self.assertEqual((answer.status_code, answer.content), (200, b'{"a": 1}'))
        self.assertEqual(answer.header("x-trino-set-role"), "r")
        self.assertEqual(answer.header("other"), "")
        head, body = server.requests[0]
        self.assertTrue(head.startswith(b"POST /v1/statement HTTP/1.1\r\n"))
        self.assertIn(b"X-Trino-User: mcp\r\n", head)
        self.assertNotIn(b"X-Trino-Catalog", head)
        self.assertEqual(body, b"SELECT 1")

    def test_names_in_utf8(self):
        """Names beyond ASCII travel as UTF-8."""
        server = self.serve(response())
        self.transport(server).request("GET", "/", {"X-Trino-User": "Größe 東京"})
        self.assertIn("X-Trino-User: Größe 東京\r\n".encode(), server.requests[0][0])

    def test_own_origin_only(self):
        """An address with another origin is asked for at the configured one."""
        server = self.serve(response())
        self.transport(server).request(
            "GET", "https://public.test:8443/v1/statement/q/1?a=b", HEADERS
        )
        head = server.requests[0][0]
        self.assertTrue(head.startswith(b"GET /v1/statement/q/1?a=b HTTP/1.1\r\n"))
        self.assertIn(f"Host: 127.0.0.1:{server.port}\r\n".encode(), head)

    def test_kept_alive(self):
        """Requests one after another share a connection."""
        server = self.serve(*[response()] * 3)
        transport = self.transport(server)
        for _ in range(3):
            transport.request("GET", "/", HEADERS)
        self.assertEqual(server.connections, 1)

    def test_closed_in_between(self):
        """A connection that the server closed meanwhile is not used again."""
        server = self.serve(response(200, b"{}", "Connection: close"), response())
        transport = self.transport(server)
        for _ in range(2):
            self.assertEqual(transport.request("GET", "/", HEADERS).status_code, 200)
        self.assertEqual(server.connections, 2)

    def test_closed_while_idle(self):
        """Nor is one that the server closed without having said so."""
        server = self.serve(*[response()] * 2)
        transport = self.transport(server)
        transport.request("GET", "/", HEADERS)
        server.close_connections()
        self.assertEqual(transport.request("GET", "/", HEADERS).status_code, 200)
        self.assertEqual(server.connections, 2)

    def test_closed_without_answer(self):
        """A request that may not have arrived can be repeated on a new connection."""
        server = self.serve(response(), None, response())
        transport = self.transport(server)
        transport.request("GET", "/", HEADERS)
        with self.assertRaises(Transient):
            transport.request("GET", "/", HEADERS)
        self.assertEqual(transport.request("GET", "/", HEADERS).status_code, 200)

    def test_redirect(self):
        """A redirect is an answer like any other: it is not followed."""
        other = self.serve(response())
        server = self.serve(
            response(307, b"", f"Location: http://127.0.0.1:{other.port}/")
        )
        answer = self.transport(server).request("POST", "/", HEADERS, b"x")
        self.assertEqual((answer.status_code, other.requests), (307, []))

    def test_garbage(self):
        """What is not HTTP, or ends too early, is no answer."""
        short = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"
        chunk = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n5\r\nabc"
        )
        for script in (b"SSH-2.0-x\r\nConnection: close\r\n\r\n", short, chunk):
            with self.assertRaises(Transient):
                self.transport(self.serve(script)).request("GET", "/", HEADERS)

    def test_chunked(self):
        """An answer without an announced length is read to its end."""
        script = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        server = self.serve(script, response())
        transport = self.transport(server)
        self.assertEqual(transport.request("GET", "/", HEADERS).content, b"abcde")
        transport.request("GET", "/", HEADERS)
        self.assertEqual(server.connections, 1)

    def test_interim(self):
        """An interim answer is not taken for the answer."""
        script = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(200, b"{}")
        answer = self.transport(self.serve(script)).request("GET", "/", HEADERS)
        self.assertEqual((answer.status_code, answer.content), (200, b"{}"))
        self.assertEqual(answer.header("Link"), "")

    def test_no_content(self):
        """An answer without a body ends with its head."""
        script = b"HTTP/1.1 204 No Content\r\n\r\n"
        server = self.serve(script, response())
        transport = self.transport(server)
        self.assertEqual(transport.request("DELETE", "/", HEADERS).status_code, 204)
        transport.request("GET", "/", HEADERS)
        self.assertEqual(server.connections, 1)

    def test_two_answers(self):
        """Two answers to one request are none, and the connection is not kept."""
        server = self.serve(response() + response(500), response())
        transport = self.transport(server)
        with self.assertRaises(Transient):
            transport.request("GET", "/", HEADERS)
        self.assertEqual(transport.request("GET", "/", HEADERS).status_code, 200)
        self.assertEqual(server.connections, 2)

    def test_one_request(self):
        """Neither a header nor an address can make two requests of one."""
        server = self.serve()
        transport = self.transport(server)
        with self.assertRaises(ValueError):
            transport.request("GET", "/", {"X-Trino-User": "a\r\nX-Trino-User: b"})
        for target in ("/a b", "/a\r\nb", "/é"):
            with self.assertRaises(Transient):
                transport.request("GET", target, HEADERS)
        self.assertEqual(server.requests, [])

    def test_too_large(self):
        """An answer beyond the limit is refused, announced or not."""
        self.patch(transport_module, "MAX_RESPONSE_BYTES", 8)
        endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100
        for script in (response(200, b"x" * 9), endless):
            with self.assertRaisesRegex(StatementFailed, "RESPONSE_TOO_LARGE"):
                self.transport(self.serve(script)).request("GET", "/", HEADERS)
        fits = self.transport(self.serve(response(200, b"x" * 8)))
        self.assertEqual(fits.request("GET", "/", HEADERS).content, b"x" * 8)

    def test_slow(self):
        """A server that does not answer in time is not waited for."""
        held = Held()
        transport = self.transport(self.serve(held), request_timeout_seconds=0.05)
        with self.assertRaisesRegex(Transient, "within 0.05 s"):
            transport.request("GET", "/", HEADERS)

    def test_nobody_there(self):
        """A refused connection says so."""
        server = self.serve()
        transport = self.transport(server)
        server.stop()
        with self.assertRaisesRegex(Transient, "connection refused"):
            transport.request("GET", "/", HEADERS)

    def test_environment(self):
        """Proxies, certificate bundles and netrc of the environment change nothing."""
        home = Path(self.mktemp())
        home.mkdir()
        (home / ".netrc").write_text("default login thief password secret\n")
        nowhere = "http://127.0.0.1:9"
        for name, value in {
            "HTTP_PROXY": nowhere,
            "http_proxy": nowhere,
            "ALL_PROXY": nowhere,
            "REQUESTS_CA_BUNDLE": "/nowhere",
            "CURL_CA_BUNDLE": "/nowhere",
            "HOME": str(home),
            "NETRC": str(home / ".netrc"),
        }.items():
            self.patch_environment(name, value)
        server = self.serve(response())
        self.transport(server).request("GET", "/", HEADERS)
        self.assertNotIn(b"authorization", server.requests[0][0].lower())

    def patch_environment(self, name, value):
        """Set a variable of the environment for one test."""
        before = os.environ.get(name)
        os.environ[name] = value
        if before is None:
            self.addCleanup(os.environ.pop, name)
        else:
            self.addCleanup(os.environ.__setitem__, name, before)

    def assert_broken_off(self, transport, begun):
        """Check that a request which has begun ends when all is broken off."""
        failures = []

        def ask():
            try:
                transport.request("GET", "/", HEADERS)
            except Transient as failure:
                failures.append(failure)

        thread = Thread(target=ask)
        thread.start()
        begun.wait()
        transport.abort()
        thread.join()
        self.assertEqual(len(failures), 1)

    def test_abort(self):
        """Whoever waits for an answer when all is broken off waits no longer."""
        held = Held()
        transport = self.transport(self.serve(held))
        self.assert_broken_off(transport, held.arrived)
        with self.assertRaises(Transient):
            transport.request("GET", "/", HEADERS)

    def test_abort_of_last_answer(self):
        """The rest of an answer that ends its connection is waited for no longer."""
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        transport = self.transport(self.serve(head + b"1"))
        reading = Event()
        feed = connection_module._Reading.feed

        def read(answer, data):
            feed(answer, data)
            reading.set()

        self.patch(connection_module._Reading, "feed", read)
        self.assert_broken_off(transport, reading)

    def test_session(self):
        """The client's session sends its headers always, a statement's with it."""
        server = self.serve(*[response()] * 3)
        session = Session(self.transport(server), OWN, {"X-Trino-User": "mcp"})
        session.get("/a", headers={"X-Ignored": "x"}, timeout=1, proxies={})
        session.delete("/b", timeout=1)
        session.post("/c", data=b"", headers={"X-Trino-Source": "s"}, timeout=1)
        with self.assertRaises(AssertionError):
            session.head("/d")
        heads = [head for head, _ in server.requests]
        self.assertEqual(
            [head.split(b" ")[0] for head in heads],
            [b"GET", b"DELETE", b"POST"],
        )
        self.assertTrue(all(b"X-Trino-User: mcp" in head for head in heads))
        self.assertIn(b"X-Trino-Source: s", heads[2])


class TLSTests(TransportTestCase):
    """Requests over TLS."""

    def setUp(self):
        """Make an authority and a server with a certificate of it."""
        directory = Path(self.mktemp())
        directory.mkdir()
        self.certificates = make_certificates(directory)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificates.chain, self.certificates.key)
        self.server = self.serve(*[response()] * 2, tls=tls)

    def ask(self, **settings):
        """Send two requests."""
        transport = self.transport(self.server, scheme="https", **settings)
        for _ in range(2):
            transport.request("GET", "/", HEADERS)

    def test_own_authority(self):
        """A certificate of the configured authority is trusted; the connection kept."""
        self.ask(ca_file=self.certificates.authority)
        self.assertEqual(self.server.connections, 1)

    def test_unknown_authority(self):
        """A certificate of an authority that nobody named is not, and it is said."""
        with self.assertRaisesRegex(CoordinatorUnreachable, "not trusted"):
            self.ask()
        self.assertEqual(self.server.requests, [])

    def test_other_host(self):
        """A certificate for another host is not trusted."""
        with self.assertRaisesRegex(CoordinatorUnreachable, "not trusted"):
            self.ask(ca_file=self.certificates.authority, host="127.1")
        self.assertEqual(self.server.requests, [])

    def test_not_verified(self):
        """Any certificate will do when told so, which is said loudly."""
        with capturedLogs() as logs:
            self.ask(verify=False, host="127.1")
        self.assertEqual(len(self.server.requests), 2)
        self.assertEqual([log["log_level"] for log in logs], [LogLevel.warn])

    def test_no_tls_there(self):
        """A server without TLS gives no answer, and no request is sent in the clear."""
        plain = self.serve(response())
        transport = self.transport(plain, scheme="https")
        with self.assertRaises(Transient):
            transport.request("GET", "/", HEADERS)
        self.assertEqual(plain.requests, [])

    def test_unusable_file(self):
        """A file of authorities that is none stops the start."""
        for path in (Path("/nowhere"), self.certificates.key):
            with self.assertRaises(ConfigurationError):
                self.ask(ca_file=path)
