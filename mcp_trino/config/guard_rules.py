"""What the settings of what statements may do mean together."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from mcp_trino.config.chosen import Chosen
from mcp_trino.settings import Names

_LISTS = ("TRINO_ALLOWED_CATALOGS", "TRINO_ALLOWED_SCHEMAS", "TRINO_ALLOWED_TABLES")
_FUNCTIONS = "TRINO_TABLE_FUNCTIONS"
_PASS_THROUGH = frozenset({"query", "raw_query", "procedure", "query_range"})


def problems(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what has no meaning."""
    for wide, narrow in combinations(_LISTS, 2):
        for name in chosen[narrow] or ():
            literal = [_literal(part) for part in name[: _LISTS.index(wide) + 1]]
            if chosen[wide] is not None and not _listed(literal, chosen[wide]):
                shown = ".".join(part or "*" for part in literal)
                yield f"{narrow}: {shown} is not among {wide}"
    for name in chosen[_FUNCTIONS] or ():
        for listing in _LISTS:
            names = chosen[listing]
            if names is not None and (
                listing != _LISTS[0] or not _listed(name[:1], names)
            ):
                yield (
                    f"{_FUNCTIONS}: what {'.'.join(name)} reads cannot be held "
                    f"against {listing}: take it out, or list catalogs only, its own "
                    "among them"
                )
                break


def warnings(chosen: Chosen) -> Iterator[str]:
    """Say in one sentence each what the operator should know."""
    for name in chosen[_FUNCTIONS] or ():
        if name[-1] in _PASS_THROUGH:
            yield (
                f"{_FUNCTIONS}: {'.'.join(name)} hands any statement, one that writes "
                "too, to the system behind the catalog, unread by this server"
            )


def _literal(part: str) -> str | None:
    """Give the only text that a part stands for, ``None`` when there are more."""
    return None if "[" in part else re.sub(r"\\(.)", r"\1", part)


def _listed(literal: Sequence[str | None], names: Names) -> bool:
    """Say whether a list may have a name; it may, where that has a wild card."""
    return any(
        all(
            text is None or re.fullmatch(part, text)
            for text, part in zip(literal, listed, strict=True)
        )
        for listed in names
    )
