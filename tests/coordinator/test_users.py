"""Tests of the mapping of principals to Trino users."""

import re

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.coordinator.users import Users
from mcp_trino.errors import NoTrinoUser
from mcp_trino.principal import Principal
from mcp_trino.trino_identity import ImpersonationSettings, UserRule

ALICE = Principal(
    "https://idp.test",
    "00u1",
    "Alice A.",
    username="alice",
    email="Alice@Example.test",
)
SERVICE = Principal("https://idp.test", "ci", "ci", client_id="ci", is_person=False)


def users(claim="username", *rules, **settings):
    """Give the users of a server whose own is ``mcp``."""
    return Users(ImpersonationSettings(claim, rules, **settings), "mcp")


def rule(pattern, **values):
    """Give a rule."""
    return UserRule(re.compile(pattern), **values)


class UsersTests(SynchronousTestCase):
    """Which user a principal is."""

    def refused(self, found, principal, part):
        """Check that a principal has no user, and that it is said why."""
        with self.assertRaises(NoTrinoUser) as caught:
            found.of(principal)
        self.assertIn(part, str(caught.exception))
        self.assertIn("operator", str(caught.exception))

    def test_claims(self):
        """Without rules the claim of the operator's choice is the user."""
        for claim, user in (
            ("username", "alice"),
            ("email", "Alice@Example.test"),
            ("subject", "00u1"),
        ):
            self.assertEqual(users(claim).of(ALICE), user)

    def test_empty_claim(self):
        """A person without the claim is refused, never the server's own user."""
        self.refused(users("email"), evolve(ALICE, email=""), "has verified")
        self.refused(users(), evolve(ALICE, username=""), "no user name")

    def test_first_rule_that_fits(self):
        """The first rule that fits the whole of the claim gives the user."""
        found = users(
            "email",
            rule("boss@example[.]test", allow=False),
            rule("([a-z]+)@(ex)ample[.]test", user="$2_$1"),
            rule("(?i)(.+)@example[.]test", case="lower"),
        )
        for email, user in (
            ("bob@example.test", "ex_bob"),
            ("Alice@Example.test", "alice"),
        ):
            self.assertEqual(found.of(evolve(ALICE, email=email)), user)
        boss = evolve(ALICE, email="boss@example.test")
        self.refused(found, boss, "gives you no Trino user")
        other = evolve(ALICE, email="alice@example.test.evil.test")
        self.refused(found, other, "no rule")

    def test_fixed_map(self):
        """Rules may name single people."""
        found = users("subject", rule("00u1", user="alice"))
        self.assertEqual(found.of(ALICE), "alice")
        self.refused(found, evolve(ALICE, subject="00u2"), "no rule")

    def test_upper(self):
        """A user may be wanted in capitals."""
        found = users("username", rule("(.*)", case="upper"))
        self.assertEqual(found.of(ALICE), "ALICE")

    def test_group_without_a_part(self):
        """A rule whose group is empty gives no user."""
        found = users("username", rule("(x)?alice"))
        self.refused(found, ALICE, "no Trino user")

    def test_own_user(self):
        """Nobody becomes the server's own user, in whatever letters."""
        for name in ("mcp", "MCP", "Mcp"):
            self.refused(users(), evolve(ALICE, username=name), "nobody may be")
        mapped = users("username", rule(".*", user="mcp"))
        self.refused(mapped, ALICE, "nobody may be")

    def test_forbidden(self):
        """Nor one of those that the operator keeps back."""
        found = users(forbidden=("admin", "Root"))
        for name in ("ADMIN", "root"):
            self.refused(found, evolve(ALICE, username=name), "nobody may be")

    def test_blanks(self):
        """Blanks around a name, which a header would lose, help nobody."""
        for name in ("mcp ", " mcp", "\tmcp", "mcp\xa0"):
            self.refused(users(), evolve(ALICE, username=name), "cannot be the name")

    def test_long(self):
        """A name longer than any is refused before rules are tried on it."""
        name = "a" * 201
        self.refused(users(), evolve(ALICE, username=name), "cannot be the name")
        found = users("username", rule("(.*)"))
        self.refused(found, evolve(ALICE, username=name), "no rule")

    def test_services(self):
        """A service is the user that its client id is mapped to, or nobody."""
        found = users(services=(("ci", "etl"), ("root", "mcp")))
        self.assertEqual(found.of(SERVICE), "etl")
        for client_id, part in (("cd", "'cd'"), ("", "''"), ("root", "nobody may be")):
            self.refused(found, evolve(SERVICE, client_id=client_id), part)

    def test_service_has_no_claims(self):
        """The claims of a service's token are never taken for a person's."""
        self.refused(users(), evolve(SERVICE, username="alice"), "'ci'")

    @given(st.text())
    def test_never_another_header(self, name):
        """Whatever a claim holds, a user is a header's value and never the own."""
        try:
            user = users().of(evolve(ALICE, username=name))
        except NoTrinoUser:
            return
        self.assertTrue(user and user.isprintable() and user.strip() == user)
        self.assertNotEqual(user.casefold(), "mcp")
