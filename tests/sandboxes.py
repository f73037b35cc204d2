"""Servers of the sandbox for tests, outside of the reactor, which is to stay clean."""

import atexit
import os
import sys
from subprocess import PIPE, Popen
from unittest import SkipTest

from mcp_trino.sandbox.launch import SUPERVISOR, Event, Launch

_STARTED: dict[bytes, tuple[Event, str]] = {}


def start(launch: Launch) -> tuple[Event, str]:
    """Start a server that ends with this process, once; give what became of it."""
    line = launch.to_line()
    if line not in _STARTED:
        _STARTED[line] = _start(line)
    return _STARTED[line]


def require(outcome: tuple[Event, str]) -> str:
    """
    Give the URL of a server that was started.

    :raise SkipTest: this machine cannot have it.
    :raise AssertionError: the same where tests must not be skipped
        (``CI=true``), or it did not start.
    """
    event, text = outcome
    if event is Event.READY:
        return text
    if event is Event.UNAVAILABLE and os.environ.get("CI") != "true":
        raise SkipTest(text)
    raise AssertionError(text)


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
