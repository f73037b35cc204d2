"""Tests of ``mcp_trino.log``."""

import json
import logging
from io import StringIO

from twisted.logger import Logger, LogLevel, LogPublisher, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.log import StandardLogging, observer_of


class Terminal(StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class ObserverTests(SynchronousTestCase):
    """What is written of an event."""

    def written(self, stream: StringIO, level: LogLevel = LogLevel.info) -> Logger:
        """Give a logger whose events are written to a stream."""
        publisher = LogPublisher(observer_of(stream, level))
        return Logger(namespace="room", observer=publisher)

    def test_json(self) -> None:
        """An event is one JSON object with its message, and none of its other values."""
        stream = StringIO()
        self.written(stream).info("{who} left\nü", who="Zoë", password="s3cret")
        line = json.loads(stream.getvalue())
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT.*\+00:00$")
        self.assertEqual(
            line, {"level": "info", "logger": "room", "message": "Zoë left\nü"}
        )
        self.assertEqual(stream.getvalue().count("\n"), 1)

    def test_text(self) -> None:
        """On a terminal it is a line that cannot steer the terminal."""
        stream = Terminal()
        self.written(stream).info("{name}", name="a\x1b[2Jb\nc")
        _, level, logger, message = stream.getvalue().split(" ", 3)
        self.assertEqual((level, logger), ("info", "room"))
        self.assertEqual(message, "a\\x1b[2Jb\\nc\n")

    def test_failures(self) -> None:
        """A failure comes with its traceback."""
        for stream in (StringIO(), Terminal()):
            log = self.written(stream)
            log.failure("it broke", failure=Failure(ValueError("deep inside")))
            self.assertIn("ValueError: deep inside", stream.getvalue())

    def test_connections(self) -> None:
        """Of each connection to a provider or the worker nothing is told."""
        stream = StringIO()
        observer = LogPublisher(observer_of(stream))
        client = Logger(namespace="twisted.web.client._Factory", observer=observer)
        client.info("starting")
        self.assertEqual(stream.getvalue(), "")
        client.warn("odd")
        self.assertIn("odd", stream.getvalue())

    def test_levels(self) -> None:
        """Debugging is left out, and more where more is asked to be."""
        for level, expected in ((LogLevel.info, 2), (LogLevel.warn, 1)):
            stream = StringIO()
            room = self.written(stream, level)
            room.debug("one")
            room.info("two")
            room.warn("three")
            self.assertEqual(stream.getvalue().count("\n"), expected)


class StandardLoggingTests(SynchronousTestCase):
    """Libraries that use ``logging``."""

    def setUp(self) -> None:
        """Take their events."""
        service = StandardLogging()
        service.startService()
        self.addCleanup(service.stopService)

    def test_warnings(self) -> None:
        """A warning is logged under the library's name, a percent sign and all."""
        with capturedLogs() as events:
            logging.getLogger("library.part").warning("50%% of {%s}", "it")
        (event,) = events
        self.assertEqual(event["log_namespace"], "library.part")
        self.assertEqual(event["log_level"], LogLevel.warn)
        self.assertEqual(event["text"], "50% of {it}")

    def test_failures(self) -> None:
        """An exception is logged with its traceback."""
        with capturedLogs() as events:
            error = ValueError("inside")
            logging.getLogger("library").error("it broke", exc_info=error)
        (event,) = events
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(event["log_level"], LogLevel.error)
        self.assertEqual(event["log_failure"].getErrorMessage(), "inside")

    def test_secrets_of_libraries(self) -> None:
        """What libraries tell below warnings is not for the log."""
        with capturedLogs() as events:
            for name in ("mcp.server.streamable_http_manager", "trino.client"):
                logger = logging.getLogger(name)
                self.addCleanup(logger.setLevel, logger.level)
                logger.setLevel(logging.DEBUG)
                logger.info("session 8f14e45f")
                logger.debug("GET /v1/statement/executing/…")
        self.assertEqual(events, [])

    def test_stopped(self) -> None:
        """What comes after its end is not taken."""
        service = StandardLogging()
        service.startService()
        service.stopService()
        with capturedLogs() as events:
            logging.getLogger("library").warning("once")
        self.assertEqual(len(events), 1)
