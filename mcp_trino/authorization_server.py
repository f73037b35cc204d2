"""This server as an OAuth authorization server: what lets people log in."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.threads import deferToThreadPool
from twisted.web.resource import IResource

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError
from mcp_trino.fetching import Fetcher, VerifiedEndpoints, trust_of
from mcp_trino.interfaces import IAudit, IIntrospector, IStore, ISubjectTokens
from mcp_trino.oauth.admission import BLOCKED, Admission
from mcp_trino.oauth.clients import Clients, make_documents, policy_of
from mcp_trino.oauth.keyring import Keyring, make_keyring
from mcp_trino.oauth.rates import Allowance
from mcp_trino.oauth.registration import Registration
from mcp_trino.oauth.server import Offer, Surroundings, authorization_server
from mcp_trino.oauth.server_metadata import JWKS_PATH, ServerMetadata, metadata_paths
from mcp_trino.oauth.upstream import MAX_BYTES
from mcp_trino.principal import Principal
from mcp_trino.settings import OAuthSettings, ProxySettings
from mcp_trino.web.authorization_server import Endpoints
from mcp_trino.web.consent_pages import ConsentPages
from mcp_trino.web.documents import changing_resources

_REGISTRATIONS_PER_MINUTE = 20
_ENDPOINTS = ("/mcp", "/sse")
# While a crowd logs in this process may come to an answer only after seconds.
_CONNECT_SECONDS = 8.0

_READS = "read data: run queries that change nothing, see catalogs, schemas and tables"
_WRITES = "change data: run statements that write"


@frozen
class AuthorizationServer:
    """
    All that lets people log in.

    :ivar resources: its endpoints and documents, by path.
    :ivar keyring: a service that has to run before all that asks for a token.
    """

    resources: Mapping[bytes, IResource]
    keyring: Service
    subject_tokens: ISubjectTokens = field(repr=False)


@frozen
class Neighbours:
    """What the rest of the process has for it."""

    store: IStore
    introspector: IIntrospector
    admission: Admission
    audit: IAudit


def make_authorization_server(
    reactor: Any,
    settings: OAuthSettings,
    proxy: ProxySettings,
    origin: str,
    neighbours: Neighbours,
    *,
    writes: bool,
    exchanges: bool,
) -> AuthorizationServer:
    """
    Let people log in at the server at an origin.

    :param reactor: its clock counts seconds since the epoch.
    :param origin: the public URL.
    :param writes: there are tools that write.
    :param exchanges: people's tokens of the provider are exchanged for Trino.
    :raise ConfigurationError: a file cannot be used.
    """
    if settings.provider is None:
        raise ConfigurationError(("OAUTH_PROVIDER: nobody can log in there",))
    meanings = {settings.read_scope: _READS} if settings.read_scope else {}
    default_scopes = frozenset(meanings)
    if writes:
        meanings[settings.write_scope] = _WRITES
    keyring = _keyring(reactor, settings, proxy)
    registration = Registration(
        reactor,
        keyring.sealer,
        policy_of(proxy),
        neighbours.audit,
        Allowance(reactor, _REGISTRATIONS_PER_MINUTE),
    )
    server = authorization_server(
        Offer(
            issuer=origin,
            resources=tuple(f"{origin}{path}" for path in _ENDPOINTS),
            scopes=frozenset(meanings),
            default_scopes=default_scopes,
        ),
        settings.provider,
        proxy,
        Surroundings(
            clock=reactor,
            store=neighbours.store,
            sealer=keyring.sealer,
            sign=keyring.signing.sign,
            introspector=neighbours.introspector,
            fetcher=_fetcher(reactor, settings),
            find_client=Clients(registration, make_documents(reactor, proxy)).find,
            admit=lambda person: _admit(neighbours.admission, person),
            audit=neighbours.audit,
        ),
        audience=next(iter(settings.audiences), ""),
        keeps_access_tokens=exchanges,
    )
    provider_host = urlsplit(settings.worker.issuer).netloc
    pages = ConsentPages(origin, settings.provider.title, provider_host, meanings)
    endpoints = Endpoints(
        server,
        pages,
        registration if proxy.registration else None,
        proxy.behind_proxy,
    )
    metadata = ServerMetadata(
        origin, tuple(meanings), proxy.registration, bool(proxy.document_hosts)
    )
    return AuthorizationServer(
        {**endpoints.resources(), **_documents(metadata, keyring)},
        keyring,
        server.renewal,
    )


def _keyring(reactor: Any, settings: OAuthSettings, proxy: ProxySettings) -> Keyring:
    public_file = settings.worker.own_keys_file
    if public_file is None:
        raise ConfigurationError(("OAUTH_STATE_DIRECTORY is needed",))
    return make_keyring(
        proxy,
        public_file,
        proxy.access_seconds + settings.worker.leeway_seconds,
        reactor,
        lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work),
    )


def _fetcher(reactor: Any, settings: OAuthSettings) -> Fetcher:
    try:
        trust = trust_of(settings.worker.ca_file)
    except (OSError, ValueError) as error:
        raise ConfigurationError((f"OIDC_CA_FILE: {error}",)) from error
    ways = VerifiedEndpoints(reactor, trust, _CONNECT_SECONDS)
    return Fetcher(reactor, ways, MAX_BYTES)


def _documents(metadata: ServerMetadata, keyring: Keyring) -> dict[bytes, IResource]:
    body = json.dumps(metadata.document()).encode()
    return changing_resources(
        {
            JWKS_PATH: lambda: json.dumps(keyring.signing.public()).encode(),
            **dict.fromkeys(metadata_paths(_ENDPOINTS), lambda: body),
        }
    )


def _admit(admission: Admission, person: Active) -> Principal:
    principal = admission.admit(person)
    if admission.is_blocked(principal):
        return evolve(principal, refusal=BLOCKED)
    return principal
