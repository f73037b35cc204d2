"""
The program that holds a server of the sandbox and ends it with its parent.

Its standard input is a pipe whose other end only the parent has: however the
parent dies, the input ends. That holds on Linux and macOS and needs nothing of
the parent, not even that it runs an exit handler. Should this program itself be
killed, its parent ends its process group, in which the server is; should both be
killed at once, the next start of a sandbox ends what they left.
"""

import os
import select
import signal
import sys
from threading import Thread

from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.sandbox.launch import Event, Launch

_WORKER_SECONDS = 5.0


def main() -> None:
    """Do what the first line of the standard input asks, until that input ends."""
    # Ctrl-C in a terminal is for the parent, which then closes our input.
    os.setsid()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGTERM, lambda *_: None)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    try:
        # These need the packages of an extra, which may not be installed.
        from mcp_trino.sandbox.startup import Startup  # noqa: PLC0415
    except ModuleNotFoundError as error:
        _tell(
            Event.UNAVAILABLE,
            f"the sandbox needs the package {error.name}: "
            "pip install 'mcp-trino[sandbox]'",
        )
        return
    startup = Startup(Launch.from_line(line), _tell)

    def work() -> None:
        try:
            startup.run()
        except (SandboxUnavailable, OSError) as error:
            _tell(Event.UNAVAILABLE, str(error))
        except SandboxFailed as error:
            _tell(Event.FAILED, str(error))
        finally:
            os.write(wake, b"\0")

    worker = Thread(target=work, daemon=True)
    worker.start()
    select.select([sys.stdin, woken], [], [])
    startup.end()
    # A download in the worker does not hear of it, but ends with this process.
    worker.join(_WORKER_SECONDS)
    startup.remove()


def _tell(event: Event, text: str) -> None:
    try:
        os.write(sys.stdout.fileno(), event.to_line(text))
    except BrokenPipeError:
        # Nobody listens any more: the end of the input says so too.
        return


if __name__ == "__main__":
    main()
