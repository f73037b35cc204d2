"""
The real Keycloak of tests: one for all of them, gone at the end.

``MCP_TRINO_TEST_KEYCLOAK`` names a file of JSON with ``url``, ``admin_password``
and ``directory``, where its certificates are, of one that runs already with the
realm below and is used instead.
"""

import atexit
import json
import os
import time
from functools import cache
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve, field, frozen

from mcp_trino.sandbox import realm
from mcp_trino.sandbox.launch import KeycloakLaunch
from tests.e2e.certificates import (
    Certificates,
    certificates_in,
    make_certificates,
)
from tests.e2e.login import Endpoint, log_in
from tests.sandboxes import require, start

AUDIENCE = "https://mcp.example.com/mcp"
"""
What access tokens of the scopes ``trino:…`` are made for.

Keycloak takes no notice of ``resource``; it is the id of a client, too, which is
what may introspect and exchange those tokens, with ``AUDIENCE_SECRET``.
"""
AUDIENCE_SECRET = "resource-secret"
NATIVE_CLIENT = "native"
CLIENT_SECRET = "proxy-secret"
_WHOLE_SECOND = 1.01
_KEYS = "org.keycloak.keys.KeyProvider"
SCOPES = ("trino:read", "trino:write")


@frozen
class RealKeycloak:
    """
    A running one.

    :ivar url: of https with a private authority.
    :ivar admin_password: of ``admin`` in the realm ``master``.
    :ivar certificates: its own, which other servers of a test may have, too.
    """

    url: str
    admin_password: str = field(repr=False)
    certificates: Certificates

    @property
    def issuer(self) -> str:
        """Of the realm of the tests."""
        return f"{self.url}/realms/{realm.NAME}"

    def login(
        self,
        person: str = "alice",
        scope: str = "openid trino:read",
        client_id: str = NATIVE_CLIENT,
    ) -> dict[str, Any]:
        """Log a person in by code and PKCE; gives the token endpoint's answer."""
        base = f"{self.issuer}/protocol/openid-connect"
        token = self._endpoint("/token")
        return log_in(f"{base}/auth", token, person, client_id, scope=scope)

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Have a new access token; gives the token endpoint's answer."""
        return self._endpoint("/token").post(
            grant_type="refresh_token",
            refresh_token=refresh_token,
            client_id=NATIVE_CLIENT,
        )

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask about a token as who it was made for (RFC 7662)."""
        return self._endpoint("/token/introspect").post(
            token=token, client_id=AUDIENCE, client_secret=AUDIENCE_SECRET
        )

    def revoke(self, token: str) -> None:
        """Revoke a token (RFC 7009)."""
        self._endpoint("/revoke").post(token=token, client_id=NATIVE_CLIENT)

    def key_ids(self) -> set[str]:
        """Name the published keys."""
        keys = self._endpoint("/certs").send("GET", None, {})["keys"]
        return {key["kid"] for key in keys}

    def rotate(self) -> str:
        """Sign with a new key from now on; gives what ``withdraw`` takes."""
        of_realm = self._admin("GET", "")["id"]
        config = {"priority": ["500"], "algorithm": ["RS256"]}
        name = token_urlsafe(6)
        key = {
            "name": name,
            "providerId": "rsa-generated",
            "providerType": _KEYS,
            "parentId": of_realm,
            "config": config,
        }
        self._admin("POST", "/components", key)
        [made] = [
            each
            for each in self._admin("GET", f"/components?type={_KEYS}")
            if each["name"] == name
        ]
        return str(made["id"])

    def withdraw(self, key: str) -> None:
        """Publish a key of ``rotate`` no longer."""
        self._admin("DELETE", f"/components/{key}")

    def end_sessions(self, person: str) -> None:
        """Log a person out everywhere."""
        # What was issued in the same second would hold if its session is offline.
        time.sleep(_WHOLE_SECOND)
        [user] = self._admin("GET", f"/users?exact=true&username={person}")
        self._admin("POST", f"/users/{user['id']}/logout")

    def _admin(self, method: str, path: str, value: Any = None) -> Any:
        tokens = Endpoint(
            f"{self.url}/realms/master/protocol/openid-connect/token",
            self.certificates.authority,
        ).post(
            grant_type="password",
            client_id="admin-cli",
            username="admin",
            password=self.admin_password,
        )
        headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "Content-Type": "application/json",
        }
        body = None if value is None else json.dumps(value)
        url = f"{self.url}/admin/realms/{realm.NAME}{path}"
        return Endpoint(url, self.certificates.authority).send(method, body, headers)

    def _endpoint(self, path: str) -> Endpoint:
        url = f"{self.issuer}/protocol/openid-connect{path}"
        return Endpoint(url, self.certificates.authority)


def real_keycloak() -> RealKeycloak:
    """
    Give the one of this run; the first call waits until it answers.

    :raise SkipTest: this machine cannot have one.
    :raise AssertionError: the same where tests must not be skipped
        (``CI=true``), or it did not start.
    """
    running = os.environ.get("MCP_TRINO_TEST_KEYCLOAK")
    if running:
        values = json.loads(Path(running).read_text())
        files = certificates_in(Path(values["directory"]))
        return RealKeycloak(values["url"], values["admin_password"], files)
    launch, files = _launch()
    return RealKeycloak(require(start(launch)), launch.admin_password, files)


@cache
def _launch() -> tuple[KeycloakLaunch, Certificates]:
    directory = TemporaryDirectory(prefix="mcp-trino-")
    atexit.register(directory.cleanup)
    files = make_certificates(Path(directory.name))
    launch = evolve(
        KeycloakLaunch.from_environment(os.environ),
        realm=tests_realm(),
        certificate_file=str(files.chain),
        key_file=str(files.key),
    )
    return launch, files


def tests_realm() -> dict[str, Any]:
    """Give the sandbox's realm and all that native clients need beside it."""
    made = realm.realm(["*"], CLIENT_SECRET, ["alice", "bob"])
    made["accessTokenLifespan"] = 60
    audience = realm.mapper("audience", "oidc-audience-mapper")
    audience["config"]["included.client.audience"] = AUDIENCE
    # Clients that register with a scope of their own get "basic" and no other.
    claims = [realm.of_user("username", "preferred_username"), realm.groups()]
    made["clientScopes"] += [realm.scope(name, audience, *claims) for name in SCOPES]
    made["defaultOptionalClientScopes"] += SCOPES
    made["clients"] += [
        {
            "clientId": NATIVE_CLIENT,
            "publicClient": True,
            "redirectUris": ["http://127.0.0.1/*", "http://localhost/*"],
            "attributes": {"pkce.code.challenge.method": "S256"},
        },
        {
            "clientId": AUDIENCE,
            "secret": AUDIENCE_SECRET,
            "standardFlowEnabled": False,
        },
        {
            "clientId": "service",
            "secret": "service-secret",
            "standardFlowEnabled": False,
            "serviceAccountsEnabled": True,
        },
    ]
    policy = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy"
    trusted = {
        "trusted-hosts": ["127.0.0.1", "localhost"],
        "host-sending-registration-request-must-match": ["true"],
        "client-uris-must-match": ["false"],
    }
    made["components"] = {
        policy: [
            {
                "name": "hosts",
                "providerId": "trusted-hosts",
                "subType": "anonymous",
                "config": trusted,
            }
        ]
    }
    return made
