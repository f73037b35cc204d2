"""Tests of what the authorization server says of itself."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.server_metadata import ServerMetadata, metadata_paths

ISSUER = "https://mcp.example.com"


class ServerMetadataTests(SynchronousTestCase):
    """The document of RFC 8414 and OpenID Connect Discovery."""

    def document(self, *, registration=True, documents=True):
        """Give the document of a server."""
        scopes = ("trino:read", "trino:write")
        return ServerMetadata(ISSUER, scopes, registration, documents).document()

    def test_document(self):
        """All that clients look for is there, as it is."""
        self.assertEqual(
            self.document(),
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/oauth/authorize",
                "token_endpoint": f"{ISSUER}/oauth/token",
                "revocation_endpoint": f"{ISSUER}/oauth/revoke",
                "registration_endpoint": f"{ISSUER}/oauth/register",
                "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
                "scopes_supported": ["trino:read", "trino:write"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "revocation_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": True,
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            },
        )

    def test_switched_off(self):
        """What is switched off is not there at all."""
        document = self.document(registration=False, documents=False)
        self.assertNotIn("registration_endpoint", document)
        self.assertNotIn("client_id_metadata_document_supported", document)

    def test_same_origin(self):
        """Every endpoint is at the issuer itself."""
        for name, value in self.document().items():
            if name.endswith(("_endpoint", "_uri")):
                self.assertTrue(value.startswith(f"{ISSUER}/"), name)

    def test_paths(self):
        """The document is where any of the clients looks."""
        self.assertEqual(
            metadata_paths(["/mcp", "/sse"]),
            (
                "/.well-known/oauth-authorization-server",
                "/.well-known/oauth-authorization-server/mcp",
                "/.well-known/oauth-authorization-server/sse",
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration/mcp",
                "/.well-known/openid-configuration/sse",
            ),
        )
