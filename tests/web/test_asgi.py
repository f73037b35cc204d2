"""Tests for ``mcp_trino.web.asgi`` and ``.exchange``: the SDK over real sockets."""

from twisted.internet.defer import succeed

from tests.web.serving import (
    ALICE,
    BOB,
    INITIALIZE,
    JSON_HEADERS,
    Connection,
    ServiceTestCase,
    head,
    modern,
    read_answer,
    rpc,
)

_STREAM = {"Accept": "text/event-stream"}


class ModernTests(ServiceTestCase):
    """2026-07-28: each request by itself."""

    async def test_call(self) -> None:
        """A call is answered, on either spelling of the path, without a redirect."""
        self.serve()
        headers, body = modern("tools/call", name="large", arguments={"bytes": 3})
        for path in ("/mcp", "/mcp/"):
            answer = await self.ask("POST", path, headers, body)
            self.assertEqual(answer.status, 200)
            self.assertNotIn("Mcp-Session-Id", answer.headers)
            self.assertEqual(answer.json()["result"]["content"][0]["text"], "xxx")

    async def test_kept_connection(self) -> None:
        """Many calls go over one connection."""
        self.serve()
        connection = await self.connect()
        headers, body = modern("tools/call", name="large", arguments={"bytes": 3})
        request = head("POST", "/mcp", {**headers, "Content-Length": str(len(body))})
        for _ in range(5):
            connection.transport.write(request + body)
            await connection.until(b'"xxx"')
            connection.received = b""

    async def test_lost(self) -> None:
        """A client that goes away cancels its call, though nothing is written to it."""
        self.serve()
        connection = await self.start_call("wait")
        await self.eventually(lambda: self.small.running)
        connection.abort()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["cancelled"])

    async def test_half_closed(self) -> None:
        """A client that closes its side only has gone as well."""
        self.serve()
        connection = await self.start_call("wait")
        await self.eventually(lambda: self.small.running)
        connection.transport.loseWriteConnection()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["cancelled"])

    async def test_large_answer(self) -> None:
        """An answer of many slices arrives whole."""
        self.serve()
        answer = await self.call("large", bytes=3_000_000)
        text = answer.json()["result"]["content"][0]["text"]
        self.assertEqual(len(text), 3_000_000)

    async def test_methods(self) -> None:
        """There is nothing but ``POST``, and the answer says so."""
        self.serve()
        for method in ("GET", "DELETE", "PUT"):
            answer = await self.ask(
                method, "/mcp", {"MCP-Protocol-Version": "2026-07-28"}
            )
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))

    async def test_defect(self) -> None:
        """A defect of a tool shows nothing of the inside."""
        self.serve()
        answer = await self.call("fail")
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(answer.json()["error"]["code"], -32603)


