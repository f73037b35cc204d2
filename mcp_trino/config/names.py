"""The names of settings, and names that somebody may have meant to be one."""

import re

from mcp_trino.config.table import ALL

_PREFIXES = ("TRINO_", "MCP_", "OAUTH_", "OIDC_", "HTTPS_", "JWT_")
# What assistants, HTTP clients and the sandbox are told in the same environment.
_FOREIGN = frozenset(
    ("MCP_TIMEOUT", "MCP_TOOL_TIMEOUT", "MCP_TRINO_MAVEN_URL", "HTTPS_PROXY")
)
# What Kubernetes tells a pod of each service in its namespace.
_SERVICE_LINK = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)"
)
_LETTERS = 2

NAMES = frozenset(
    (
        *(setting.name for setting in ALL),
        *(f"{setting.name}_FILE" for setting in ALL if setting.secret),
    )
)


def is_stray(name: str) -> bool:
    """Whether a name of the environment looks like a setting and is none."""
    return (
        name.startswith(_PREFIXES)
        and name not in NAMES
        and name not in _FOREIGN
        and not _SERVICE_LINK.fullmatch(name)
    )


def nearest(name: str) -> str | None:
    """Give the setting's name that is at most two letters away, if there is one."""
    distance, found = min((_distance(name, known), known) for known in sorted(NAMES))
    return found if distance <= _LETTERS else None


def _distance(one: str, other: str) -> int:
    """Count the letters to insert, to delete or to replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], number
        for column, wanted in enumerate(other, start=1):
            replaced = diagonal + (letter != wanted)
            diagonal = row[column]
            row[column] = min(replaced, diagonal + 1, row[column - 1] + 1)
    return row[len(other)]
