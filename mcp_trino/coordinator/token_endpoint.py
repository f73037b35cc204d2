"""Tokens for Trino from the token endpoint of an authorization server."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
from attrs import define, field
from treq import collect
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS

from mcp_trino.errors import (
    ConfigurationError,
    CoordinatorRefused,
    CoordinatorUnreachable,
    NoTrinoUser,
)
from mcp_trino.trino_identity import TokenClient

_MAX_BYTES = 256 * 1024
_PATIENCE_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_MAX_LIFETIME_SECONDS = 3600.0
_UNSAID_LIFETIME_SECONDS = 60.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,65536}=*")
_ERROR = re.compile(r"[a-z_]{1,64}")
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
# What RFC 6749 section 5.2 and RFC 8693 section 2.2.2 say of the token exchanged.
_OF_THE_PERSON = frozenset({"invalid_grant", "invalid_request", "invalid_target"})


def make_http_client(reactor: Any, client: TokenClient) -> HTTPClient:
    """
    Give an HTTP client that trusts what the settings say, and no proxy.

    :raise ConfigurationError: the CA file holds no certificates.
    """
    policy = BrowserLikePolicyForHTTPS()
    if client.ca_file is not None:
        begin = b"-----BEGIN CERTIFICATE-----"
        try:
            _, *pieces = client.ca_file.read_bytes().split(begin)
            authorities = [Certificate.loadPEM(begin + piece) for piece in pieces]
        except Exception as error:
            raise _unusable(client) from error
        if not authorities:
            raise _unusable(client)
        policy = BrowserLikePolicyForHTTPS(trustRootFromCertificates(authorities))
    return HTTPClient(Agent(reactor, policy, connectTimeout=_CONNECT_SECONDS))


def _unusable(client: TokenClient) -> ConfigurationError:
    return ConfigurationError((f"the CA file {client.ca_file} cannot be used",))


@define(eq=False)
class TokenEndpoint:
    """Asks for tokens as a confidential client (RFC 6749 section 2.3.1)."""

    _client: TokenClient
    _http: HTTPClient = field(repr=False)
    _clock: IReactorTime = field(repr=False)

    async def client_credentials(self) -> tuple[str, float]:
        """
        Get a token for this server (RFC 6749 section 4.4).

        :return: the token and the seconds that it holds.
        :raise CoordinatorRefused: this server gets none.
        :raise CoordinatorUnreachable: the endpoint does not answer.
        """
        return await self._ask({"grant_type": "client_credentials"})

    async def exchange(self, subject_token: str) -> tuple[str, float]:
        """
        Get a token for a person in exchange for one of hers (RFC 8693).

        :raise NoTrinoUser: her token is not taken.
        :raise: all that ``client_credentials`` raises.
        """
        return await self._ask(
            {
                "grant_type": _EXCHANGE,
                "subject_token": subject_token,
                "subject_token_type": _ACCESS_TOKEN,
                "requested_token_type": _ACCESS_TOKEN,
            }
        )

    async def _ask(self, form: Mapping[str, str]) -> tuple[str, float]:
        more = {"scope": self._client.scopes, "audience": self._client.audience}
        form = {**form, **{name: value for name, value in more.items() if value}}
        asking = Deferred.fromCoroutine(self._post(urlencode(form).encode()))
        try:
            status, content = await asking.addTimeout(_PATIENCE_SECONDS, self._clock)
        except Exception as error:
            raise CoordinatorUnreachable(
                "the identity provider that gives tokens for Trino does not answer"
            ) from error
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            document = None
        answer = document if isinstance(document, dict) else {}
        if status != HTTPStatus.OK:
            raise self._refusal(status, answer, of_person="subject_token" in form)
        return self._granted(answer)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        client = self._client
        headers: dict[str | bytes, str | bytes] = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        response = await self._http.post(
            client.token_url,
            data=body,
            headers=headers,
            auth=(quote_plus(client.client_id), quote_plus(client.client_secret)),
            allow_redirects=False,
            unbuffered=True,
        )
        content = bytearray()

        def take(data: bytes) -> None:
            content.extend(data[: _MAX_BYTES - len(content)])

        await collect(response, take)
        return response.code, bytes(content)

    def _refusal(
        self, status: int, answer: Mapping[str, Any], *, of_person: bool
    ) -> Exception:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (408, 429):
            return CoordinatorUnreachable(
                "the identity provider that gives tokens for Trino is not available "
                f"(HTTP {status})"
            )
        error = str(answer.get("error", ""))
        code = error if _ERROR.fullmatch(error) else "without an error code"
        if of_person and code in _OF_THE_PERSON:
            return NoTrinoUser(
                "the identity provider gives no token for Trino in exchange for "
                f"yours ({code}); log in again, and if that does not help ask the "
                "operator of this server"
            )
        return self._useless(f"HTTP {status}, {code}")

    def _granted(self, answer: Mapping[str, Any]) -> tuple[str, float]:
        token, kind = answer.get("access_token"), answer.get("token_type")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._useless("no access token in its answer")
        # RFC 8693 section 2.2.1 has N_A for what is no access token.
        if str(kind).lower() != "bearer":
            raise self._useless("its token is no bearer token")
        seconds = answer.get("expires_in", _UNSAID_LIFETIME_SECONDS)
        try:
            lifetime = min(max(float(seconds), 0.0), _MAX_LIFETIME_SECONDS)
        except (TypeError, ValueError):
            lifetime = _UNSAID_LIFETIME_SECONDS
        return token, lifetime

    def _useless(self, reason: str) -> CoordinatorRefused:
        return CoordinatorRefused(
            HTTPStatus.UNAUTHORIZED,
            f"{self._client.token_url} gives this server no token for Trino: {reason}",
        )
