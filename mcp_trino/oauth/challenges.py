"""How a request without a good token is answered (RFC 6750 section 3, RFC 9728)."""

import json

from attrs import frozen

from mcp_trino.errors import AccessDenied
from mcp_trino.oauth.resource_metadata import Resource


@frozen
class Challenges:
    """
    The refusals of a protected resource.

    The parameters are quoted, in one header field, and the description is the
    last: clients search for the others in the whole text.

    :ivar announced: there is a document that tells where tokens come from.
    """

    announced: bool

    def missing(self, resource: Resource) -> AccessDenied:
        """Ask for a token; without ``error``, as nothing was wrong."""
        return self._refusal(401, "", "a bearer token is needed", resource)

    def invalid(self, resource: Resource, description: str) -> AccessDenied:
        """Refuse a token."""
        return self._refusal(401, "invalid_token", description, resource)

    def malformed(self, resource: Resource, description: str) -> AccessDenied:
        """Refuse a request that carries its token wrongly."""
        return self._refusal(400, "invalid_request", description, resource)

    def insufficient(self, resource: Resource, needed: tuple[str, ...]) -> AccessDenied:
        """Ask for a token that allows more: all that this message needs."""
        return self._refusal(
            403, "insufficient_scope", "the token does not allow that", resource, needed
        )

    def _refusal(
        self,
        status: int,
        error: str,
        description: str,
        resource: Resource,
        scopes: tuple[str, ...] | None = None,
    ) -> AccessDenied:
        parameters = {
            "error": error,
            "resource_metadata": resource.metadata_url if self.announced else "",
            "scope": " ".join(resource.scopes if scopes is None else scopes),
            "error_description": description if error else "",
        }
        said = ", ".join(
            f'{name}="{text}"' for name, text in parameters.items() if text
        )
        return AccessDenied(
            status,
            (("WWW-Authenticate", f"Bearer {said}".rstrip()),),
            json.dumps(
                {"error": error or "unauthorized", "error_description": description}
            ),
        )
