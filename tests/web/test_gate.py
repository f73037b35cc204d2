"""Tests for ``mcp_trino.web.gate``: who passes, over real sockets."""

import json
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import AccessDenied
from mcp_trino.web.gate import is_loopback
from tests.web.serving import ALICE, JSON_HEADERS, ServiceTestCase, head, modern

_PATHS = ("/mcp", "/mcp/", "/sse", "/messages")
_CHALLENGE = 'Bearer resource_metadata="https://mcp.example/x", scope="trino:read"'
_DENIED = AccessDenied(
    status=401,
    headers=(("WWW-Authenticate", _CHALLENGE),),
    body=json.dumps({"error": "invalid_token"}),
)


class LoopbackTests(SynchronousTestCase):
    """Tests for ``is_loopback``."""

    def test_addresses(self) -> None:
        """Loopback addresses of both families and UNIX sockets are of this machine."""
        for address, expected in (
            (IPv4Address("TCP", "127.0.0.1", 1), True),
            (IPv4Address("TCP", "127.8.8.8", 1), True),
            (IPv4Address("TCP", "10.0.0.1", 1), False),
            (IPv6Address("TCP", "::1", 1), True),
            (IPv6Address("TCP", "::ffff:127.0.0.1", 1), True),
            (IPv6Address("TCP", "::ffff:10.0.0.1", 1), False),
            (IPv6Address("TCP", "2001:db8::1", 1), False),
            (UNIXAddress("/run/socket"), True),
            (None, False),
        ):
            with self.subTest(address=address):
                self.assertEqual(is_loopback(address), expected)


