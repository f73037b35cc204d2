"""Tests of ``mcp_trino.audit``."""

import json
import os
import stat
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino.audit import Audit, AuditFile, open_audit
from mcp_trino.errors import AuditUnwritable
from mcp_trino.interfaces import IAudit
from mcp_trino.log import as_json, as_text
from mcp_trino.principal import Principal
from mcp_trino.settings import AuditSettings
from tests.recording import RecordingAudit

ALICE = Principal(
    "https://id.example",
    "1",
    "alice",
    "claude",
    token="canary-token",
    token_id="j1",
    token_mark="0123abcd",
)


class RecordTests(SynchronousTestCase):
    """What a record holds."""

    def setUp(self) -> None:
        """Write into a list."""
        self.clock = Clock()
        self.clock.advance(1_000_000_000.25)
        self.lines: list[str] = []
        self.audit = Audit(self.clock, self.lines.append)

    def test_interface(self) -> None:
        """Both providers do what the interface says."""
        verifyObject(IAudit, self.audit)
        verifyObject(IAudit, RecordingAudit())

    def test_line(self) -> None:
        """A line is JSON: when, what, who, and what is known of it; no token."""
        self.audit.record("call", ALICE, tool="whoami", rows=None, ms=3)
        (line,) = self.lines
        self.assertEqual(
            json.loads(line),
            {
                "time": "2001-09-09T01:46:40.250+00:00",
                "event": "call",
                "name": "alice",
                "iss": "https://id.example",
                "sub": "1",
                "client_id": "claude",
                "jti": "j1",
                "token": "0123abcd",
                "tool": "whoami",
                "ms": 3,
            },
        )
        self.assertNotIn("canary", line)

    def test_one_line(self) -> None:
        """Nothing in a record can end its line, or is lost."""
        text = "a\nb\u2028c\ud800"
        self.audit.record("call", None, text=text)
        (line,) = self.lines
        self.assertEqual(len(line.splitlines()), 1)
        self.assertEqual(json.loads(line)["text"], text)


class UnwritableTests(SynchronousTestCase):
    """What happens when lines cannot be written."""

    def setUp(self) -> None:
        """Write where there may be no room."""
        self.full = True
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Take a line, if there is room."""
        if self.full:
            raise OSError(28, "No space left on device")
        self.lines.append(line)

    def test_required(self) -> None:
        """It is said to the caller and once in the log, until there is room again."""
        audit = Audit(Clock(), self.write)
        audit.require()
        with capturedLogs() as events:
            for _ in range(3):
                self.assertRaises(AuditUnwritable, audit.record, "call", ALICE)
            self.assertRaises(AuditUnwritable, audit.require)
        self.assertEqual(len(events), 1)
        self.full = False
        audit.require()
        audit.record("call", ALICE)
        first, second = map(json.loads, self.lines)
        self.assertEqual((first["event"], first["lost"]), ("audit_resumed", 4))
        self.assertEqual(second["event"], "call")

    def test_not_required(self) -> None:
        """By the operator's choice things go on; it is counted and logged."""
        audit = Audit(Clock(), self.write, required=False)
        with capturedLogs() as events:
            audit.record("call", ALICE)
            audit.require()
        self.assertEqual(audit.lost, 1)
        self.assertEqual(len(events), 1)


class DestinationTests(SynchronousTestCase):
    """Where records go."""

    def opened(self, destination: str) -> Audit:
        """Open that."""
        return open_audit(AuditSettings(destination), Clock())

    def test_file(self) -> None:
        """A file is appended to, its owner's alone, and opened anew on demand."""
        path = Path(self.mktemp()).absolute()
        path.write_text("before\n")
        audit = self.opened(str(path))
        audit.record("call", ALICE)
        moved = path.rename(path.with_suffix(".1"))
        audit.record("call", ALICE)
        audit.reopen()
        audit.record("call", ALICE)
        self.assertEqual(len(moved.read_text().splitlines()), 3)
        self.assertEqual(len(path.read_text().splitlines()), 1)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_torn(self) -> None:
        """A line that the disk took in part does not spoil the next one."""
        path = Path(self.mktemp())
        file = AuditFile(path)
        real = os.write
        self.patch(os, "write", lambda fd, data: real(fd, data[:4]))
        self.assertRaises(OSError, file.write, "first line")
        self.patch(os, "write", real)
        file.write("second line")
        self.assertEqual(path.read_text().splitlines(), ["firs", "second line"])

    def test_no_file(self) -> None:
        """A file that cannot be opened is known at once."""
        missing = Path(self.mktemp(), "audit.log").absolute()
        self.assertRaises(OSError, self.opened, str(missing))

    def test_log(self) -> None:
        """In the log a record is a member of its line, and a sentence for people."""
        with capturedLogs() as events:
            self.opened("log").record("call", ALICE, tool="whoami")
        (event,) = events
        shown: Any = json.loads(as_json(event))
        self.assertEqual(shown["audit"]["tool"], "whoami")
        self.assertIn("call by 'alice': client_id claude, tool whoami", as_text(event))

    def test_stderr(self) -> None:
        """The process's own standard error, also where twistd takes the other."""
        stream = StringIO()
        self.patch(__import__("sys"), "__stderr__", stream)
        self.opened("stderr").record("call", ALICE)
        self.assertEqual(json.loads(stream.getvalue())["name"], "alice")

    def test_syslog(self) -> None:
        """The system's log gets whole lines."""
        taken: list[str] = []
        self.patch(__import__("syslog"), "syslog", lambda _, line: taken.append(line))
        self.opened("syslog").record("call", ALICE)
        self.assertEqual(json.loads(taken[0])["name"], "alice")
