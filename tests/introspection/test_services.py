"""What tokens of each provider say: names, services, scopes, groups."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.active import Active
from mcp_trino.introspection.claims import judge
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.rules import access_rules
from tests.introspection.minting import NOW, claims_of, hmac_settings, native_settings


def read(provider: str, claims: dict[str, Any], **changes: Any) -> Active:
    """Judge claims by the row of a provider."""
    rules = access_rules(native_settings(provider, **changes))
    return judge(claims, rules, NOW)


class ProviderRowTests(SynchronousTestCase):
    """Claims of the providers, as they write them."""

    def test_okta(self) -> None:
        """Okta has an identifier beside the login, and scopes in a list."""
        claims = claims_of(
            sub="alice@example.net",
            uid="00u1",
            cid="0oa1",
            azp=None,
            scope=None,
            scp=["trino:read", "openid"],
            preferred_username=None,
            groups=["analysts"],
        )
        active = read("okta", claims)
        self.assertEqual(active.subject, "00u1")
        self.assertEqual(active.username, "alice@example.net")
        self.assertEqual(active.client_id, "0oa1")
        self.assertEqual(active.scopes, {"trino:read", "openid"})
        service = read("okta", {**claims, "sub": "0oa1", "uid": None})
        self.assertFalse(service.is_person)
        self.assertEqual(service.subject, "0oa1")

    def test_keycloak(self) -> None:
        """Keycloak's service accounts have a user name of their own."""
        claims = claims_of(
            realm_access={"roles": ["user"]}, groups=["/analysts"], typ="Bearer"
        )
        active = read("keycloak", claims)
        self.assertEqual(active.groups, ("/analysts", "user"))
        self.assertTrue(active.is_person)
        service = {**claims, "preferred_username": "service-account-some-client"}
        self.assertFalse(read("keycloak", service).is_person)

    def test_auth0(self) -> None:
        """Auth0 says it in two ways."""
        claims = claims_of(sub="auth0|1", permissions=["trino:write"])
        active = read("auth0", claims)
        self.assertTrue(active.is_person)
        self.assertEqual(active.scopes, {"openid", "trino:read", "trino:write"})
        for change in ({"gty": "client-credentials"}, {"sub": "some-client@clients"}):
            self.assertFalse(read("auth0", {**claims, **change}).is_person)

    def test_generic(self) -> None:
        """A subject that is the client is a service (RFC 9068 section 5)."""
        claims = claims_of(sub="some-client")
        self.assertFalse(read("oidc", claims).is_person)
        self.assertTrue(read("oidc", claims_of()).is_person)
        self.assertTrue(read("oidc", claims_of(azp=None)).is_person)

    def test_email(self) -> None:
        """An address counts only when it was verified."""
        for verified in (None, False, "true", 1, "yes"):
            claims = claims_of(
                email="a@b.example", email_verified=verified, preferred_username=None
            )
            active = read("oidc", claims)
            self.assertEqual((active.email, active.username), ("", "0123-alice"))
        claims["email_verified"] = True
        active = read("oidc", claims)
        self.assertEqual((active.email, active.username), ("a@b.example",) * 2)

    def test_chosen_claims(self) -> None:
        """The operator chooses the claims of names and groups."""
        claims = claims_of(
            **{"https://a.example/login": "al", "a": {"b": {"c": ["x"]}}, "email": "e"}
        )
        active = read(
            "auth0",
            claims,
            username_claim="https://a.example/login",
            groups_claim="a.b.c",
        )
        self.assertEqual((active.username, active.groups), ("al", ("x",)))
        self.assertEqual(read("oidc", claims, username_claim="email").username, "")
        self.assertEqual(read("oidc", claims, username_claim="nothing").username, "")

    def test_b28_scopes_of_other_types(self) -> None:
        """What is neither a text nor a list of texts is no scope."""
        for value in (1, {"trino:read": 1}, True, [["trino:read"]], [1], "", " "):
            self.assertEqual(read("oidc", claims_of(scope=value)).scopes, set())
        scopes = read("oidc", claims_of(scope=["a b", 'c"', "d"], scp="e  f")).scopes
        self.assertEqual(scopes, {"d", "e", "f"})

    def test_hmac(self) -> None:
        """A token of mode hmac needs no scope, but all else."""
        rules = access_rules(hmac_settings())
        self.assertEqual(judge(claims_of(scope=None), rules, NOW).username, "alice")
        for name in ("iss", "sub", "aud", "exp"):
            self.assertRaises(Refused, judge, claims_of(**{name: None}), rules, NOW)

    @settings(max_examples=300)
    @given(
        st.dictionaries(
            st.sampled_from(
                ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "azp", "jti", "cnf",
                 "typ", "groups", "email", "email_verified", "realm_access", "nonce",
                 "preferred_username", "_claim_names", "hasgroups", "tid", "oid"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=5)
                | st.floats(allow_nan=False, allow_infinity=False),
                lambda inner: st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                max_leaves=5,
            ),
        )
    )  # fmt: skip
    def test_whatever_it_says(self, changes: dict[str, Any]) -> None:
        """Claims of any kind are either refused or make an answer."""
        for provider in ("keycloak", "azure", "okta"):
            try:
                active = read(provider, {**claims_of(), **changes})
            except Refused:
                continue
            self.assertIsInstance(active, Active)
            self.assertTrue(active.subject.isprintable())
