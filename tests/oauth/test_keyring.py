"""Tests of where keys are kept and how they are renewed."""

import json
import stat
import subprocess
import sys
from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import ConfigurationError
from mcp_trino.oauth.keyring import (
    FILE_NAME,
    READ_AGAIN_SECONDS,
    ROTATE_AFTER_SECONDS,
    KeyFile,
    Keyring,
)
from mcp_trino.oauth.keys import PUBLISH_AHEAD_SECONDS, Keys

TOKEN_SECONDS = 3660.0
_READ = """
import sys
from pathlib import Path
from mcp_trino.oauth.keyring import KeyFile
sys.stdin.readline()
print(KeyFile(Path(sys.argv[1]), 1.0).read(float(sys.argv[2])).signing[0].key_id)
"""


def mode_of(path):
    """Give the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


class Kept(SynchronousTestCase):
    """A state directory of a test's own."""

    def setUp(self):
        """Name one that is not there yet."""
        self.clock = Clock()
        self.directory = Path(self.mktemp()) / "state"
        self.file = KeyFile(self.directory / FILE_NAME, TOKEN_SECONDS)
        self.public = self.directory / "keys.json"

    def keyring(self, given=None):
        """Make the keyring of one process, and start it."""
        keyring = Keyring(self.clock, self.file, self.public, maybeDeferred, given)
        keyring.startService()
        self.addCleanup(keyring.stopService)
        return keyring

    def published(self):
        """Give the ids of the keys that the worker reads."""
        keys = json.loads(self.public.read_text())["keys"]
        return [key["kid"] for key in keys]


class KeyFileTests(Kept):
    """One file for all processes of a machine."""

    def test_made_once(self):
        """Keys are made by the first reader, for its owner only."""
        keys = self.file.read(0.0)
        self.assertEqual(self.file.read(1.0).to_text(), keys.to_text())
        self.assertEqual(mode_of(self.directory), 0o700)
        for path in self.directory.iterdir():
            self.assertEqual(mode_of(path), 0o600, path)

    def test_two_at_once(self):
        """Of processes that start at once all get the keys of one."""
        command = [sys.executable, "-c", _READ, str(self.file.path), "0"]
        processes = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        made = {process.communicate(timeout=60)[0] for process in processes}
        self.assertEqual(made, {f"{self.file.read(0.0).signing[0].key_id}\n"})

    def test_renewed_by_age(self):
        """An old signing key gets a successor and goes when its tokens have ended."""
        first = self.file.read(0.0).signing
        self.assertEqual(len(self.file.read(ROTATE_AFTER_SECONDS - 1).signing), 1)
        both = self.file.read(ROTATE_AFTER_SECONDS).signing
        self.assertEqual([key.key_id for key in both][:1], [first[0].key_id])
        ended = ROTATE_AFTER_SECONDS + PUBLISH_AHEAD_SECONDS + TOKEN_SECONDS
        self.assertEqual(len(self.file.read(ended - 1).signing), 2)
        left = self.file.read(ended).signing
        self.assertEqual([key.key_id for key in left], [both[1].key_id])

    def test_other_content(self):
        """A file that holds something else is left alone, not written over."""
        self.directory.mkdir(parents=True)
        self.file.path.write_text("canary")
        self.assertRaises(ValueError, self.file.read, 0.0)
        self.assertEqual(self.file.path.read_text(), "canary")

    def test_no_rest(self):
        """A write that fails leaves the old file and nothing else."""
        before = self.file.read(0.0)
        self.patch(Path, "replace", lambda *_: 1 / 0)
        self.assertRaises(ZeroDivisionError, self.file.rotate, 1.0)
        self.assertEqual(len(list(self.directory.iterdir())), 2)
        self.assertEqual(self.file.read(0.0).to_text(), before.to_text())


class KeyringTests(Kept):
    """The keys of a server that runs."""

    def test_d070_restart(self):
        """After a restart what was sealed opens and what was signed is published."""
        one = self.keyring()
        sealed = one.sealer.seal("cid", {"a": 1}, None)
        public = one.signing.public()
        other = self.keyring()
        self.assertEqual(other.sealer.open("cid", sealed), {"a": 1})
        self.assertEqual(other.signing.public(), public)
        self.assertEqual(self.published(), [public["keys"][0]["kid"]])
        self.assertEqual(mode_of(self.public), 0o644)
        self.assertNotIn('"d"', self.public.read_text())

    def test_d067_rotation(self):
        """Two replicas go over to new keys without refusing each other's values."""
        replicas = [self.keyring(), self.keyring()]
        old = replicas[0].sealer.seal("rt", {"a": 1}, None)
        self.file.rotate(self.clock.seconds())
        self.clock.advance(READ_AGAIN_SECONDS)
        self.assertEqual(len(self.published()), 2)
        self.clock.advance(PUBLISH_AHEAD_SECONDS)
        for one in replicas:
            new = one.sealer.seal("rt", {"a": 2}, None)
            for other in replicas:
                self.assertEqual(other.sealer.open("rt", new), {"a": 2})
                self.assertEqual(other.sealer.open("rt", old), {"a": 1})
        self.assertNotEqual(new.split(".")[0], old.split(".")[0])
        self.clock.pump([READ_AGAIN_SECONDS] * 70)
        self.assertEqual(len(self.published()), 1)
        self.assertEqual(replicas[0].sealer.open("rt", old), {"a": 1})

    def test_file_lost_while_running(self):
        """Keys that cannot be read any more stay in use, and it is said."""
        keyring = self.keyring()
        public = keyring.signing.public()
        self.file.path.write_text("canary")
        self.clock.advance(READ_AGAIN_SECONDS)
        self.clock.advance(READ_AGAIN_SECONDS)
        self.assertEqual(keyring.signing.public(), public)
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.assertTrue(keyring._reading.running)

    def test_d071_none(self):
        """Without a place for keys nothing starts: none are made up for now."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_text("a file")
        error = self.assertRaises(ConfigurationError, self.keyring)
        self.assertIn("OAUTH_STATE_DIRECTORY", str(error))

    def test_given(self):
        """An operator's own keys are taken; no file holds them."""
        keys = Keys.make(0.0)
        keyring = self.keyring(given=keys)
        self.assertEqual(self.published(), [keys.signing[0].key_id])
        self.assertFalse(self.file.path.exists())
        self.clock.advance(READ_AGAIN_SECONDS)
        self.assertEqual(
            keyring.signing.public()["keys"][0]["kid"], self.published()[0]
        )

    def test_tells_no_key(self):
        """Printing a keyring shows no key."""
        keyring = self.keyring(given=Keys.make(0.0))
        private = keyring.given.signing[0].key.export_private(as_dict=True)["d"]
        for shown in (repr(keyring), repr(keyring.sealer), repr(keyring.signing)):
            self.assertNotIn(private, shown)
