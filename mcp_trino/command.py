"""
The console script ``mcp-trino``.

Exit codes: 0 when it ended as it was asked to, 1 when it could not start or
did not understand; the reason is on standard error.
"""

import os
import sys
from collections.abc import Callable, Sequence

from mcp_trino.commands.doctor import doctor
from mcp_trino.commands.running import HTTPOptions, parsed, run
from mcp_trino.commands.sandbox import sandbox
from mcp_trino.commands.secrets import keys, token
from mcp_trino.config.documentation import as_rst
from mcp_trino.config.names import NAMES
from mcp_trino.log import observer_of
from mcp_trino.settings import Transport
from mcp_trino.tap import Options, makeService

_HELP = """\
Usage: mcp-trino [command] [options]

A Model Context Protocol server for Trino. The command is one of
  serve     serve HTTP, in the foreground ("twistd mcp-trino": as a daemon)
  stdio     serve one assistant, on standard input and output
  sandbox   try it: a real Trino with sample data, and the server before it
  doctor    say what would keep it from serving, with the settings as they are
  introspect
            say whether a token holds, and why not
  token     make a token for OAUTH_PROVIDER=hmac, for tests and services
  keys      make or renew the keys of OAUTH_KEYS_FILE, for several servers
  settings  print the reference of all settings
Without a command it serves what MCP_TRANSPORT says, stdio by default.

The options are settings: mcp-trino serve --help
"""


class _Options(Options):
    transport: Transport | None = None
    synopsis = "Usage: mcp-trino [serve | stdio] [options]"


class _StdioOptions(_Options):
    transport = Transport.STDIO


def main() -> None:
    """Do what the command line says."""
    arguments = sys.argv[1:]
    name = arguments[0] if arguments else ""
    if name in _COMMANDS:
        _COMMANDS[name](arguments[1:])
    elif name in ("help", "--help", "-h") or (not arguments and _is_curious()):
        sys.stdout.write(_HELP)
    elif name and not name.startswith("-"):
        sys.exit(f"mcp-trino: there is no command {name}; see mcp-trino --help")
    else:
        _serve(_Options, arguments)


def _is_curious() -> bool:
    """Whether a person wants to see what this is: on a terminal, nothing set."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return on_terminal and NAMES.isdisjoint(os.environ)


def _serve(kind: type[Options], arguments: Sequence[str]) -> None:
    options = parsed(kind, arguments)
    by_http = options.settings.transport is Transport.HTTP
    run(makeService(options), observer_of(sys.stdout if by_http else sys.stderr))


def _settings(_: Sequence[str]) -> None:
    sys.stdout.write(as_rst())


def _introspect(arguments: Sequence[str]) -> None:
    # Only now: a process that serves must not have the worker's code in it.
    from mcp_trino.introspection.asking import introspect  # noqa: PLC0415

    introspect(arguments)


_COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "serve": lambda arguments: _serve(HTTPOptions, arguments),
    "stdio": lambda arguments: _serve(_StdioOptions, arguments),
    "sandbox": sandbox,
    "doctor": doctor,
    "introspect": _introspect,
    "keys": keys,
    "settings": _settings,
    "token": token,
}
