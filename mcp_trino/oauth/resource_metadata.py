"""The protected resources of this server and their documents (RFC 9728)."""

import json
from typing import Any

from attrs import frozen

_WELL_KNOWN = "/.well-known/oauth-protected-resource"
_EVENTS = ("/sse", "/messages")


@frozen
class Resource:
    """
    An endpoint as a protected resource.

    :ivar path: of its URL.
    :ivar scopes: what a client asks for at first.
    """

    origin: str
    path: str
    scopes: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its identifier: exactly what people type."""
        return f"{self.origin}{self.path}"

    @property
    def metadata_url(self) -> str:
        """Where its document is (RFC 9728 section 3.1)."""
        return f"{self.origin}{_WELL_KNOWN}{self.path}"

    def document(self, issuer: str) -> dict[str, Any]:
        """
        Give its document.

        :param issuer: of the one authorization server, byte for byte.
        """
        scopes = {"scopes_supported": list(self.scopes)} if self.scopes else {}
        return {
            "resource": self.url,
            "authorization_servers": [issuer],
            **scopes,
            "bearer_methods_supported": ["header"],
            "resource_name": "Trino",
            "resource_documentation": f"{self.origin}/",
        }


@frozen
class Resources:
    """Both of them: ``/mcp``, and ``/sse`` with the messages to it."""

    mcp: Resource
    sse: Resource

    def of(self, path: str) -> Resource:
        """Give the one that a request's path belongs to."""
        return self.sse if path.startswith(_EVENTS) else self.mcp

    def documents(self, issuer: str) -> dict[str, bytes]:
        """Give the documents by their paths; the root's is that of ``/mcp``."""
        documents = {}
        for suffix, resource in (
            ("", self.mcp),
            (self.mcp.path, self.mcp),
            (self.sse.path, self.sse),
        ):
            body = json.dumps(resource.document(issuer)).encode()
            documents[f"{_WELL_KNOWN}{suffix}"] = body
        return documents


def make_resources(origin: str, scopes: tuple[str, ...]) -> Resources:
    """
    Give the resources of the server at an origin.

    :param origin: the public URL, without a trailing slash.
    """
    return Resources(Resource(origin, "/mcp", scopes), Resource(origin, "/sse", scopes))
