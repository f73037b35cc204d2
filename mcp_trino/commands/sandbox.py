"""``mcp-trino sandbox``."""

import atexit
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from attrs import evolve
from twisted.logger import LogLevel

from mcp_trino.commands.running import HTTPOptions, parsed, run, say
from mcp_trino.log import observer_of
from mcp_trino.sandbox import realm
from mcp_trino.sandbox.launch import KeycloakLaunch, TrinoLaunch
from mcp_trino.sandbox.ports import any_free_port
from mcp_trino.sandbox.process import SandboxServer, SandboxServers

_FIRST_PORT = 8080
_PORTS = 100
_PERSON = "alice"


class SandboxOptions(HTTPOptions):
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
        """Give the texts of the command line, and those that log in at Keycloak."""
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
        """Choose what nobody chose, then read the settings."""
        chosen = {"MCP_BIND", "MCP_HOST", "MCP_PORT", "MCP_URL"} & set(os.environ)
        if not (chosen or self["config"] or self["port"] or self.get("listen")):
            port = _free_port()
            self["port"] = str(port)
            self["host"] = self["host"] or "127.0.0.1"
            if port != _FIRST_PORT:
                say(f"Port {_FIRST_PORT} is taken, the server takes {port}.")
        if self["oauth"]:
            self.keycloak_port = any_free_port()
            # Nothing of one demonstration is of use to another.
            directory = TemporaryDirectory(prefix="mcp-trino-sandbox-")
            atexit.register(directory.cleanup)
            self.state_directory = directory.name
        super().postOptions()


def sandbox(arguments: Sequence[str]) -> None:
    """Serve until the process is interrupted."""
    options = parsed(SandboxOptions, arguments)
    # Only now, as in ``run``.
    from twisted.internet import reactor  # noqa: PLC0415

    from mcp_trino.demonstration import Demonstration  # noqa: PLC0415

    for warning in options.warnings:
        say(warning)
    launch = evolve(TrinoLaunch.from_environment(os.environ), quick=True)
    if options["iceberg"]:
        launch = launch.with_iceberg()
    trino = SandboxServer(reactor, launch, say)
    if options["oauth"]:
        keycloak = SandboxServer(reactor, _keycloak(options), say)
        both = SandboxServers(trino, keycloak)
        demonstration = Demonstration(reactor, options.settings, both, say, _PERSON)
    else:
        demonstration = Demonstration(reactor, options.settings, trino, say)
    run(demonstration, observer_of(sys.stderr, LogLevel.warn))
    if demonstration.failed:
        sys.exit(1)


def _keycloak(options: SandboxOptions) -> KeycloakLaunch:
    callback = f"{options.settings.web.public_url}/oauth/callback"
    return evolve(
        KeycloakLaunch.from_environment(os.environ),
        realm=realm.realm([callback], options.client_secret, [_PERSON]),
        port=options.keycloak_port,
    )


def _free_port() -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    return _FIRST_PORT
