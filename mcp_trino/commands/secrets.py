"""``mcp-trino token`` and ``mcp-trino keys``: what others have to be given."""

import sys
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar

from twisted.python.usage import UsageError

from mcp_trino.commands.running import HTTPOptions, parsed, say
from mcp_trino.errors import ConfigurationError
from mcp_trino.oauth.development_tokens import development_token
from mcp_trino.oauth.keyring import KeyFile
from mcp_trino.oauth.keys import PUBLISH_AHEAD_SECONDS
from mcp_trino.startup import refuse_to_start


class _TokenOptions(HTTPOptions):
    """Settings, and for whom a token is."""

    synopsis = "Usage: mcp-trino token --subject=NAME [options]"
    optParameters: ClassVar[list[list[Any]]] = [
        ["subject", None, None, "whom the token is for"],
        ["scope", None, None, "what it allows; unset: OAUTH_READ_SCOPE"],
        ["lifetime", None, 3600.0, "seconds until it ends", float],
    ]

    def postOptions(self) -> None:
        if not self["subject"]:
            raise UsageError("--subject is needed")
        super().postOptions()


def token(arguments: Sequence[str]) -> None:
    """Print a token for development."""
    options = parsed(_TokenOptions, arguments)
    try:
        made = development_token(
            options.settings.oauth,
            options["subject"],
            options["scope"],
            options["lifetime"],
            time.time(),
        )
    except ConfigurationError as error:
        raise refuse_to_start(error) from None
    say(made)


def keys(arguments: Sequence[str]) -> None:
    """Make keys in a file, or add new ones to it."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit("Usage: mcp-trino keys FILE")
    path = Path(arguments[0]).absolute()
    try:
        ring = KeyFile(path, inf).rotate(time.time())
    except (OSError, ValueError) as error:
        sys.exit(f"mcp-trino: {path}: {error}")
    say(
        f"{path} has {len(ring.signing)} signing keys. Give it to every server; "
        f"a new key is used {PUBLISH_AHEAD_SECONDS / 60:g} minutes after it was made."
    )
