"""Tests that are clients in the test process itself, by the SDK of Python."""

import functools
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.e2e.server_process import ServerProcess, start_server


class TaskTestCase(TestCase):
    """
    A test case whose tests are asyncio tasks on the reactor's loop.

    :ivar server: its log is shown when the test fails.
    """

    server: ServerProcess | None = None

    def start_server(self, trino: str | None = None, **settings: str) -> None:
        """Start a server of the test's own, see ``start_server``."""
        self.server = start_server(trino=trino, **settings)
        self.addCleanup(self.server.stop)


def in_task(
    test: Callable[[Any], Coroutine[Any, Any, None]],
) -> Callable[[Any], Deferred[None]]:
    """Run a method of a ``TaskTestCase`` as a task, so that it may await the SDK."""

    async def body(case: TaskTestCase) -> None:
        try:
            await test(case)
        except BaseException:
            # trial does not show what is inside of an exception group.
            log = case.server.log if case.server else ""
            sys.stderr.write(f"\n{traceback.format_exc()}server:\n{log}\n")
            raise

    @functools.wraps(test)
    def run(case: TaskTestCase) -> Deferred[None]:
        from twisted.internet import reactor

        loop = reactor._asyncioEventloop
        return Deferred.fromFuture(loop.create_task(body(case)))

    return run
