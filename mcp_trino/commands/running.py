"""What commands have in common: options, a service in the foreground, words."""

import sys
from collections.abc import Sequence
from typing import TypeVar

from twisted.application.service import IService
from twisted.logger import ILogObserver, globalLogBeginner
from twisted.python.usage import UsageError

from mcp_trino.settings import Transport
from mcp_trino.tap import Options

_Options = TypeVar("_Options", bound=Options)


class HTTPOptions(Options):
    """The settings of a server by HTTP, whatever ``MCP_TRANSPORT`` says."""

    transport: Transport | None = Transport.HTTP
    synopsis = "Usage: mcp-trino serve [options]"


def parsed(kind: type[_Options], arguments: Sequence[str]) -> _Options:
    """
    Read the options of a command.

    :raise SystemExit: they are not understood, or the settings have no meaning;
        why was told.
    """
    options = kind()
    try:
        options.parseOptions(arguments)
    except UsageError as error:
        sys.exit(f"mcp-trino: {error}; see mcp-trino serve --help")
    return options


def run(service: IService, observer: ILogObserver) -> None:
    """Run a service in the foreground until a signal, or it, ends the process."""
    # Only now: the options have chosen which it is.
    from twisted.internet import reactor  # noqa: PLC0415

    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


def say(sentence: str) -> None:
    """Tell the person who waits."""
    print(sentence, flush=True)  # noqa: T201 - it is what she waits for
