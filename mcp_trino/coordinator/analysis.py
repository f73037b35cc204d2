"""
What Trino says that a query is about, from its own analysis.

``GET /v1/query/{id}`` belongs to Trino's web interface and works without it. It
names every table and view of the statement, unused, pruned and in views, but
none of ``EXPLAIN``, ``SHOW`` and table functions.
"""

from http import HTTPStatus

import orjson
from attrs import frozen

from mcp_trino.coordinator.failures import NOT_TRINO, HTTPAnswer, Transient, of_status
from mcp_trino.errors import CoordinatorRefused, CoordinatorUnreachable
from mcp_trino.queries import Table

# Before that the tables are not known.
_ANALYZED = frozenset({"STARTING", "RUNNING", "FINISHING", "FINISHED", "FAILED"})


@frozen
class Analysis:
    """
    What a query is about.

    :ivar kind: ``SELECT``, ``INSERT``, …; ``None`` for what is no statement.
    :ivar tables: what the statement itself names, not what views read for it;
        none when the analysis failed.
    """

    kind: str | None
    tables: tuple[Table, ...]


def target(query_id: str) -> str:
    """Give the path of a query's analysis."""
    return f"/v1/query/{query_id}?pruned=true"


def analysis_of(answer: HTTPAnswer) -> Analysis:
    """
    Read it.

    :raise Transient: Trino does not know it yet; ask again.
    :raise CoordinatorRefused: Trino does not say it, or a proxy before it.
    :raise CoordinatorUnreachable: that is not Trino's answer.
    """
    if answer.status_code != HTTPStatus.OK:
        failure = of_status(answer)
        if isinstance(failure, Transient):
            raise failure
        raise CoordinatorRefused(
            answer.status_code,
            "what a query reads cannot be held against the lists of what may be seen: "
            f"GET /v1/query/… answers HTTP {answer.status_code}",
        )
    try:
        document = orjson.loads(answer.content)
        state, kind = document["state"], document.get("queryType")
        tables = tuple(
            (table["catalog"], table["schema"], table["table"])
            for table in document["referencedTables"]
            if table.get("directlyReferenced", True)
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CoordinatorUnreachable(NOT_TRINO) from error
    if state not in _ANALYZED:
        raise Transient("Trino does not say yet what the query reads")
    return Analysis(kind, tables)
