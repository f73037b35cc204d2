"""What a client's own document says of it (RFC 7591 section 2 names the members)."""

from typing import Any

import orjson
from attrs import evolve

from mcp_trino.errors import UnknownClient
from mcp_trino.oauth.client import Client, readable_name
from mcp_trino.oauth.redirects import InvalidRedirect, RedirectPolicy

MAX_REDIRECTS = 20


def published_client(
    url: str, host: str, body: bytes, policy: RedirectPolicy
) -> Client:
    """
    Read a Client ID Metadata Document.

    :param url: where it was found, which it has to name, byte by byte.
    :raise UnknownClient: it is none, or not that of a public client.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get("client_id") != url:
        raise UnknownClient("The application's document is not the one of its id.")
    method = document.get("token_endpoint_auth_method", "none")
    if method != "none" or "client_secret" in document or _private(document):
        raise UnknownClient("The application's document is not of a public client.")
    uris = document.get("redirect_uris")
    if not isinstance(document.get("client_name"), str) or not isinstance(uris, list):
        raise UnknownClient("The application's document has no name or no redirects.")
    redirects = _redirects(url, uris, str(document.get("application_type")), policy)
    return Client(url, readable_name(document["client_name"]), redirects, host)


def _private(document: dict[str, Any]) -> bool:
    """Whether there is a key in it that nobody should have published."""
    jwks = document.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    return any(
        isinstance(key, dict) and {"d", "k", "p", "q"} & set(key)
        for key in (keys if isinstance(keys, list) else ())
    )


def _redirects(
    url: str, uris: list[Any], application_type: str, policy: RedirectPolicy
) -> tuple[str, ...]:
    """Take the redirects that this server knows, and those of the same origin."""
    origin = "/".join(url.split("/")[:3])
    own = evolve(policy, any_https=True)
    taken: list[str] = []
    for uri in uris[:MAX_REDIRECTS]:
        try:
            judge = own if str(uri).startswith(f"{origin}/") else policy
            judge.check(str(uri), application_type)
            taken.append(uri)
        except InvalidRedirect as error:
            if not error.unlisted:
                raise UnknownClient(f"In the application's document {error}.") from None
    if not taken:
        raise UnknownClient("This server knows no redirect of the application.")
    return tuple(taken)
