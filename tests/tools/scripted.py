"""A coordinator that answers as a test says, and the parts around it."""

from typing import Any

from attrs import define, evolve, field, frozen
from jsonschema import Draft202012Validator
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mcp_trino.errors import PageGone
from mcp_trino.interfaces import ICoordinator, Watch
from mcp_trino.principal import Principal
from mcp_trino.queries import (
    Column,
    CoordinatorState,
    Page,
    PageState,
    Progress,
    RunningQuery,
    Statement,
    Window,
)
from mcp_trino.settings import GuardSettings, QuerySettings, TrinoSettings
from mcp_trino.statements.guard import UNRESTRICTED, Guard
from mcp_trino.tools.dictionary import Dictionary
from mcp_trino.tools.execution import Execution
from mcp_trino.tools.identity import IdentityTools
from mcp_trino.tools.listing import ListTools
from mcp_trino.tools.metadata import MetadataTools
from mcp_trino.tools.paging import PagingTools
from mcp_trino.tools.query import QueryTools
from mcp_trino.tools.running import RunningTools
from mcp_trino.tools.search import SearchTools
from mcp_trino.tools.suggestions import Suggestions
from mcp_trino.tools.tool import Call, Reply, Tool

QUERY_ID = "20260101_000000_00001_abcde"
ALICE = Principal(issuer="https://id.example", subject="1", name="alice")

QUERIES = QuerySettings(
    timeout_seconds=300.0,
    wait_seconds=45.0,
    max_rows=1000,
    default_rows=100,
    max_bytes=200_000,
    max_cell_chars=2000,
    result_ttl_seconds=120.0,
    open_results=100,
    open_results_per_principal=10,
    concurrency=32,
    queue=100,
    quick_threads=8,
    slow_threads=16,
)

TRINO = TrinoSettings(
    scheme="http",
    host="127.0.0.1",
    port=8080,
    user="trino",
    password=None,
    catalog="tpch",
    schema="tiny",
    source="mcp-trino",
    ca_file=None,
    verify=True,
    request_timeout_seconds=30.0,
)

WITHOUT_DEFAULTS = evolve(TRINO, catalog=None, schema=None)


def progress(
    state: str = "FINISHED", percentage: float | None = None, elapsed_ms: int = 5
) -> Progress:
    """A progress of the query of these tests."""
    return Progress(QUERY_ID, state, percentage, elapsed_ms, 7, 70)


def page(
    columns: dict[str, str], *rows: list[Any], handle: str | None = None, **more: Any
) -> Page:
    """A page; the last of its result unless it has a handle."""
    values: dict[str, Any] = {
        "state": PageState.COMPLETE if handle is None else PageState.MORE,
        "query_id": QUERY_ID,
        "columns": tuple(Column(name, type_) for name, type_ in columns.items()),
        "rows": rows,
        "row_offset": 0,
        "handle": handle,
        "progress": progress(),
    }
    return Page(**(values | more))


def running(handle: str, percentage: float | None = None) -> Page:
    """A page of a query without a row."""
    return page(
        {},
        handle=handle,
        state=PageState.RUNNING,
        progress=progress("RUNNING", percentage, 45_012),
    )


@frozen
class Asked:
    """What the coordinator was asked to run."""

    statement: Statement
    principal: Principal
    window: Window
    watch: Watch | None


