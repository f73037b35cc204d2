"""
What the process logs: one line for each event, of what is meant to be read.

``twistd --logger mcp_trino.log.observer`` writes it so; a stock observer would
write out every value that an event carries.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.application.service import Service
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from twisted.python.failure import Failure

_LEVELS = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
)


def observer() -> ILogObserver:
    """Give the observer for standard output: text on a terminal, else JSON."""
    return observer_of(sys.stdout)


def observer_of(stream: TextIO, level: Any = LogLevel.info) -> ILogObserver:
    """Give the observer that writes to a stream what is at least of that level."""
    line_of = as_text if stream.isatty() else as_json
    predicate = LogLevelFilterPredicate(defaultLogLevel=level)
    # It tells of each connection that it begins and ends.
    quiet = max(level, LogLevel.warn)
    predicate.setLogLevelForNamespace("twisted.web.client", quiet)
    return FilteringLogObserver(FileLogObserver(stream, line_of), [predicate])


def as_json(event: LogEvent) -> str:
    """Give an event as a JSON object on a line."""
    members = {
        "time": _time(event),
        "level": _level(event),
        "logger": event.get("log_namespace", "-"),
        "message": formatEvent(event),
    }
    if "audit" in event:
        members["audit"] = event["audit"]
    if "log_failure" in event:
        members["traceback"] = event["log_failure"].getTraceback()
    return json.dumps(members, ensure_ascii=False) + "\n"


def as_text(event: LogEvent) -> str:
    """Give an event as a line for people, a traceback below it."""
    message = "".join(
        letter if letter.isprintable() else repr(letter)[1:-1]
        for letter in formatEvent(event)
    )
    line = (
        f"{_time(event)} {_level(event)} {event.get('log_namespace', '-')} {message}\n"
    )
    failure: Failure | None = event.get("log_failure")
    return line if failure is None else line + failure.getTraceback()


def _time(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event["log_time"], UTC)
    return moment.isoformat(timespec="milliseconds")


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return "-" if level is None else str(level.name)


class StandardLogging(Service):
    """
    Takes the warnings of libraries that use ``logging`` into the log.

    Below that level they tell what nobody may read: the MCP SDK logs session
    ids, urllib3 the addresses of result pages.
    """

    def __init__(self) -> None:
        self._sink = _Sink(logging.WARNING)

    def startService(self) -> None:
        """Begin."""
        super().startService()
        logging.getLogger().addHandler(self._sink)

    def stopService(self) -> None:
        """End."""
        super().stopService()
        logging.getLogger().removeHandler(self._sink)


class _Sink(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = next(mine for theirs, mine in _LEVELS if record.levelno >= theirs)
        fields = {}
        if record.exc_info and record.exc_info[1] is not None:
            fields["log_failure"] = Failure(record.exc_info[1])
        log = Logger(namespace=record.name)
        log.emit(level, "{text}", text=record.getMessage(), **fields)
