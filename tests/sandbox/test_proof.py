"""Tests of ``mcp_trino.sandbox.proof`` on real servers."""

import asyncio
import os

from twisted.trial.unittest import TestCase

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox.proof import prove
from tests.e2e.server_process import shared_server, start_server


class ProofTests(TestCase):
    """The query through MCP by which a sandbox proves itself."""

    timeout = 60

    async def test_proof(self) -> None:
        """The answer is Trino's, whatever proxy the environment names."""
        server = shared_server("http")
        self.patch(os, "environ", {**os.environ, "HTTP_PROXY": "http://127.0.0.1:1"})
        answer = await prove(server.url, asyncio.get_event_loop())
        self.assertIn("ALGERIA,AFRICA\nARGENTINA,AMERICA\nBRAZIL,AMERICA\n", answer)

    async def test_no_proof(self) -> None:
        """A server that gives an error proves nothing, and it is said which."""
        server = start_server(trino="http://127.0.0.1:1")
        self.addCleanup(server.stop)
        with self.assertRaises(SandboxFailed) as caught:
            await prove(server.url, asyncio.get_event_loop())
        self.assertIn("the server answers: ", str(caught.exception))
