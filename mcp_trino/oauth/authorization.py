"""What an authorization request asks for (RFC 6749 section 4.1.1, RFC 7636)."""

from collections.abc import Callable
from typing import Any, Self

from attrs import asdict, define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mcp_trino.errors import Undecidable, UnknownClient
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.parameters import Parameters, Unreadable
from mcp_trino.oauth.pkce import valid_challenge
from mcp_trino.oauth.redirects import matches
from mcp_trino.oauth.refusals import AuthorizationRefused, Problem
from mcp_trino.oauth.resource_indicators import InvalidTarget, ResourceIndicators

_MAX_STATE_CHARS = 1024

HABITUAL_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
"""What clients of OpenID Connect ask for by habit; it is nothing to grant here."""

FindClient = Callable[[str], Deferred[Client]]


@frozen
class AuthorizationRequest:
    """
    A request that may be put before a person.

    :ivar client_name: how the client calls itself, unverified.
    :ivar client_host: whose metadata document it is, empty for none.
    :ivar provable: what is sent to the redirect reaches nobody else, so an
        approval may be remembered.
    :ivar redirect_uri: where the answer goes, exactly as asked.
    :ivar redirect_given: the request named it, so the token request has to.
    :ivar challenge: of PKCE, S256.
    :ivar resource: what tokens will be made for (RFC 8707), one of ours.
    :ivar scopes: what would be granted, sorted.
    :ivar state: the client's own, given back as it is.
    """

    client_id: str
    client_name: str
    client_host: str
    provable: bool
    redirect_uri: str
    redirect_given: bool
    challenge: str
    resource: str
    scopes: tuple[str, ...]
    state: str | None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON-ready values, for a seal."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(**{**value, "scopes": tuple(value["scopes"])})


_NOT_LOOKED_UP = Problem(
    503,
    "Your application cannot be looked up now",
    "The host that describes it does not answer this server. Wait a moment and "
    "reload the page.",
)


@define(eq=False)
class Authorization:
    """
    Judges authorization requests.

    :ivar scopes: all that can be granted.
    :ivar default_scopes: what is granted when a request names none.
    """

    _find: FindClient = field(repr=False)
    _resources: ResourceIndicators
    scopes: frozenset[str]
    default_scopes: frozenset[str]
    _log = Logger()

    def check(self, query: bytes) -> Deferred[AuthorizationRequest]:
        """
        Take a request or refuse it, before anybody is asked.

        :param query: the query of a GET or the form of a POST.
        :raise Problem: there is no client or redirect that could be told.
        :raise AuthorizationRefused: the client is told.
        """
        return Deferred.fromCoroutine(self._check(query))

    async def _check(self, query: bytes) -> AuthorizationRequest:
        try:
            parameters = Parameters.read(query)
            client = await self._client(parameters)
            given = parameters.get("redirect_uri")
        except Unreadable as error:
            raise _no_request(f"{error} (invalid_request).") from None
        redirect_uri = _redirect_uri(client, given)
        state = _state(parameters, redirect_uri)
        try:
            return self._accept(client, redirect_uri, parameters, state)
        except Unreadable as error:
            raise AuthorizationRefused(
                redirect_uri, state, "invalid_request", str(error)
            ) from None
        except _Refused as refused:
            raise AuthorizationRefused(
                redirect_uri, state, refused.error, refused.description
            ) from None
        except InvalidTarget as error:
            raise AuthorizationRefused(
                redirect_uri, state, "invalid_target", str(error)
            ) from None

    async def _client(self, parameters: Parameters) -> Client:
        client_id = parameters.get("client_id")
        if client_id is None:
            raise _no_request("The address has no client_id.")
        try:
            return await self._find(client_id)
        except UnknownClient as error:
            raise Problem(
                400,
                "This application is not known here",
                error.message,
            ) from None
        except Undecidable as error:
            self._log.error("a client cannot be looked up: {error}", error=error)
            raise _NOT_LOOKED_UP from None

    def _accept(
        self,
        client: Client,
        redirect_uri: str,
        parameters: Parameters,
        state: str | None,
    ) -> AuthorizationRequest:
        parameters.require_single(but={"resource"})
        _require_code(parameters)
        return AuthorizationRequest(
            client_id=client.client_id,
            client_name=client.name,
            client_host=client.host,
            provable=client.proves_itself,
            redirect_uri=redirect_uri,
            redirect_given=parameters.get("redirect_uri") is not None,
            challenge=_challenge(parameters),
            resource=self._resources.named(parameters) or self._resources.default,
            scopes=self._granted(parameters.get("scope")),
            state=state,
        )

    def _granted(self, scope: str | None) -> tuple[str, ...]:
        asked = frozenset((scope or "").split(" ")) - {""}
        granted = asked & self.scopes
        if not asked or (not granted and asked <= HABITUAL_SCOPES):
            granted = self.default_scopes
        if not granted and self.scopes:
            names = " ".join(sorted(self.scopes))
            raise _Refused("invalid_scope", f"the scopes of this server are {names}")
        return tuple(sorted(granted))


@frozen
class _Refused(Exception):
    error: str
    description: str


def _redirect_uri(client: Client, given: str | None) -> str:
    if given is None:
        if len(client.redirect_uris) == 1:
            return client.redirect_uris[0]
        raise _no_request("The address has no redirect_uri.")
    if not any(matches(registered, given) for registered in client.redirect_uris):
        raise Problem(
            400,
            "The answer must not go there",
            "The address that your application wants the answer sent to is not one "
            "that it registered. Remove this server in your application and add it "
            "again. If you did not start this yourself, close the page.",
        )
    return given


def _state(parameters: Parameters, redirect_uri: str) -> str | None:
    try:
        state = parameters.get("state")
    except Unreadable as error:
        raise AuthorizationRefused(
            redirect_uri, None, "invalid_request", str(error)
        ) from None
    if state is not None and len(state) > _MAX_STATE_CHARS:
        raise AuthorizationRefused(
            redirect_uri, None, "invalid_request", "the state is too long"
        )
    return state


def _require_code(parameters: Parameters) -> None:
    response_type = parameters.get("response_type")
    if response_type is None:
        raise _Refused("invalid_request", "response_type is missing")
    if response_type != "code":
        raise _Refused("unsupported_response_type", "response_type must be code")
    for name in ("request", "request_uri"):
        if parameters.get(name) is not None:
            raise _Refused(f"{name}_not_supported", f"{name} is not supported")
    if parameters.get("response_mode") not in {None, "query"}:
        raise _Refused("invalid_request", "response_mode must be query")
    if parameters.get("prompt") == "none":
        raise _Refused("interaction_required", "a person has to agree")


def _challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge")
    if challenge is None:
        raise _Refused("invalid_request", "code_challenge is missing (PKCE)")
    if parameters.get("code_challenge_method") != "S256":
        raise _Refused("invalid_request", "code_challenge_method must be S256")
    if not valid_challenge(challenge):
        raise _Refused("invalid_request", "code_challenge must be 43 of base64url")
    return challenge


def _no_request(why: str) -> Problem:
    return Problem(
        400,
        "This is not a complete request",
        f"{why} Start the login again in your application.",
    )
