"""
The real Trino of integration tests: one for all of them, gone at the end.

``MCP_TRINO_TEST_COORDINATOR`` names the URL of a Trino that runs already (476,
catalogs ``tpch`` and ``memory``, no authentication) and is used instead.
"""

import os
from unittest import SkipTest


def real_trino() -> str:
    """
    Give the URL of the coordinator; the first call waits until it answers.

    It blocks on purpose, so that it can be called in any ``setUp`` without the
    reactor or the time limit of a test taking part.

    :raise SkipTest: there is no Trino to be had on this machine.
    :raise AssertionError: the same where tests must not be skipped (``CI=true``).
    """
    running = os.environ.get("MCP_TRINO_TEST_COORDINATOR")
    if running:
        return running
    reason = "MCP_TRINO_TEST_COORDINATOR is not set"
    if os.environ.get("CI") == "true":
        raise AssertionError(reason)
    raise SkipTest(reason)
