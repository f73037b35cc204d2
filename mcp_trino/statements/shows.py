"""
What a SHOW or DESCRIBE tells about, where lists keep something away.

Trino says of none of them which table it was about, so the name is taken out of
the statement. Each form of Trino's grammar is known here; another one is refused.
"""

from enum import Enum

from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.lexer import Token, leading_name, refusal, significant
from mcp_trino.statements.names import fold
from mcp_trino.statements.refusals import SEE_LISTS, kept_away, shown
from mcp_trino.statements.tables import Place


class _About(Enum):
    """What the name after a form is, with how it is written in full."""

    TABLE = "catalog.schema.table"
    SCHEMA = "catalog.schema"
    FUNCTION = "catalog.schema.function"
    CATALOG = "catalog"
    NOTHING = ""


# The first that fits counts.
_FORMS = tuple(
    (tuple(form.split()), about)
    for about, forms in (
        (_About.TABLE, ("DESCRIBE", "DESC", "SHOW COLUMNS FROM", "SHOW COLUMNS IN")),
        (_About.TABLE, ("SHOW STATS FOR", "SHOW GRANTS ON TABLE", "SHOW GRANTS ON")),
        (_About.TABLE, ("SHOW CREATE TABLE", "SHOW CREATE VIEW")),
        (_About.TABLE, ("SHOW CREATE MATERIALIZED VIEW",)),
        (_About.SCHEMA, ("SHOW FUNCTIONS FROM", "SHOW FUNCTIONS IN")),
        (_About.SCHEMA, ("SHOW CREATE SCHEMA",)),
        (_About.FUNCTION, ("SHOW CREATE FUNCTION",)),
        (_About.CATALOG, ("SHOW ROLES FROM", "SHOW ROLES IN")),
        (_About.CATALOG, ("SHOW CURRENT ROLES FROM", "SHOW CURRENT ROLES IN")),
        (_About.CATALOG, ("SHOW ROLE GRANTS FROM", "SHOW ROLE GRANTS IN")),
        (_About.NOTHING, ("SHOW FUNCTIONS", "SHOW ROLES", "SHOW CURRENT ROLES")),
        (_About.NOTHING, ("SHOW ROLE GRANTS",)),
    )
    for form in forms
)
_LONGEST = max(len(form) for form, _ in _FORMS)
_MOST_TOKENS = _LONGEST + 8  # more than a full name has
_STATS = ("SHOW", "STATS", "FOR")
_ENUMERATING = {
    "CATALOGS": "Call list_catalogs.",
    "SCHEMAS": "Call list_schemas.",
    "TABLES": "Call list_tables.",
}


def stats_query(text: str, head: Token) -> int | None:
    """Say where the query of ``SHOW STATS FOR (query)`` begins, if this is one."""
    found = significant(text, head.offset, _MOST_TOKENS)
    if _keywords(found)[: len(_STATS)] == _STATS and len(found) > len(_STATS):
        opening = found[len(_STATS)]
        return opening.offset if opening.keyword == "(" else None
    return None


def require_shown(text: str, head: Token, place: Place, allowlist: Allowlist) -> None:
    """
    Refuse a SHOW or DESCRIBE that tells of what the lists keep away.

    :param head: the statement's first token.
    :raise StatementRefused: it does, or nobody can say.
    """
    found = significant(text, head.offset, _MOST_TOKENS)
    words = _keywords(found)
    for form, about in _FORMS:
        if words[: len(form)] == form:
            after = found[len(form)] if len(found) > len(form) else found[-1]
            has_name = about is not _About.NOTHING
            named = leading_name(found[len(form) :]) if has_name else []
            name = _full(about, tuple(fold(part.text) for part in named), place)
            if name is None:
                message = f"Write the full name here: {about.value}."
                raise refusal(text, after.offset, message)
            if not allowlist.has(*name):
                raise refusal(text, after.offset, kept_away(*name))
            _require_end(text, found[len(form) + max(2 * len(named) - 1, 0) :])
            return
    what = found[1] if len(found) > 1 else head
    advice = _ENUMERATING.get(what.keyword, SEE_LISTS)
    raise refusal(
        text,
        what.offset,
        f"SHOW {what.keyword} could show names that are kept away here. {advice}",
    )


def _require_end(text: str, rest: list[Token]) -> None:
    """
    Refuse what could make Trino read the name as something else.

    ``SHOW GRANTS ON kind name`` is about the second.
    """
    if rest and rest[0].keyword != "LIKE":
        message = f"{shown(rest[0])} means nothing here."
        raise refusal(text, rest[0].offset, message)


def _keywords(found: list[Token]) -> tuple[str, ...]:
    return tuple(token.keyword for token in found[:_LONGEST])


def _full(
    about: _About, parts: tuple[str, ...], place: Place
) -> tuple[str, ...] | None:
    """Give the name that has to be on the lists, ``None`` when a part is missing."""
    match about:
        case _About.NOTHING:
            return ()
        case _About.CATALOG:
            return parts if len(parts) == 1 else None
        case _About.SCHEMA:
            name = place.full((*parts, "any")) if parts else None
            return None if name is None else name[:2]
        case _About.FUNCTION:
            name = place.full(parts)
            return None if name is None else name[:2]
        case _About.TABLE:
            return place.full(parts)