class HandshakeTests(ServiceTestCase):
    """2025-11-25 and older: sessions."""

    async def test_session(self) -> None:
        """A session is opened, used, closed, and then unknown."""
        self.serve()
        session = await self.open_session()
        body = rpc("tools/call", id=1, name="large", arguments={"bytes": 3})
        answer = await self.ask("POST", "/mcp", session, body)
        self.assertEqual(answer.json()["result"]["content"][0]["text"], "xxx")
        self.assertEqual((await self.ask("DELETE", "/mcp", session)).status, 200)
        for method in ("POST", "DELETE"):
            answer = await self.ask(method, "/mcp", session, body)
            self.assertEqual(answer.status, 404)

    async def test_version_header_missing(self) -> None:
        """After the handshake a request may leave out its version."""
        self.serve()
        session = await self.open_session()
        del session["MCP-Protocol-Version"]
        answer = await self.ask("POST", "/mcp", session, rpc("ping", id=1))
        self.assertEqual(answer.json()["result"], {})

    async def test_stream(self) -> None:
        """The stream for notifications shows its head at once; one a session."""
        self.serve()
        session = await self.open_session()
        stream = await self.begin("GET", {**session, **_STREAM})
        received = await stream.until(b"\r\n\r\n")
        self.assertEqual(received[:12], b"HTTP/1.1 200")
        answer = await self.ask("GET", "/mcp", {**session, **_STREAM})
        self.assertEqual(answer.status, 409)

    async def test_other_principal(self) -> None:
        """A session is nobody's but its owner's, for every method."""
        self.serve()
        self.authenticator.decide = lambda name: succeed(
            ALICE if name == b"alice" else BOB
        )
        session = await self.open_session(Authorization="alice")
        stolen = {**session, "Authorization": "bob"}
        ping = rpc("ping", id=1)
        for method in ("POST", "GET", "DELETE"):
            with self.subTest(method=method):
                answer = await self.ask(method, "/mcp", stolen, ping)
                self.assertEqual(answer.status, 404)
        answer = await self.ask("POST", "/mcp", session, ping)
        self.assertEqual(answer.status, 200)

    async def test_too_many_sessions(self) -> None:
        """A session too many is refused clearly; a place is free when one ends."""
        self.serve(max_sessions=2)
        session = await self.open_session()
        await self.open_session()
        answer = await self.ask("POST", "/mcp", JSON_HEADERS, INITIALIZE)
        self.assertEqual(answer.status, 503)
        self.assertIn("session", answer.json()["error"]["message"])
        await self.ask("DELETE", "/mcp", session)
        await self.open_session()

    async def test_idle_session(self) -> None:
        """A session without a request or stream ends."""
        self.serve(session_idle_seconds=0.1, max_sessions=1)
        session = await self.open_session()

        async def status() -> int:
            return (await self.ask("POST", "/mcp", JSON_HEADERS, INITIALIZE)).status

        while await status() != 200:
            pass
        answer = await self.ask("POST", "/mcp", session, rpc("ping", id=1))
        self.assertEqual(answer.status, 404)

    async def test_too_many_streams(self) -> None:
        """A stream too many is refused clearly; a place is free when one ends."""
        self.serve(max_streams=1)
        stream = await self.begin("GET", {**await self.open_session(), **_STREAM})
        await stream.until(b"\r\n\r\n")
        other = {**await self.open_session(), **_STREAM}
        for path in ("/mcp", "/sse"):
            answer = await self.ask("GET", path, other)
            self.assertEqual(answer.status, 503)
            self.assertIn("Retry-After", answer.headers)
            self.assertIn("1 event streams", answer.json()["error"])
        stream.abort()
        await self.eventually(lambda: not self.service._exchanges.streams.taken)
        stream = await self.begin("GET", other)
        await stream.until(b"HTTP/1.1 200")

    async def test_lost(self) -> None:
        """A call whose client went away is cancelled after the grace."""
        self.serve()
        session = await self.open_session()
        call = rpc("tools/call", id=7, name="wait", arguments={})
        connection = await self.begin("POST", session, call)
        await self.eventually(lambda: self.small.running)
        connection.abort()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["cancelled"])
        answer = await self.ask("POST", "/mcp", session, rpc("ping", id=8))
        self.assertEqual(answer.status, 200)

    async def test_lost_call_only(self) -> None:
        """Other calls of that session go on."""
        self.serve()
        session = await self.open_session()
        calls = [
            await self.begin("POST", session, rpc("tools/call", id=id_, name="wait"))
            for id_ in (1, 2)
        ]
        await self.eventually(lambda: self.small.running == 2)
        calls[0].abort()
        await self.eventually(lambda: self.small.outcomes)
        self.small.release.set()
        received = await calls[1].until(b"done")
        self.assertIn(b'"id":2', received)
        self.assertEqual(self.small.outcomes, ["cancelled", "finished"])

    async def test_finished_within_the_grace(self) -> None:
        """A call that ends before the grace does is left in peace."""
        self.serve(disconnect_grace_seconds=5.0)
        session = await self.open_session()
        call = rpc("tools/call", id=7, name="wait")
        connection = await self.begin("POST", session, call)
        await self.eventually(lambda: self.small.running)
        connection.abort()
        self.small.release.set()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["finished"])

    async def test_cancelled_by_notification(self) -> None:
        """The client's own notification cancels a call."""
        self.serve()
        session = await self.open_session()
        call = rpc("tools/call", id=7, name="wait")
        connection = await self.begin("POST", session, call)
        await self.eventually(lambda: self.small.running)
        cancel = rpc("notifications/cancelled", requestId=7)
        self.assertEqual((await self.ask("POST", "/mcp", session, cancel)).status, 202)
        await connection.until(b"-32800")
        self.assertEqual(self.small.outcomes, ["cancelled"])

    async def test_methods(self) -> None:
        """Methods that there are not are refused, with those that there are."""
        self.serve()
        session = await self.open_session()
        answer = await self.ask("PUT", "/mcp", session)
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.headers["Allow"], "GET, POST, DELETE")


class SSETests(ServiceTestCase):
    """HTTP with SSE, 2024-11-05."""

    async def test_call(self) -> None:
        """A call is posted, and answered on the stream."""
        self.serve()
        stream, _ = await self.start_sse_call()
        self.small.release.set()
        await stream.until(b"done")

    async def test_lost(self) -> None:
        """A lost stream cancels the calls of its session and ends it."""
        self.serve()
        stream, endpoint = await self.start_sse_call()
        stream.abort()
        await self.eventually(lambda: self.small.outcomes)
        self.assertEqual(self.small.outcomes, ["cancelled"])
        self.assertEqual(await self.post_sse(endpoint, rpc("ping", id=2)), 404)

    async def test_other_principal(self) -> None:
        """A session is nobody's but its owner's."""
        self.serve()
        self.authenticator.decide = lambda name: succeed(
            ALICE if name == b"alice" else BOB
        )
        _, endpoint = await self.open_sse(Authorization="alice")
        self.assertEqual(
            await self.post_sse(endpoint, INITIALIZE, Authorization="bob"), 404
        )
        self.assertEqual(
            await self.post_sse(endpoint, INITIALIZE, Authorization="alice"), 202
        )

    async def test_methods(self) -> None:
        """Each of the two paths has one method."""
        self.serve()
        for method, path, allowed in (
            ("POST", "/sse", "GET"),
            ("HEAD", "/sse", "GET"),
            ("GET", "/messages", "POST"),
        ):
            answer = await self.ask(method, path)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed))


