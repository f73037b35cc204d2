"""Tests of ``mcp_trino.tools.failures``."""

from jsonschema import Draft202012Validator
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino import errors
from mcp_trino.tools.failures import failure_of
from mcp_trino.tools.output import PAGE_SCHEMA
from mcp_trino.tools.tool import Reply


def shown(error: Exception) -> Reply:
    """What the assistant is shown."""
    reply = failure_of(error).reply()
    Draft202012Validator(PAGE_SCHEMA).validate(reply.structured)
    return reply


class FailureTests(SynchronousTestCase):
    """What an assistant is told when a call fails."""

    def test_statement_failed(self) -> None:
        """Trino's error has its kind, name, message, position and hint in both forms."""
        reply = shown(
            errors.StatementFailed(
                name="COLUMN_NOT_FOUND",
                type="USER_ERROR",
                message="Column 'nope' cannot be resolved",
                query_id="q",
                line=1,
                column=8,
                hint="nearest columns: name",
            )
        )
        self.assertEqual(
            reply.text,
            "[COLUMN_NOT_FOUND] line 1:8: Column 'nope' cannot be resolved. "
            "Hint: nearest columns: name",
        )
        self.assertEqual(
            reply.structured,
            {
                "error": {
                    "code": "USER_ERROR",
                    "error_name": "COLUMN_NOT_FOUND",
                    "message": "Column 'nope' cannot be resolved",
                    "line": 1,
                    "column": 8,
                    "hint": "nearest columns: name",
                }
            },
        )
        self.assertEqual(reply.failure, "COLUMN_NOT_FOUND")

    def test_undecidable(self) -> None:
        """What nobody can say now is asked again; why is for the operator."""
        with capturedLogs() as logs:
            reply = shown(errors.Undecidable("the store is away", 3))
        self.assertEqual(
            reply.text,
            "[UNAVAILABLE] this server cannot say now. Hint: try again in 3 s",
        )
        [entry] = logs
        self.assertEqual(entry["reason"], "the store is away")

    def test_hints(self) -> None:
        """Errors that another statement does not help against say what does."""
        for name, type_, expected in (
            ("PERMISSION_DENIED", "USER_ERROR", "administrator of Trino"),
            ("MISSING_SCHEMA_NAME", "USER_ERROR", "catalog.schema.table"),
            ("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", "ask for less"),
            ("EXCEEDED_SCAN_LIMIT", "INSUFFICIENT_RESOURCES", "administrator of Trino"),
            ("QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", "try again in a while"),
            ("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", "query_id"),
            ("HIVE_METASTORE_ERROR", "EXTERNAL", "data source"),
        ):
            reply = shown(errors.StatementFailed(name, type_, "why", "q1"))
            self.assertIn(expected, reply.structured["error"]["hint"])
            wants_id = type_ != "USER_ERROR"
            self.assertEqual("query_id" in reply.structured["error"], wants_id)
            self.assertEqual("(query q1)" in reply.text, wants_id)

    def test_each(self) -> None:
        """Every other exception of the rooms below has a code and what to do."""
        for error, code, text in (
            (
                errors.InvalidArgument("x is missing"),
                "INVALID_ARGUMENT",
                "x is missing",
            ),
            (errors.StatementRefused("No.", 2, 3), "STATEMENT_REFUSED", "line 2:3: No"),
            (errors.TimedOut(5.0, "q"), "TIMED_OUT", "after 5 s"),
            (errors.QueryCanceled("gone", "q"), "QUERY_CANCELED", "gone (query q)"),
            (errors.Busy("full", 7), "BUSY", "try again in 7 s"),
            (errors.PageGone("expired"), "PAGE_GONE", "execute_query"),
            (errors.QueryNotFound("q"), "QUERY_NOT_FOUND", "the id q"),
            (errors.NoTrinoUser("no e-mail"), "NO_TRINO_USER", "no e-mail"),
            (errors.CoordinatorUnreachable("down"), "TRINO_UNREACHABLE", "in a while"),
        ):
            reply = shown(error)
            self.assertEqual(reply.structured["error"]["code"], code)
            self.assertEqual(reply.failure, code)
            self.assertTrue(reply.text.startswith(f"[{code}] "), reply.text)
            self.assertIn(text, reply.text)

    def test_never_rows(self) -> None:
        """A failed call never carries rows or a number of rows."""
        reply = shown(errors.Busy("full", 7))
        self.assertEqual(list(reply.structured), ["error"])

    def test_coordinator_refused(self) -> None:
        """Why Trino refuses this server is for the operator's log only."""
        with capturedLogs() as events:
            reply = shown(errors.CoordinatorRefused(401, "secret-user: bad password"))
        self.assertNotIn("secret-user", str(reply))
        self.assertIn("operator", reply.text)
        (event,) = events
        self.assertEqual(event["log_level"], LogLevel.error)
        self.assertEqual(event["reason"], "secret-user: bad password")

    def test_unforeseen(self) -> None:
        """The assistant gets a reference, the operator the traceback with it."""
        with capturedLogs() as events:
            try:
                _ = 1 // 0
            except ZeroDivisionError as error:
                reply = shown(error)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertNotIn("division", str(reply))
        (event,) = events
        self.assertIn(f"reference {event['reference']}", reply.text)
        self.assertEqual(reply.failure, "INTERNAL_ERROR")
