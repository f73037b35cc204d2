"""Tests of ``mcp_trino.oauth.resource_metadata``."""

import json
from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.resource_metadata import make_resources

ORIGIN = "https://mcp.example"
WELL_KNOWN = "/.well-known/oauth-protected-resource"


class DocumentTests(SynchronousTestCase):
    """The documents of RFC 9728."""

    def documents(self, *scopes: str) -> dict[str, dict[str, object]]:
        """Give the documents by path."""
        found = make_resources(ORIGIN, scopes).documents("https://id.example/")
        return {path: json.loads(body) for path, body in found.items()}

    def test_paths(self) -> None:
        """Each endpoint has its own; the root's is that of /mcp."""
        documents = self.documents("trino:read")
        self.assertEqual(
            {path: document["resource"] for path, document in documents.items()},
            {
                WELL_KNOWN: f"{ORIGIN}/mcp",
                f"{WELL_KNOWN}/mcp": f"{ORIGIN}/mcp",
                f"{WELL_KNOWN}/sse": f"{ORIGIN}/sse",
            },
        )
        self.assertEqual(documents[WELL_KNOWN], documents[f"{WELL_KNOWN}/mcp"])

    def test_members(self) -> None:
        """The issuer stands there byte for byte; nothing is promised in vain."""
        document = self.documents("trino:read")[f"{WELL_KNOWN}/mcp"]
        self.assertEqual(document["authorization_servers"], ["https://id.example/"])
        self.assertEqual(document["scopes_supported"], ["trino:read"])
        self.assertEqual(document["bearer_methods_supported"], ["header"])
        self.assertNotIn("jwks_uri", document)
        self.assertNotIn("scopes_supported", self.documents()[WELL_KNOWN])

    def test_comparisons_of_clients(self) -> None:
        """A-25: clients compare the resource with the URL that was typed."""
        resources = make_resources(ORIGIN, ())
        for path in ("/mcp", "/mcp/"):
            resource = resources.of(path)
            self.assertEqual(resource.url, f"{ORIGIN}/mcp")
        for path in ("/sse", "/sse/", "/messages", "/messages/"):
            self.assertEqual(resources.of(path).url, f"{ORIGIN}/sse")
        parts = urlsplit(resources.mcp.metadata_url)
        self.assertEqual(parts.path, f"{WELL_KNOWN}{urlsplit(resources.mcp.url).path}")
