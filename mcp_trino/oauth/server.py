"""The authorization server as one piece, made of its parts."""

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime

from mcp_trino.fetching import Fetcher
from mcp_trino.interfaces import IAudit, IIntrospector, IStore
from mcp_trino.oauth.access_tokens import AccessTokens, Sign
from mcp_trino.oauth.authorization import Authorization, FindClient
from mcp_trino.oauth.connections import Connections
from mcp_trino.oauth.connections_page import ConnectionsPage
from mcp_trino.oauth.consent import Consent
from mcp_trino.oauth.cookies import Cookies
from mcp_trino.oauth.grants import Grants
from mcp_trino.oauth.interaction import Interaction
from mcp_trino.oauth.logins import Logins
from mcp_trino.oauth.people import Admit, People
from mcp_trino.oauth.rates import Allowance
from mcp_trino.oauth.records import Records
from mcp_trino.oauth.remembered_endpoints import RememberedEndpoints
from mcp_trino.oauth.renewal import Renewal
from mcp_trino.oauth.resource_indicators import ResourceIndicators
from mcp_trino.oauth.revocation import RevocationEndpoint
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.oauth.token import TokenEndpoint
from mcp_trino.oauth.upstream import Upstream
from mcp_trino.providers import Provider
from mcp_trino.settings import ProxySettings

CALLBACK_PATH = "/oauth/callback"
LOGINS_PER_MINUTE = 300
"""That may begin in one network; each is kept for ten minutes."""


@frozen
class Offer:
    """
    What this authorization server can grant.

    :ivar issuer: its public URL.
    :ivar resources: the URLs of the endpoints; the first is the default.
    :ivar scopes: all scopes.
    :ivar default_scopes: what a client gets that names none.
    """

    issuer: str
    resources: tuple[str, ...]
    scopes: frozenset[str]
    default_scopes: frozenset[str]


@frozen
class Surroundings:
    """
    What the authorization server works with.

    :ivar clock: its seconds are those since the epoch.
    """

    clock: IReactorTime
    store: IStore
    sealer: Sealer
    sign: Sign
    introspector: IIntrospector
    fetcher: Fetcher
    find_client: FindClient
    admit: Admit
    audit: IAudit


@frozen
class AuthorizationServer:
    """Its endpoints, and what the rest of the process asks it."""

    cookies: Cookies
    interaction: Interaction = field(repr=False)
    connections: Connections = field(repr=False)
    connections_page: ConnectionsPage = field(repr=False)
    token: TokenEndpoint = field(repr=False)
    revocation: RevocationEndpoint = field(repr=False)
    renewal: Renewal = field(repr=False)


def authorization_server(
    offer: Offer,
    provider: Provider,
    settings: ProxySettings,
    around: Surroundings,
    *,
    audience: str = "",
    keeps_access_tokens: bool = False,
) -> AuthorizationServer:
    """
    Put the parts together.

    :param audience: sent to providers that want it.
    :param keeps_access_tokens: the provider's access tokens are exchanged for
        the Trino side.
    """
    clock, audit, find = around.clock, around.audit, around.find_client
    cookies = Cookies(secure=offer.issuer.startswith("https:"))
    records = Records(around.store, around.sealer)
    resources = ResourceIndicators(offer.resources)
    upstream = Upstream(
        around.fetcher,
        clock,
        provider,
        settings.client_id,
        settings.client_secret,
        f"{offer.issuer}{CALLBACK_PATH}",
        settings.upstream_scopes,
        audience,
    )
    introspector = RememberedEndpoints(around.introspector, clock)
    people = People(upstream, introspector, around.admit, clock, keeps_access_tokens)
    grants = Grants(
        records,
        clock,
        settings.refresh_idle_seconds,
        settings.refresh_seconds,
        settings.access_seconds,
    )
    connections = Connections(grants, records, people, audit, settings.refresh_seconds)
    consent = Consent(around.sealer, cookies, offer.issuer)
    allowance = Allowance(clock, LOGINS_PER_MINUTE)
    logins = Logins(records, cookies, upstream, introspector, people, allowance)
    page = ConnectionsPage(around.sealer, cookies, offer.issuer, connections, logins)
    renewal = Renewal(grants, people, around.store, clock)
    tokens = AccessTokens(
        around.sign,
        clock,
        offer.issuer,
        settings.access_seconds,
    )
    return AuthorizationServer(
        cookies=cookies,
        interaction=Interaction(
            Authorization(find, resources, offer.scopes, offer.default_scopes),
            consent,
            logins,
            people,
            grants,
            page,
            audit,
            clock,
            offer.issuer,
        ),
        connections=connections,
        connections_page=page,
        token=TokenEndpoint(
            grants, renewal, people, connections, tokens, resources, find, audit
        ),
        revocation=RevocationEndpoint(grants, connections, around.introspector),
        renewal=renewal,
    )
