"""Tests of ``mcp_trino.web.listening``."""

import socket
import stat
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from mcp_trino.errors import ConfigurationError
from mcp_trino.web.listening import listening_service


class UNIXTests(TestCase):
    """Sockets in the file system."""

    def setUp(self) -> None:
        """Have a short path: that of a UNIX socket must be."""
        directory = Path(mkdtemp(prefix="mcp-trino-"))
        self.addCleanup(directory.rmdir)
        self.path = directory / "s"
        self.addCleanup(self.path.unlink, missing_ok=True)

    def listen(self, description: str) -> Any:
        """Listen there."""
        service = listening_service(description, Factory.forProtocol(Protocol), reactor)
        service.privilegedStartService()
        self.addCleanup(service.stopService)
        return service

    def mode(self) -> int:
        """Give the mode of the socket."""
        return stat.S_IMODE(self.path.stat().st_mode)

    async def test_private(self) -> None:
        """Nobody else can connect, and nothing is left at the end."""
        service = self.listen(f"unix:{self.path}")
        self.assertEqual(self.mode(), 0o600)
        await service.stopService()
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_mode(self) -> None:
        """An operator may let a group in, for a proxy of another user."""
        self.listen(f"unix:address={self.path}:mode=660:backlog=5")
        self.assertEqual(self.mode(), 0o660)

    def test_quoted(self) -> None:
        """A path may have what an endpoint string has to quote."""
        self.path = self.path.with_name("a:b")
        self.addCleanup(self.path.unlink, missing_ok=True)
        quoted = str(self.path).replace(":", "\\:")
        self.listen(f"unix:{quoted}")
        self.assertTrue(self.path.is_socket())

    def test_left_over(self) -> None:
        """One that a server left that was killed is replaced, one in use is not."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.path))
        self.listen(f"unix:{self.path}")
        self.assertRaises(ConfigurationError, self.listen, f"unix:{self.path}")

    async def test_successor(self) -> None:
        """Who ends late does not take away the socket of its successor."""
        service = self.listen(f"unix:{self.path}")
        self.path.unlink()
        self.path.touch()
        self.path.rename(self.path.with_name("t"))
        self.listen(f"unix:{self.path}")
        await service.stopService()
        self.assertTrue(self.path.is_socket())
        self.path.with_name("t").unlink()

    def test_nonsense(self) -> None:
        """What Twisted cannot read is an error before anything is bound."""
        for description in (
            "unix",
            f"unix:{self.path}:mode=x",
            f"unix:{self.path}:a=b",
        ):
            self.assertRaises((ValueError, TypeError), self.listen, description)
        self.assertFalse(self.path.exists())
