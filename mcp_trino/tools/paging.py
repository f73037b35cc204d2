"""
``fetch_page``: the next page of a result, or of a list.

The page of a result is named by the coordinator's handle. That of a list is
named by its tool, its arguments and the last name shown, so that any process
can go on and nothing has to be kept.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode

from attrs import define, evolve, field

from mcp_trino.errors import PageGone
from mcp_trino.tools.arguments import Argument, checked
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.output import PAGE_SCHEMA
from mcp_trino.tools.tool import Call, Reply, Tool

_AFTER = "after"


def next_page(tool: str, call: Call, after: Sequence[str]) -> str:
    """
    Give the token of the page that comes next.

    :param tool: the name of the tool that makes it, from the same arguments.
    :param after: where it begins, given to the tool as ``Call.after``.
    """
    place = "/".join(quote(part, safe="") for part in after)
    return f"{tool}?{urlencode({**call.arguments, _AFTER: place})}"


def listing(token: str) -> tuple[str, dict[str, str]] | None:
    """
    Give the tool and the arguments that a token of ``next_page`` names.

    :return: ``None`` for the page of a result.
    """
    name, is_list, query = token.partition("?")
    return (name, dict(parse_qsl(query))) if is_list else None


@define(eq=False)
class PagingTools:
    """
    ``fetch_page``.

    :ivar lists: the tools whose answers go on by ``next_page``. They only read, and
         all of their arguments are texts.
    """

    _execution: Execution = field(repr=False)
    _lists: tuple[Tool, ...] = field(repr=False)

    def tools(self) -> tuple[Tool, ...]:
        """Give it as it is listed."""
        return (
            Tool(
                name="fetch_page",
                title="Next rows",
                description=(
                    "Give the next rows of an answer, or the state of a query that "
                    "still runs; the statement is not run again. A page expires "
                    f"after {self._execution.queries.result_ttl_seconds:.0f} s."
                ),
                arguments=(
                    Argument(
                        "page", "string", "next_page of the last answer.", required=True
                    ),
                ),
                output_schema=PAGE_SCHEMA,
                function=self._fetch_page,
            ),
        )

    async def _fetch_page(self, call: Call) -> Reply:
        token = call.arguments["page"]
        listed = listing(token)
        if listed is None:
            return await self._execution.next_page(token, call)
        name, given = listed
        after = tuple(map(unquote, given.pop(_AFTER, "").split("/")))
        tool = next((tool for tool in self._lists if tool.name == name), None)
        if tool is None or not all(after):
            raise PageGone("no such page")
        arguments = checked(tool.arguments, given)
        return await tool.function(evolve(call, arguments=arguments, after=after))
