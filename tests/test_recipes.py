"""
The recipes of identity providers: their settings start, and logins by them hold.

The shapes of discovery documents and of ID tokens are those that the vendors
document.
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

from attrs import field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from mcp_trino.errors import Undecidable
from mcp_trino.fetching import Fetched
from mcp_trino.oauth.admission import Admission, Blocked
from mcp_trino.oauth.people import People
from mcp_trino.oauth.upstream import Upstream, UpstreamRefused
from mcp_trino.settings import OAuthMode
from tests.config.reading import problems, served
from tests.introspection.minting import (
    NOW,
    Bench,
    FakeProvider,
    key_of,
    minted,
    public,
)

RECIPES = Path(__file__).parent.parent / "docs" / "recipes"
_SETTING = re.compile(r"^    ([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
TENANT = "11111111-2222-3333-4444-555555555555"
GROUP = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def environ_of(name):
    """Give the settings that a recipe has, the file with the secret read."""
    environ = dict(_SETTING.findall((RECIPES / f"{name}.rst").read_text()))
    del environ["OIDC_CLIENT_SECRET_FILE"]
    return environ | {"OIDC_CLIENT_SECRET": "canary"}


def granted(id_token, **more):
    """Give what a token endpoint answers."""
    return {
        "access_token": "upstream-access",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid profile email",
        "id_token": id_token,
        **more,
    }


class TokenEndpoint:
    """A vendor's token endpoint, as ``Fetcher`` sees it."""

    def __init__(self):
        self.answers, self.requests = [], []

    def fetch(self, url, headers, *, body):
        """Answer with what comes next."""
        self.requests.append((url, headers, dict(parse_qsl(body.decode()))))
        status, answer = self.answers.pop(0)
        return succeed(Fetched(status, Headers(), json.dumps(answer).encode()))


@frozen
class Vendor:
    """What a vendor publishes and what it says of a person who logs in."""

    recipe: str
    key: dict
    metadata: dict
    claims: dict
    header: dict = field(factory=lambda: {"typ": None})
    asked: dict = field(factory=dict)
    ended: tuple = (400, {"error": "invalid_grant"})


OKTA = Vendor(
    asked={"scope": "openid profile email offline_access groups"},
    ended=(
        400,
        {
            "error": "invalid_grant",
            "error_description": "The refresh token is invalid or expired.",
        },
    ),
    recipe="okta",
    key={"alg": "RS256", "use": "sig"},
    metadata={
        "authorization_endpoint": "https://example.okta.com/oauth2/default/v1/authorize",
        "token_endpoint": "https://example.okta.com/oauth2/default/v1/token",
        "userinfo_endpoint": "https://example.okta.com/oauth2/default/v1/userinfo",
        "jwks_uri": "https://example.okta.com/oauth2/default/v1/keys",
        "revocation_endpoint": "https://example.okta.com/oauth2/default/v1/revoke",
        "introspection_endpoint": "https://example.okta.com/oauth2/default/v1/introspect",
        "registration_endpoint": "https://example.okta.com/oauth2/v1/clients",
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "client_secret_jwt",
            "private_key_jwt",
            "none",
        ],
    },
    claims={
        "sub": "00u1a2b3c4d5e6f7g8h9",
        "ver": 1,
        "jti": "ID.abc",
        "amr": ["pwd"],
        "idp": "00o1a2b3c4d5e6f7g8h9",
        "preferred_username": "alice@example.com",
        "auth_time": NOW,
        "at_hash": "h",
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["Everyone", "analysts"],
    },
)

GOOGLE = Vendor(
    asked={"access_type": "offline", "prompt": "consent"},
    ended=(
        400,
        {
            "error": "invalid_grant",
            "error_description": "Token has been expired or revoked.",
        },
    ),
    recipe="google",
    key={"alg": "RS256", "use": "sig"},
    metadata={
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "device_authorization_endpoint": "https://oauth2.googleapis.com/device/code",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
        "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
        "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "client_secret_basic",
        ],
        "code_challenge_methods_supported": ["plain", "S256"],
    },
    claims={
        "azp": "1234567890-abc.apps.googleusercontent.com",
        "sub": "110169484474386276334",
        "hd": "example.com",
        "email": "alice@example.com",
        "email_verified": True,
        "at_hash": "h",
    },
)

