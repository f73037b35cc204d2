"""What the startup of a sandbox has to know of a server."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mcp_trino.sandbox.artifacts import Artifact
from mcp_trino.sandbox.instances import Instance

Run = Callable[[list[str], str], int]
"""
Runs a command to its end in the instance's directory and gives its exit code.

Its second argument is the name of a file there for what the command writes.
"""


class Program(Protocol):
    """A server on a port of 127.0.0.1."""

    @property
    def title(self) -> str:
        """How people call it, with its version."""

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """What is downloaded."""

    @property
    def spare_bytes(self) -> int:
        """Disk for what it makes itself."""

    @property
    def port(self) -> int:
        """Where it listens."""

    @property
    def url(self) -> str:
        """What its clients are told."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that it needs besides those of this process."""

    def configure(self, instance: Instance) -> None:
        """Fill its working directory."""

    def prepare(self, instance: Instance, run: Run) -> None:
        """Do what has to be done before the start."""

    def command(self, instance: Instance) -> list[str]:
        """Give its command; it is run in the instance's directory."""

    def is_ready(self) -> bool:
        """Say whether it does its work; this blocks some seconds at most."""

    def follow_up(self, instance: Instance, run: Run) -> None:
        """Do what makes the next start quicker, beside the running server."""
