"""How the texts of settings about users of Trino are read."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mcp_trino.config.kinds import FILE, Kind, shown
from mcp_trino.trino_identity import UserRule

_CASES = ("keep", "lower", "upper")
_KEYS = {"pattern": str, "user": str, "allow": bool, "case": str}


def _rule(values: Mapping[str, Any]) -> UserRule:
    """Make a rule of the members of Trino's JSON."""
    for key, value in values.items():
        if not isinstance(value, _KEYS.get(key, ())):
            problem = f"a rule has a {shown(str(key))} that means nothing"
            raise ValueError(problem)  # noqa: TRY004 - of a text
    if "pattern" not in values:
        raise ValueError("a rule has no pattern")
    if values.get("case", "keep") not in _CASES:
        raise ValueError(f"the case of a rule is none of {', '.join(_CASES)}")
    try:
        pattern = re.compile(values["pattern"])
    except re.error as error:
        raise ValueError(
            f"{shown(values['pattern'])} is not a regular expression: {error}"
        ) from None
    rule = UserRule(**{**values, "pattern": pattern})
    groups = re.findall(r"\$(.?)", rule.user)
    known = [str(number) for number in range(1, pattern.groups + 1)]
    if rule.allow and not set(groups) <= set(known):
        raise ValueError(
            f"{shown(pattern.pattern)} has no group for the user {shown(rule.user)}"
        )
    return rule


def _pattern(text: str) -> tuple[UserRule, ...]:
    return (_rule({"pattern": text}),)


def _rules(text: str) -> tuple[UserRule, ...]:
    path = FILE.read(text)
    try:
        return _all(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{shown(text)} does not hold Trino's rules of user mapping: {error}"
        ) from None


def _all(document: Any) -> tuple[UserRule, ...]:
    match document:
        case {"rules": [_, *_] as rules, **others} if not others:
            return tuple(_rule(dict(values)) for values in rules)
    raise ValueError("it is no object of a list of rules")


def _credential(text: str) -> tuple[str, str]:
    client_id, colon, secret = text.partition(":")
    if client_id and colon and secret:
        return client_id, secret
    raise ValueError("is not a client id, a colon and its secret")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = None
    if not known or "@" in text or "#" in text or not text.isascii():
        raise ValueError(f"{shown(text)} is not an https URL")
    return text


USER_PATTERN = Kind(_pattern, "regular expression with a group")
USER_RULES = Kind(_rules, "readable file, JSON as Trino's user mapping has it")
CREDENTIAL = Kind(_credential, "id:secret")
URL = Kind(_url, "https URL")
