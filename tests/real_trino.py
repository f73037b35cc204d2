"""
The real Trino of integration tests: one for all of them, gone at the end.

``MCP_TRINO_TEST_COORDINATOR`` names the URL of a Trino that runs already (476,
catalogs ``tpch`` and ``memory``, no authentication) and is used instead.
"""

import atexit
import os
import sys
from subprocess import PIPE, Popen
from unittest import SkipTest

from attrs import evolve

from mcp_trino.sandbox.launch import SUPERVISOR, Event, Launch

SMALL = evolve(Launch.from_environment(os.environ), heap_mb=1024, quick=True)
"""A sandbox for tests."""

_STARTED: dict[bytes, tuple[Event, str]] = {}


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


def require(outcome: tuple[Event, str]) -> str:
    """
    Give the URL of a coordinator that was started.

    :raise: what ``real_trino`` raises.
    """
    event, text = outcome
    if event is Event.READY:
        return text
    if event is Event.UNAVAILABLE and os.environ.get("CI") != "true":
        raise SkipTest(text)
    raise AssertionError(text)


def start(launch: Launch) -> tuple[Event, str]:
    """Start a sandbox outside of the reactor, which every test wants clean, once."""
    line = launch.to_line()
    if line not in _STARTED:
        _STARTED[line] = _start(line)
    return _STARTED[line]


def _start(line: bytes) -> tuple[Event, str]:
    supervisor = Popen(SUPERVISOR, stdin=PIPE, stdout=PIPE)
    atexit.register(supervisor.wait)
    atexit.register(supervisor.stdin.close)
    supervisor.stdin.write(line)
    supervisor.stdin.flush()
    for told in supervisor.stdout:
        event, text = Event.from_line(told)
        if event is not Event.REPORT:
            return event, text
        sys.stderr.write(f"{text}\n")
    return Event.FAILED, "the sandbox's supervisor ended without a word"
