"""
The real PostgreSQL of tests, from the operating system's package.

It refuses to run as root and is run as its own user then.
"""

import atexit
import os
import secrets
import shutil
from functools import cache
from pathlib import Path
from subprocess import STDOUT, Popen, run
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

import psycopg
from attrs import define, field

from tests.e2e.certificates import Certificates, make_certificates
from tests.ports import free_port

_DEBIAN = "/usr/lib/postgresql"
_SECONDS = 30
_HARDLY_DURABLE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@define(eq=False)
class RealPostgreSQL:
    """
    A server on a free port of 127.0.0.1, with TLS and with a password.

    :ivar certificates: those that its own is signed by.
    """

    certificates: Certificates
    _binaries: Path
    _directory: "TemporaryDirectory[str]" = field(repr=False)
    _password: str = field(repr=False)
    _port: int
    _process: "Popen[bytes] | None" = field(default=None, repr=False)

    def url(self, host: str = "127.0.0.1", **parameters: str) -> str:
        """Give the URL of its database."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return (
            f"postgresql://test:{self._password}@{host}:{self._port}/postgres?{query}"
        )

    def start(self) -> None:
        """Start it, again with all that it knew."""
        options = [f"port={self._port}", "listen_addresses=127.0.0.1"]
        options += ["unix_socket_directories=", "ssl=on", *_HARDLY_DURABLE]
        options += [f"ssl_cert_file={self.certificates.chain}"]
        options += [f"ssl_key_file={self.certificates.key}"]
        data = str(Path(self._directory.name, "data"))
        command = [str(self._binaries / "postgres"), "-D", data]
        log = Path(self._directory.name, "log")
        with log.open("ab") as output:
            self._process = Popen(
                [*command, *(word for each in options for word in ("-c", each))],
                stdout=output,
                stderr=STDOUT,
                **_other_user(),
            )
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1"]
        while run([*ready, "-p", str(self._port)], check=False).returncode != 0:
            if self._process.poll() is not None:
                raise AssertionError(log.read_text())

    def stop(self) -> None:
        """End it and all connections to it."""
        self._process.send_signal(2)
        self._process.wait(_SECONDS)

    def close(self) -> None:
        """End it for good."""
        if self._process.poll() is None:
            self.stop()
        self._directory.cleanup()

    def execute(self, statement: str) -> list[Any]:
        """Run a statement by itself and give its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@cache
def real_postgresql() -> RealPostgreSQL:
    """
    Give the server of all tests; the first call starts it.

    :raise SkipTest: this machine has none.
    :raise AssertionError: the same under ``CI=true``.
    """
    binaries = _binaries()
    directory = TemporaryDirectory(prefix="mcp-trino-")
    place = Path(directory.name)
    certificates = make_certificates(place)
    password = secrets.token_urlsafe()
    password_file = place / "password"
    password_file.write_text(password)
    for path in (place, password_file, *certificates.all):
        path.chmod(0o700 if path == place else 0o600)
        if user := _other_user():
            shutil.chown(path, **user)
    command = [str(binaries / "initdb"), "--username=test", "--auth=scram-sha-256"]
    command += ["--no-sync", "--no-locale", "--encoding=UTF8"]
    command += [f"--pwfile={password_file}", f"--pgdata={place / 'data'}"]
    made = run(
        command, capture_output=True, text=True, check=False, cwd=place, **_other_user()
    )
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    server = RealPostgreSQL(certificates, binaries, directory, password, free_port())
    server.start()
    atexit.register(server.close)
    return server


def _other_user() -> dict[str, str]:
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def _binaries() -> Path:
    found = sorted(Path(_DEBIAN).glob("*/bin/initdb"), key=str)
    program = str(found[-1]) if found else shutil.which("initdb")
    if program is not None:
        return Path(program).parent
    reason = "PostgreSQL is not installed (Debian's package postgresql)"
    if os.environ.get("CI") == "true":
        raise AssertionError(reason)
    raise SkipTest(reason)
