"""
A real OpenID provider for tests: npm's ``oidc-provider``, certified, on loopback.

It takes anybody with any password, registers clients (RFC 7591), binds tokens
to the ``resource`` asked for (RFC 8707), and gives JWTs by RFC 9068 or opaque
tokens that it introspects (RFC 7662).
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, field

from tests.e2e.certificates import Certificates
from tests.e2e.login import Endpoint, log_in
from tests.e2e.npm_programs import npm_programs

_SCRIPT = Path(__file__).with_suffix(".cjs")
_SCOPES = "openid trino:read"
_SECONDS = 20

ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
"""What it can sign with; it has a key for each."""
NATIVE_CLIENT = "native"
"""A public client with a callback at any port of 127.0.0.1."""
SERVICE_CLIENT = ("service", "service-secret")
"""A confidential client that gets tokens for itself and may introspect."""


@define(eq=False)
class OIDCProvider:
    """
    A running provider.

    Each call waits until the provider has done it.

    :ivar certificates: of its https, ``None`` for http.
    """

    certificates: Certificates | None
    _directory: "TemporaryDirectory[str]" = field(repr=False)
    _port: int = 0
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def issuer(self) -> str:
        """``iss`` of its tokens."""
        scheme = "https" if self.certificates else "http"
        return f"{scheme}://127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """What went wrong there, in its own words."""
        return self._log_file.read_text(errors="replace")

    @property
    def _log_file(self) -> Path:
        return Path(self._directory.name, "log")

    def start(self) -> None:
        """
        Start it, again at the same address, with nothing known of before.

        :raise SkipTest: this machine cannot have it, and this is not ``CI``.
        """
        npm = npm_programs()
        files = self.certificates
        arguments = {
            "port": self._port,
            "key": str(files.key) if files else None,
            "chain": str(files.chain) if files else None,
        }
        with self._log_file.open("a") as log:
            self._process = subprocess.Popen(
                [npm.node, str(_SCRIPT), json.dumps(arguments)],
                env={"NODE_PATH": str(npm.directory / "node_modules")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._port = self._answer()["port"]

    def stop(self) -> None:
        """End it; ``start`` brings it back."""
        with self._process as process:
            process.stdin.close()
            process.wait(_SECONDS)

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._directory.cleanup()

    def set(self, **settings: Any) -> None:
        """
        Change what the next tokens are like.

        :param settings: ``algorithm``, one of ``ALGORITHMS``; ``format``,
            ``jwt`` or ``opaque``; ``access_seconds``, the life of access
            tokens; ``audience``, ``None`` for the resource asked for;
            ``scopes``, a list; ``rotate_refresh``, whether refresh tokens hold
            once.
        """
        self._command("set", settings)

    def rotate(self) -> None:
        """Sign with new keys from now on; the old ones are still published."""
        self._command("rotate")

    def retire(self) -> None:
        """Publish the newest keys only."""
        self._command("retire")

    def forget(self, model: str) -> None:
        """
        End all grants of a kind.

        :param model: ``AccessToken``, of opaque ones, or ``RefreshToken``.
        """
        self._command("forget", model)

    def requests(self) -> dict[str, int]:
        """Say how often each path was asked for."""
        return self._command("requests")

    def issued(self) -> dict[str, list[str]]:
        """Give all tokens that it issued, and codes and verifiers, by their kind."""
        return self._command("issued")

    def register(self, redirect_uri: str, **metadata: Any) -> dict[str, Any]:
        """Register a confidential client of logins; gives its metadata."""
        body = {
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            **metadata,
        }
        headers = {"Content-Type": "application/json"}
        return self.endpoint("/reg").send("POST", json.dumps(body), headers)

    def login(
        self,
        resource: str,
        person: str = "alice",
        scope: str = _SCOPES,
        client_id: str = NATIVE_CLIENT,
    ) -> dict[str, Any]:
        """
        Log a person in by code and PKCE; gives the token endpoint's answer.

        :param resource: what the access token is for (RFC 8707).
        """
        return log_in(
            f"{self.issuer}/auth",
            self.endpoint("/token"),
            person,
            client_id,
            scope=scope,
            resource=resource,
        )

    def service_token(self, resource: str, scope: str = "trino:read") -> dict[str, Any]:
        """Give a token of a service that acts for nobody."""
        client_id, client_secret = SERVICE_CLIENT
        return self.token(
            grant_type="client_credentials",
            client_id=client_id,
            client_secret=client_secret,
            resource=resource,
            scope=scope,
        )

    def token(self, **parameters: str) -> dict[str, Any]:
        """Ask the token endpoint."""
        return self.endpoint("/token").post(**parameters)

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask about an opaque token (RFC 7662)."""
        client_id, client_secret = SERVICE_CLIENT
        return self.endpoint("/token/introspection").post(
            token=token, client_id=client_id, client_secret=client_secret
        )

    def revoke(self, token: str, client_id: str = NATIVE_CLIENT) -> None:
        """Revoke an opaque or refresh token (RFC 7009)."""
        self.endpoint("/token/revocation").post(token=token, client_id=client_id)

    def endpoint(self, path: str) -> Endpoint:
        """Give one of its endpoints."""
        authority = self.certificates.authority if self.certificates else None
        return Endpoint(f"{self.issuer}{path}", authority)

    def _command(self, name: str, value: Any = None) -> dict[str, Any]:
        self._process.stdin.write(json.dumps({name: value}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the provider ended:\n{self.log}")
        return json.loads(line)


def start_oidc_provider(
    certificates: Certificates | None = None, **settings: Any
) -> OIDCProvider:
    """
    Start a provider on a free port; ``close`` it.

    :param certificates: of its https, ``None`` for http.
    :param settings: see ``OIDCProvider.set``.
    :raise SkipTest: this machine cannot have it, and this is not ``CI``.
    """
    provider = OIDCProvider(certificates, TemporaryDirectory(prefix="mcp-trino-"))
    provider.start()
    if settings:
        provider.set(**settings)
    return provider
