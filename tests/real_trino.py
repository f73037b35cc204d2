"""
The real Trino of integration tests: one for all of them, gone at the end.

``MCP_TRINO_TEST_COORDINATOR`` names the URL of a Trino that runs already (476,
catalogs ``tpch`` and ``memory``, no authentication) and is used instead.
"""

import atexit
import os
import sys
from functools import cache
from subprocess import PIPE, Popen
from unittest import SkipTest

from attrs import evolve

from mcp_trino.sandbox.launch import SUPERVISOR, Event, Launch


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
    event, text = _start()
    if event is Event.READY:
        return text
    if event is Event.UNAVAILABLE and os.environ.get("CI") != "true":
        raise SkipTest(text)
    raise AssertionError(text)


@cache
def _start() -> tuple[Event, str]:
    """Start the sandbox outside of the reactor, which every test wants clean."""
    launch = evolve(
        Launch.from_environment(os.environ),
        heap_mb=1024,
        quick=True,
    )
    supervisor = Popen(SUPERVISOR, stdin=PIPE, stdout=PIPE)
    atexit.register(supervisor.wait)
    atexit.register(supervisor.stdin.close)
    supervisor.stdin.write(launch.to_line())
    supervisor.stdin.flush()
    for line in supervisor.stdout:
        event, text = Event.from_line(line)
        if event is not Event.REPORT:
            return event, text
        sys.stderr.write(f"{text}\n")
    return Event.FAILED, "the sandbox's supervisor ended without a word"
