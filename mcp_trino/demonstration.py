"""``mcp-trino sandbox``: a real Trino, the server before it, and a proof of both."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mcp_trino.application import make_service
from mcp_trino.errors import SandboxFailed, SandboxUnavailable
from mcp_trino.sandbox.process import SandboxServer, SandboxServers
from mcp_trino.sandbox.proof import QUERY, prove
from mcp_trino.settings import Settings, TrinoSettings
from mcp_trino.startup import CannotStart

_SERVING = """\
mcp-trino serves {url}
Asked through MCP: {query}
{answer}

Connect Claude Code:
    claude mcp add --transport http trino {url}
{login}All of it ends with Ctrl-C."""
_LOGIN = """\
It opens your browser for the login (in Claude Code: /mcp, then Authenticate):
log in as {person} with the password {person}.
"""


class Demonstration(MultiService):
    """
    A sandbox's Trino, then the server, then the proof; the process ends with them.

    :ivar failed: something ended it that was not asked to.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        trino: SandboxServer | SandboxServers,
        say: Callable[[str], None],
        person: str | None = None,
    ) -> None:
        """
        Decide what to show.

        :param trino: its URL is that of the coordinator.
        :param say: tells the person who waits.
        :param person: who can log in, ``None`` where nobody has to.
        """
        super().__init__()
        self.failed = False
        self._reactor = reactor
        self._settings = settings
        self._trino = trino
        self._say = say
        self._person = person
        self._run: Deferred[None]

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._run = Deferred.fromCoroutine(self._serve())
        self._run.addErrback(self._fail)

    async def _serve(self) -> None:
        coordinator = await self._trino.start()
        settings = evolve(self._settings, trino=_at(coordinator, self._settings.trino))
        make_service(settings, self._reactor).setServiceParent(self)
        url = f"{settings.web.public_url}/mcp"
        answer = await prove(url, asyncio.get_event_loop(), self._person)
        login = _LOGIN.format(person=self._person) if self._person else ""
        self._say(_SERVING.format(url=url, query=QUERY, answer=answer, login=login))
        await self._trino.ended()

    def _fail(self, failure: Failure) -> None:
        if not self.running:
            # It was canceled because all of it ends.
            return
        self.failed = True
        if failure.check(SandboxFailed, SandboxUnavailable):
            self._say(failure.getErrorMessage())
        elif not failure.check(CannotStart):
            self._log.failure("the sandbox failed", failure=failure)
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """End the server, then Trino."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        stopped = super().stopService()
        self._run.cancel()
        await stopped
        await self._trino.stop()


def _at(coordinator: str, settings: TrinoSettings) -> TrinoSettings:
    url = urlsplit(coordinator)
    return evolve(
        settings,
        scheme=url.scheme,
        host=str(url.hostname),
        port=int(url.port or 80),
        password=None,
        catalog="tpch",
        schema="tiny",
        ca_file=None,
        verify=True,
    )
