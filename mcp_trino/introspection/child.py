"""
The worker as a child of the web process.

Its standard input is a pipe: the settings come first, and its end is the end of
the parent, whatever ended it. What it logs goes to its standard output, a JSON
object on a line, and from there into the parent's log.
"""

import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress
from threading import Thread
from typing import Any

from twisted.logger import FileLogObserver, globalLogBeginner

from mcp_trino.errors import ConfigurationError
from mcp_trino.introspection.handover import from_line
from mcp_trino.introspection.service import Limits, WorkerService
from mcp_trino.log import as_json
from mcp_trino.startup import Hangup, Startup

SOCKET_DESCRIPTOR = 3
_PR_SET_PDEATHSIG = 1
_LAST_SECONDS = 3.0


def main() -> None:
    """Serve by the settings on standard input, until that ends."""
    _die_with_parent()
    line = sys.stdin.buffer.readline()
    if not line:
        return
    # Ctrl-C in a terminal is for the parent, which then ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only now: klein chooses the reactor, and it may be any here.
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    observer = FileLogObserver(sys.stdout, as_json)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    try:
        worker = WorkerService(
            from_line(line),
            reactor,
            lambda: socket.socket(fileno=SOCKET_DESCRIPTOR),
            os.geteuid(),
        )
    except ConfigurationError as error:
        sys.exit(str(error))
    startup = Startup(reactor, "the introspection worker answers")
    for service in (Limits(), worker, Hangup(reactor, (worker.introspector.reread,))):
        service.setServiceParent(startup)
    startup.startService()
    reactor.addSystemEventTrigger("before", "shutdown", startup.stopService)
    Thread(target=_watch_parent, args=(reactor,), daemon=True).start()
    reactor.run()


def _die_with_parent() -> None:
    """Have the kernel end this process, where it can, if it hangs meanwhile."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch_parent(reactor: Any) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    reactor.callFromThread(reactor.stop)
    signal.alarm(int(_LAST_SECONDS))


if __name__ == "__main__":
    main()
