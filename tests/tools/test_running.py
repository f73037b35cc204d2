"""Tests of ``mcp_trino.tools.running``."""

from typing import Any

from mcp_trino.queries import RunningQuery
from tests.tools.scripted import ALICE, QUERY_ID, ScriptedCoordinator, ToolsTestCase


class ListQueriesTests(ToolsTestCase):
    """``list_queries``."""

    def test_queries(self) -> None:
        """Each has its state and the beginning of its text, on one line."""
        created = "2026-01-01T00:00:00.000Z"
        self.coordinator.running = (
            RunningQuery(QUERY_ID, "RUNNING", "SELECT\n  1", created, 12.5),
            RunningQuery("q2", "QUEUED", f"SELECT '{'x' * 500}'", created),
        )
        first, second = self.call("list_queries").structured["rows"]
        self.assertEqual(first, [QUERY_ID, "RUNNING", created, 12.5, "SELECT 1"])
        self.assertEqual(second[3], None)
        self.assertEqual(len(second[4]), 201)

    def test_none(self) -> None:
        """None is no error."""
        self.assertEqual(self.call("list_queries").structured["row_count"], 0)


class CancelQueryTests(ToolsTestCase):
    """``cancel_query``."""

    def test_cancel(self) -> None:
        """The query of that id is canceled as the caller."""
        asked: list[Any] = []
        cancel = self.coordinator.cancel
        self.patch(
            ScriptedCoordinator,
            "cancel",
            lambda _, *call: asked.append(call) or cancel(*call),
        )
        reply = self.call("cancel_query", query_id=QUERY_ID)
        self.assertEqual(asked, [(QUERY_ID, ALICE)])
        self.assertEqual(reply.structured, {"canceled": QUERY_ID})

    def test_hints(self) -> None:
        """It is the one tool that is not read-only."""
        destructive = {
            name: tool.hints.destructive
            for name, tool in self.tools.items()
            if not tool.hints.read_only
        }
        self.assertEqual(destructive, {"cancel_query": True})
