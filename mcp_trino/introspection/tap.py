"""
``twistd mcp-trino-introspect``: the worker as a process of its own.

It reads the settings that the web process reads, and takes from them what is
for it. Nothing here may import ``klein`` before twistd has chosen the reactor.
"""

import os
import re
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.internet.endpoints import serverFromString
from twisted.python.usage import Options as UsageOptions

from mcp_trino.config.parse import read_settings
from mcp_trino.errors import ConfigurationError
from mcp_trino.introspection.peer import uid_of
from mcp_trino.settings import OAuthSettings, Transport, WorkerSettings
from mcp_trino.startup import Hangup, Startup, refuse_to_start
from mcp_trino.unix_sockets import bind_private

_SYSTEMD = re.compile(r"systemd:domain=UNIX:name=[^:]+")


class Options(UsageOptions):
    """
    Where to listen and who may ask; the rest are the settings of OAuth.

    :ivar settings: what is for the worker, once the options are parsed.
    :ivar user: the uid that may ask.
    """

    synopsis = "Usage: twistd [options] mcp-trino-introspect [options]"
    longdesc = (
        "The settings of OAuth are taken from the environment and the ini file, as "
        "the server itself takes them; secrets that are not for the worker need "
        "not be there."
    )
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", None, None, "ini file with settings, in its section [mcp-trino]"],
        [
            "listen",
            None,
            None,
            "the socket: unix:PATH or systemd:domain=UNIX:name=NAME",
        ],
        ["client-user", None, None, "name or uid of the server; unset: this one"],
    ]
    settings: WorkerSettings
    user: int

    def opt_version(self) -> None:
        """Print the version and exit."""
        sys.stdout.write(f"mcp-trino {version('mcp-trino')}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """
        Read the settings.

        :raise CannotStart: something is wrong with them; all of it was told.
        """
        try:
            self.settings = oauth_settings(self["config"]).worker
            self.user = _user(self["client-user"])
        except ConfigurationError as error:
            raise refuse_to_start(error) from None


def oauth_settings(config: str | None) -> OAuthSettings:
    """
    Read the settings of OAuth from the environment and an ini file.

    :param config: the path of the ini file, ``None`` for none.
    :raise ConfigurationError: the settings have no meaning, or OAuth is off.
    """
    settings, _ = read_settings({}, os.environ, config, Transport.HTTP)
    if settings.oauth is None:
        problem = "OAUTH_ENABLED is not true: there are no tokens to judge"
        raise ConfigurationError((problem,))
    return settings.oauth


def makeService(options: Options) -> IService:
    """
    Make the service; nothing is bound and nothing fetched yet.

    :raise CannotStart: the settings cannot be met; why was told.
    """
    # Only now: these import klein and the reactor.
    from twisted.internet import reactor as installed  # noqa: PLC0415

    from mcp_trino.introspection.service import (  # noqa: PLC0415
        Limits,
        WorkerService,
    )

    reactor: Any = installed
    try:
        bind = _binding(options["listen"] or "", reactor)
        worker = WorkerService(options.settings, reactor, bind, options.user)
    except ConfigurationError as error:
        raise refuse_to_start(error) from None
    startup = Startup(reactor, f"the introspection worker answers user {options.user}")
    for service in (Limits(), worker, Hangup(reactor, (worker.introspector.reread,))):
        service.setServiceParent(startup)
    return startup


def _binding(place: str, reactor: Any) -> Callable[[], socket.socket]:
    """Give what makes the socket; one of systemd's is looked for at once."""
    kind, _, path = place.partition(":")
    if kind == "unix" and path:
        return lambda: bind_private(Path(path))
    if not _SYSTEMD.fullmatch(place):
        problem = "--listen has to be unix:PATH or systemd:domain=UNIX:name=NAME"
        raise ConfigurationError((problem,))
    try:
        # Twisted alone can tell: it has removed what systemd said.
        passed: Any = serverFromString(reactor, place)
    except LookupError:
        problem = (
            f"--listen: no socket was passed for {place}: start the socket unit with "
            "that FileDescriptorName"
        )
        raise ConfigurationError((problem,)) from None
    return lambda: socket.socket(fileno=passed.fileno)


def _user(name: str | None) -> int:
    if name is None:
        return os.geteuid()
    try:
        return uid_of(name)
    except ValueError as error:
        raise ConfigurationError((f"--client-user: {error}",)) from None
