"""
``twistd mcp-trino``: from options to the service that runs.

Nothing here may import ``klein`` or the reactor before ``Options`` has chosen
the reactor; the modules that do are imported when the service is made.
"""

import os
import sys
from importlib.metadata import version
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python.usage import Options as UsageOptions

from mcp_trino._reactor import require_asyncio_reactor
from mcp_trino.config.documentation import help_of
from mcp_trino.config.parse import read_settings
from mcp_trino.config.table import SETTINGS
from mcp_trino.errors import ConfigurationError
from mcp_trino.settings import Settings, Transport
from mcp_trino.startup import refuse_to_start

_log = Logger()
_BY_OPTION = {setting.option: setting for setting in SETTINGS if setting.option}


class Options(UsageOptions):
    """
    The settings as options of the command line.

    :cvar transport: what is served, ``None`` to go by ``MCP_TRANSPORT``.
    :ivar settings: what the operator decided, once the options are parsed.
    :ivar warnings: what to tell her about it.
    """

    transport: Transport | None = Transport.HTTP
    longdesc = (
        "Each option has an environment variable and a key in the ini file, too: "
        "its name in brackets, for the ini file in lower case. An option comes "
        "before the environment, the environment before the ini file."
    )
    settings: Settings
    warnings: tuple[str, ...]

    optFlags: ClassVar[list[list[Any]]] = [
        ["check-config", None, "say what is wrong with the settings and start nothing"],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", None, None, "ini file with settings, in its section [mcp-trino]"],
        *(
            [option, None, None, help_of(setting)]
            for option, setting in _BY_OPTION.items()
            if option != "listen"
        ),
    ]

    def __init__(self) -> None:
        require_asyncio_reactor()
        super().__init__()

    def opt_listen(self, place: str) -> None:  # noqa: D102 - the table has its text
        self["listen"] = f"{self.get('listen', '')} {place}"

    opt_listen.__doc__ = f"{help_of(_BY_OPTION['listen'])}; may be repeated"

    def opt_version(self) -> None:
        """Print the version and exit."""
        sys.stdout.write(f"mcp-trino {version('mcp-trino')}\n")
        sys.exit(0)

    def chosen(self) -> dict[str, str]:
        """Give the texts that come before the environment, by name of setting."""
        return {
            setting.name: self[option]
            for option, setting in _BY_OPTION.items()
            if self.get(option) is not None
        }

    def postOptions(self) -> None:
        """
        Read the settings.

        :raise CannotStart: something is wrong with them; all of it was told.
        """
        try:
            self.settings, self.warnings = read_settings(
                self.chosen(), os.environ, self["config"], self.transport
            )
            if self["check-config"]:
                _make(self)
                sys.stdout.writelines(f"{line}\n" for line in (*self.warnings, "ok"))
                sys.exit(0)
        except ConfigurationError as error:
            raise refuse_to_start(error) from None


def makeService(options: Options) -> IService:
    """
    Make the service; nothing is bound and no thread runs yet.

    :raise CannotStart: the settings cannot be met; why was told.
    """
    try:
        service = _make(options)
    except ConfigurationError as error:
        raise refuse_to_start(error) from None
    for warning in options.warnings:
        _log.warn("{sentence}", sentence=warning)
    return service


def _make(options: Options) -> IService:
    # Only now: these import klein and the reactor.
    from twisted.internet import reactor  # noqa: PLC0415

    from mcp_trino.application import make_service  # noqa: PLC0415

    return make_service(options.settings, reactor)
