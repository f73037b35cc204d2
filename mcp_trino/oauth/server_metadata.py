"""
What the authorization server says of itself (RFC 8414, OpenID Connect Discovery).

One document serves at all paths: clients that know only one of them, or that
take the endpoint's path for the issuer's, read the same. Nothing is in it that
does not work: clients choose by it, and fail with what they chose.
"""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mcp_trino.oauth.signing import ALGORITHM

JWKS_PATH = "/.well-known/jwks.json"
REGISTER_PATH = "/oauth/register"
_WELL_KNOWN = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
)


@frozen
class ServerMetadata:
    """
    The authorization server as its clients see it.

    :ivar issuer: its public URL, without a path.
    :ivar scopes: all that can be granted.
    :ivar registration: whether clients may register themselves (RFC 7591).
    :ivar documents: whether any Client ID Metadata Document is taken.
    """

    issuer: str
    scopes: tuple[str, ...]
    registration: bool
    documents: bool

    def document(self) -> dict[str, Any]:
        """Give the document."""
        value: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
            "jwks_uri": f"{self.issuer}{JWKS_PATH}",
            "scopes_supported": list(self.scopes),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
            # OpenID Connect Discovery requires them; readers insist on it.
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
        if self.registration:
            value["registration_endpoint"] = f"{self.issuer}{REGISTER_PATH}"
        if self.documents:
            value["client_id_metadata_document_supported"] = True
        return value


def metadata_paths(endpoints: Sequence[str]) -> tuple[str, ...]:
    """
    Give the paths of the document.

    :param endpoints: the paths of the MCP endpoints, which some clients insert.
    """
    return tuple(
        f"{path}{endpoint}" for path in _WELL_KNOWN for endpoint in ("", *endpoints)
    )
