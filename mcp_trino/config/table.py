"""
The table of settings: what an operator can decide, each in one row.

Parsing, the help of the command line, the keys of the ini file and the table
in the documentation follow from it.
"""

from mcp_trino.config.guard_table import STATEMENTS
from mcp_trino.config.kinds import (
    BINDING,
    BOOLEAN,
    DESTINATION,
    FILE,
    HOST,
    HOST_AND_PORT,
    ORIGIN,
    PORT,
    PUBLIC_URL,
    TEXT,
    list_of,
    one_of,
    seconds,
    whole,
)
from mcp_trino.config.login_table import LOGIN, PEOPLE
from mcp_trino.config.oauth_table import OAUTH
from mcp_trino.config.setting import Absent, Setting

# A row takes two or three lines: name, kind, default, destination; the meaning.
# fmt: off
TRINO = (
    Setting("TRINO_HOST", HOST, "localhost", to="trino.host", meaning=
        "Trino's coordinator"),
    Setting("TRINO_PORT", PORT, "8080", to="trino.port", meaning=
        "the coordinator's port"),
    Setting("TRINO_SCHEME", one_of("https", "http"), None, meaning=
        "how Trino is spoken to; unset: https, unless TRINO_SSL is false"),
    Setting("TRINO_SSL", BOOLEAN, None, meaning=
        "another way to say TRINO_SCHEME"),
    Setting("TRINO_SSL_INSECURE", BOOLEAN, "false", meaning=
        "take any certificate: who is in between can read and change everything"),
    Setting("TRINO_CA_FILE", FILE, None, to="trino.ca_file", meaning=
        "PEM certificates to trust for Trino instead of the system's"),
    Setting("TRINO_USER", TEXT, "trino", to="trino.user", meaning=
        "the Trino user that this server is"),
    Setting("TRINO_PASSWORD", TEXT, None, to="trino.password", secret=True, option="",
        meaning="the password of TRINO_USER, only ever sent over https"),
    Setting("TRINO_CATALOG", TEXT, None, to="trino.catalog", meaning=
        "the catalog of names that are written without one"),
    Setting("TRINO_SCHEMA", TEXT, None, to="trino.schema", meaning=
        "the schema of names that are written without one"),
    Setting("TRINO_SOURCE", TEXT, None, meaning=
        "how this server names itself to Trino; mcp-trino/<version> when unset"),
    Setting("TRINO_REQUEST_TIMEOUT", seconds(1, 600), "30",
        to="trino.request_timeout_seconds", meaning=
        "how long Trino may take to answer one HTTP request; a query takes many"),
)

QUERIES = (
    Setting("TRINO_QUERY_TIMEOUT", seconds(1, 86400), "300",
        to="queries.timeout_seconds", meaning=
        "seconds after which a query is canceled; a call may ask for less"),
    Setting("TRINO_QUERY_WAIT", seconds(0.1, 3600), "45",
        to="queries.wait_seconds", meaning=
        "seconds after which a call answers that its query still runs"),
    Setting("TRINO_MAX_ROWS", whole(1, 1000000), "10000",
        to="queries.max_rows", meaning=
        "the most rows that one answer may carry"),
    Setting("TRINO_DEFAULT_ROWS", whole(1, 1000000), "1000",
        to="queries.default_rows", meaning=
        "rows of an answer when the call names no number; TRINO_MAX_ROWS at most"),
    Setting("TRINO_MAX_BYTES", whole(1000, 100000000), "100000",
        to="queries.max_bytes", meaning=
        "the most bytes that the rows of one answer may take"),
    Setting("TRINO_MAX_CELL_CHARS", whole(16, 10000000), "8192",
        to="queries.max_cell_chars", meaning=
        "characters of a cell; a longer one is cut, and marked"),
    Setting("TRINO_RESULT_TTL", seconds(1, 290), "120",
        to="queries.result_ttl_seconds", meaning=
        "how long the rest of a result waits for the next call; "
        "less than Trino's query.client.timeout"),
    Setting("TRINO_OPEN_RESULTS", whole(1, 100000), "256",
        to="queries.open_results", meaning=
        "results whose rest waits, of all callers"),
    Setting("TRINO_OPEN_RESULTS_PER_PRINCIPAL", whole(1, 100000), "8",
        to="queries.open_results_per_principal", meaning=
        "results whose rest waits, of one caller"),
    Setting("TRINO_CONCURRENCY", whole(1, 10000), "64",
        to="queries.concurrency", meaning=
        "queries under way at once"),
    Setting("TRINO_CONCURRENCY_PER_PRINCIPAL", whole(1, 10000), None, meaning=
        "queries of one caller under way at once, and calls of hers that may wait; "
        "unset: 16, or TRINO_CONCURRENCY where nobody is asked who she is"),
    Setting("TRINO_MAX_SCAN_BYTES", whole(1, 10**17), None,
        to="queries.max_scan_bytes", meaning=
        "bytes that Trino may read for one query (query_max_scan_physical_bytes)"),
    Setting("TRINO_MAX_CPU_TIME", seconds(1, 8640000), None,
        to="queries.max_cpu_seconds", meaning=
        "the processor time of one query at Trino (query_max_cpu_time)"),
    Setting("TRINO_QUEUE", whole(0, 100000), "128",
        to="queries.queue", meaning=
        "calls that may wait for a place; a further one is told to come back later"),
    Setting("TRINO_QUICK_THREADS", whole(1, 256), "16",
        to="queries.quick_threads", meaning=
        "threads for the first steps of every query"),
    Setting("TRINO_SLOW_THREADS", whole(1, 256), "64",
        to="queries.slow_threads", meaning=
        "threads for queries that turned out to take long"),
)

