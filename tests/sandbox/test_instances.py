"""Tests of working directories and of ending what dead sandboxes left."""

import sys
from pathlib import Path
from signal import SIGKILL
from subprocess import PIPE, Popen

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.instances import Instance, create_instance
from mcp_trino.sandbox.locks import try_lock


class InstanceTests(SynchronousTestCase):
    """The working directory of one server."""

    def setUp(self) -> None:
        self.cache = Path(self.mktemp()).absolute()
        self.cache.mkdir()

    def create(self) -> Instance:
        instance = create_instance(self.cache)
        self.addCleanup(self.die, instance)
        return instance

    def die(self, instance: Instance) -> None:
        """Let go of what the death of a supervisor lets go of."""
        instance._supervisor_lock.close()
        instance.server_lock.close()

    def start_server(self, instance: Instance) -> "Popen[bytes]":
        server = Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=PIPE,
            pass_fds=[instance.server_lock.fileno()],
        )
        self.addCleanup(server.stdin.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server

    def test_files_and_links(self) -> None:
        """Files and links are made by their paths; nobody else may read them."""
        instance = self.create()
        instance.write({"etc/catalog/a.properties": "a=b\n"})
        instance.link({"plugin/a": self.cache})
        written = instance.directory / "etc/catalog/a.properties"
        self.assertEqual(written.read_text(), "a=b\n")
        self.assertTrue((instance.directory / "plugin/a").samefile(self.cache))
        self.assertEqual(instance.directory.stat().st_mode & 0o077, 0)

    def test_last_lines(self) -> None:
        """The end of the log is given, and nothing of a log that is not there."""
        instance = self.create()
        self.assertEqual(instance.last_lines(), "")
        instance.log.write_bytes(b"".join(b"line %d \xff\n" % n for n in range(99)))
        lines = instance.last_lines().splitlines()
        self.assertEqual((len(lines), lines[-1]), (15, "line 98 \ufffd"))

    def test_running(self) -> None:
        """A sandbox that runs is let be by the start of another."""
        first = self.create()
        second = self.create()
        self.assertTrue(first.directory.is_dir())
        self.assertNotEqual(first.directory, second.directory)

    def test_removed(self) -> None:
        """Nothing of a directory stays when it is removed."""
        instance = self.create()
        instance.write({"data/a": "a"})
        instance.remove()
        self.assertFalse(instance.directory.exists())

    def test_dead(self) -> None:
        """What is left of a dead sandbox is deleted by the next start."""
        dead = self.create()
        self.die(dead)
        self.create()
        self.assertFalse(dead.directory.exists())

    def test_orphan(self) -> None:
        """A server whose supervisor is dead is killed by the next start."""
        dead = self.create()
        server = self.start_server(dead)
        dead.note_server(server.pid)
        self.die(dead)
        self.create()
        self.assertEqual(server.wait(), -SIGKILL)
        self.assertFalse(dead.directory.exists())

    def test_nameless_orphan(self) -> None:
        """A server that could not be noted is left for a later start."""
        dead = self.create()
        server = self.start_server(dead)
        self.die(dead)
        self.create()
        self.assertIsNone(server.poll())
        server.kill()
        server.wait()
        self.create()
        self.assertFalse(dead.directory.exists())

    def test_reused_process_id(self) -> None:
        """A process that merely has a dead server's process id is let be."""
        dead = self.create()
        stranger = Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=PIPE
        )
        self.addCleanup(stranger.communicate)
        dead.note_server(stranger.pid)
        self.die(dead)
        self.create()
        self.assertIsNone(stranger.poll())

    def test_lock_is_exclusive(self) -> None:
        """A directory's locks cannot be had while it is in use."""
        instance = self.create()
        for name in ("server.lock", "supervisor.lock"):
            self.assertIsNone(try_lock(instance.directory / name))
