"""Tests of ``mcp_trino.oauth.scopes``."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.scopes import ADMIN, Scopes

SCOPES = Scopes("trino:read", "trino:write")


class ScopeTests(SynchronousTestCase):
    """What needs which scope."""

    def test_messages(self) -> None:
        """What tells nothing of Trino's needs none; all that is unknown needs one."""
        for method in ("initialize", "ping", "tools/list", "notifications/initialized"):
            self.assertEqual(SCOPES.needed(method, None), ())
        for method in (
            "resources/list",
            "resources/read",
            "completion/complete",
            "prompts/get",  # shows the answer of a tool
            "surprise",
        ):
            self.assertEqual(SCOPES.needed(method, {}), ("trino:read",))

    def test_tools(self) -> None:
        """Who changes something needs more; an unknown tool needs everything."""
        both = ("trino:read", "trino:write")
        for name, needed in (
            ("execute_query", ("trino:read",)),
            ("execute_statement", both),
            ("no_such_tool", both),
            (None, both),
            (7, both),
        ):
            self.assertEqual(SCOPES.needed("tools/call", {"name": name}), needed)
        for params in (None, [], "x"):
            self.assertEqual(SCOPES.needed("tools/call", params), both)

    def test_hierarchy(self) -> None:
        """A larger scope contains the smaller ones."""
        read, both = ("trino:read",), ("trino:read", "trino:write")
        for granted, reads, writes in (
            ((), False, False),
            (("trino:read",), True, False),
            (("trino:write",), True, True),
            ((ADMIN,), True, True),
            (("trino", "trino:reader", "TRINO:READ"), False, False),
        ):
            self.assertEqual(SCOPES.allow(frozenset(granted), read), reads)
            self.assertEqual(SCOPES.allow(frozenset(granted), both), writes)

    def test_no_read_scope(self) -> None:
        """Without a scope for reading a token alone is enough to read."""
        scopes = Scopes("", "w")
        self.assertEqual(scopes.supported, ())
        self.assertEqual(scopes.needed("tools/call", {"name": "whoami"}), ())
        self.assertTrue(scopes.allow(frozenset(), ()))
        self.assertFalse(scopes.allow(frozenset({""}), ("w",)))