SERVER = (
    Setting("MCP_TRANSPORT", one_of("stdio", "http"), "stdio", option="", meaning=
        "what mcp-trino serves when no command says it"),
    Setting("MCP_BIND", list_of(BINDING), None, option="listen", meaning=
        "where to listen: addresses, with MCP_PORT; or endpoints such as "
        "unix:/run/mcp-trino.sock and systemd:domain=INET6:name=https; unset: "
        "127.0.0.1, or all addresses with a certificate and OAUTH_ENABLED"),
    Setting("MCP_PORT", PORT, "8080", meaning=
        "the port to listen on, and of the public URL"),
    Setting("MCP_HOST", HOST, "localhost", meaning=
        "the host of the public URL; nothing is bound to it"),
    Setting("MCP_URL", PUBLIC_URL, None, meaning=
        "the public URL, when it is not made of MCP_HOST and MCP_PORT"),
    Setting("HTTPS_CERT_FILE", FILE, None, option="tls-cert", meaning=
        "PEM certificate of this server, followed by those that vouch for it"),
    Setting("HTTPS_KEY_FILE", FILE, None, option="tls-key", meaning=
        "PEM key of that certificate"),
    Setting("MCP_ALLOWED_HOSTS", list_of(HOST_AND_PORT), None, meaning=
        "Host headers to accept besides those of the public URL and of MCP_BIND"),
    Setting("MCP_ALLOWED_ORIGINS", list_of(ORIGIN), None, meaning=
        "web pages that may call this server from a browser"),
    Setting("MCP_PROTOCOL_VERSION", TEXT, None, option="", meaning=
        "no effect, but mcp-trino serves instead of printing its help"),
)

AUDIT = (
    Setting("MCP_AUDIT_LOG", DESTINATION, "log", to="audit.destination", meaning=
        "where each call and each decision is recorded, one line each: log (this "
        "process's own), stderr, syslog, or the path of a file"),
    Setting("MCP_AUDIT_STATEMENTS", BOOLEAN, "false", to="audit.statements", meaning=
        "record the text of statements, too, not only their fingerprint"),
    Setting("MCP_AUDIT_REQUIRED", BOOLEAN, "true", to="audit.required", meaning=
        "refuse calls while they cannot be recorded"),
)

LIMITS = (
    Setting("MCP_MAX_BODY_BYTES", whole(1024, 67108864), "4194304",
        to="web.max_body_bytes", meaning=
        "bytes of the largest body of a request"),
    Setting("MCP_BODY_BUDGET_BYTES", whole(1024, 1073741824), "8388608",
        to="web.body_budget_bytes", meaning=
        "bytes of all bodies that are being received"),
    Setting("MCP_MAX_CONNECTIONS", whole(1, 100000), "1000",
        to="web.max_connections", meaning=
        "connections open at once"),
    Setting("MCP_HEADER_TIMEOUT", seconds(1, 600), "15",
        to="web.header_timeout_seconds", meaning=
        "how long the head of a request may take"),
    Setting("MCP_BODY_TIMEOUT", seconds(1, 3600), "30",
        to="web.body_timeout_seconds", meaning=
        "how long the body of a request may take"),
    Setting("MCP_IDLE_TIMEOUT", seconds(1, 3600), "75",
        to="web.idle_timeout_seconds", meaning=
        "how long a connection is kept for a next request"),
    Setting("MCP_WRITE_TIMEOUT", seconds(1, 3600), "30",
        to="web.write_timeout_seconds", meaning=
        "how long a client may leave its answer unread"),
    Setting("MCP_MAX_SESSIONS", whole(1, 100000), "1000",
        to="web.max_sessions", meaning=
        "sessions open at once; with OAuth a caller has a tenth of them, or 4, "
        "and her oldest gives way"),
    Setting("MCP_MAX_STREAMS", whole(1, 100000), "500",
        to="web.max_streams", meaning=
        "event streams open at once; with OAuth a person has a tenth of them, or 4"),
    Setting("MCP_SESSION_IDLE", seconds(10, 86400), "1800",
        to="web.session_idle_seconds", meaning=
        "how long a session lives without a request and a stream"),
    Setting("MCP_DISCONNECT_GRACE", seconds(0, 300), "5",
        to="web.disconnect_grace_seconds", meaning=
        "how long a call goes on for a client that is gone but may come back"),
    Setting("MCP_SHUTDOWN_GRACE", seconds(0, 3600), "10",
        to="web.shutdown_grace_seconds", meaning=
        "how long running calls may take when the server stops"),
)

SECTIONS = (
    ("Trino", TRINO),
    ("Logging in at Trino", LOGIN),
    ("People at Trino", PEOPLE),
    ("Queries and results", QUERIES),
    ("What statements may do", STATEMENTS),
    ("The HTTP server", SERVER),
    ("Limits of the HTTP server", LIMITS),
    ("Who may ask", OAUTH),
    ("Audit", AUDIT),
)

SETTINGS: tuple[Setting, ...] = tuple(row for _, rows in SECTIONS for row in rows)

ABSENT: tuple[Absent, ...] = (
    Absent("TRINO_EXTERNAL_AUTH", "a login at Trino by a browser", BOOLEAN, (False,)),
    Absent("TRINO_PROFILE", "profiles of Trino's command line"),
    Absent("TRINO_SECRET_SOURCE", "fetching secrets from a vault"),
)
# fmt: on

ALL: tuple[Setting | Absent, ...] = (*SETTINGS, *ABSENT)