_ENTRA_BASE = f"https://login.microsoftonline.com/{TENANT}"
ENTRA = Vendor(
    asked={"scope": "openid profile email offline_access"},
    ended=(
        400,
        {
            "error": "invalid_grant",
            "error_description": "AADSTS700082: The refresh token has expired.",
            "error_codes": [700082],
            "timestamp": "2026-01-01 00:00:00Z",
            "trace_id": TENANT,
            "correlation_id": TENANT,
            "error_uri": "https://login.microsoftonline.com/error?code=700082",
        },
    ),
    recipe="entra",
    key={
        "use": "sig",
        "x5t": "t",
        "x5c": ["MIIC"],
        "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    },
    metadata={
        "authorization_endpoint": f"{_ENTRA_BASE}/oauth2/v2.0/authorize",
        "token_endpoint": f"{_ENTRA_BASE}/oauth2/v2.0/token",
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        "jwks_uri": f"{_ENTRA_BASE}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    },
    claims={
        "tid": TENANT,
        "oid": "99999999-8888-7777-6666-555555555555",
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "ver": "2.0",
        "preferred_username": "alice@example.com",
        "name": "Alice",
        "email": "alice@example.com",
        "groups": [GROUP],
        "uti": "u",
        "rh": "r",
    },
)

AUTH0 = Vendor(
    asked={"scope": "openid profile email offline_access"},
    ended=(
        403,
        {
            "error": "invalid_grant",
            "error_description": "Unknown or invalid refresh token.",
        },
    ),
    recipe="auth0",
    key={"alg": "RS256", "use": "sig", "x5t": "t", "x5c": ["MIIC"]},
    metadata={
        "authorization_endpoint": "https://example.eu.auth0.com/authorize",
        "token_endpoint": "https://example.eu.auth0.com/oauth/token",
        "userinfo_endpoint": "https://example.eu.auth0.com/userinfo",
        "jwks_uri": "https://example.eu.auth0.com/.well-known/jwks.json",
        "registration_endpoint": "https://example.eu.auth0.com/oidc/register",
        "revocation_endpoint": "https://example.eu.auth0.com/oauth/revoke",
        "code_challenge_methods_supported": ["S256", "plain"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
    },
    claims={
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "sid": "s",
        "nickname": "alice",
        "name": "alice@example.com",
        "email": "alice@example.com",
        "email_verified": True,
        "updated_at": "2026-01-01T00:00:00.000Z",
    },
)

_KEYCLOAK_BASE = "https://id.example.com/realms/data/protocol/openid-connect"
KEYCLOAK = Vendor(
    asked={"scope": "openid profile email"},
    ended=(
        400,
        {"error": "invalid_grant", "error_description": "Session not active"},
    ),
    recipe="keycloak",
    key={"alg": "RS256", "use": "sig"},
    metadata={
        "authorization_endpoint": f"{_KEYCLOAK_BASE}/auth",
        "token_endpoint": f"{_KEYCLOAK_BASE}/token",
        "introspection_endpoint": f"{_KEYCLOAK_BASE}/token/introspect",
        "userinfo_endpoint": f"{_KEYCLOAK_BASE}/userinfo",
        "end_session_endpoint": f"{_KEYCLOAK_BASE}/logout",
        "revocation_endpoint": f"{_KEYCLOAK_BASE}/revoke",
        "jwks_uri": f"{_KEYCLOAK_BASE}/certs",
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["plain", "S256"],
        "token_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "client_secret_basic",
            "client_secret_post",
            "tls_client_auth",
            "client_secret_jwt",
        ],
    },
    header={"typ": "JWT"},
    claims={
        "sub": "7c6d3f0e-2c7e-4d0a-9d5e-0d9f3b1f8a11",
        "typ": "ID",
        "azp": "mcp-trino",
        "jti": "a",
        "sid": "s",
        "at_hash": "h",
        "acr": "1",
        "preferred_username": "alice",
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["analysts"],
    },
)


class Replayed:
    """One vendor's documents and tokens, before the settings of its recipe."""

    vendor: Vendor

    def setUp(self):
        """Start the worker of the recipe's server."""
        environ = environ_of(self.vendor.recipe)
        self.assertEqual(problems(environ=environ), ())
        self.oauth = served(**environ).oauth
        self.assertIs(self.oauth.mode, OAuthMode.PROXY)
        self.issuer = environ["OIDC_ISSUER"]
        self.client_id = environ["OIDC_CLIENT_ID"]
        provider = FakeProvider()
        discovery = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        provider.documents[discovery] = {
            "issuer": self.issuer,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.vendor.metadata,
        }
        keys = [public(key_of("one"), **self.vendor.key)]
        provider.documents[self.vendor.metadata["jwks_uri"]] = {"keys": keys}
        self.bench = Bench(self.oauth.worker, provider).start(self.addCleanup)
        blocked = Blocked(frozenset(), None, self.bench.clock)
        self.admission = Admission(self.oauth.admission, blocked)

    def login(self, header=None, **changes):
        """Give who logged in by an ID token of the vendor, ``None`` for nobody."""
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": NOW,
            "exp": NOW + 3600,
            "nonce": "n",
            **self.vendor.claims,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = minted(claims, header=None, **(self.vendor.header | (header or {})))
        return self.successResultOf(self.bench.introspector.identify(token, "n"))

    def admitted(self, **changes):
        """Whether the rules of the recipe let somebody in."""
        active = self.login(**changes)
        if active is None:
            self.fail("nobody logged in")
        return self.admission.admit(active).refusal == ""

    def people(self):
        """Give the server's side of a login, and the vendor's token endpoint."""
        proxy = self.oauth.proxy
        vendor = TokenEndpoint()
        upstream = Upstream(
            vendor,
            self.bench.clock,
            self.oauth.provider,
            proxy.client_id,
            proxy.client_secret,
            "https://mcp.example.com/oauth/callback",
            proxy.upstream_scopes,
        )
        people = People(
            upstream,
            self.bench.introspector,
            self.admission.admit,
            self.bench.clock,
        )
        return vendor, upstream, people

    def run_(self, coroutine):
        """Give the result of a coroutine that has one at once."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def id_token(self, **changes):
        """Mint an ID token of the vendor."""
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": NOW,
            "exp": NOW + 3600,
            **self.vendor.claims,
            **changes,
        }
        return minted(claims, header=None, **self.vendor.header)

    def test_login_through_proxy(self):
        """The request, the code and the refresh are as the vendor wants them."""
        vendor, upstream, people = self.people()
        url = upstream.login_url(self.endpoints(), "s", "v" * 43, "n")
        where, _, query = url.partition("?")
        self.assertEqual(where, self.vendor.metadata["authorization_endpoint"])
        asked = dict(parse_qsl(query))
        self.assertEqual(asked["client_id"], self.client_id)
        self.assertEqual(asked["code_challenge_method"], "S256")
        self.assertNotIn("resource", asked)
        for name, value in self.vendor.asked.items():
            self.assertEqual(asked[name], value)
        vendor.answers = [
            (200, granted(self.id_token(nonce="n"), refresh_token="upstream-1")),
            (200, granted(self.id_token())),
            self.vendor.ended,
        ]
        person, tokens = self.run_(people.log_in("code", "v" * 43, "n"))
        self.assertEqual(people.admit(person, "client").refusal, "")
        fresh = self.run_(people.refresh(tokens))
        again = self.run_(people.described(person, fresh))
        self.assertEqual(again.subject, person.subject)
        self.assertEqual(fresh.refresh, "upstream-1")
        ended = Deferred.fromCoroutine(people.refresh(fresh))
        self.failureResultOf(ended, UpstreamRefused)
        for where, headers, form in vendor.requests:
            self.assertEqual(where, self.vendor.metadata["token_endpoint"])
            self.assertTrue(headers["Authorization"].startswith("Basic "))
            self.assertNotIn("resource", form)
        self.assertEqual(vendor.requests[0][2]["code_verifier"], "v" * 43)

    def test_trouble(self):
        """A secret that ended, or a vendor that fails, lets nobody out and nobody in."""
        for answer in (
            (401, {"error": "invalid_client"}),
            (429, {"error": "rate_limited"}),
            (500, {"error": "server_error"}),
            (200, {"access_token": 7}),
        ):
            vendor, _, people = self.people()
            vendor.answers = [answer]
            login = Deferred.fromCoroutine(people.log_in("code", "v" * 43, "n"))
            self.failureResultOf(login, Undecidable)

    def endpoints(self):
        """Give the endpoints that the server will use."""
        return self.successResultOf(self.bench.introspector.endpoints())

    def refuses_others(self):
        """Nobody logs in by a token of another client, issuer or login."""
        for change in (
            {"aud": "another-client"},
            {"iss": self.issuer.rstrip("/") + "/x"},
            {"nonce": "m"},
            {"exp": NOW - 3600},
        ):
            self.assertIsNone(self.login(**change), change)


class OktaTests(Replayed, SynchronousTestCase):
    """Okta."""

    vendor = OKTA

    def test_login(self):
        """A person of the group logs in, another one does not enter."""
        active = self.login()
        self.assertEqual(active.subject, "00u1a2b3c4d5e6f7g8h9")
        self.assertEqual(active.email, "alice@example.com")
        self.assertTrue(self.admitted())
        self.assertFalse(self.admitted(groups=["Everyone"]))
        self.assertFalse(self.admitted(groups=None))
        self.refuses_others()

    def test_endpoints(self):
        """The endpoints are those of its document, of a custom server too."""
        token = self.vendor.metadata["token_endpoint"]
        self.assertEqual(self.endpoints().token, token)


class GoogleTests(Replayed, SynchronousTestCase):
    """Google."""

    vendor = GOOGLE

    def test_login(self):
        """People of the domain enter; an address that is not verified is none."""
        self.assertEqual(self.login().subject, "110169484474386276334")
        self.assertEqual(self.login().tenant, "example.com")
        self.assertTrue(self.admitted())
        self.assertTrue(self.admitted(iss="accounts.google.com"))
        self.assertFalse(self.admitted(email="mallory@gmail.com", hd=None))
        self.assertFalse(self.admitted(email_verified=False))
        self.refuses_others()

    def test_endpoints(self):
        """They are at other hosts than the issuer."""
        self.assertEqual(self.endpoints().token, "https://oauth2.googleapis.com/token")

    def test_needs_rule(self):
        """Without a rule the whole world would be let in: the start stops."""
        environ = environ_of("google")
        del environ["OAUTH_ALLOWED_DOMAINS"]
        self.assertNotEqual(problems(environ=environ), ())


class EntraTests(Replayed, SynchronousTestCase):
    """Microsoft Entra ID."""

    vendor = ENTRA

    def test_login(self):
        """A person is her tenant and object id; her e-mail address is not verified."""
        active = self.login(header={"x5t": "t"})
        self.assertIn(TENANT, active.subject)
        self.assertIn(self.vendor.claims["oid"], active.subject)
        self.assertEqual(active.email, "")
        self.assertTrue(self.admitted())
        self.assertFalse(self.admitted(groups=["other"]))
        self.refuses_others()

    def test_overage(self):
        """With too many groups to be said nobody enters by a group."""
        overage = {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.example/x"}},
        }
        self.assertFalse(self.login(groups=None, **overage).groups_complete)
        self.assertFalse(self.admitted(groups=None, **overage))

    def test_endpoints(self):
        """They are taken though nothing in the document speaks of PKCE."""
        self.assertEqual(self.endpoints().token, self.vendor.metadata["token_endpoint"])


class Auth0Tests(Replayed, SynchronousTestCase):
    """Auth0."""

    vendor = AUTH0

    def test_login(self):
        """People of the domain enter, by an issuer that ends with a slash."""
        self.assertTrue(self.issuer.endswith("/"))
        self.assertEqual(self.login().subject, self.vendor.claims["sub"])
        self.assertTrue(self.admitted())
        self.assertFalse(self.admitted(email="mallory@evil.example"))
        self.assertFalse(self.admitted(email_verified=False))
        self.assertIsNone(self.login(iss=self.issuer.rstrip("/")))
        self.refuses_others()

    def test_endpoints(self):
        """The endpoints are those of its document."""
        self.assertEqual(self.endpoints().token, self.vendor.metadata["token_endpoint"])


class KeycloakTests(Replayed, SynchronousTestCase):
    """Keycloak."""

    vendor = KEYCLOAK

    def test_login(self):
        """A person of the group logs in, another one does not enter."""
        self.assertEqual(self.login().subject, self.vendor.claims["sub"])
        self.assertTrue(self.admitted())
        self.assertFalse(self.admitted(groups=["/analysts"]))
        self.assertFalse(self.admitted(groups=[]))
        self.refuses_others()

    def test_endpoints(self):
        """It says that it sends the issuer, so an answer without it is refused."""
        self.assertTrue(self.endpoints().sends_issuer)


class RecipesTests(SynchronousTestCase):
    """The recipes themselves."""

    def test_all_replayed(self):
        """Each recipe has a test, and says what the test does not cover."""
        tests = {case.vendor.recipe for case in Replayed.__subclasses__()}
        self.assertEqual(tests, {path.stem for path in RECIPES.glob("*.rst")})
        for name in tests:
            text = (RECIPES / f"{name}.rst").read_text()
            self.assertIn("Not covered by", text)
            self.assertIn("https://mcp.example.com/oauth/callback", text)
