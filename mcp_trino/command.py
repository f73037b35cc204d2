"""
The console script ``mcp-trino``.

Exit codes: 0 when it ended as it was asked to, 1 when it could not start or
did not understand; the reason is on standard error.
"""

import atexit
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from attrs import evolve
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import ILogObserver, LogLevel, globalLogBeginner
from twisted.python.usage import UsageError

from mcp_trino.config.documentation import as_rst
from mcp_trino.config.names import NAMES
from mcp_trino.errors import ConfigurationError
from mcp_trino.log import observer_of
from mcp_trino.oauth.development_tokens import development_token
from mcp_trino.oauth.keyring import KeyFile
from mcp_trino.oauth.keys import PUBLISH_AHEAD_SECONDS
from mcp_trino.sandbox import realm
from mcp_trino.sandbox.launch import KeycloakLaunch, TrinoLaunch
from mcp_trino.sandbox.ports import any_free_port
from mcp_trino.sandbox.process import SandboxServer, SandboxServers
from mcp_trino.settings import Transport
from mcp_trino.startup import refuse_to_start
from mcp_trino.tap import Options, makeService

_FIRST_PORT = 8080
_PORTS = 100
_PERSON = "alice"

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


class _HTTPOptions(_Options):
    transport = Transport.HTTP


class _StdioOptions(_Options):
    transport = Transport.STDIO


