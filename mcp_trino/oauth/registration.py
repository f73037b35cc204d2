"""
Dynamic Client Registration (RFC 7591), with nothing to remember.

What a client registers is sealed into the id that it is given: neither a
restart nor another replica can forget it, and nobody can fill a table. Every
client is a public one; PKCE proves what a secret would.
"""

from http import HTTPStatus
from typing import Any

import orjson
from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcp_trino.interfaces import IAudit
from mcp_trino.oauth.client import Client, readable_name
from mcp_trino.oauth.rates import Allowance, network_of
from mcp_trino.oauth.redirects import InvalidRedirect, RedirectPolicy
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.principal import client_mark
from mcp_trino.reply import JSON, Reply

MAX_BODY_BYTES = 16 * 1024
MAX_REDIRECTS = 10
MAX_CLIENT_ID_CHARS = 1536
"""It has to fit into URLs, with all the rest of an authorization request."""

_PURPOSE = "cid"
_GRANT_TYPES = ("authorization_code", "refresh_token")


class _InvalidMetadata(Exception):
    """The client has to write its metadata in another way."""


@define(eq=False)
class Registration:
    """
    Gives clients an id, and knows them by it again.

    :ivar allowance: how often one network may register.
    """

    _clock: IReactorTime = field(repr=False)
    _sealer: Sealer = field(repr=False)
    _policy: RedirectPolicy = field(repr=False)
    _audit: IAudit = field(repr=False)
    _allowance: Allowance = field(repr=False)

    def register(self, body: bytes, content_type: str, source: str) -> Reply:
        """
        Answer a registration request.

        :param source: the address that it came from.
        :raise AuditUnwritable: it could not be recorded.
        """
        wait_seconds = self._allowance.take(network_of(source))
        if wait_seconds:
            return _answer(
                HTTPStatus.TOO_MANY_REQUESTS,
                _problem("temporarily_unavailable", "too many registrations"),
                (b"Retry-After", b"%d" % wait_seconds),
            )
        try:
            registered = self._registered(_metadata(body, content_type))
        except InvalidRedirect as error:
            return _refused("invalid_redirect_uri", str(error))
        except _InvalidMetadata as error:
            return _refused("invalid_client_metadata", str(error))
        self._audit.record(
            "registration",
            None,
            client_id=client_mark(registered["client_id"]),
            client_name=registered["client_name"],
            redirect_uris=registered["redirect_uris"],
            source=source,
        )
        return _answer(HTTPStatus.CREATED, registered)

    def find(self, client_id: str) -> Client | None:
        """Give the client that was given that id, ``None`` if none was."""
        if len(client_id) > MAX_CLIENT_ID_CHARS:
            return None
        sealed = self._sealer.open(_PURPOSE, client_id)
        if sealed is None:
            return None
        return Client(client_id, sealed["name"], tuple(sealed["redirects"]))

    def _registered(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Give all that is registered (RFC 7591 section 3.2.1)."""
        web = metadata.get("application_type") == "web"
        application_type = "web" if web else "native"
        redirects = self._redirects(metadata.get("redirect_uris"), application_type)
        name = readable_name(metadata.get("client_name"))
        payload = {"name": name, "redirects": redirects}
        client_id = self._sealer.seal(_PURPOSE, payload, None)
        if len(client_id) > MAX_CLIENT_ID_CHARS:
            raise InvalidRedirect("the redirect URIs are too long together")
        return {
            "client_id": client_id,
            "client_id_issued_at": int(self._clock.seconds()),
            "client_name": name,
            "redirect_uris": redirects,
            "grant_types": _grant_types(metadata),
            "response_types": _response_types(metadata),
            "token_endpoint_auth_method": "none",
            "application_type": application_type,
        }

    def _redirects(self, uris: Any, application_type: str) -> list[str]:
        """
        Take the redirect URIs, without those that this server does not know.

        Cursor registers three at once, of which one is enough for it.
        """
        if not _are_texts(uris) or not 1 <= len(uris) <= MAX_REDIRECTS:
            raise _InvalidMetadata(f"redirect_uris must be 1 to {MAX_REDIRECTS} URIs")
        taken, unlisted = [], None
        for uri in uris:
            try:
                self._policy.check(uri, application_type)
                taken.append(uri)
            except InvalidRedirect as error:
                if not error.unlisted:
                    raise
                unlisted = error
        if unlisted and not taken:
            raise unlisted
        return taken


def _metadata(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _InvalidMetadata("the body must be application/json")
    if len(body) > MAX_BODY_BYTES:
        raise _InvalidMetadata(f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        metadata = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _InvalidMetadata("the body is not JSON") from None
    if not isinstance(metadata, dict):
        raise _InvalidMetadata("the body is not a JSON object")
    return metadata


def _grant_types(metadata: dict[str, Any]) -> list[str]:
    asked = metadata.get("grant_types", list(_GRANT_TYPES))
    if not _are_texts(asked) or _GRANT_TYPES[0] not in asked:
        raise _InvalidMetadata("grant_types must have authorization_code")
    return [name for name in _GRANT_TYPES if name in asked]


def _response_types(metadata: dict[str, Any]) -> list[str]:
    asked = metadata.get("response_types", ["code"])
    if not _are_texts(asked) or "code" not in asked:
        raise _InvalidMetadata("response_types must have code")
    return ["code"]


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _problem(error: str, description: str) -> dict[str, str]:
    return {"error": error, "error_description": description}


def _refused(error: str, description: str) -> Reply:
    return _answer(HTTPStatus.BAD_REQUEST, _problem(error, description))


def _answer(status: int, value: dict[str, Any], *headers: tuple[bytes, bytes]) -> Reply:
    kept = ((b"Content-Type", JSON), (b"Cache-Control", b"no-store"))
    return Reply(status, orjson.dumps(value), (*kept, *headers))
