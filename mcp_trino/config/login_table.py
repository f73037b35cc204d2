"""The rows of the table of settings that decide who asks Trino."""

from mcp_trino.config.kinds import BOOLEAN, FILE, HOST, TEXT, list_of, one_of
from mcp_trino.config.login_kinds import CREDENTIAL, URL, USER_PATTERN, USER_RULES
from mcp_trino.config.oauth_kinds import PROVIDER_URL, SCOPE
from mcp_trino.config.setting import Setting
from mcp_trino.trino_identity import TrinoLogin

_LOGINS = tuple(login.value for login in TrinoLogin)

# A row takes two or three lines: name, kind, default, destination; the meaning.
# fmt: off
LOGIN = (
    Setting("TRINO_AUTH_MODE", one_of(*_LOGINS, "oauth"), None, meaning=
        "how this server logs in at Trino; unset: by what is given of the settings "
        "that follow and TRINO_PASSWORD; oauth means oauth2"),
    Setting("TRINO_JWT_FILE", FILE, None, to="trino.jwt_file", meaning=
        "the file with the token of mode jwt; read again when it changes"),
    Setting("TRINO_CLIENT_CERT_FILE", FILE, None, meaning=
        "PEM certificate to show to Trino, in any mode; alone it is mode certificate"),
    Setting("TRINO_CLIENT_KEY_FILE", FILE, None, meaning=
        "PEM key of that certificate, not encrypted"),
    Setting("TRINO_OAUTH_TOKEN_URL", URL, None, meaning=
        "the token endpoint of mode oauth2 (client credentials)"),
    Setting("TRINO_OAUTH_CLIENT_ID", TEXT, None, meaning=
        "this server's client there"),
    Setting("TRINO_OAUTH_CLIENT_SECRET", TEXT, None, secret=True, option="", meaning=
        "the secret of that client"),
    Setting("TRINO_OAUTH_SCOPES", list_of(SCOPE), None, meaning=
        "scopes to ask for there"),
    Setting("TRINO_OAUTH_AUDIENCE", TEXT, None, meaning=
        "the audience to ask for there, where the endpoint wants one"),
    Setting("TRINO_OAUTH_CA_FILE", FILE, None, meaning=
        "PEM certificates to trust for token endpoints instead of the system's"),
    Setting("TRINO_OAUTH2_TOKEN_URL", URL, None, option="", meaning=
        "another name of TRINO_OAUTH_TOKEN_URL"),
    Setting("TRINO_OAUTH2_CREDENTIAL", CREDENTIAL, None, secret=True, option="",
        meaning="TRINO_OAUTH_CLIENT_ID, a colon and TRINO_OAUTH_CLIENT_SECRET"),
    Setting("TRINO_OAUTH2_SCOPE", list_of(SCOPE), None, option="", meaning=
        "another name of TRINO_OAUTH_SCOPES"),
    Setting("TRINO_OAUTH2_ALLOW_INSECURE_TOKEN_URL", BOOLEAN, "false", option="",
        meaning="let the token endpoint be one of http: whoever is in between learns "
        "the client's secret and the tokens"),
    Setting("TRINO_KERBEROS_SERVICE", TEXT, None, meaning=
        "the service name of Trino in mode kerberos; unset: trino"),
    Setting("TRINO_KERBEROS_HOST", HOST, None, meaning=
        "the host in Trino's principal; unset: TRINO_HOST"),
    Setting("TRINO_KERBEROS_PRINCIPAL", TEXT, None, meaning=
        "who this server is in Kerberos; unset: the first in the keytab"),
    Setting("TRINO_KERBEROS_KEYTAB", FILE, None, meaning=
        "the keytab of this server"),
)

PEOPLE = (
    Setting("TRINO_ENABLE_IMPERSONATION", BOOLEAN, "false", meaning=
        "queries run as the Trino user of the person who asks, not as TRINO_USER"),
    Setting("TRINO_IMPERSONATION_FIELD", one_of("username", "email", "subject"),
        "username", meaning=
        "what of a person's token her Trino user is made of; an e-mail address "
        "counts only when its issuer has verified it"),
    Setting("TRINO_IMPERSONATION_PATTERN", USER_PATTERN, None, meaning=
        "the whole of that has to fit; the first group is the Trino user; unset: "
        "it is the Trino user as it is"),
    Setting("TRINO_IMPERSONATION_RULES_FILE", USER_RULES, None, meaning=
        "several patterns, in the form of Trino's own user mapping files"),
    Setting("TRINO_IMPERSONATION_FORBIDDEN", list_of(TEXT), None, meaning=
        "Trino users that nobody may become, such as administrators; TRINO_USER is "
        "always one"),
    Setting("TRINO_MARK_SECRET", TEXT, None, to="trino.mark_secret", secret=True,
        option="", meaning=
        "32 bytes or more, the same in all processes of one server: by it people's "
        "queries are known again; unset: made at the start, for this process"),
    Setting("TRINO_TOKEN_EXCHANGE_URL", PROVIDER_URL, None, meaning=
        "the token endpoint that gives a token for Trino in exchange for a person's "
        "own (RFC 8693), by which her queries run"),
    Setting("TRINO_TOKEN_EXCHANGE_CLIENT_ID", TEXT, None, meaning=
        "this server's client there"),
    Setting("TRINO_TOKEN_EXCHANGE_CLIENT_SECRET", TEXT, None, secret=True, option="",
        meaning="the secret of that client"),
    Setting("TRINO_TOKEN_EXCHANGE_AUDIENCE", TEXT, None, meaning=
        "Trino's name there"),
    Setting("TRINO_TOKEN_EXCHANGE_SCOPES", list_of(SCOPE), None, meaning=
        "scopes to ask for there"),
)
# fmt: on
