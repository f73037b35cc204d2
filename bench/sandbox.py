"""The sandbox's Trino, for as long as a measurement needs it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import IO

from attrs import evolve

from bench.references import Address
from mcp_trino.sandbox.launch import SUPERVISOR, Event, TrinoLaunch


@contextmanager
def sandbox(
    properties: Mapping[str, str] | None = None, *, quick: bool = False
) -> Iterator[Address]:
    """
    Start a Trino and stop it at the end.

    :param properties: of Trino's ``config.properties``.
    :param quick: let it become quick soon rather than very quick.
    :raise RuntimeError: it cannot be had; why is in the message.
    """
    launch = evolve(
        TrinoLaunch.from_environment(os.environ),
        properties=properties or {},
        quick=quick,
    )
    with Popen(SUPERVISOR, stdin=PIPE, stdout=PIPE) as supervisor:
        if supervisor.stdin is None or supervisor.stdout is None:
            raise RuntimeError("the sandbox's supervisor has no pipes")
        with supervisor.stdin as to_supervisor:  # to close it ends Trino
            to_supervisor.write(launch.to_line())
            to_supervisor.flush()
            yield _address(supervisor.stdout)


def _address(events: IO[bytes]) -> Address:
    for line in events:
        event, text = Event.from_line(line)
        if event is Event.READY:
            return Address.of(text)
        if event is not Event.REPORT:
            raise RuntimeError(text)
        print(text, file=sys.stderr)
    raise RuntimeError("the sandbox's supervisor ended without a word")
