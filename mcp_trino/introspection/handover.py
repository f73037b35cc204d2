"""What the web process hands to the worker that it runs: one line through a pipe."""

import json
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import asdict

from mcp_trino.providers import PROVIDERS, Provider, TokenKind
from mcp_trino.settings import OAuthMode, WorkerSettings

_READERS: dict[str, Any] = {
    "mode": OAuthMode,
    "token_kind": TokenKind,
    "provider": PROVIDERS.__getitem__,
    "ca_file": Path,
    "own_keys_file": Path,
}


def to_line(settings: WorkerSettings) -> bytes:
    """
    Write the settings down, secrets and all.

    :raise ValueError: the provider is none of the table.
    """
    provider = settings.provider
    if provider is not None and PROVIDERS.get(provider.name) != provider:
        raise ValueError(f"{provider.name} is no row of the table of providers")
    return json.dumps(asdict(settings, recurse=False), default=_plain).encode() + b"\n"


def from_line(line: bytes) -> WorkerSettings:
    """Read what ``to_line`` wrote."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(line).items()
    }
    for name, read in _READERS.items():
        if values[name] is not None:
            values[name] = read(values[name])
    return WorkerSettings(**values)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Provider):
        return value.name
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be handed over")
