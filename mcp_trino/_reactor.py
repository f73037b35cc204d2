"""Install the asyncio reactor, or say why it cannot be had any more."""

import sys

from twisted.internet import asyncioreactor
from twisted.python.usage import UsageError


def require_asyncio_reactor() -> None:
    """
    Make the asyncio reactor the reactor of this process.

    Call it before anything imports ``klein`` or ``twisted.internet.reactor``:
    both install the platform's default reactor when none is there yet.

    :raise UsageError: another reactor is installed already; the message says
        which option of ``twistd`` chooses the right one.
    """
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        asyncioreactor.install()
    elif not isinstance(reactor, asyncioreactor.AsyncioSelectorReactor):
        raise UsageError(
            "mcp-trino needs the asyncio reactor, but "
            f"{type(reactor).__name__} is installed already; "
            "run: twistd --reactor=asyncio mcp-trino"
        )