class _SandboxOptions(_HTTPOptions):
    """The first free port from 8080 on, where nobody chose one."""

    synopsis = "Usage: mcp-trino sandbox [options]"
    optFlags: ClassVar[list[list[Any]]] = [
        [
            "iceberg",
            None,
            "have a catalog of Iceberg tables, too: downloads 346 MB more, once",
        ],
        [
            "oauth",
            None,
            "have people log in, at a Keycloak beside it: downloads 176 MB more, once",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.keycloak_port = 0
        self.client_secret = token_urlsafe()
        self.state_directory = ""

    def chosen(self) -> dict[str, str]:
        if not self["oauth"]:
            return super().chosen()
        issuer = f"http://127.0.0.1:{self.keycloak_port}/realms/{realm.NAME}"
        return super().chosen() | {
            "OAUTH_ENABLED": "true",
            "OAUTH_MODE": "proxy",
            "OAUTH_PROVIDER": "keycloak",
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_ID": realm.CLIENT_ID,
            "OIDC_CLIENT_SECRET": self.client_secret,
            "OAUTH_STATE_DIRECTORY": self.state_directory,
        }

    def postOptions(self) -> None:
        chosen = {"MCP_BIND", "MCP_HOST", "MCP_PORT", "MCP_URL"} & set(os.environ)
        if not (chosen or self["config"] or self["port"] or self.get("listen")):
            port = _free_port()
            self["port"] = str(port)
            self["host"] = self["host"] or "127.0.0.1"
            if port != _FIRST_PORT:
                _say(f"Port {_FIRST_PORT} is taken, the server takes {port}.")
        if self["oauth"]:
            self.keycloak_port = any_free_port()
            # Nothing of one demonstration is of use to another.
            directory = TemporaryDirectory(prefix="mcp-trino-sandbox-")
            atexit.register(directory.cleanup)
            self.state_directory = directory.name
        super().postOptions()


class _DoctorOptions(_HTTPOptions):
    """Settings, and whom to try to be at Trino."""

    synopsis = "Usage: mcp-trino doctor [options]"
    optParameters: ClassVar[list[list[Any]]] = [
        [
            "as",
            None,
            None,
            "a person whose queries to try, where people are impersonated",
        ]
    ]


class _TokenOptions(_HTTPOptions):
    """Settings, and for whom a token is."""

    synopsis = "Usage: mcp-trino token --subject=NAME [options]"
    optParameters: ClassVar[list[list[Any]]] = [
        ["subject", None, None, "whom the token is for"],
        ["scope", None, None, "what it allows; unset: OAUTH_READ_SCOPE"],
        ["lifetime", None, 3600.0, "seconds until it ends", float],
    ]

    def postOptions(self) -> None:
        if not self["subject"]:
            raise UsageError("--subject is needed")
        super().postOptions()


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


def _free_port() -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    return _FIRST_PORT


def _serve(kind: type[Options], arguments: Sequence[str]) -> None:
    options = _parsed(kind, arguments)
    by_http = options.settings.transport is Transport.HTTP
    run(makeService(options), observer_of(sys.stdout if by_http else sys.stderr))


def _parsed(kind: type[Options], arguments: Sequence[str]) -> Options:
    options = kind()
    _parse(options, arguments)
    return options


def _parse(options: Options, arguments: Sequence[str]) -> None:
    try:
        options.parseOptions(arguments)
    except UsageError as error:
        sys.exit(f"mcp-trino: {error}; see mcp-trino serve --help")


def run(service: IService, observer: ILogObserver) -> None:
    """Run a service in the foreground until a signal, or it, ends the process."""
    # Only now: the options have chosen which it is.
    from twisted.internet import reactor  # noqa: PLC0415

    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


def _sandbox(arguments: Sequence[str]) -> None:
    options = _SandboxOptions()
    _parse(options, arguments)
    # Only now, as in ``run``.
    from twisted.internet import reactor  # noqa: PLC0415

    from mcp_trino.demonstration import Demonstration  # noqa: PLC0415

    for warning in options.warnings:
        _say(warning)
    launch = evolve(TrinoLaunch.from_environment(os.environ), quick=True)
    if options["iceberg"]:
        launch = launch.with_iceberg()
    trino = SandboxServer(reactor, launch, _say)
    if options["oauth"]:
        keycloak = SandboxServer(reactor, _keycloak(options), _say)
        both = SandboxServers(trino, keycloak)
        demonstration = Demonstration(reactor, options.settings, both, _say, _PERSON)
    else:
        demonstration = Demonstration(reactor, options.settings, trino, _say)
    run(demonstration, observer_of(sys.stderr, LogLevel.warn))
    if demonstration.failed:
        sys.exit(1)


def _keycloak(options: _SandboxOptions) -> KeycloakLaunch:
    callback = f"{options.settings.web.public_url}/oauth/callback"
    return evolve(
        KeycloakLaunch.from_environment(os.environ),
        realm=realm.realm([callback], options.client_secret, [_PERSON]),
        port=options.keycloak_port,
    )


def _doctor(arguments: Sequence[str]) -> None:
    options = _parsed(_DoctorOptions, arguments)
    # Only now, as in ``run``.
    from twisted.internet import reactor  # noqa: PLC0415

    from mcp_trino.doctor.examination import examine  # noqa: PLC0415

    async def examined() -> None:
        healthy = await examine(
            reactor,
            options.settings,
            options.warnings,
            person=options["as"],
            say=_say,
        )
        raise SystemExit(0 if healthy else 1)

    react(lambda _: Deferred.fromCoroutine(examined()))


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 - to the person who waits for it


def _token(arguments: Sequence[str]) -> None:
    options = _parsed(_TokenOptions, arguments)
    try:
        token = development_token(
            options.settings.oauth,
            options["subject"],
            options["scope"],
            options["lifetime"],
            time.time(),
        )
    except ConfigurationError as error:
        raise refuse_to_start(error) from None
    _say(token)


def _keys(arguments: Sequence[str]) -> None:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit("Usage: mcp-trino keys FILE")
    path = Path(arguments[0]).absolute()
    try:
        keys = KeyFile(path, inf).rotate(time.time())
    except (OSError, ValueError) as error:
        sys.exit(f"mcp-trino: {path}: {error}")
    _say(
        f"{path} has {len(keys.signing)} signing keys. Give it to every server; "
        f"a new key is used {PUBLISH_AHEAD_SECONDS / 60:g} minutes after it was made."
    )


def _settings(_: Sequence[str]) -> None:
    sys.stdout.write(as_rst())


def _introspect(arguments: Sequence[str]) -> None:
    # Only now: a process that serves must not have the worker's code in it.
    from mcp_trino.introspection.asking import introspect  # noqa: PLC0415

    introspect(arguments)


_COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "serve": lambda arguments: _serve(_HTTPOptions, arguments),
    "stdio": lambda arguments: _serve(_StdioOptions, arguments),
    "sandbox": _sandbox,
    "doctor": _doctor,
    "introspect": _introspect,
    "keys": _keys,
    "settings": _settings,
    "token": _token,
}