@implementer(ICoordinator)
@define(eq=False)
class ScriptedCoordinator:
    """
    Answers a statement by the first word of the script that is in its text.

    An answer is a page, an exception, a Deferred, or a function that gives one
    of them. What it was asked is kept.

    :ivar failure: what ``fetch`` ends with, if with anything.
    """

    script: dict[str, Any] = field(factory=dict)
    pages: dict[str, Page] = field(factory=dict)
    asked: list[Asked] = field(factory=list)
    fetched: list[tuple[str, Window]] = field(factory=list)
    canceled: list[str] = field(factory=list)
    failure: Exception | None = None
    running: tuple[RunningQuery, ...] = ()

    def execute(
        self,
        statement: Statement,
        principal: Principal,
        window: Window,
        watch: Watch | None,
    ) -> Deferred[Page]:
        """Answer from the script."""
        self.asked.append(Asked(statement, principal, window, watch))
        for word, answer in self.script.items():
            if word in statement.text:
                return _deferred(answer)
        raise AssertionError(f"not in the script: {statement.text}")

    def fetch(
        self, handle: str, principal: Principal, window: Window, watch: Watch | None
    ) -> Deferred[Page]:
        """Give the page of that handle."""
        self.fetched.append((handle, window))
        if self.failure is not None:
            return fail(self.failure)
        if handle in self.pages:
            return succeed(self.pages[handle])
        return fail(PageGone("no such page"))

    def cancel(self, query_id: str, principal: Principal) -> Deferred[None]:
        """Keep the id."""
        self.canceled.append(query_id)
        return succeed(None)

    def queries(self, principal: Principal) -> Deferred[tuple[RunningQuery, ...]]:
        """Have those that the test says."""
        return succeed(self.running)

    def user_of(self, principal: Principal) -> str | None:
        """Let everybody be the server's user."""
        return TRINO.user

    def probe(self) -> Deferred[CoordinatorState]:
        """Be there."""
        return succeed(CoordinatorState(reachable=True))

    def texts(self) -> list[str]:
        """What it was asked to run."""
        return [asked.statement.text for asked in self.asked]


def _deferred(answer: Any) -> Deferred[Page]:
    if callable(answer):
        answer = answer()
    if isinstance(answer, Deferred):
        return answer
    return fail(answer) if isinstance(answer, Exception) else succeed(answer)


def only(*names: str) -> Guard:
    """
    Give the guard of an operator who has listed tables.

    :param names: full names, each part a regular expression.
    """
    tables = tuple(tuple(name.split(".", 2)) for name in names)
    return Guard.of(GuardSettings(allowed_tables=tables))


class ToolsTestCase(SynchronousTestCase):
    """The tools that run statements, on a scripted coordinator."""

    trino: TrinoSettings = TRINO
    guard: Guard = UNRESTRICTED
    principal: Principal = ALICE

    def setUp(self) -> None:
        """Make them."""
        self.coordinator = ScriptedCoordinator()
        self.clock = Clock()
        suggestions = Suggestions(self.coordinator, self.clock, self.guard.allowlist)
        execution = Execution(
            self.coordinator, QUERIES, self.trino, suggestions, self.guard
        )
        dictionary = Dictionary(execution)
        lists = (
            *ListTools(execution, dictionary).tools(),
            *SearchTools(dictionary, self.clock).tools(),
        )
        self.tools: dict[str, Tool] = {
            tool.name: tool
            for tool in (
                *QueryTools(execution).tools(),
                *RunningTools(self.coordinator).tools(),
                *PagingTools(execution, lists).tools(),
                *lists,
                *MetadataTools(execution, dictionary).tools(),
                *IdentityTools(
                    execution, dictionary, lambda who: "read" not in who.scopes
                ).tools(),
            )
        }

    def start(self, tool: str, watch: Any = None, **arguments: Any) -> Deferred[Reply]:
        """Call a tool with checked arguments."""
        call = Call(self.principal, arguments, watch)
        answer = Deferred.fromCoroutine(self.tools[tool].function(call))
        while any(
            due.getTime() <= self.clock.seconds()
            for due in self.clock.getDelayedCalls()
        ):
            self.clock.advance(0)
        return answer

    def call(self, tool: str, **arguments: Any) -> Reply:
        """Call a tool and give its answer, which is valid against its schema."""
        reply = self.successResultOf(self.start(tool, **arguments))
        schema = self.tools[tool].output_schema
        Draft202012Validator(schema).validate(reply.structured)
        return reply

    def error(self, tool: str, expected: type[Exception], **arguments: Any) -> Any:
        """Call a tool and give the exception it ends with."""
        failure = self.failureResultOf(self.start(tool, **arguments), expected)
        return failure.value
