"""``mcp-trino doctor``."""

from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from mcp_trino.commands.running import HTTPOptions, parsed, say


class _DoctorOptions(HTTPOptions):
    """Settings, and whom to try to be at Trino."""

    synopsis = "Usage: mcp-trino doctor [options]"
    optParameters: ClassVar[list[list[Any]]] = [
        [
            "as",
            None,
            None,
            "a person whose queries to try, where people are impersonated",
        ]
    ]


def doctor(arguments: Sequence[str]) -> None:
    """Print a line for each finding; exit code 1 when something is bad."""
    options = parsed(_DoctorOptions, arguments)
    # Only now, as in ``run``.
    from twisted.internet import reactor  # noqa: PLC0415

    from mcp_trino.doctor.examination import examine  # noqa: PLC0415

    async def examined() -> None:
        healthy = await examine(
            reactor,
            options.settings,
            options.warnings,
            person=options["as"],
            say=say,
        )
        raise SystemExit(0 if healthy else 1)

    react(lambda _: Deferred.fromCoroutine(examined()))
