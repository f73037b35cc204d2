"""Tests of what becomes of queries whose server dies."""

import os
import time

from attrs import evolve

from tests.e2e.in_task import TaskTestCase, in_task
from tests.e2e.server_process import start_server
from tests.e2e.test_lifecycle import _client_process, _kill
from tests.e2e.trino_queries import endless_statement, reaches, running
from tests.real_trino import SMALL, require, start

CLIENT_TIMEOUT_SECONDS = 10
# Trino looks for abandoned queries from time to time.
NOTICED_SECONDS = 5


class DeathTests(TaskTestCase):
    """A process that is killed cannot cancel anything."""

    @in_task
    async def test_abandoned(self) -> None:
        """Trino ends its queries within ``query.client.timeout``."""
        timeout = {"query.client.timeout": f"{CLIENT_TIMEOUT_SECONDS}s"}
        url = require(start(evolve(SMALL, properties=timeout)))
        before = os.environ.get("MCP_TRINO_TEST_COORDINATOR")
        os.environ["MCP_TRINO_TEST_COORDINATOR"] = url
        self.addCleanup(self.restore, before)
        server = start_server(trino=url)
        self.addCleanup(server.stop)
        statement = endless_statement()
        client = _client_process("legacy", server, statement)
        self.addCleanup(_kill, client)
        await running(statement)
        os.kill(server.pid, 9)
        killed = time.time()
        ended = await reaches(statement, "FAILED ABANDONED_QUERY")
        self.assertLess(ended - killed, CLIENT_TIMEOUT_SECONDS + NOTICED_SECONDS)

    def restore(self, before: str | None) -> None:
        """Let other tests have their Trino again."""
        del os.environ["MCP_TRINO_TEST_COORDINATOR"]
        if before is not None:
            os.environ["MCP_TRINO_TEST_COORDINATOR"] = before
