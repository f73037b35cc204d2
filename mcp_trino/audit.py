"""
The record of who asked what and how it was decided: one JSON line each.

A line is written before the answer goes out. While lines cannot be written,
nothing that would need one happens, unless the operator chose otherwise.
"""

import json
import os
import sys
import syslog
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mcp_trino.errors import AuditUnwritable
from mcp_trino.interfaces import IAudit
from mcp_trino.principal import Principal, client_mark
from mcp_trino.settings import AuditSettings

Write = Callable[[str], None]
"""Writes one line, which has no line end, or raises ``OSError``."""


def open_audit(settings: AuditSettings, clock: IReactorTime) -> "Audit":
    """
    Give the record that an operator chose.

    :raise OSError: the file cannot be opened.
    """
    if settings.destination == "log":
        return Audit(clock, None, required=settings.required)
    if settings.destination == "stderr":
        # Once twistd logs, sys.stderr is a way into the log.
        write = _stream_writer(sys.__stderr__ or sys.stderr)
        return Audit(clock, write, required=settings.required)
    if settings.destination == "syslog":
        return Audit(clock, _write_syslog, required=settings.required)
    file = AuditFile(Path(settings.destination))
    return Audit(clock, file.write, file.reopen, required=settings.required)


@implementer(IAudit)
@define(eq=False)
class Audit:
    """
    Writes lines, and knows whether the last one could be written.

    Without a writer they go into the process's log.

    :ivar reopen: called on SIGHUP, raises ``OSError``.
    :ivar required: what cannot be recorded may not happen.
    :ivar lost: lines that could not be written since the start.
    """

    _clock: IReactorTime = field(repr=False)
    _write: Write | None = field(repr=False)
    reopen: Callable[[], None] = field(default=lambda: None, repr=False)
    required: bool = field(default=True, kw_only=True)
    lost: int = field(default=0, init=False)
    _broken: bool = field(default=False, init=False)
    _log = Logger()

    def require(self) -> None:
        """See ``IAudit``."""
        if self._broken and self.required:
            self.record("audit_resumed", None, lost=self.lost)

    def record(self, event: str, principal: Principal | None, **details: Any) -> None:
        """See ``IAudit``."""
        members = {
            "time": datetime.fromtimestamp(self._clock.seconds(), UTC).isoformat(
                timespec="milliseconds"
            ),
            "event": event,
            **(_who(principal) if principal is not None else {}),
            **{name: value for name, value in details.items() if value is not None},
        }
        if self._write is None:
            self._log.info("{sentence}", sentence=_sentence(members), audit=members)
            return
        try:
            self._write(json.dumps(members, ensure_ascii=True))
        except OSError as error:
            self._failed(error)
        else:
            self._broken = False

    def _failed(self, error: OSError) -> None:
        self.lost += 1
        if not self._broken:
            self._log.critical(
                "audit lines cannot be written: {reason}; calls are {calls}",
                reason=error.strerror or str(error),
                calls="refused" if self.required else "answered all the same",
            )
        self._broken = True
        if self.required:
            raise AuditUnwritable("this server cannot record the call") from error


@define(eq=False)
class AuditFile:
    """
    A file that lines are appended to, readable by its owner alone.

    A line that was written in part is ended by the next one's beginning.
    """

    _path: Path
    _descriptor: int = field(init=False, repr=False)
    _torn: bool = field(init=False, default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._descriptor = self._open()

    def write(self, line: str) -> None:
        """
        Append a line.

        :raise OSError: it is not there as a whole.
        """
        data = ("\n" if self._torn else "").encode() + line.encode() + b"\n"
        self._torn = True
        written = os.write(self._descriptor, data)
        if written != len(data):
            raise OSError(0, "the disk took a part of the line only")
        self._torn = False

    def reopen(self) -> None:
        """
        Go on in the file that has the path now, as after a rotation.

        :raise OSError: it cannot be opened; the old one stays in use.
        """
        descriptor = self._open()
        os.close(self._descriptor)
        self._descriptor, self._torn = descriptor, False

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._path, flags, 0o600)


def _who(principal: Principal) -> dict[str, Any]:
    known = {
        "name": principal.name,
        "iss": principal.issuer,
        "sub": principal.subject,
        "client_id": client_mark(principal.client_id),
        "jti": principal.token_id,
        "token": principal.token_mark,
    }
    return {name: value for name, value in known.items() if value}


def _sentence(members: dict[str, Any]) -> str:
    """Say it for people who read the log as text."""
    details = ", ".join(
        f"{name} {value}"
        for name, value in members.items()
        if name not in {"time", "event", "name", "iss", "sub", "jti", "token"}
    )
    who = f" by {members['name']!r}" if "name" in members else ""
    return f"{members['event']}{who}: {details}"


def _stream_writer(stream: TextIO) -> Write:
    def write(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    return write


def _write_syslog(line: str) -> None:
    # It reports nothing: whether a daemon listens is for the operator to see to.
    syslog.syslog(syslog.LOG_AUTHPRIV | syslog.LOG_INFO, line)
