"""Tests of the example of Trino's access control in ``etc/trino``."""

import json
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

_RULES = Path(__file__).parent.parent / "etc" / "trino" / "rules.json"
_GRANTS = {
    "catalogs": "allow",
    "schemas": "owner",
    "tables": "privileges",
    "functions": "privileges",
    "procedures": "privileges",
    "queries": "allow",
    "system_session_properties": "allow",
    "catalog_session_properties": "allow",
    "system_information": "allow",
}


def granted(section: str, user: str, rules: dict[str, Any]) -> list[Any]:
    """All that a user is granted: the rules that fit, to one that fits everything."""
    grants = []
    for rule in rules[section]:
        matchers = rule.keys() - {_GRANTS[section], "user"}
        if re.fullmatch(rule.get("user", ".*"), user):
            grants.append(rule[_GRANTS[section]])
            if not matchers:
                return grants
    raise AssertionError(f"{section} leaves something undecided for {user}")


class RulesTests(SynchronousTestCase):
    """The user of the server only reads, and nobody else is hindered."""

    def setUp(self) -> None:
        """Read the rules."""
        self.rules = json.loads(_RULES.read_text())

    def test_reads_only(self) -> None:
        """No rule grants the server's user more than to read, in any section."""
        self.assertEqual(self.rules.keys(), _GRANTS.keys())
        for section, most in (
            ("catalogs", ["read-only", "none"]),
            ("schemas", [False]),
            ("tables", [[], ["SELECT"]]),
            ("functions", [["EXECUTE"], []]),
            ("procedures", [[]]),
            ("queries", [["execute"]]),
            ("system_session_properties", [True, False]),
            ("catalog_session_properties", [False]),
            ("system_information", [[]]),
        ):
            for grant in granted(section, "mcp", self.rules):
                self.assertIn(grant, most, section)

    def test_functions(self) -> None:
        """Only Trino's own functions may be called."""
        callable_in = [
            (rule.get("catalog"), rule.get("schema"))
            for rule in self.rules["functions"]
            if rule.get("user") == "mcp" and rule["privileges"]
        ]
        self.assertEqual(callable_in, [("system", "builtin")])

    def test_others(self) -> None:
        """The rules for the server's user concern nobody else."""
        for section in _GRANTS:
            self.assertEqual(len(granted(section, "alice", self.rules)), 1, section)
            self.assertTrue(granted(section, "alice", self.rules)[0], section)
