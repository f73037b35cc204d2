"""What a tool is: one value for each, the same for every transport."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred

from mcp_trino.interfaces import Watch
from mcp_trino.principal import Principal
from mcp_trino.tools.arguments import Argument


@frozen
class Call:
    """
    One call of a tool.

    :ivar arguments: checked against the tool's own; what was not given is not
        there.
    :ivar watch: told the progress of the call's query, ``None`` when nobody
        asked for it.
    :ivar after: where the page of a list begins, as its tool has written it;
        empty for the first.
    """

    principal: Principal
    arguments: Mapping[str, Any]
    watch: Watch | None = None
    after: tuple[str, ...] = ()


@frozen
class Reply:
    """
    What the assistant is shown.

    :ivar structured: the answer as a JSON object, valid against the tool's
        ``outputSchema``.
    :ivar text: the same for clients that show text.
    :ivar failure: the name of the error when the call did not do what it was
        asked for (``isError``).
    :ivar rows: the number of rows in it, for the log.
    :ivar query_id: the query that it came from, for the log.
    """

    structured: dict[str, Any]
    text: str
    failure: str | None = None
    rows: int | None = None
    query_id: str | None = None


Function = Callable[[Call], Coroutine[Deferred[Any], Any, Reply]]
"""Does a call: awaits Deferreds, raises the exceptions of ``mcp_trino.errors``."""


@frozen
class Hints:
    """
    What a client may assume of a tool (``ToolAnnotations`` of MCP).

    :ivar destructive: means something only for a tool that is not read-only.
    """

    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True


@frozen
class Tool:
    """
    A tool as it is listed, and the function that does it.

    :ivar description: every byte of it is read by a model at each listing.
    :ivar output_schema: JSON Schema of ``Reply.structured``, errors included.
    """

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    output_schema: dict[str, Any] = field(repr=False)
    function: Function
    hints: Hints = Hints()
