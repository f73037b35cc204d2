"""
The real Trino of integration tests: one for all of them, gone at the end.

``MCP_TRINO_TEST_COORDINATOR`` names the URL of a Trino that runs already (476,
catalogs ``tpch`` and ``memory``, no authentication) and is used instead.
"""

import os

from attrs import evolve

from mcp_trino.sandbox.launch import TrinoLaunch
from tests.sandboxes import require, start

SMALL = evolve(TrinoLaunch.from_environment(os.environ), heap_mb=1024, quick=True)
"""A sandbox for tests."""


def real_trino() -> str:
    """
    Give the URL of the coordinator; the first call waits until it answers.

    It blocks on purpose, so that it can be called in any ``setUp`` without the
    reactor or the time limit of a test taking part.

    :raise SkipTest: this machine cannot have one.
    :raise AssertionError: the same where tests must not be skipped
        (``CI=true``), or Trino did not start.
    """
    running = os.environ.get("MCP_TRINO_TEST_COORDINATOR")
    if running:
        return running
    return require(start(SMALL))
