"""Tests that what tools need is known of each of them."""

from attrs import evolve
from mcp import Client
from twisted.internet.defer import Deferred

from mcp_trino.oauth.scopes import TOOLS, WRITES
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from tests.tools.test_server import ServerTestCase


class ScopeTests(ServerTestCase):
    """The table of scopes, and the tools that there are."""

    guard = Guard.of(evolve(UNRESTRICTED.settings, allow_writes=True))

    def test_every_tool_has_an_entry(self) -> Deferred[None]:
        """Each is in the table; those that change something of Trino's need more."""

        async def talk(client: Client) -> None:
            listed = (await client.list_tools()).tools
            self.assertEqual({tool.name for tool in listed} - TOOLS.keys(), set())
            changing = {
                tool.name
                for tool in listed
                if not (tool.annotations and tool.annotations.read_only_hint)
            }
            # Whoever cancels a query of her own changes nothing.
            needing_more = {name for name, does in TOOLS.items() if does == WRITES}
            self.assertEqual(changing - {"cancel_query"}, needing_more)

        return self.talk(talk)
