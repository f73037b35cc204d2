"""How a request without a good token is answered (RFC 6750 section 3, RFC 9728)."""

import json

from attrs import frozen

from mcp_trino.errors import AccessDenied
from mcp_trino.oauth.resource_metadata import Resource

MARK_HEADER = "X-Correlation-Id"


@frozen
class Challenges:
    """
    The refusals of a protected resource.

    The parameters are quoted, in one header field, and the description is the
    last: clients search for the others in the whole text.

    A refusal of a token says which it was, as logs do: by the beginning of its
    SHA-256. Whoever runs the server finds the reason there.

    :ivar announced: there is a document that tells where tokens come from.
    """

    announced: bool

    def missing(self, resource: Resource) -> AccessDenied:
        """Ask for a token; without ``error``, as nothing was wrong."""
        return self._refusal(401, "", "a bearer token is needed", resource)

    def invalid(self, resource: Resource, description: str, mark: str) -> AccessDenied:
        """Refuse a token."""
        return self._refusal(401, "invalid_token", description, resource, mark=mark)

    def malformed(self, resource: Resource, description: str) -> AccessDenied:
        """Refuse a request that carries its token wrongly."""
        return self._refusal(400, "invalid_request", description, resource)

    def insufficient(
        self, resource: Resource, needed: tuple[str, ...], mark: str
    ) -> AccessDenied:
        """Ask for a token that allows more: all that this message needs."""
        text = "the token does not allow that"
        return self._refusal(
            403, "insufficient_scope", text, resource, scopes=needed, mark=mark
        )

    def _refusal(
        self,
        status: int,
        error: str,
        description: str,
        resource: Resource,
        *,
        scopes: tuple[str, ...] | None = None,
        mark: str = "",
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
        headers = [("WWW-Authenticate", f"Bearer {said}".rstrip())]
        if mark:
            headers.append((MARK_HEADER, mark))
        return AccessDenied(
            status,
            tuple(headers),
            json.dumps(
                {"error": error or "unauthorized", "error_description": description}
            ),
        )
