"""From the name of a tool and what a model passes to an answer and a log line."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.interfaces import Watch
from mcp_trino.principal import Principal
from mcp_trino.tools.arguments import checked
from mcp_trino.tools.failures import failure_of
from mcp_trino.tools.tool import Call, Reply, Tool


@define(eq=False)
class Calls:
    """Does the calls of tools."""

    _log = Logger()

    _clock: IReactorTime = field(repr=False)

    def call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        principal: Principal,
        watch: Watch | None = None,
    ) -> Deferred[Reply]:
        """
        Do one.

        :return: the answer, also when that is an error. Canceling it cancels
            what it runs at Trino.
        """
        return Deferred.fromCoroutine(self._logged(tool, arguments, principal, watch))

    async def _logged(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        principal: Principal,
        watch: Watch | None,
    ) -> Reply:
        started = self._clock.seconds()
        outcome, rows, query_id = "canceled", None, None
        try:
            reply = await _reply(tool, arguments, principal, watch)
            outcome, rows = reply.failure or "done", reply.rows
            query_id = reply.query_id
            return reply
        finally:
            self._log.info(
                "{tool} for {principal!r}: {outcome}, {rows} rows, {ms} ms, "
                "query {query_id}",
                tool=tool.name,
                principal=principal.name,
                outcome=outcome,
                rows=rows,
                ms=round((self._clock.seconds() - started) * 1000),
                query_id=query_id,
            )


async def _reply(
    tool: Tool,
    arguments: Mapping[str, Any],
    principal: Principal,
    watch: Watch | None,
) -> Reply:
    try:
        call = Call(principal, checked(tool.arguments, arguments), watch)
        return await tool.function(call)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - failure_of logs what is unforeseen
        return failure_of(error).reply()
