"""``mcp-trino introspect``: ask by hand whether a token holds, and why not."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import asdict
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.service import make_introspector
from mcp_trino.introspection.tap import worker_settings

_TOKEN_BYTES = 65536
_UNDECIDABLE = 2


class Options(UsageOptions):
    """What is asked."""

    synopsis = "Usage: mcp-trino introspect --token-file FILE [--config FILE]"
    longdesc = (
        "Judges a token as the introspection worker does, by the settings of OAuth "
        "in the environment and the ini file, and says why it is refused. Exit "
        "code 0: it holds; 1: it does not; 2: nobody can say now."
    )
    optParameters: ClassVar[list[list[Any]]] = [
        ["token-file", None, None, "the file with the token, - for standard input"],
        ["config", None, None, "ini file with settings, in its section [mcp-trino]"],
        ["nonce", None, None, "judge an ID token of a login instead, with this nonce"],
    ]

    def postOptions(self) -> None:
        """
        See to it that there is something to ask.

        :raise UsageError: there is not.
        """
        if not self["token-file"]:
            raise UsageError(
                "--token-file is needed: a token in argv is for all to see"
            )


def introspect(arguments: Sequence[str]) -> None:
    """Do what the command line says, and exit."""
    options = Options()
    try:
        options.parseOptions(arguments)
        token = _read(options["token-file"])
        settings = worker_settings(options["config"])
    except (UsageError, OSError, ConfigurationError) as error:
        sys.exit(f"mcp-trino: {error}")

    def run(reactor: Any) -> Deferred[None]:
        introspector = make_introspector(settings, reactor)
        return Deferred.fromCoroutine(_ask(introspector, token, options["nonce"]))

    react(run)


def _read(path: str) -> str:
    if path == "-":
        data = sys.stdin.buffer.read(_TOKEN_BYTES)
    else:
        with Path(path).open("rb") as opened:
            data = opened.read(_TOKEN_BYTES)
    return data.decode(errors="replace").strip()


async def _ask(introspector: Any, token: str, nonce: str | None) -> None:
    introspector.startService()
    try:
        judging = (
            introspector.explain(token)
            if nonce is None
            else introspector.explain_login(token, nonce)
        )
        active = await judging
    except Refused as refused:
        _say(f"refused: {refused.reason}")
        raise SystemExit(1) from None
    except Undecidable as error:
        _say(f"undecidable: {error}")
        raise SystemExit(_UNDECIDABLE) from None
    finally:
        introspector.stopService()
    _say("it holds")
    _say(_shown(active))


def _shown(active: Active) -> str:
    members = {**asdict(active), "scopes": sorted(active.scopes)}
    return json.dumps(members, indent=2, ensure_ascii=False)


def _say(text: str) -> None:
    print(text)  # noqa: T201 - to the person who asked
