"""
What a sandbox is asked to be, and the wire to the supervisor that makes it so.

The supervisor is a program of its own. It reads one line, a ``Launch``, from
its standard input and takes the end of that input as the end of its parent. It
writes one line for each event to its standard output.
"""

import json
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, ClassVar, Self

from attrs import asdict, evolve, field, frozen

SUPERVISOR = (sys.executable, "-P", "-m", "mcp_trino.sandbox.supervisor")
"""The command of the supervisor; ``-P`` keeps the working directory out of it."""


class Event(Enum):
    """
    What a supervisor tells, each with a text.

    ``REPORT``: a sentence for the person who waits. ``READY``: the URL of the
    server, which has answered. ``UNAVAILABLE`` and ``FAILED``: the texts of the
    exceptions of these names; nothing comes after them.
    """

    REPORT = "report"
    READY = "ready"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"

    def to_line(self, text: str) -> bytes:
        """Give the line that tells this event."""
        return json.dumps([self.value, text]).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> tuple["Event", str]:
        """Read the line of an event."""
        name, text = json.loads(line)
        return cls(name), text


def _absolute(path: str | Path) -> Path:
    return Path(path).absolute()


def _built_in_catalogs() -> dict[str, dict[str, str]]:
    return {
        "tpch": {"connector.name": "tpch"},
        "memory": {"connector.name": "memory"},
    }


_WAREHOUSE, _METASTORE = "warehouse", "metastore"
# Tables and metastore in plain files, paths relative to the server's directory.
_ICEBERG = {
    "connector.name": "iceberg",
    "iceberg.catalog.type": "TESTING_FILE_METASTORE",
    "hive.metastore.catalog.dir": f"local:///{_METASTORE}",
    "fs.native-local.enabled": "true",
    "local.location": _WAREHOUSE,
}


@frozen
class Launch:
    """
    One server to run.

    :cvar program: which one, on the wire.
    :ivar cache: the directory for what is downloaded and for running instances.
    :ivar maven_url: the Maven repository to download from, ``None`` for the
        public one.
    :ivar heap_mb: the most memory of Java's heap, in MiB.
    :ivar timeout_seconds: how long the start of the server may take.
    """

    program: ClassVar[str]

    cache: Path = field(converter=_absolute)
    maven_url: str | None = None
    heap_mb: int = 2048
    timeout_seconds: float = 300.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Give the default sandbox of a person.

        :param environment: ``XDG_CACHE_HOME`` (XDG Base Directory Specification)
            holds the cache, ``MCP_TRINO_MAVEN_URL`` names the Maven repository.
        """
        caches = Path(environment.get("XDG_CACHE_HOME", ""))
        if not caches.is_absolute():
            caches = Path.home() / ".cache"
        return cls(
            cache=caches / "mcp-trino",
            maven_url=environment.get("MCP_TRINO_MAVEN_URL") or None,
        )

    def to_line(self) -> bytes:
        """Give the line that asks a supervisor for this."""
        more = {"cache": str(self.cache), "program": self.program}
        return json.dumps(asdict(self) | more).encode() + b"\n"

    @staticmethod
    def from_line(line: bytes) -> "Launch":
        """Read the line that a supervisor is given."""
        values = json.loads(line)
        return _LAUNCHES[values.pop("program")](**values)


@frozen(kw_only=True)
class TrinoLaunch(Launch):
    """
    One Trino to run.

    Its plain port is the one that is probed for readiness, by a query without a
    credential: with authentication switched on, set
    ``http-server.authentication.allow-insecure-over-http`` as well.

    :ivar quick: compile quickly rather than well, which suits tests.
    :ivar catalogs: the properties of each catalog.
    :ivar properties: of ``config.properties``, besides or instead of ours.
    :ivar files: more files by their path in the server's working directory, for
        example ``etc/access-control.properties``.
    """

    program = "trino"

    quick: bool = False
    catalogs: Mapping[str, Mapping[str, str]] = field(factory=_built_in_catalogs)
    properties: Mapping[str, str] = field(factory=dict, repr=False)
    files: Mapping[str, str] = field(factory=dict, repr=False)

    def with_iceberg(self) -> "TrinoLaunch":
        """
        Give the same with a catalog ``iceberg`` of empty schemas.

        Its tables lie in the instance's directory and end with it. The plug-in
        is large, for which it is not there by default.
        """
        return evolve(
            self,
            catalogs={**self.catalogs, "iceberg": _ICEBERG},
            files={**self.files, f"{_WAREHOUSE}/{_METASTORE}/.keep": ""},
        )


@frozen(kw_only=True)
class KeycloakLaunch(Launch):
    """
    One Keycloak to run, with one realm and an empty database.

    :ivar realm: the representation of the realm, as Keycloak exports it.
    :ivar port: where to listen, ``None`` for any free port.
    :ivar certificate_file: a PEM certificate chain, to speak https.
    :ivar key_file: its key.
    :ivar admin_password: of the user ``admin`` of the realm ``master``; whoever
        asks before there is one could make herself administrator.
    """

    program = "keycloak"

    realm: Mapping[str, Any] = field(factory=dict, repr=False)
    port: int | None = None
    heap_mb: int = 512
    certificate_file: str | None = None
    key_file: str | None = None
    admin_password: str = field(factory=token_urlsafe, repr=False)


_LAUNCHES: dict[str, type[Launch]] = {
    launch.program: launch for launch in (TrinoLaunch, KeycloakLaunch)
}
