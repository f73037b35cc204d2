"""
What a provider publishes about itself.

The document is that of OpenID Connect Discovery section 4 or of RFC 8414, the
keys are a JWK set (RFC 7517 section 5).
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.addresses import is_provider_url
from mcp_trino.introspection.fetching import Answer, Ask, Fetch
from mcp_trino.introspection.keys import Keys, read_keys
from mcp_trino.introspection.rules import is_shared_issuer
from mcp_trino.introspection.strict_json import read_object
from mcp_trino.providers import Endpoints, Provider

MAX_METADATA_BYTES = 65536
MAX_KEYS_BYTES = 262144

_OPTIONAL_ENDPOINTS = (
    "userinfo_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
)


@frozen
class Metadata:
    """
    What a discovery document says.

    :ivar jwks_uri: ``None`` when it names none.
    :ivar endpoints: ``None`` of an issuer that nobody can log in at.
    :ivar introspection: the endpoint of RFC 7662, or ``None``.
    """

    jwks_uri: str | None
    endpoints: Endpoints | None
    introspection: str | None


@frozen
class Published:
    """
    A JWK set that was fetched.

    :ivar problems: why some of its keys were left out.
    :ivar cache_control: how long the provider says it may be kept.
    """

    keys: Keys
    problems: tuple[str, ...]
    cache_control: str


@define(eq=False)
class Documents:
    """The documents of one issuer."""

    _issuer: str
    _provider: Provider
    _fetch: Fetch = field(repr=False)

    async def metadata(self) -> Metadata:
        """
        Fetch the discovery document.

        :raise Undecidable: there is none that can be trusted.
        """
        problems = []
        for url in metadata_urls(self._issuer):
            try:
                answer = await self._get(url, MAX_METADATA_BYTES)
                document = read_object(answer.body)
                return read_metadata(document, self._issuer, self._provider)
            except (Undecidable, ValueError) as error:
                problems.append(f"{url}: {error}")
        raise Undecidable("; ".join(problems))

    async def keys(self, url: str) -> Published:
        """
        Fetch the keys.

        :raise Undecidable: there is none that can be used.
        """
        answer = await self._get(url, MAX_KEYS_BYTES)
        try:
            keys, problems = read_keys(read_object(answer.body))
        except ValueError as error:
            raise Undecidable(f"{url} is no JWK set: {error}") from None
        if not keys.keys:
            raise Undecidable(f"{url} has no key that can be used; {problems}")
        return Published(keys, problems, answer.cache_control)

    async def _get(self, url: str, max_bytes: int) -> Answer:
        answer = await self._fetch(Ask(url, max_bytes))
        if answer.status != HTTPStatus.OK:
            raise Undecidable(f"{url} answers {answer.status}")
        return answer


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Give where the document may be: of OpenID Connect, and of RFC 8414."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def read_metadata(
    document: dict[str, Any], issuer: str, provider: Provider
) -> Metadata:
    """
    Read a discovery document.

    :raise ValueError: it is another issuer's, or not sound.
    """
    said = document.get("issuer")
    shared = is_shared_issuer(issuer, provider) and said in provider.tenant_issuers
    if said != issuer and not shared:
        raise ValueError(f"its issuer is {said!a}, not {issuer}")
    introspection = _url(document, "introspection_endpoint")
    return Metadata(
        _url(document, "jwks_uri"), _endpoints(document, issuer), introspection
    )


def _endpoints(document: dict[str, Any], issuer: str) -> Endpoints | None:
    authorization = _url(document, "authorization_endpoint")
    token = _url(document, "token_endpoint")
    userinfo, revocation, introspection = (
        _url(document, name) for name in _OPTIONAL_ENDPOINTS
    )
    if authorization is None or token is None:
        return None
    methods = document.get(
        "token_endpoint_auth_methods_supported", ["client_secret_basic"]
    )
    if not isinstance(methods, list) or not all(isinstance(m, str) for m in methods):
        raise ValueError("its token_endpoint_auth_methods_supported is no list")
    sends_issuer = document.get("authorization_response_iss_parameter_supported")
    return Endpoints(
        issuer=issuer,
        authorization=authorization,
        token=token,
        userinfo=userinfo,
        revocation=revocation,
        introspection=introspection,
        sends_issuer=sends_issuer is True,
        token_methods=tuple(methods),
    )


def _url(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not is_provider_url(value):
        raise ValueError(f"its {name} is {value!a}, not an https URL")
    return str(value)