class ErrorTests(ServiceTestCase):
    """What is not a request of the protocol is answered as JSON-RPC says."""

    async def codes(self, body: bytes) -> tuple[tuple[int, int], tuple[int, int]]:
        """Post a body in both eras: the HTTP status and code of each answer."""
        modern_headers, _ = modern("tools/list")
        both = []
        for headers in (await self.open_session(), modern_headers):
            answer = await self.ask("POST", "/mcp", headers, body)
            both.append((answer.status, answer.json()["error"]["code"]))
        return both[0], both[1]

    async def test_no_json(self) -> None:
        """What is no JSON, or too deep to be read, is a parse error."""
        self.serve()
        for body in (b"{", b"\xff", b"[" * 50_000, b'{"a":' * 15_000):
            with self.subTest(body=body[:10]):
                self.assertEqual(await self.codes(body), ((400, -32700), (400, -32700)))

    async def test_no_request(self) -> None:
        """A batch or another value of JSON is an invalid request."""
        self.serve()
        for body in (b"[]", b"[" + rpc("ping", id=1) + b"]", b"1", b'"ping"', b"null"):
            with self.subTest(body=body[:10]):
                self.assertEqual(await self.codes(body), ((400, -32600), (400, -32600)))

    async def test_too_many_values(self) -> None:
        """A body that would grow a hundredfold when it is parsed is not parsed."""
        self.serve(max_body_bytes=1_000_000, body_budget_bytes=1_000_000)
        for item in (b"[],", b'{"a":1},'):
            body = rpc("ping", id=1, a=[1]).replace(b"1]", item * 51_000 + b"1]")
            with self.subTest(item=item):
                self.assertEqual(await self.codes(body), ((400, -32600), (400, -32600)))

    async def test_unknown_method(self) -> None:
        """A method that there is not is not found."""
        self.serve()
        handshake = await self.open_session()
        answer = await self.ask("POST", "/mcp", handshake, rpc("no/such", id=1))
        self.assertEqual(answer.json()["error"]["code"], -32601)
        headers, body = modern("no/such")
        answer = await self.ask("POST", "/mcp", headers, body)
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (404, -32601))

    async def test_wrong_types(self) -> None:
        """A body or an answer of another type than JSON is refused."""
        self.serve()
        headers, body = modern("tools/list")
        for change, statuses in (
            ({"Content-Type": "text/plain"}, (400, 415)),
            ({"Accept": "text/html"}, (406,)),
        ):
            for lines in (await self.open_session(), headers):
                answer = await self.ask("POST", "/mcp", {**lines, **change}, body)
                self.assertIn(answer.status, statuses)

    async def test_body_of_a_get(self) -> None:
        """A body where none belongs is bounded all the same, and does no harm."""
        self.serve()
        answer = await self.ask("GET", "/mcp", {}, b"x" * 1000)
        self.assertIn(answer.status, (400, 405, 406))


class BackPressureTests(ServiceTestCase):
    """Clients that do not read."""

    async def start_unread(self, count: int) -> list[Connection]:
        connections = []
        for _ in range(count):
            connection = await self.connect()
            connection.transport.pauseProducing()
            headers, body = modern(
                "tools/call", name="large", arguments={"bytes": 20_000_000}
            )
            length = {"Content-Length": str(len(body))}
            connection.transport.write(head("POST", "/mcp", {**headers, **length}))
            connection.transport.write(body)
            connections.append(connection)
        return connections

    async def test_oldest_is_cut(self) -> None:
        """What all clients leave unread is bounded: the oldest are cut first."""
        self.serve(body_budget_bytes=5_000_000)
        old, new = await self.start_unread(2)
        backlog = self.service._exchanges._backlog
        await self.eventually(lambda: len(self.service._site.channels) == 1)
        self.assertLessEqual(backlog.waiting, 25_000_000)
        old.transport.resumeProducing()
        new.transport.resumeProducing()
        self.assertLess(len(await old.closed), 20_000_000)
        await self.eventually(lambda: new.received.endswith(b"}"))
        self.assertEqual(read_answer(new.received).status, 200)
        self.assertEqual(self.service._exchanges._backlog.waiting, 0)

    async def test_gone(self) -> None:
        """An answer whose reader goes away is let go."""
        self.serve(body_budget_bytes=5_000_000)
        (connection,) = await self.start_unread(1)
        exchanges = self.service._exchanges
        await self.eventually(lambda: exchanges._backlog.waiting)
        connection.abort()
        await self.eventually(lambda: not exchanges._calls)
        self.assertEqual(exchanges._backlog.waiting, 0)
