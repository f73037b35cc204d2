"""The value of each setting, before it is known whether they fit together."""

from collections.abc import Mapping
from socket import has_dualstack_ipv6
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen
from cryptography.x509 import load_pem_x509_certificate
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname

from mcp_trino.config.kinds import origin_of
from mcp_trino.config.listening import Listening, listening
from mcp_trino.config.table import SETTINGS
from mcp_trino.providers import PROVIDERS, Provider, TokenKind
from mcp_trino.settings import OAuthMode, Transport

SWITCHES = ("OAUTH_ENABLED", "TRINO_OAUTH_ENABLED")
"""The two names of one setting."""

REDIRECTS = (
    "OAUTH_ALLOWED_REDIRECT_URIS",
    "OAUTH_REDIRECT_URIS",
    "OAUTH_REDIRECT_URI",
)
"""The three names of another one."""


@frozen
class Chosen:
    """
    The value of each setting.

    :ivar values: by name; the default where none was given or it is wrong.
    :ivar given: the names of those that were given.
    """

    values: Mapping[str, Any] = field(repr=False)
    given: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def room(self, name: str) -> dict[str, Any]:
        """Give the values that go into a room of the tree just as they are."""
        return {
            setting.to.removeprefix(f"{name}."): self.values[setting.name]
            for setting in SETTINGS
            if setting.to.startswith(f"{name}.")
        }

    @property
    def transport(self) -> Transport:
        """What is served."""
        return Transport(self["MCP_TRANSPORT"])

    @property
    def scheme(self) -> str:
        """How Trino is spoken to."""
        plain = self["TRINO_SSL"] is False
        return self["TRINO_SCHEME"] or ("http" if plain else "https")

    @property
    def oauth(self) -> bool:
        """Whether people are asked who they are."""
        return self.transport is Transport.HTTP and any(map(self.__getitem__, SWITCHES))

    @property
    def oauth_mode(self) -> OAuthMode:
        """Whose tokens are taken, with OAuth on."""
        if self.provider is None:
            return OAuthMode.HMAC
        return OAuthMode(self["OAUTH_MODE"])

    @property
    def provider(self) -> Provider | None:
        """Whose people may ask, ``None`` for whoever knows ``JWT_SECRET``."""
        return PROVIDERS.get(self["OAUTH_PROVIDER"])

    @property
    def token_kind(self) -> TokenKind:
        """How access tokens of the provider are checked."""
        return TokenKind(self["OAUTH_TOKEN_KIND"])

    @property
    def listening(self) -> tuple[Listening, ...]:
        """Where the server listens."""
        bindings = self["MCP_BIND"]
        if bindings is None:
            everywhere = "::" if has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  # with TLS and OAuth
            public = self.oauth and self["HTTPS_CERT_FILE"]
            bindings = (everywhere if public else "127.0.0.1",)
        return tuple(listening(text, self["MCP_PORT"]) for text in bindings)

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return all(place.is_local for place in self.listening)

    @property
    def public_url(self) -> str:
        """What people type, without a path."""
        bound = [place.port for place in self.listening if place.port]
        port = bound[0] if bound and "MCP_PORT" not in self.given else self["MCP_PORT"]
        scheme = "https" if self["HTTPS_CERT_FILE"] else "http"
        made = origin_of(scheme, self["MCP_HOST"], port)
        return self["MCP_URL"] or self.audience_url or made

    @property
    def audience_url(self) -> str | None:
        """The public URL that only the audience of the tokens tells, if it does."""
        if not self.oauth or {"MCP_URL", "MCP_HOST"} & self.given:
            return None
        for audience in self["OIDC_AUDIENCE"] or ():
            parts = urlsplit(audience)
            host = parts.hostname
            if parts.scheme == "https" and host and self._certified(host):
                port = self["MCP_PORT"] if "MCP_PORT" in self.given else parts.port
                return origin_of("https", host, port or 443)
        return None

    def _certified(self, host: str) -> bool:
        path = self["HTTPS_CERT_FILE"]
        if path is None:
            return False
        try:
            certificate = load_pem_x509_certificate(path.read_bytes())
            verify_certificate_hostname(certificate, host)
        except (OSError, ValueError, CertificateError, VerificationError):
            return False
        return True
