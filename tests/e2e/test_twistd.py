"""Real processes: how the server starts, refuses to start, reads anew and ends."""

import http.client
import json
import os
import re
import select
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp
from threading import Timer

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.certificates import make_certificates
from tests.e2e.server_process import program

_SECONDS = 60
_ROOT = Path(__file__).parent.parent.parent
# Becomes a program that is passed descriptor 0 as descriptor 3, as systemd does.
_PASS_SOCKET = """
import os, sys
os.dup2(0, 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])
"""


@define(eq=False)
class Output:
    """The lines that a process writes, read as they come."""

    _process: subprocess.Popen[str] = field(repr=False)
    _said: list[str] = field(factory=list)

    def until(self, pattern: str) -> re.Match[str]:
        """
        Read on until a line matches.

        :raise AssertionError: the output ends before; shows it.
        """
        for line in self._process.stdout:
            self._said.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError("".join(self._said))

    def rest(self) -> str:
        """Wait for the process, and give all that it has written."""
        self._said += self._process.stdout
        self._process.wait(_SECONDS)
        return "".join(self._said)


def free_port() -> int:
    """Give a port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def healthy(connection: http.client.HTTPConnection) -> bool:
    """Say whether a server answers on a connection."""
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    return response.status == 200 and response.read() == b"ok\n"


class ProcessTestCase(SynchronousTestCase):
    """Tests that start processes, in a directory and an environment of their own."""

    def setUp(self) -> None:
        """Make the directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.environment = {"PATH": os.environ["PATH"]}

    def run_to_end(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program that ends by itself."""
        return subprocess.run(
            [program(command[0]), *command[1:]],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def start(
        self, *command: str, **more: object
    ) -> tuple[subprocess.Popen[str], Output]:
        """Start a program; it is gone after the test."""
        process = subprocess.Popen(
            [program(command[0]), *command[1:]],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **more,
        )
        # Whoever waits for its output would wait for ever for one that hangs.
        patience = Timer(_SECONDS, process.kill)
        patience.start()
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, _SECONDS)
        self.addCleanup(process.kill)
        self.addCleanup(patience.cancel)
        return process, Output(process)

    def log(self) -> str:
        """Give what a daemon has logged."""
        path = self.directory / "twistd.log"
        return path.read_text() if path.exists() else ""


class DaemonTests(ProcessTestCase):
    """``twistd mcp-trino``."""

    def test_life(self) -> None:
        """It forks when it listens, has a pid file, and is gone after SIGTERM."""
        port = free_port()
        alive, inherited = os.pipe()
        self.addCleanup(os.close, alive)
        try:
            started = subprocess.run(
                [program("twistd"), "mcp-trino", f"--port={port}"],
                cwd=self.directory,
                env=self.environment,
                pass_fds=[inherited],
                timeout=_SECONDS,
                check=False,
            )
        finally:
            os.close(inherited)
        pid_file = self.directory / "twistd.pid"
        self.assertEqual(started.returncode, 0, self.log())
        pid = int(pid_file.read_text())
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
            self.assertTrue(healthy(connection))
            connection.close()
        finally:
            os.kill(pid, signal.SIGTERM)
        # The end of a pipe that only the daemon still holds is the daemon's end.
        readable, _, _ = select.select([alive], [], [], _SECONDS)
        self.assertEqual((readable, os.read(alive, 1)), ([alive], b""))
        self.assertFalse(pid_file.exists())
        self.assertIn(f"serving http://localhost:{port} on tcp:{port}", self.log())
        self.assertNotIn("Traceback", self.log())


class RefusalTests(ProcessTestCase):
    """A start that fails: exit code 1, a clear sentence, no traceback, nothing left."""

    commands = (
        ("twistd", "mcp-trino"),
        ("twistd", "--nodaemon", "mcp-trino"),
        ("mcp-trino", "serve"),
    )

    def assert_refused(self, sentence: str, *arguments: str) -> None:
        """Check this for a daemon and for both ways to serve in the foreground."""
        for command in self.commands:
            ended = self.run_to_end(*command, *arguments)
            said = ended.stdout + ended.stderr + self.log()
            self.assertEqual(ended.returncode, 1, said)
            self.assertIn(sentence, ended.stderr)
            self.assertNotIn("Traceback", said)
            self.assertEqual(list(self.directory.glob("*.pid")), [])

    def test_busy_port(self) -> None:
        """The port is taken."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(
                f"cannot listen on 127.0.0.1:{port}: Address already in use (MCP_PORT)",
                f"--port={port}",
            )

    def test_bad_values(self) -> None:
        """Several values are wrong, in several places."""
        self.environment["TRINO_PORT"] = "tcp://10.0.0.1:8080"
        self.environment["TRINO_PROFILE"] = "hive"
        self.assert_refused(
            "MCP_PORT: 'http' is not a whole number from 1 to 65535 "
            "(the command line)\n"
            "TRINO_PROFILE: this version does not do profiles of Trino's command "
            "line; unset it\n",
            "--port=http",
        )

    def test_key_of_another(self) -> None:
        """The key is not that of the certificate."""
        certificates = make_certificates(self.directory)
        other = self.directory / "other"
        other.mkdir()
        self.assert_refused(
            "certificate",
            f"--tls-cert={certificates.chain.absolute()}",
            f"--tls-key={make_certificates(other).key.absolute()}",
        )

    def test_wrong_reactor(self) -> None:
        """A reactor that cannot serve is named with the one that can."""
        ended = self.run_to_end("twistd", "--reactor=poll", "mcp-trino")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("twistd --reactor=asyncio mcp-trino", ended.stdout)


