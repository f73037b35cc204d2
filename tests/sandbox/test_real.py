"""Tests of the sandbox with the real Trino."""

import os
import socket
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import urlsplit

from attrs import evolve
from trino.dbapi import connect
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.launch import TrinoLaunch
from tests.real_trino import real_trino
from tests.sandbox.fakes import PARENT


class RealTrinoTests(SynchronousTestCase):
    """The Trino that all integration tests share."""

    def setUp(self) -> None:
        self.url = urlsplit(real_trino())

    def test_catalogs(self) -> None:
        """It answers from the sample data, and the memory catalog is there."""
        connection = connect(host=self.url.hostname, port=self.url.port, user="test")
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM tpch.tiny.nation")
        self.assertEqual(cursor.fetchall(), [[25]])
        cursor.execute("SHOW CATALOGS")
        self.assertEqual(cursor.fetchall(), [["memory"], ["system"], ["tpch"]])

    def test_only_this_address(self) -> None:
        """It listens on 127.0.0.1 and on no other address of this machine."""
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.2", self.url.port), timeout=5)


class LifetimeTests(SynchronousTestCase):
    """A real Trino and its parent."""

    def test_parent_killed(self) -> None:
        """``kill -9`` of the parent ends Trino in seconds and deletes its files."""
        real_trino()  # It is had on this machine, and downloaded.
        launch = evolve(
            TrinoLaunch.from_environment(os.environ), heap_mb=1024, quick=True
        )
        parent = Popen(
            [sys.executable, "-c", PARENT, launch.to_line()],
            stdout=PIPE,
            # The supervisor has it as well: it is at its end when both have gone.
            stderr=PIPE,
        )
        self.addCleanup(parent.communicate)
        self.addCleanup(parent.kill)
        port = urlsplit(parent.stdout.readline().decode().strip()).port
        [instance] = [
            path.parents[1]
            for path in Path(launch.cache, "instances").glob("*/etc/config.properties")
            if f"http-server.http.port={port}\n" in path.read_text()
        ]
        parent.kill()
        parent.communicate(timeout=10)
        self.assertFalse(instance.exists())
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
