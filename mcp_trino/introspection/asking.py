"""``mcp-trino introspect``: ask by hand whether a token holds, and why not."""

import json
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import asdict
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.introspection.client import Introspector as Client
from mcp_trino.introspection.client import make_introspector as make_client
from mcp_trino.introspection.introspector import Introspector, mark_of
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.service import make_introspector
from mcp_trino.introspection.tap import oauth_settings

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
        [
            "socket",
            None,
            None,
            "ask the worker that listens there; its log says why",
        ],
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
        settings = oauth_settings(options["config"])
    except (UsageError, OSError, ConfigurationError) as error:
        sys.exit(f"mcp-trino: {error}")

    def run(reactor: Any) -> Deferred[None]:
        place, nonce = options["socket"], options["nonce"]
        if place is None:
            introspector = make_introspector(settings.worker, reactor)
            judging = _judge(introspector, token, nonce)
        else:
            client = make_client(reactor, settings, Path(place), time.time)
            judging = _ask(client, token, nonce)
        return Deferred.fromCoroutine(_tell(judging))

    react(run)


def _read(path: str) -> str:
    if path == "-":
        data = sys.stdin.buffer.read(_TOKEN_BYTES)
    else:
        with Path(path).open("rb") as opened:
            data = opened.read(_TOKEN_BYTES)
    return data.decode(errors="replace").strip()


async def _judge(introspector: Introspector, token: str, nonce: str | None) -> Active:
    introspector.startService()
    try:
        if nonce is None:
            return await introspector.explain(token)
        return await introspector.explain_login(token, nonce)
    finally:
        await introspector.stopService()


async def _ask(client: Client, token: str, nonce: str | None) -> Active:
    try:
        asking = client.introspect(token) if nonce is None else None
        active = await (asking or client.identify(token, nonce or ""))
    finally:
        await client.close()
    if active is None:
        raise Refused(f"the worker's log says why, at token {mark_of(token)}")
    return active


async def _tell(judging: Coroutine[Any, Any, Active]) -> None:
    try:
        active = await judging
    except Refused as refused:
        _say(f"refused: {refused.reason}")
        raise SystemExit(1) from None
    except Undecidable as error:
        _say(f"undecidable: {error}")
        raise SystemExit(_UNDECIDABLE) from None
    _say("it holds")
    _say(_shown(active))


def _shown(active: Active) -> str:
    members = {**asdict(active), "scopes": sorted(active.scopes)}
    return json.dumps(members, indent=2, ensure_ascii=False)


def _say(text: str) -> None:
    print(text)  # noqa: T201 - to the person who asked
