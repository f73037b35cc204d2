"""Who is measured against whom."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from attrs import frozen

from bench.mcp_client import Era, MCPClient
from bench.references import Address, Client, Floor, RawClient
from bench.report import Table
from bench.server import Server

T = TypeVar("T")

RAW = "raw"
FLOOR = "floor"
REFERENCES = (RAW, FLOOR)


@frozen
class Bench:
    """Where the parts are, and where the values go."""

    coordinator: Address
    server: Server
    table: Table

    def mcp(self, era: Era = Era.STATELESS) -> MCPClient:
        """Give a client of the server."""
        return MCPClient.open(self.server.address, era)


@frozen
class Contender:
    """
    A way to ask Trino.

    :ivar connect: gives a client, which the caller closes.
    :ivar is_served: the server's process does the work, not this one.
    """

    name: str
    connect: Callable[[Bench], Client]
    is_served: bool


CONTENDERS = (
    Contender(RAW, lambda bench: RawClient(bench.coordinator), is_served=False),
    Contender(FLOOR, lambda bench: Floor(bench.coordinator), is_served=False),
    *(Contender(era.value, partial(Bench.mcp, era=era), is_served=True) for era in Era),
)
SERVED = tuple(contender.name for contender in CONTENDERS if contender.is_served)


def rotated(items: Sequence[T], by: int) -> list[T]:
    """Begin with another item each time, and go the other way round every second."""
    backwards = by % 2
    first = (by + backwards) % len(items)
    turned = [*items[first:], *items[:first]]
    return turned[::-1] if backwards else turned
