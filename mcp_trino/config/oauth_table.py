"""The rows of the table of settings that decide who may ask."""

from mcp_trino.config.kinds import (
    BOOLEAN,
    FILE,
    HOST,
    TEXT,
    list_of,
    one_of,
    seconds,
)
from mcp_trino.config.oauth_kinds import (
    HOST_OR_ANY,
    ISSUER,
    PATH,
    PROVIDER_URL,
    REDIRECT_URI,
    SCOPE,
    SERVICE,
)
from mcp_trino.config.setting import Setting
from mcp_trino.providers import PROVIDERS, TokenKind

CALLBACKS = (
    "https://claude.ai/api/mcp/auth_callback "
    "https://claude.com/api/mcp/auth_callback "
    "https://vscode.dev/redirect "
    "https://insiders.vscode.dev/redirect "
    "https://www.cursor.com/agents/mcp/oauth/callback "
    "https://chatgpt.com/connector_platform_oauth_redirect "
    "https://chatgpt.com/connector/oauth/{id} "
    "cursor://anysphere.cursor-mcp/oauth/callback"
)
"""
Where well-known clients are called back, parted by blanks.

``{id}`` stands for one segment of letters, digits, ``-`` and ``_``.
"""

# A row takes two or three lines: name, kind, default, destination; the meaning.
# fmt: off
OAUTH = (
    Setting("OAUTH_ENABLED", BOOLEAN, "false", meaning=
        "ask everybody for a token; over stdio all of this section has no effect"),
    Setting("TRINO_OAUTH_ENABLED", BOOLEAN, None, option="", meaning=
        "another name of OAUTH_ENABLED"),
    Setting("OAUTH_PROVIDER", one_of("hmac", *PROVIDERS), "hmac", meaning=
        "who makes the tokens; hmac: whoever knows JWT_SECRET"),
    Setting("OAUTH_MODE", one_of("native", "proxy"), "native", meaning=
        "native: clients bring tokens of the provider; proxy: this server lets "
        "people log in at the provider and makes tokens itself"),
    Setting("JWT_SECRET", TEXT, None, secret=True, option="", meaning=
        "the secret that tokens are signed with (HS256), when OAUTH_PROVIDER is hmac"),
    Setting("OIDC_ISSUER", ISSUER, None, meaning=
        "the provider; of hmac tokens their iss, the public URL unless set"),
    Setting("OIDC_AUDIENCE", list_of(TEXT), None, meaning=
        "what tokens may be made for besides the URL of the endpoint that they "
        "are shown to; an https URL that the certificate is for is also the "
        "public URL where MCP_URL and MCP_HOST are unset"),
    Setting("OIDC_CLIENT_ID", TEXT, None, meaning=
        "this server's client at the provider"),
    Setting("OIDC_CLIENT_SECRET", TEXT, None, secret=True, option="", meaning=
        "the secret of OIDC_CLIENT_ID"),
    Setting("OIDC_JWKS_URI", PROVIDER_URL, None, meaning=
        "where the provider's keys are, when its discovery document does not say"),
    Setting("OIDC_CA_FILE", FILE, None, to="worker.ca_file", meaning=
        "PEM certificates to trust for the provider instead of the system's"),
    Setting("OAUTH_TOKEN_KIND", one_of(*(kind.value for kind in TokenKind)), "jwt",
        meaning="how the provider's access tokens are checked"),
    Setting("OAUTH_ALGORITHMS", list_of(one_of(
        "rs256", "rs384", "rs512", "ps256", "ps384", "ps512",
        "es256", "es384", "es512", "eddsa", "ed25519")), None, meaning=
        "signatures to accept instead of those that the provider is known for"),
    Setting("OAUTH_USERNAME_CLAIM", TEXT, None, to="worker.username_claim", meaning=
        "the claim that is a person's name to Trino; unset: as the provider does it"),
    Setting("OAUTH_GROUPS_CLAIM", TEXT, None, to="worker.groups_claim", meaning=
        "the claim with a person's groups; a dot goes into an object"),
    Setting("OAUTH_ALLOWED_DOMAINS", list_of(HOST), None, meaning=
        "only people whose verified e-mail address is in one of these domains"),
    Setting("OAUTH_ALLOWED_TENANTS", list_of(TEXT), None, meaning=
        "only people of these tenants (Entra ID) or domains (Google); * for any"),
    Setting("OAUTH_ALLOWED_GROUPS", list_of(TEXT, parted_by=","), None, meaning=
        "only people who are in one of these groups; parted by commas only"),
    Setting("OAUTH_ALLOWED_SUBJECTS", list_of(TEXT), None, meaning=
        "only these subjects"),
    Setting("OAUTH_ALLOWED_CLIENTS", list_of(TEXT), None, meaning=
        "only tokens that were given to these OAuth clients"),
    Setting("OAUTH_SERVICE_USERS", list_of(SERVICE), None, meaning=
        "Trino users of services, by client id; a service that is not here is refused"),
    Setting("OAUTH_BLOCKED", list_of(TEXT), None, meaning=
        "subjects, clients, token ids and SHA-256 of tokens that may not enter"),
    Setting("OAUTH_BLOCKED_FILE", FILE, None, to="admission.blocked_file", meaning=
        "more of OAUTH_BLOCKED, one a line; read again when it changes"),
    Setting("OAUTH_READ_SCOPE", SCOPE, "trino:read", to="oauth.read_scope", meaning=
        "the scope that every tool needs; empty for none"),
    Setting("OAUTH_WRITE_SCOPE", SCOPE, "trino:write", to="oauth.write_scope", meaning=
        "the scope that tools which write need"),
    Setting("OAUTH_CACHE_TTL", seconds(0, 300), "300", to="oauth.cache_seconds",
        meaning="how long a token that was found good is not asked about again"),
    Setting("OAUTH_LEEWAY", seconds(0, 120), "60", to="worker.leeway_seconds", meaning=
        "how wrong clocks may be"),
    Setting("OAUTH_MAX_LIFETIME", seconds(60, 31536000), "86400",
        to="worker.max_lifetime_seconds", meaning=
        "how far ahead a token may end; of longer ones none is accepted"),
    Setting("OAUTH_INTROSPECTION_SOCKET", PATH, None, to="oauth.introspection_socket",
        meaning="the socket of an introspection worker that somebody else runs; "
        "unset: this server runs one"),
    Setting("OAUTH_INTROSPECTION_USER", TEXT, None, to="oauth.introspection_user",
        meaning="the user who has to listen at that socket; unset: this one or root"),
    Setting("MCP_TLS_TERMINATED", BOOLEAN, "false", to="proxy.behind_proxy", meaning=
        "a proxy in front speaks https, and only it can reach this server; the last "
        "address of its X-Forwarded-For is where a login comes from"),
    Setting("OAUTH_ALLOWED_REDIRECT_URIS", list_of(REDIRECT_URI), CALLBACKS, meaning=
        "where people may be sent back to after a login, besides this machine; "
        "proxy only, as the rest of this section"),
    Setting("OAUTH_REDIRECT_URIS", list_of(REDIRECT_URI), None, option="", meaning=
        "another name of OAUTH_ALLOWED_REDIRECT_URIS"),
    Setting("OAUTH_REDIRECT_URI", list_of(REDIRECT_URI), None, option="", meaning=
        "another name of OAUTH_ALLOWED_REDIRECT_URIS"),
    Setting("OAUTH_ANY_HTTPS_REDIRECT", BOOLEAN, "false",
        to="proxy.any_https_redirect", meaning=
        "a client may register any https URL to send people back to"),
    Setting("OAUTH_REGISTRATION", BOOLEAN, "true", to="proxy.registration", meaning=
        "clients may register themselves (RFC 7591)"),
    Setting("OAUTH_DOCUMENT_HOSTS", list_of(HOST_OR_ANY), None, meaning=
        "hosts whose Client ID Metadata Documents are taken, * for any; this server "
        "has to reach them; unset: clients register themselves instead"),
    Setting("OAUTH_UPSTREAM_SCOPES", list_of(SCOPE), None, meaning=
        "scopes to ask the provider for instead of those that it is known for"),
    Setting("OAUTH_STATE_DIRECTORY", PATH, "~/.local/state/mcp-trino",
        to="proxy.state_directory", meaning=
        "where this server keeps its signing keys and what people granted"),
    Setting("OAUTH_KEYS", TEXT, None, to="proxy.keys", secret=True, option="",
        meaning="the keys of several servers that share no directory, "
        "as mcp-trino keys writes them; unset: OAUTH_STATE_DIRECTORY"),
    Setting("OAUTH_STORE_URL", TEXT, None, to="proxy.store_url", secret=True,
        option="", meaning="the store that several servers share; "
        "unset: OAUTH_STATE_DIRECTORY"),
    Setting("OAUTH_ACCESS_TTL", seconds(10, 3600), "1800", to="proxy.access_seconds",
        meaning="how long an access token of this server's holds"),
    Setting("OAUTH_REFRESH_IDLE", seconds(600, 31536000), "1209600",
        to="proxy.refresh_idle_seconds", meaning=
        "a login that no client used for that time ends"),
    Setting("OAUTH_REFRESH_TTL", seconds(600, 31536000), "2592000",
        to="proxy.refresh_seconds", meaning="every login ends after that time"),
    Setting("OAUTH_METADATA_FROM_DISCOVERY", BOOLEAN, None, option="", meaning=
        "no effect: the provider's endpoints are always those that it publishes"),
)
# fmt: on
