"""Completion of the names of catalogs, schemas and tables by their beginnings."""

from attrs import define, field
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from mcp_trino.tools.messages import Context, Messages, records
from mcp_trino.tools.prompts import PROMPTS
from mcp_trino.tools.resources import TEMPLATES

_LISTS = {
    "catalog": ("list_catalogs", ()),
    "schema": ("list_schemas", ("catalog",)),
    "table": ("list_tables", ("catalog", "schema")),
}
_MOST = 100
_NOTHING = CompleteResult(completion=Completion(values=[]))


@define(eq=False)
class Completions:
    """Answers ``completion/complete`` with the beginnings of lists."""

    _messages: Messages = field(repr=False)

    async def complete(
        self, context: Context, params: CompleteRequestParams
    ) -> CompleteResult:
        """
        Give the names that begin with what was typed.

        Nothing is given where nothing can be found out: the person types on.

        :raise MCPError: there is no such template or prompt.
        """
        if isinstance(params.ref, PromptReference):
            known = params.ref.name in PROMPTS
        else:
            known = params.ref.uri in TEMPLATES
        if not known:
            raise MCPError(INVALID_PARAMS, "Unknown reference for completion")
        name, begun = params.argument.name, params.argument.value.lower()
        if name not in _LISTS:
            return _NOTHING
        tool, places = _LISTS[name]
        given = (params.context.arguments if params.context else None) or {}
        arguments = {place: given[place] for place in places if given.get(place)}
        if name != "catalog":
            arguments["pattern"] = f"{begun}%"
        reply = await self._messages.reply(context, tool, arguments)
        if reply.failure is not None:
            return _NOTHING
        found = [record[name] for record in records(reply)]
        # To LIKE, "_" and "%" are not what they are in a name.
        values = [value for value in found if value.startswith(begun)]
        more = "next_page" in reply.structured
        return CompleteResult(
            completion=Completion(
                values=values[:_MOST],
                total=None if more else len(values),
                has_more=more or len(values) > _MOST,
            )
        )
