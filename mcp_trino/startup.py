"""How a start fails: a sentence for each reason, exit code 1, no traceback."""

import sys

from twisted.application.service import MultiService
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from mcp_trino.errors import ConfigurationError


class CannotStart(SystemExit, Exception):
    """
    End the process with exit code 1; the reasons have been told.

    ``twistd`` takes it for an error: it removes its pid file and hands the
    text on to the terminal that the daemon was started from. The interpreter
    takes it for an exit.
    """

    def __init__(self, reasons: str) -> None:
        super().__init__(reasons)
        self.code = 1


def refuse_to_start(error: ConfigurationError) -> CannotStart:
    """
    Tell the operator what is wrong.

    :return: what to raise then.
    """
    # Once twistd logs, sys.stderr is a way into the log.
    print(error, file=sys.__stderr__)
    return CannotStart(str(error))


class Startup(MultiService):
    """All services of the process: they start together or the start fails."""

    _log = Logger()

    def privilegedStartService(self) -> None:
        """
        Bind the ports.

        :raise CannotStart: one of them cannot be bound.
        """
        try:
            super().privilegedStartService()
        except CannotListenError as error:
            place = f"{error.interface or '*'}:{error.port}"
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            sentence = f"MCP_BIND: cannot listen on {place}: {reason}"
            self._log.critical("{sentence}", sentence=sentence)
            raise refuse_to_start(ConfigurationError((sentence,))) from None
