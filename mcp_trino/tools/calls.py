"""From the name of a tool and what a model passes to an answer and a record of it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from mcp_trino.errors import AuditUnwritable
from mcp_trino.interfaces import IAudit, Watch
from mcp_trino.principal import Principal
from mcp_trino.statements.fingerprint import fingerprint
from mcp_trino.tools.arguments import checked
from mcp_trino.tools.failures import Failure, failure_of
from mcp_trino.tools.paging import listing
from mcp_trino.tools.tool import Call, Reply, Tool

_STATEMENT = "query"
_PAGE = "page"
_NAMES = ("catalog", "schema", "table", "query_id")
_MOST_CHARS = 2000


@define(eq=False)
class Calls:
    """
    Does the calls of tools.

    :ivar statements: the record tells the text of statements, too.
    """

    _clock: IReactorTime = field(repr=False)
    _audit: IAudit = field(repr=False)
    _statements: bool = False

    def call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        principal: Principal,
        watch: Watch | None = None,
        **message: str | None,
    ) -> Deferred[Reply]:
        """
        Do one.

        :param message: what the record tells of the message that asked for it.
        :return: the answer, also when that is an error. Canceling it cancels
            what it runs at Trino.
        """
        return Deferred.fromCoroutine(
            self._recorded(tool, arguments, principal, watch, message)
        )

    async def _recorded(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        principal: Principal,
        watch: Watch | None,
        message: Mapping[str, str | None],
    ) -> Reply:
        started = self._clock.seconds()

        def record(reply: Reply | None) -> None:
            self._audit.record(
                "call",
                principal,
                **_cut(message),
                tool=tool.name,
                **_cut(self._asked(arguments)),
                outcome="canceled" if reply is None else reply.failure or "done",
                rows=None if reply is None else reply.rows,
                ms=round((self._clock.seconds() - started) * 1000),
                trino_query_id=None if reply is None else reply.query_id,
            )

        try:
            self._audit.require()
            reply = await _reply(tool, arguments, principal, watch)
            record(reply)
        except AuditUnwritable as error:
            return failure_of(error).reply()
        except BaseException:
            with suppress(AuditUnwritable):
                record(None)
            raise
        return reply

    def _asked(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Give what may be told of arguments: names, and of a statement its shape."""
        page, told = arguments.get(_PAGE), dict[str, str]()
        if isinstance(page, str) and (listed := listing(page)):
            told["list"], arguments = listed
        told |= {name: str(arguments[name]) for name in _NAMES if name in arguments}
        text = arguments.get(_STATEMENT)
        if isinstance(text, str):
            told["statement"] = fingerprint(text)
            if self._statements:
                told["text"] = text
        return told


def _cut(told: Mapping[str, str | None]) -> dict[str, str | None]:
    """Bound what a client can have written into a record."""
    return {name: value and value[:_MOST_CHARS] for name, value in told.items()}


async def _reply(
    tool: Tool,
    arguments: Mapping[str, Any],
    principal: Principal,
    watch: Watch | None,
) -> Reply:
    if principal.refusal:
        return Failure("NOT_ADMITTED", principal.refusal).reply()
    try:
        call = Call(principal, checked(tool.arguments, arguments), watch)
        return await tool.function(call)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - failure_of logs what is unforeseen
        return failure_of(error).reply()
