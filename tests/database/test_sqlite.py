"""Tests of the store in a file."""

import os
import sqlite3
import stat
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock
from twisted.internet.utils import getProcessValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.database.opening import open_store
from mcp_trino.database.sqlite import SQLite
from mcp_trino.database.store import DatabaseStore
from mcp_trino.errors import ConfigurationError, Undecidable
from tests.store_contract import StoreContract

_OTHER_PROCESS = """\
import sys
from hashlib import sha256
from pathlib import Path
from mcp_trino.database.sqlite import SQLite

database = SQLite(Path(sys.argv[1]))
database.open()
for number in range(200):
    row = database.run(
        "UPDATE mcp_trino_store SET value = :new WHERE key = :key RETURNING key",
        {"key": sha256(b"k").digest(), "new": b"%d" % number},
    )
    assert row is not None
"""


class SQLiteTests(StoreContract, TestCase):
    """The contract, and what a file is."""

    def setUp(self):
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "state", "store.sqlite")
        super().setUp()

    def make_store(self):
        """Give a store of the file."""
        from twisted.internet import reactor

        store = DatabaseStore(reactor, self.clock, SQLite(self.path))
        store.startService()
        self.addCleanup(lambda: store.running and store.stopService())
        return store

    async def test_restart(self):
        """What is kept is found by the next process."""
        await self.store.put("k", b"1", 10)
        self.store.stopService()
        self.assertEqual(await self.make_store().get("k"), b"1")

    def test_private(self):
        """Nobody else can read the files, whatever the umask says."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.path.unlink()
        self.make_store()
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in self.path.parent.iterdir()
        }
        self.assertGreaterEqual(set(modes), {"store.sqlite", "store.sqlite-wal"})
        self.assertEqual(set(modes.values()), {0o600})
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o700)

    async def test_keys_are_not_there(self):
        """A key that is a secret is not in the files, its value is."""
        await self.store.put("a-secret-code", b"a-value", 10)
        content = b"".join(path.read_bytes() for path in self.path.parent.iterdir())
        self.assertNotIn(b"a-secret-code", content)
        self.assertIn(b"a-value", content)

    async def test_sweep(self):
        """Expired values are deleted after a while, also if nobody asks."""
        await self.store.put("k", b"1", 10)
        await self.store.put("longer", b"2", 1000)
        self.clock.advance(60)
        # The one thread does one thing after the other.
        await self.store.get("longer")
        with sqlite3.connect(self.path) as connection:
            self.addCleanup(connection.close)
            [[count]] = connection.execute("SELECT count(*) FROM mcp_trino_store")
        self.assertEqual(count, 1)

    async def test_two_processes(self):
        """Another process writes at the same time, and nothing is lost."""
        await self.store.put("k", b"-1", 10)
        command = ["-c", _OTHER_PROCESS, str(self.path)]
        ended = getProcessValue(sys.executable, command, env=None)
        for number in range(200):
            key = f"k{number}"
            await self.store.put(key, b"1", 10)
        self.assertEqual(await ended, 0)
        self.assertEqual(await self.store.get("k"), b"199")
        self.assertEqual(await self.store.get("k199"), b"1")

    async def test_locked(self):
        """When somebody holds the file for too long nobody can say anything."""
        self.store._database._connection.execute("PRAGMA busy_timeout = 0")
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        with self.assertRaises(Undecidable):
            await self.store.put("k", b"1", 10)
        other.execute("ROLLBACK")
        await self.store.put("k", b"1", 10)

    async def test_full(self):
        """When the disk is full nobody can say anything, but read."""
        await self.store.put("k", b"1", 10)
        connection = self.store._database._connection
        [[pages]] = connection.execute("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with self.assertRaises(Undecidable):
            await self.store.put("large", b"1" * 100_000, 10)
        self.assertEqual(await self.store.get("k"), b"1")

    async def test_no_answer(self):
        """A file that hangs is given up; what it says later is nobody's."""
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        waiting = self.store.put("k", b"1", 10)
        self.clock.advance(10)
        with self.assertRaises(Undecidable):
            await waiting
        other.execute("ROLLBACK")

    def test_closed(self):
        """A store that was closed says so, and does not hang."""
        self.store.stopService()
        for answer in (self.store.get("k"), self.store.put("k", b"", 1)):
            self.failureResultOf(answer, Undecidable)


class UnusableTests(SynchronousTestCase):
    """Files that cannot be the store."""

    def setUp(self):
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def assert_refused(self, path):
        """Opening it stops the start, in a sentence with its name."""
        with self.assertRaises(ConfigurationError) as caught:
            open_store(Clock(), path.parent).startService()
        self.assertIn(str(path), str(caught.exception))

    def test_no_database(self):
        """A file that is something else is not touched."""
        path = self.directory / "store.sqlite"
        path.write_text("something else\n" * 100)
        self.assert_refused(path)
        self.assertEqual(path.read_text(), "something else\n" * 100)

    def test_link(self):
        """A link, which may lead to anybody's file, is not followed."""
        path = self.directory / "store.sqlite"
        path.symlink_to(self.directory / "elsewhere")
        self.assert_refused(path)
        self.assertFalse((self.directory / "elsewhere").exists())

    def test_no_directory(self):
        """A directory that is a file cannot hold it."""
        (self.directory / "state").write_text("")
        self.assert_refused(self.directory / "state" / "store.sqlite")