class ForegroundTests(ProcessTestCase):
    """``twistd --nodaemon mcp-trino`` and ``mcp-trino serve``."""

    def test_renewed_certificate(self) -> None:
        """After SIGHUP new connections see the new certificate, old ones go on."""
        files = make_certificates(self.directory)
        process, output = self.start(
            *("twistd", "--nodaemon", "--pidfile=", "mcp-trino"),
            "--listen=tcp:0:interface=127.0.0.1",
            f"--tls-cert={files.chain.absolute()}",
            f"--tls-key={files.key.absolute()}",
        )
        port = int(output.until(r"starting on (\d+)")[1])
        output.until("serving https://")
        first = self.connect(port, files.authority)
        self.assertTrue(healthy(first))
        files = make_certificates(self.directory)
        process.send_signal(signal.SIGHUP)
        output.until("certificate was read")
        self.assertTrue(healthy(self.connect(port, files.authority)))
        self.assertTrue(healthy(first))
        process.terminate()
        output.rest()
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def connect(self, port: int, authority: Path) -> http.client.HTTPSConnection:
        """Connect, trusting one authority."""
        connection = http.client.HTTPSConnection(
            "localhost",
            port,
            timeout=_SECONDS,
            context=ssl.create_default_context(cafile=authority),
        )
        self.addCleanup(connection.close)
        return connection

    def test_serve(self) -> None:
        """It logs one JSON object a line, and ends with 0 when asked to."""
        self.environment["TRINO_UNKNOWN_THING"] = "1"
        process, output = self.start("mcp-trino", "serve", f"--port={free_port()}")
        output.until("serving http://")
        process.send_signal(signal.SIGINT)
        messages = [json.loads(line)["message"] for line in output.rest().splitlines()]
        self.assertEqual(process.returncode, 0)
        self.assertEqual(
            messages[0], "TRINO_UNKNOWN_THING is not the name of a setting"
        )

    def test_check(self) -> None:
        """Settings can be checked beside a server that runs with them."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = self.run_to_end(
                "twistd", "mcp-trino", f"--port={port}", "--check-config"
            )
        self.assertEqual((ended.returncode, ended.stdout), (0, "ok\n"))


class SystemdTests(ProcessTestCase):
    """The server as its systemd unit starts it."""

    def command(self) -> list[str]:
        """Give the unit's command, with files that exist."""
        unit = (_ROOT / "etc" / "mcp-trino.service").read_text().replace("\\\n", "")
        (line,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
        self.files = make_certificates(self.directory)
        (self.directory / "mcp-trino.ini").write_text("[mcp-trino]\n")
        for theirs, ours in (
            ("/opt/mcp-trino/bin/twistd", program("twistd")),
            ("/etc/mcp-trino/", f"{self.directory.absolute()}/"),
            ("%d/cert.pem", str(self.files.chain.absolute())),
            ("%d/key.pem", str(self.files.key.absolute())),
            # The test's socket is not open to others.
            ("INET6", "INET"),
        ):
            self.assertIn(theirs, line)
            line = line.replace(theirs, ours)
        return shlex.split(line)

    def test_socket(self) -> None:
        """It serves on the socket that systemd passes, by the name in its unit."""
        unit = (_ROOT / "etc" / "mcp-trino.socket").read_text()
        (name,) = re.findall("^FileDescriptorName=(.*)$", unit, re.MULTILINE)
        self.environment |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": name}
        command = self.command()
        with socket.create_server(("127.0.0.1", 0)) as passed:
            port = passed.getsockname()[1]
            process, output = self.start(
                Path(sys.executable).name, "-c", _PASS_SOCKET, *command, stdin=passed
            )
        output.until("serving https://")
        context = ssl.create_default_context(cafile=self.files.authority)
        connection = http.client.HTTPSConnection("localhost", port, context=context)
        self.addCleanup(connection.close)
        self.assertTrue(healthy(connection))
        process.terminate()
        lines = output.rest().splitlines()
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertTrue(all(json.loads(line)["message"] for line in lines))

    def test_no_names(self) -> None:
        """A launcher that gives the socket no name is told what is missing."""
        self.environment |= {"LISTEN_FDS": "1"}
        command = self.command()
        with socket.create_server(("127.0.0.1", 0)) as passed:
            process, output = self.start(
                Path(sys.executable).name, "-c", _PASS_SOCKET, *command, stdin=passed
            )
        said = output.rest()
        self.assertEqual(process.returncode, 1)
        self.assertIn("MCP_BIND: no socket was passed for systemd:", said)
        self.assertIn("LISTEN_FDNAMES", said)
        self.assertNotIn("Traceback", said)


class StdioTests(ProcessTestCase):
    """``mcp-trino stdio``, as an assistant starts it."""

    def test_signal(self) -> None:
        """It ends by a signal although its client still listens; only MCP is on stdout."""
        process = subprocess.Popen(
            [program("mcp-trino")],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        initialize = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        process.stdin.write(json.dumps(initialize) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        self.assertEqual(answer["result"]["serverInfo"]["name"], "mcp-trino")
        process.terminate()
        self.assertEqual(process.wait(_SECONDS), 0)
        self.assertEqual(process.stdout.read(), "")
        self.assertIn("serving standard input and output", process.stderr.read())


class UNIXSocketTests(ProcessTestCase):
    """A UNIX socket that systemd passes."""

    def setUp(self) -> None:
        """Have one that only a group may connect to."""
        super().setUp()
        directory = Path(mkdtemp(prefix="mcp-trino-"))
        self.path = directory / "s"
        self.passed = socket.socket(socket.AF_UNIX)
        self.passed.bind(str(self.path))
        self.passed.listen()
        self.path.chmod(0o660)
        self.addCleanup(directory.rmdir)
        self.addCleanup(self.path.unlink)
        self.addCleanup(self.passed.close)
        self.environment |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}

    def assert_served(self) -> None:
        """Start a server, ask it, and end it."""
        process, output = self.start(
            Path(sys.executable).name,
            "-c",
            _PASS_SOCKET,
            program("mcp-trino"),
            "serve",
            "--listen=systemd:domain=UNIX:name=web",
            stdin=self.passed,
        )
        with socket.socket(socket.AF_UNIX) as asking:
            # It is systemd's socket: who comes early waits.
            asking.connect(str(self.path))
            asking.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", asking.recv(4096))
        process.terminate()
        output.rest()

    def test_socket(self) -> None:
        """It is used, and left as it is for the next server."""
        self.assert_served()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o660)
        self.assert_served()
