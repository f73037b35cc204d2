"""The value of each setting, before it is known whether they fit together."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mcp_trino.config.kinds import origin_of
from mcp_trino.config.listening import Listening, listening
from mcp_trino.config.table import SETTINGS
from mcp_trino.settings import Transport


@frozen
class Chosen:
    """
    The value of each setting.

    :ivar values: by name; the default where none was given or it is wrong.
    :ivar given: the names of those that were given.
    """

    values: Mapping[str, Any] = field(repr=False)
    given: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def room(self, name: str) -> dict[str, Any]:
        """Give the values that go into a room of the tree just as they are."""
        return {
            setting.to.removeprefix(f"{name}."): self.values[setting.name]
            for setting in SETTINGS
            if setting.to.startswith(f"{name}.")
        }

    @property
    def transport(self) -> Transport:
        """What is served."""
        return Transport(self["MCP_TRANSPORT"])

    @property
    def scheme(self) -> str:
        """How Trino is spoken to."""
        plain = self["TRINO_SSL"] is False
        return self["TRINO_SCHEME"] or ("http" if plain else "https")

    @property
    def listening(self) -> tuple[Listening, ...]:
        """Where the server listens."""
        return tuple(listening(text, self["MCP_PORT"]) for text in self["MCP_BIND"])

    @property
    def public_url(self) -> str:
        """What people type, without a path."""
        bound = [place.port for place in self.listening if place.port]
        port = bound[0] if bound and "MCP_PORT" not in self.given else self["MCP_PORT"]
        scheme = "https" if self["HTTPS_CERT_FILE"] else "http"
        return self["MCP_URL"] or origin_of(scheme, self["MCP_HOST"], port)
