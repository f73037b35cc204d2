"""The tools that run statements under an operator's lists, on a real Trino."""

from typing import Any

import trino
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.python.url import URL
from twisted.trial.unittest import TestCase

from mcp_trino.config.name_lists import patterns_of
from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.principal import local_principal
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from mcp_trino.store import MemoryStore
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.paging import PagingTools
from mcp_trino.tools.query import QueryTools
from mcp_trino.tools.statement import StatementTools
from mcp_trino.tools.suggestions import Suggestions
from mcp_trino.tools.tool import Call, Function, Reply
from tests.real_trino import real_trino
from tests.statements.escapes import MINE, Profile
from tests.tools.scripted import QUERIES, TRINO


def guard_of(profile: Profile) -> Guard:
    """The guard of an operator's lists."""
    lists = [
        None if text is None else patterns_of(parts).read(text)
        for parts, text in enumerate(profile.lists, start=1)
    ]
    return Guard.of(GuardSettings(*lists))


class GuardedTestCase(TestCase):
    """The tools that run statements, under lists, on a real Trino."""

    timeout = 600

    def setUp(self) -> None:
        """Prepare tables, and a way past the lists to look."""
        self.url = URL.fromText(real_trino())
        self.past = trino.dbapi.connect(
            host=self.url.host,
            port=self.url.port,
            user="past",
            catalog="tpch",
            schema="tiny",
        )
        self.addCleanup(self.past.close)
        self.sql(f"CREATE SCHEMA IF NOT EXISTS {MINE}")
        self.addCleanup(self.sql, f"DROP SCHEMA {MINE} CASCADE")
        self.sql(f"CREATE TABLE IF NOT EXISTS {MINE}.nation AS TABLE nation")

    def sql(self, text: str) -> str:
        """Run a statement past the lists, and give the id of its query."""
        cursor = self.past.cursor()
        cursor.execute(text.rstrip(";"))
        cursor.fetchall()
        return str(cursor.query_id)

    def tools(
        self, profile: Profile | None = None, **settings: Any
    ) -> dict[str, Function]:
        """The tools under a profile, or under no lists."""
        from twisted.internet import reactor

        guard = UNRESTRICTED if profile is None else guard_of(profile)
        guard = Guard.of(evolve(guard.settings, **settings))
        self.coordinator = coordinator = CoordinatorService(
            reactor,
            evolve(TRINO, host=self.url.host, port=self.url.port),
            QUERIES,
            MemoryStore(reactor),
            b"k" * 32,
            inspection=guard.inspection,
        )
        coordinator.startService()
        self.addCleanup(lambda: coordinator.running and coordinator.stopService())
        execution = Execution(
            coordinator, QUERIES, TRINO, Suggestions(coordinator, reactor), guard
        )
        tools = (
            *QueryTools(execution).tools(),
            *StatementTools(execution).tools(),
            *PagingTools(execution, ()).tools(),
        )
        return {tool.name: tool.function for tool in tools}

    def ask(
        self, tools: dict[str, Function], tool: str, **arguments: Any
    ) -> Deferred[Reply]:
        """Call a tool."""
        call = Call(local_principal("guarded"), arguments)
        return Deferred.fromCoroutine(tools[tool](call))