class NameTests(ServiceTestCase):
    """``Host`` and ``Origin``, before anything else."""

    async def test_host(self) -> None:
        """Every path but the probes' answers to its own names only."""
        self.serve()
        for path in (*_PATHS, "/", "/nowhere"):
            for host, status in (("evil.example", 421), ("", 421)):
                with self.subTest(path=path, host=host):
                    answer = await self.ask("GET", path, {"Host": host})
                    self.assertEqual(answer.status, status)
        self.assertEqual(self.authenticator.asked, [])

    async def test_probes(self) -> None:
        """A probe may name the server as it likes."""
        self.serve()
        for path in ("/healthz", "/readyz"):
            answer = await self.ask("GET", path, {"Host": "10.0.0.7:8080"})
            self.assertEqual(answer.status, 200)

    async def test_hosts(self) -> None:
        """No ``Host`` and two of them are refused."""
        self.serve()
        for lines in (b"", b"Host: mcp.example\r\nHost: mcp.example\r\n"):
            connection = await self.connect()
            connection.transport.write(b"GET /mcp HTTP/1.1\r\n" + lines + b"\r\n")
            received = await connection.until(b"exactly one Host")
            self.assertIn(b"HTTP/1.1 400 ", received)

    async def test_loopback_host(self) -> None:
        """On loopback the server also answers to loopback's names."""
        self.serve()
        headers, body = modern("tools/list")
        for host in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            answer = await self.ask("POST", "/mcp", {**headers, "Host": host}, body)
            self.assertEqual(answer.status, 200)

    async def test_origin_refused(self) -> None:
        """A page of another origin is refused, unasked who it is and unechoed."""
        self.serve()
        for origin in ("https://evil.example", "null", "http://mcp.example"):
            for path in _PATHS:
                for method in ("POST", "GET", "OPTIONS", "DELETE"):
                    with self.subTest(origin=origin, path=path, method=method):
                        answer = await self.ask(method, path, {"Origin": origin})
                        self.assertEqual(answer.status, 403)
                        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        self.assertEqual(self.authenticator.asked, [])

    async def test_origin_allowed(self) -> None:
        """A page of an allowed origin may read the answer and what it needs of it."""
        self.serve()
        headers, body = modern("tools/list")
        origin = "https://inspector.example"
        answer = await self.ask("POST", "/mcp", {**headers, "Origin": origin}, body)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin)
        self.assertEqual(answer.headers["Vary"], "Origin")
        exposed = answer.headers["Access-Control-Expose-Headers"].lower()
        for name in ("mcp-session-id", "www-authenticate", "mcp-protocol-version"):
            self.assertIn(name, exposed)

    async def test_preflight(self) -> None:
        """A preflight carries no credential, and is not asked for one."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        headers = {
            "Origin": "https://inspector.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, mcp-param-Place,evil",
        }
        answer = await self.ask("OPTIONS", "/mcp", headers)
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.body, b"")
        self.assertEqual(
            answer.headers["Access-Control-Allow-Origin"], headers["Origin"]
        )
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        for name in (
            "authorization",
            "content-type",
            "last-event-id",
            "mcp-method",
            "mcp-name",
            "mcp-protocol-version",
            "mcp-session-id",
        ):
            self.assertIn(name, allowed)
        self.assertEqual(allowed.rpartition(", ")[2], "mcp-param-place")
        self.assertEqual(self.authenticator.asked, [])

    async def test_options_without_a_question(self) -> None:
        """``OPTIONS`` that asks for no method is no preflight."""
        self.serve()
        origin = {"Origin": "https://inspector.example"}
        answer = await self.ask("OPTIONS", "/mcp", origin)
        self.assertEqual(answer.status, 405)
        self.assertIn("POST", answer.headers["Allow"])


class CredentialTests(ServiceTestCase):
    """Who is asking, before the body is read."""

    async def test_refused_before_the_body(self) -> None:
        """Nothing of a body is awaited when the credential does not suffice."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        for path in ("/mcp", "/messages"):
            connection = await self.connect()
            lines = {**JSON_HEADERS, "Content-Length": "50000"}
            connection.transport.write(head("POST", path, lines))
            received = await connection.until(b"invalid_token")
            self.assertIn(b"HTTP/1.1 401 ", received)
            self.assertIn(f"WWW-Authenticate: {_CHALLENGE}".encode(), received)
            self.assertIn(b"Cache-Control: no-store", received)

    async def test_refused_on_every_method(self) -> None:
        """Whatever is asked of the endpoints, the challenge comes first."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        for path in _PATHS:
            for method in ("GET", "POST", "DELETE", "PUT", "HEAD"):
                with self.subTest(path=path, method=method):
                    answer = await self.ask(
                        method, path, {"MCP-Protocol-Version": "2024-11-05"}
                    )
                    self.assertEqual(answer.status, 401)

    async def test_readable_by_pages(self) -> None:
        """An allowed page can read why it was refused."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        origin = "https://inspector.example"
        answer = await self.ask("POST", "/mcp", {"Origin": origin})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin)

    async def test_credential(self) -> None:
        """The authenticator sees all credentials, the path and the query."""
        self.serve()
        for value in ("Bearer a", "Bearer a\r\nAuthorization: Bearer b"):
            await self.ask("GET", "/mcp", {"Authorization": value})
        await self.ask("GET", "/mcp/?access_token=x")
        self.assertEqual(
            self.authenticator.asked,
            [
                ([b"Bearer a"], b"/mcp"),
                ([b"Bearer a", b"Bearer b"], b"/mcp"),
                ([], b"/mcp/?access_token=x"),
            ],
        )

    async def test_pages_ask_nobody(self) -> None:
        """Probes and pages are for everybody."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        for path in ("/healthz", "/readyz", "/"):
            self.assertEqual((await self.ask("GET", path)).status, 200)

    async def test_encoded_path(self) -> None:
        """No spelling of a protected path leads past the question."""
        self.serve()
        self.authenticator.decide = lambda _: fail(_DENIED)
        headers, body = modern("tools/list")
        for path in ("/%6dcp", "//mcp", "/x/../mcp", "/mcp%2f", "/MCP", "/mcp/x"):
            with self.subTest(path=path):
                answer = await self.ask("POST", path, headers, body)
                self.assertIn(answer.status, (401, 404))
        for path in ("/mcp?x=1", "/mcp/?x=1"):
            answer = await self.ask("POST", path, headers, body)
            self.assertEqual(answer.status, 401)

    async def test_undecided(self) -> None:
        """A broken authenticator lets nobody in, and its log shows no credential."""
        self.serve()
        broken: list[Any] = [
            lambda _: fail(ValueError("Bearer s3cret")),
            lambda credential: {}[credential],
        ]
        for self.authenticator.decide in broken:
            with capturedLogs() as events:
                answer = await self.ask(
                    "POST", "/mcp", {"Authorization": "Bearer s3cret"}, b"{}"
                )
            self.assertEqual(answer.status, 503)
            self.assertIn("Retry-After", answer.headers)
            self.assertNotIn("WWW-Authenticate", answer.headers)
            self.assertTrue(events)
            self.assertNotIn("s3cret", repr(events))

    async def test_slow_decision(self) -> None:
        """A request waits for the decision, and is then served with its principal."""
        self.serve()
        decision: Any = Deferred()
        self.authenticator.decide = lambda _: decision
        headers, body = modern("tools/call", name="whoami", arguments={})
        answer = self.ask("POST", "/mcp", headers, body)
        waiting = Deferred.fromCoroutine(answer)
        await self.eventually(lambda: self.authenticator.asked)
        self.assertNoResult(waiting)
        decision.callback(ALICE)
        result = (await waiting).json()["result"]
        self.assertEqual(result["content"][0]["text"], "alice")

    async def test_principal(self) -> None:
        """A call is made on behalf of whoever asks in that very request."""
        self.serve()
        self.authenticator.decide = lambda _: succeed(ALICE)
        result = (await self.call("whoami")).json()["result"]
        self.assertEqual(result["content"][0]["text"], "alice")
