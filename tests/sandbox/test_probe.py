"""Tests of readiness by a query."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.probe import runs_queries


class RunsQueriesTests(SynchronousTestCase):
    """``runs_queries`` against a server that says what it is told to say."""

    def serve(self, *answers: tuple[int, Any]) -> int:
        """Answer with these, one after the other, from a free port."""
        self.asked: list[str] = []
        remaining = iter(answers)
        asked = self.asked

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(f"{self.command} {self.path}")
                status, answer = next(remaining)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Answers)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port

    def test_all_pages(self) -> None:
        """The query is followed to its end."""
        port = self.serve(
            (200, {"nextUri": "http://elsewhere:1/v1/statement/queued/a/1"}),
            (200, {"nextUri": "http://elsewhere:1/v1/statement/executing/a/2"}),
            (200, {"data": [[1]]}),
        )
        self.assertTrue(runs_queries(port))
        self.assertEqual(
            self.asked,
            [
                "POST /v1/statement",
                "GET /v1/statement/queued/a/1",
                "GET /v1/statement/executing/a/2",
            ],
        )

    def test_no_node_yet(self) -> None:
        """A query that fails is not readiness."""
        port = self.serve((200, {"error": {"errorName": "NO_NODES_AVAILABLE"}}))
        self.assertFalse(runs_queries(port))

    def test_refused(self) -> None:
        """An answer without the status of success is not readiness."""
        self.assertFalse(runs_queries(self.serve((503, {"starting": True}))))

    def test_nobody_there(self) -> None:
        """A port that nobody listens on is not readiness."""
        server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        server.server_close()
        self.assertFalse(runs_queries(server.server_port))
