"""What Trino itself says about the queries that the server asked it to run."""

import asyncio
from urllib.parse import urlsplit
from uuid import uuid4

import trino.dbapi

from tests.real_trino import real_trino

_PATIENCE_SECONDS = 30


def endless_statement() -> str:
    """Give a statement that takes days on one core and is like no other."""
    return (
        "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x)"
        " CROSS JOIN UNNEST(sequence(1, 10000)) b(y)"
        f" CROSS JOIN UNNEST(sequence(1, 10000)) c(z) /* {uuid4()} */"
    )


def outcome(statement: str) -> tuple[str, float]:
    """
    Give the state of a statement's query, and when it ended by the system's clock.

    The state has the error with it, for example ``FAILED USER_CANCELED``; it is
    empty when Trino knows of no such query.
    """
    url = urlsplit(real_trino())
    cursor = trino.dbapi.connect(
        host=url.hostname, port=url.port, user="observer"
    ).cursor()
    cursor.execute(
        """SELECT concat_ws(' ', state, error_code), to_unixtime("end")"""
        f" FROM system.runtime.queries WHERE query = '{statement}'"
    )
    for state, ended in cursor.fetchall():
        return state, ended
    return "", 0.0


async def reaches(statement: str, expected: str) -> float:
    """
    Ask Trino again and again until a statement's query is in a state.

    :return: when it ended.
    :raise AssertionError: it is in another one after a long while.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while loop.time() < deadline:
        state, ended = await asyncio.to_thread(outcome, statement)
        if state == expected:
            return ended
    raise AssertionError(f"Trino says {state!r}, not {expected!r}")


async def running(statement: str) -> None:
    """Wait until Trino runs a statement."""
    await reaches(statement, "RUNNING")


async def canceled(statement: str, after: float, within_seconds: float) -> None:
    """
    Wait until a statement's query was canceled.

    Trino says when that was; how long the question takes does not count.

    :param after: when its caller went away, by ``time.time``.
    :raise AssertionError: it was canceled later, or not at all.
    """
    late = await reaches(statement, "FAILED USER_CANCELED") - after
    if late > within_seconds:
        raise AssertionError(f"canceled after {late:.1f} s, not {within_seconds} s")
