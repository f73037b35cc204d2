"""
What an assistant is told when a call fails: what happened and what to do next.

A failed call is a tool error (``isError``), so that the model reads it; it
never carries rows or a number of rows.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from attrs import frozen
from twisted.logger import Logger

from mcp_trino.errors import (
    AuditUnwritable,
    Busy,
    CoordinatorRefused,
    CoordinatorUnreachable,
    InvalidArgument,
    NoTrinoUser,
    PageGone,
    QueryCanceled,
    QueryNotFound,
    StatementFailed,
    StatementRefused,
    TimedOut,
    Undecidable,
)
from mcp_trino.tools.tool import Reply

_log = Logger()

_BY_NAME = {
    "PERMISSION_DENIED": "an administrator of Trino can grant the privilege",
    "QUERY_QUEUE_FULL": (
        "Trino has too many queries: try again in a while; an administrator of Trino "
        "can give more room"
    ),
    "MISSING_CATALOG_NAME": "write catalog.schema.table, or pass catalog and schema",
    "MISSING_SCHEMA_NAME": "write catalog.schema.table, or pass catalog and schema",
}
_BY_TYPE = {
    "INSUFFICIENT_RESOURCES": (
        "ask for less: filter earlier, read fewer columns, aggregate, TABLESAMPLE; "
        "an administrator of Trino can raise the limit"
    ),
    "INTERNAL_ERROR": (
        "try once more; if it stays, give the query_id to Trino's administrator"
    ),
    "EXTERNAL": (
        "the catalog's own data source failed: try once more, or tell its operator"
    ),
}


@frozen
class Failure:
    """
    A failed call in the terms of the assistant.

    :ivar code: what kind of failure it is: one of a closed set, or Trino's
        type of the error (``USER_ERROR``, …).
    :ivar error_name: Trino's name of the error.
    :ivar hint: what to do next.
    """

    code: str
    message: str
    error_name: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None
    query_id: str | None = None

    def reply(self) -> Reply:
        """Show it."""
        error: dict[str, Any] = {
            "code": self.code,
            "error_name": self.error_name,
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "hint": self.hint,
            "query_id": self.query_id,
        }
        name = self.error_name or self.code
        where = "" if self.line is None else f"line {self.line}:{self.column}: "
        message = self.message.rstrip(".")
        hint = "" if self.hint is None else f". Hint: {self.hint}"
        query = "" if self.query_id is None else f" (query {self.query_id})"
        return Reply(
            structured={
                "error": {k: v for k, v in error.items() if v is not None},
            },
            text=f"[{name}] {where}{message}{query}{hint}",
            failure=name,
            query_id=self.query_id,
        )


def _statement_failed(error: StatementFailed) -> Failure:
    hint = error.hint or _BY_NAME.get(error.name) or _BY_TYPE.get(error.type)
    return Failure(
        code=error.type,
        error_name=error.name,
        message=error.message,
        line=error.line,
        column=error.column,
        hint=hint,
        query_id=None if error.type == "USER_ERROR" else error.query_id,
    )


def _statement_refused(error: StatementRefused) -> Failure:
    return Failure("STATEMENT_REFUSED", error.message, None, error.line, error.column)


def _timed_out(error: TimedOut) -> Failure:
    hint = "ask for less, or allow more where the tool takes timeout_seconds"
    return Failure("TIMED_OUT", str(error), hint=hint, query_id=error.query_id)


def _busy(error: Busy) -> Failure:
    hint = f"try again in {error.retry_after_seconds} s"
    return Failure("BUSY", error.message, hint=hint)


def _undecidable(error: Undecidable) -> Failure:
    _log.warn("A call cannot be decided: {reason}", reason=error.message)
    hint = f"try again in {error.retry_after_seconds} s"
    return Failure("UNAVAILABLE", "this server cannot say now", hint=hint)


def _coordinator_refused(error: CoordinatorRefused) -> Failure:
    _log.error(
        "Trino refuses this server's access (HTTP {status}): {reason}",
        status=error.status,
        reason=error.message,
    )
    return Failure(
        "TRINO_ACCESS_REFUSED",
        "Trino refuses this server's own access",
        hint="the server's operator finds the reason in its log",
    )


_FAILURES: dict[type[Exception], Callable[[Any], Failure]] = {
    InvalidArgument: lambda e: Failure("INVALID_ARGUMENT", e.message),
    StatementRefused: _statement_refused,
    StatementFailed: _statement_failed,
    TimedOut: _timed_out,
    QueryCanceled: lambda e: Failure("QUERY_CANCELED", e.message, query_id=e.query_id),
    Busy: _busy,
    PageGone: lambda e: Failure(
        "PAGE_GONE", e.message, hint="run the statement again with execute_query"
    ),
    AuditUnwritable: lambda e: Failure(
        "NOT_RECORDED",
        e.message,
        hint="the server's operator finds the reason in its log; try again later",
    ),
    QueryNotFound: lambda e: Failure("QUERY_NOT_FOUND", str(e)),
    CoordinatorUnreachable: lambda e: Failure(
        "TRINO_UNREACHABLE", e.message, hint="try again in a while"
    ),
    CoordinatorRefused: _coordinator_refused,
    Undecidable: _undecidable,
    NoTrinoUser: lambda e: Failure("NO_TRINO_USER", e.message),
}

FORESEEN: tuple[type[Exception], ...] = tuple(_FAILURES)
"""The exceptions that a call may end with."""


def failure_of(error: Exception) -> Failure:
    """
    Say it to the assistant; what was not foreseen goes to the operator's log.

    :param error: the exception being handled.
    """
    known = _FAILURES.get(type(error))
    if known is not None:
        return known(error)
    reference = uuid4().hex[:8]
    _log.failure("Internal error, reference {reference}", reference=reference)
    return Failure("INTERNAL_ERROR", f"internal error, reference {reference}")
