"""What an operator has decided: frozen values, one class a room."""

from enum import Enum
from pathlib import Path

from attrs import field, frozen

from mcp_trino.providers import Provider, TokenKind
from mcp_trino.trino_identity import (
    ImpersonationSettings,
    KerberosSettings,
    TokenClient,
    TrinoLogin,
)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine that only its own programs can mean, as in URLs."""


class Transport(Enum):
    """How clients reach the server (``MCP_TRANSPORT``)."""

    STDIO = "stdio"
    HTTP = "http"


@frozen
class TLSSettings:
    """PEM files of a certificate chain of this server's own and of its key."""

    certificate_file: Path
    key_file: Path


@frozen
class TrinoSettings:
    """
    Where Trino is and how this server shows itself there.

    :ivar scheme: ``http`` or ``https``.
    :ivar user: the service user, sent as ``X-Trino-User``.
    :ivar password: of ``TrinoLogin.BASIC``; only ever sent over ``https``.
    :ivar catalog: the default catalog of statements, ``None`` for none.
    :ivar schema: the default schema, ``None`` for none.
    :ivar source: sent as ``X-Trino-Source``.
    :ivar ca_file: certificates to trust instead of the system's.
    :ivar verify: ``False`` accepts any certificate (``TRINO_SSL_INSECURE``).
    :ivar request_timeout_seconds: bound of one HTTP request, not of a query.
    :ivar certificate: shown to Trino within TLS, whatever the login.
    :ivar jwt_file: the token of ``TrinoLogin.JWT``.
    :ivar oauth2: of ``TrinoLogin.OAUTH2``.
    :ivar kerberos: of ``TrinoLogin.KERBEROS``.
    :ivar impersonation: whom queries run as, ``None`` for the service user.
    :ivar exchange: gets a token of their own for people (RFC 8693), by which
        queries run instead; ``None`` for no such thing.
    :ivar mark_secret: of all processes of this server, ``None`` for one of each.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    catalog: str | None
    schema: str | None
    source: str
    ca_file: Path | None
    verify: bool
    request_timeout_seconds: float
    login: TrinoLogin = TrinoLogin.NONE
    certificate: TLSSettings | None = None
    jwt_file: Path | None = None
    oauth2: TokenClient | None = None
    kerberos: KerberosSettings | None = None
    impersonation: ImpersonationSettings | None = None
    exchange: TokenClient | None = None
    mark_secret: str | None = field(default=None, repr=False)


@frozen
class QuerySettings:
    """
    The bounds of queries and of their results.

    :ivar timeout_seconds: wall time of a query; a call may ask for less.
    :ivar wait_seconds: after that long without a row a call answers with the
        state of its query and a handle.
    :ivar max_rows: the most rows that one page may carry.
    :ivar default_rows: rows of a page when the call names no number.
    :ivar max_bytes: bytes of the rows of a page as compact JSON.
    :ivar max_cell_chars: characters of one cell.
    :ivar result_ttl_seconds: how long an open result waits for the next call.
    :ivar open_results: open results of the whole process.
    :ivar open_results_per_principal: open results of one principal.
    :ivar concurrency: queries under way at once.
    :ivar queue: calls that may wait for a place.
    :ivar quick_threads: threads for the first steps of every query.
    :ivar slow_threads: threads for queries that turned out to take long.
    :ivar concurrency_each: queries of one principal under way at once, and calls
        of hers that may wait.
    :ivar max_scan_bytes: bytes that Trino may read for a query, ``None`` for
        what Trino's administrator allows.
    :ivar max_cpu_seconds: the processor time that a query may take, likewise.
    """

    timeout_seconds: float
    wait_seconds: float
    max_rows: int
    default_rows: int
    max_bytes: int
    max_cell_chars: int
    result_ttl_seconds: float
    open_results: int
    open_results_per_principal: int
    concurrency: int
    queue: int
    quick_threads: int
    slow_threads: int
    concurrency_each: int = 64
    max_scan_bytes: int | None = None
    max_cpu_seconds: float | None = None


Names = tuple[tuple[str, ...], ...]
"""Names of one to three parts, catalog first."""


@frozen
class GuardSettings:
    """
    What statements may do and what they may reach.

    The parts of the names in the lists are regular expressions for the whole
    of a part in lower case.

    :ivar allowed_catalogs: ``None`` for no list.
    :ivar allowed_schemas: with their catalogs, ``None`` for no list.
    :ivar allowed_tables: with catalogs and schemas, ``None`` for no list.
    :ivar table_functions: full names, in lower case, of those that may be
        called besides Trino's own.
    :ivar allow_writes: statements that write may be run, by a tool of their own.
    :ivar read_only_transactions: what only reads runs in a transaction that
        Trino lets only read.
    """

    allowed_catalogs: Names | None = None
    allowed_schemas: Names | None = None
    allowed_tables: Names | None = None
    table_functions: Names = ()
    allow_writes: bool = False
    read_only_transactions: bool = False


@frozen
class WebSettings:
    """
    How the server is reached by HTTP and what one client may use of it.

    :ivar listen: Twisted server endpoint strings, without TLS.
    :ivar tls: served on all of ``listen`` when given.
    :ivar public_url: the origin that people type, without a trailing slash.
    :ivar allowed_hosts: names that a ``Host`` header may carry, in lower case,
        a port after them only where it must be that one.
    :ivar allowed_origins: values that an ``Origin`` header may have besides
        those of ``allowed_hosts``.
    :ivar max_body_bytes: bytes of one request's body.
    :ivar body_budget_bytes: bytes of all bodies being received at once.
    :ivar max_connections: connections open at once.
    :ivar header_timeout_seconds: time for a request's line and headers.
    :ivar body_timeout_seconds: time for a request's body.
    :ivar idle_timeout_seconds: time that a kept-alive connection may be idle.
    :ivar write_timeout_seconds: time that a client may leave its answer unread.
    :ivar max_sessions: sessions of the handshake era and of ``/sse``.
    :ivar max_streams: event streams open at once.
    :ivar session_idle_seconds: a session without a request or stream ends then.
    :ivar disconnect_grace_seconds: a call of the handshake era whose client
        has gone is canceled after that time.
    :ivar shutdown_grace_seconds: running calls may finish for that time when
        the server stops.
    """

    listen: tuple[str, ...]
    tls: TLSSettings | None
    public_url: str
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    max_body_bytes: int
    body_budget_bytes: int
    max_connections: int
    header_timeout_seconds: float
    body_timeout_seconds: float
    idle_timeout_seconds: float
    write_timeout_seconds: float
    max_sessions: int
    max_streams: int
    session_idle_seconds: float
    disconnect_grace_seconds: float
    shutdown_grace_seconds: float


class OAuthMode(Enum):
    """Whose tokens are taken."""

    HMAC = "hmac"
    """HS256 with a shared secret: for development and services."""
    NATIVE = "native"
    """Those of an identity provider; clients get them there."""
    PROXY = "proxy"
    """Our own; this server is the authorization server of its clients."""


@frozen
class AdmissionSettings:
    """
    Who among the authenticated may enter.

    Each rule that is not empty has to be met; groups by one of them.

    :ivar domains: of verified e-mail addresses, in lower case.
    :ivar tenants: of Entra ID and Google; ``*`` for any.
    :ivar services: Trino users of tokens without a person, by client id; a
        service that is not named is refused.
    :ivar blocked: subjects, clients, ``jti`` or SHA-256 of tokens that may
        not enter, whatever else holds.
    :ivar blocked_file: more of them, one a line, read again when it changes.
    """

    domains: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    blocked: tuple[str, ...] = ()
    blocked_file: Path | None = None


@frozen
class WorkerSettings:
    """
    All that the introspection worker knows; it goes to it through a pipe.

    :ivar provider: the row of the provider, ``None`` in mode ``hmac``.
    :ivar issuer: the issuer of foreign tokens, exactly as it writes itself.
    :ivar audiences: what a foreign token may be made for; one is enough.
    :ivar resources: the URLs of this server's own endpoints, which its own
        tokens are made for, and only for one of them.
    :ivar jwks_uri: where the keys are, ``None`` to ask discovery.
    :ivar ca_file: certificates to trust for the issuer instead of the system's.
    :ivar client_id: this server's client at the issuer.
    :ivar client_secret: for RFC 7662 at the issuer only.
    :ivar hmac_secret: of mode ``hmac``.
    :ivar username_claim: the operator's choice, ``None`` for the provider's.
    :ivar groups_claim: the operator's choice, ``None`` for the provider's.
    :ivar tenants: whose tokens are taken of an issuer of many tenants.
    :ivar own_issuer: of our own tokens in mode ``proxy``, else ``None``.
    :ivar own_keys_file: a JWK set of our own public keys, read again when it
        changes.
    :ivar leeway_seconds: how wrong clocks may be.
    :ivar max_lifetime_seconds: how far ahead ``exp`` of a foreign token may be.
    """

    mode: OAuthMode
    provider: Provider | None
    issuer: str
    audiences: tuple[str, ...]
    resources: tuple[str, ...]
    token_kind: TokenKind = TokenKind.JWT
    algorithms: tuple[str, ...] = ()
    jwks_uri: str | None = None
    ca_file: Path | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    hmac_secret: str | None = field(default=None, repr=False)
    username_claim: str | None = None
    groups_claim: str | None = None
    tenants: tuple[str, ...] = ()
    own_issuer: str | None = None
    own_keys_file: Path | None = None
    leeway_seconds: float = 60.0
    max_lifetime_seconds: float = 86400.0


@frozen
class ProxySettings:
    """
    This server as the authorization server of its clients.

    :ivar client_id: its own at the provider.
    :ivar redirect_uris: exact ``https`` and application callbacks that clients
        may have, besides those of loopback.
    :ivar any_https_redirect: any ``https`` callback may be registered.
    :ivar registration: whether clients may register themselves (RFC 7591).
    :ivar document_hosts: whose Client ID Metadata Documents are taken, ``*``
        for any host.
    :ivar upstream_scopes: what is asked for at the provider.
    :ivar state_directory: signing keys, and the store of one machine.
    :ivar keys: the text of its keys, for replicas that share no directory;
        ``None`` to keep them in that directory.
    :ivar store_url: the store that replicas share, ``None`` for that directory.
    :ivar access_seconds: how long an access token holds.
    :ivar refresh_idle_seconds: a grant that is not used ends then.
    :ivar refresh_seconds: every grant ends then.
    :ivar behind_proxy: only a proxy can connect, and ends its requests'
        ``X-Forwarded-For`` with the address that it serves.
    """

    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uris: tuple[str, ...]
    any_https_redirect: bool
    registration: bool
    document_hosts: tuple[str, ...]
    upstream_scopes: tuple[str, ...]
    state_directory: Path
    keys: str | None = field(repr=False)
    store_url: str | None = field(repr=False)
    access_seconds: float
    refresh_idle_seconds: float
    refresh_seconds: float
    behind_proxy: bool


@frozen
class OAuthSettings:
    """
    Who may ask (RFC 6750, RFC 9728).

    :ivar issuer: whose tokens clients bring: the provider's, or in mode
        ``proxy`` this server's own, its public URL.
    :ivar audiences: what a token may be made for besides the endpoint itself.
    :ivar read_scope: what every tool needs; empty for none.
    :ivar write_scope: what the tools that write need.
    :ivar cache_seconds: how long a decision on a token is remembered at most.
    :ivar introspection_socket: the socket of a worker that somebody else runs,
        ``None`` to run one as a child.
    :ivar introspection_user: the name or uid that worker has to have.
    """

    mode: OAuthMode
    provider: Provider | None
    issuer: str
    audiences: tuple[str, ...]
    read_scope: str
    write_scope: str
    admission: AdmissionSettings
    worker: WorkerSettings
    proxy: ProxySettings | None = None
    cache_seconds: float = 300.0
    introspection_socket: Path | None = None
    introspection_user: str | None = None


@frozen
class AuditSettings:
    """
    How it is recorded who asked what.

    :ivar destination: ``log``, ``stderr``, ``syslog`` or the path of a file.
    :ivar statements: whether the text of statements is recorded, too.
    :ivar required: whether a call is refused that cannot be recorded.
    """

    destination: str = "log"
    statements: bool = False
    required: bool = True


@frozen
class Settings:
    """
    All of them.

    :ivar oauth: ``None`` when nobody is asked who they are.
    """

    transport: Transport
    trino: TrinoSettings
    queries: QuerySettings
    web: WebSettings
    guard: GuardSettings = GuardSettings()
    oauth: OAuthSettings | None = None
    audit: AuditSettings = AuditSettings()
