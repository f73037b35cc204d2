"""Tests of ``mcp_trino.tools.calls`` and ``mcp_trino.tools.identity``."""

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import PageGone
from mcp_trino.statements.fingerprint import fingerprint
from mcp_trino.tools.arguments import Argument
from mcp_trino.tools.calls import Calls
from mcp_trino.tools.tool import Call, Reply, Tool
from tests.recording import RecordingAudit
from tests.tools.scripted import (
    ALICE,
)


def tool(function: Callable[[Call], Any]) -> Tool:
    """A tool that does that."""
    return Tool(
        name="try",
        title="Try",
        description="Try.",
        arguments=(Argument("n", "integer"),),
        output_schema={},
        function=function,
    )


class CallsTests(SynchronousTestCase):
    """A call from arguments to an answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.audit = RecordingAudit()
        self.calls = Calls(self.clock, self.audit)

    def recorded(self, function: Callable[[Call], Any], **arguments: Any) -> Any:
        """Do a call, cancel what is left of it, and give its one record."""
        call = self.calls.call(tool(function), arguments, ALICE, session="s")
        call.cancel()
        call.addErrback(lambda failure: failure.trap(CancelledError))
        (record,) = self.audit.records
        return record

    def test_long_message(self) -> None:
        """A client cannot fill the record with the id of its request."""

        async def function(call: Call) -> Reply:
            del call
            return Reply({}, "text")

        self.calls.call(tool(function), {}, ALICE, request="x" * 9_999, session=None)
        (record,) = self.audit.records
        self.assertEqual(len(record["request"]), 2_000)

    def test_done(self) -> None:
        """The function gets the checked arguments, the principal and the watch."""
        seen: list[Call] = []

        async def function(call: Call) -> Reply:
            seen.append(call)
            return Reply({}, "text")

        reply = self.successResultOf(
            self.calls.call(tool(function), {"n": 2.0}, ALICE, print)
        )
        self.assertEqual(reply.text, "text")
        self.assertEqual(seen, [Call(ALICE, {"n": 2}, print)])

    def test_error(self) -> None:
        """An exception is an answer too."""

        async def function(call: Call) -> Reply:
            raise PageGone("gone")

        reply = self.successResultOf(self.calls.call(tool(function), {}, ALICE))
        self.assertEqual(reply.failure, "PAGE_GONE")

    def test_not_admitted(self) -> None:
        """Who may not enter is told why, on record, and nothing is done for her."""
        stranger = evolve(ALICE, refusal="you may not; the operator can change that")
        reply = self.successResultOf(self.calls.call(tool(self.fail), {}, stranger))
        self.assertEqual(reply.failure, "NOT_ADMITTED")
        self.assertIn("you may not", reply.text)
        (record,) = self.audit.records
        self.assertEqual(record["outcome"], "NOT_ADMITTED")

    def test_bad_arguments(self) -> None:
        """With wrong arguments the function is not called."""
        reply = self.successResultOf(
            self.calls.call(tool(self.fail), {"n": "x"}, ALICE)
        )
        self.assertEqual(reply.failure, "INVALID_ARGUMENT")

    def test_record(self) -> None:
        """One record says who called what, from where, and what came of it."""

        async def function(call: Call) -> Reply:
            self.clock.advance(0.25)
            return Reply({}, "text", rows=3, query_id="q1")

        self.assertEqual(
            self.recorded(function),
            {
                "event": "call",
                "principal": ALICE,
                "session": "s",
                "tool": "try",
                "outcome": "done",
                "rows": 3,
                "ms": 250,
                "trino_query_id": "q1",
            },
        )

    def test_record_of_error(self) -> None:
        """The record of a failed call has the name of the error, not its message."""

        async def function(call: Call) -> Reply:
            raise PageGone("secret")

        record = self.recorded(function)
        self.assertEqual(record["outcome"], "PAGE_GONE")
        self.assertNotIn("secret", str(record))

    def test_record_of_cancel(self) -> None:
        """A call that is canceled ends what it awaits and is recorded."""
        waiting: Deferred[Reply] = Deferred()

        async def function(call: Call) -> Reply:
            return await waiting

        self.assertEqual(self.recorded(function)["outcome"], "canceled")
        self.assertTrue(waiting.called)

    def test_record_of_statement(self) -> None:
        """Of a statement the shape is recorded; its text when that was chosen."""
        arguments = {"query": "SELECT 'secret'", "catalog": "tpch", "page": "handle"}
        for statements, text in ((False, None), (True, "SELECT 'secret'")):
            self.audit.records.clear()
            calls = Calls(self.clock, self.audit, statements)
            calls.call(tool(self.fail), arguments, ALICE)
            (record,) = self.audit.records
            self.assertEqual(record["statement"], fingerprint("select ?".upper()))
            self.assertEqual(record["catalog"], "tpch")
            self.assertNotIn("page", record)
            self.assertEqual(record.get("text"), text)

    def test_record_of_list(self) -> None:
        """The next page of a list is on record as what it is."""
        page = "list_tables?catalog=hive&schema=a+b&after=s%2Ft&query=SELECT+secret"
        self.calls.call(tool(self.fail), {"page": page}, ALICE)
        (record,) = self.audit.records
        told = {name: record[name] for name in ("list", "catalog", "schema")}
        self.assertEqual(
            told, {"list": "list_tables", "catalog": "hive", "schema": "a b"}
        )
        self.assertNotIn("secret", str(record))

    def test_not_recorded(self) -> None:
        """What was done and cannot be recorded is not answered."""

        async def function(call: Call) -> Reply:
            self.audit.broken = True
            return Reply({"rows": "secret"}, "secret")

        reply = self.successResultOf(self.calls.call(tool(function), {}, ALICE))
        self.assertEqual(reply.failure, "NOT_RECORDED")
        self.assertNotIn("secret", f"{reply}")

    def test_not_begun(self) -> None:
        """What could not be recorded is not begun."""
        self.audit.broken = True
        reply = self.successResultOf(self.calls.call(tool(self.fail), {}, ALICE))
        self.assertEqual(reply.failure, "NOT_RECORDED")
