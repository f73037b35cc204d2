"""Tests of the settings of OAuth."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.parse import read_settings
from mcp_trino.providers import PROVIDERS, TokenKind
from mcp_trino.settings import OAuthMode, OAuthSettings, Transport
from tests.config.reading import problems, served, warnings
from tests.e2e.certificates import make_certificates

SECRET = "0123456789abcdef0123456789abcdef"
HMAC = {"OAUTH_ENABLED": "true", "OAUTH_PROVIDER": "hmac", "JWT_SECRET": SECRET}
NATIVE = {
    "OAUTH_ENABLED": "true",
    "OAUTH_PROVIDER": "keycloak",
    "OIDC_ISSUER": "https://id.example.com/realms/data",
}
PROXY = {**NATIVE, "OAUTH_MODE": "proxy", "OIDC_CLIENT_ID": "mcp"}
GOOGLE = {
    **PROXY,
    "OAUTH_PROVIDER": "google",
    "OIDC_ISSUER": "https://accounts.google.com",
}
AZURE = {
    **PROXY,
    "OAUTH_PROVIDER": "azure",
    "OIDC_ISSUER": "https://login.microsoftonline.com/common/v2.0",
}


def oauth(**environ: str) -> OAuthSettings:
    """Give who may ask with that environment."""
    settings = served(**environ).oauth
    if settings is None:
        raise AssertionError(environ)
    return settings


class OriginalDesignTests(SynchronousTestCase):
    """The command lines of the older server's design."""

    def test_development(self) -> None:
        """
        The one for development starts on loopback, with a warning about its
        secret and a better one in it; its audience is the endpoint's URL.
        """
        environ = {
            "TRINO_OAUTH_ENABLED": "true",
            "OAUTH_PROVIDER": "hmac",
            "JWT_SECRET": "development-secret",
            "MCP_TRANSPORT": "http",
        }
        settings, sentences = read_settings({}, environ)
        self.assertIs(settings.transport, Transport.HTTP)
        (place,) = settings.web.listen
        self.assertIn("interface=127.0.0.1", place)
        self.assertEqual(settings.web.public_url, "http://localhost:8080")
        found = settings.oauth
        if found is None:
            self.fail("nobody is asked")
        self.assertIs(found.mode, OAuthMode.HMAC)
        self.assertEqual(found.issuer, "http://localhost:8080")
        self.assertIn("http://localhost:8080/mcp", found.worker.audiences)
        self.assertEqual(found.worker.algorithms, ("HS256",))
        (sentence,) = sentences
        better = re.search("JWT_SECRET=(.+)$", sentence)
        if better is None:
            self.fail(sentence)
        self.assertEqual(warnings(**environ | {"JWT_SECRET": better[1]}), ())

    def test_production(self) -> None:
        """
        The one for production starts, open to others; its public URL is that
        of its audience, which its certificate is for.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        files = make_certificates(directory, "mcp-server.company.com")
        environ = {
            "TRINO_OAUTH_ENABLED": "true",
            "OAUTH_PROVIDER": "okta",
            "OIDC_ISSUER": "https://company.okta.com",
            "OIDC_AUDIENCE": "https://mcp-server.company.com",
            "MCP_TRANSPORT": "http",
            "HTTPS_CERT_FILE": str(files.chain),
            "HTTPS_KEY_FILE": str(files.key),
        }
        settings, sentences = read_settings({}, environ)
        (place,) = settings.web.listen
        self.assertRegex(place, r"^tcp:8080:interface=(\\:\\:|0\.0\.0\.0):")
        self.assertEqual(settings.web.public_url, "https://mcp-server.company.com")
        found = settings.oauth
        if found is None:
            self.fail("nobody is asked")
        self.assertIs(found.mode, OAuthMode.NATIVE)
        self.assertEqual(found.audiences, ("https://mcp-server.company.com",))
        self.assertEqual(
            found.worker.resources,
            (
                "https://mcp-server.company.com/mcp",
                "https://mcp-server.company.com/sse",
            ),
        )
        issuer, port = sentences
        self.assertIn("OAUTH_MODE=proxy", issuer)
        self.assertIn("/oauth2/default", issuer)
        self.assertIn("port 8080 is bound", port)

    def test_another_certificate(self) -> None:
        """Without a certificate for the audience's host the start stops."""
        directory = Path(self.mktemp())
        directory.mkdir()
        files = make_certificates(directory, "other.company.com")
        environ = {
            **NATIVE,
            "OIDC_AUDIENCE": "https://mcp-server.company.com",
            "HTTPS_CERT_FILE": str(files.chain),
            "HTTPS_KEY_FILE": str(files.key),
        }
        (problem,) = problems(environ=environ)
        self.assertIn("MCP_URL is needed", problem)
        environ["MCP_HOST"] = "other.company.com"
        self.assertEqual(problems(environ=environ), ())
        self.assertEqual(
            served(**environ).web.public_url, "https://other.company.com:8080"
        )


class SwitchTests(SynchronousTestCase):
    """Whether people are asked who they are."""

    def test_off(self) -> None:
        """They are not unless it is said; where it is denied the rest is void."""
        rest = {"OAUTH_PROVIDER": "okta", "JWT_SECRET": "x", "OAUTH_MODE": "native"}
        self.assertIsNone(served().oauth)
        self.assertIsNone(served(**rest, OAUTH_ENABLED="false").oauth)
        self.assertIsNone(served(**rest, TRINO_OAUTH_ENABLED="no").oauth)

    def test_forgotten(self) -> None:
        """Settings of OAuth without the switch stop the start: all could enter."""
        found = problems(environ={"OAUTH_PROVIDER": "okta", "OIDC_AUDIENCE": "x"})
        self.assertEqual(
            [problem.split()[0] for problem in found],
            ["OAUTH_PROVIDER", "OIDC_AUDIENCE"],
        )
        self.assertEqual(problems(environ={"JWT_SECRET": ""}), ())

    def test_unreadable(self) -> None:
        """A switch that cannot be read never counts as off."""
        for value in ("", "enabled", "ja"):
            (problem,) = problems(environ={"OAUTH_ENABLED": value})
            self.assertIn("neither true nor false", problem)

    def test_two_names(self) -> None:
        """The two names of the switch must not differ."""
        environ = {**HMAC, "OAUTH_ENABLED": "false", "TRINO_OAUTH_ENABLED": "true"}
        (problem,) = problems(environ=environ)
        self.assertIn("differ", problem)

    def test_stdio(self) -> None:
        """Over stdio nobody else can ask, so nothing of OAuth means anything."""
        environ = {"OAUTH_ENABLED": "true", "OAUTH_PROVIDER": "okta"}
        self.assertEqual(problems(environ=environ, transport=Transport.STDIO), ())
        settings, sentences = read_settings({}, environ, None, Transport.STDIO)
        self.assertIsNone(settings.oauth)
        self.assertEqual(sentences, ())


class AddressTests(SynchronousTestCase):
    """Where tokens may be sent to."""

    def test_plain(self) -> None:
        """Other machines' tokens come by https, to this server or to a proxy."""
        environ = {**HMAC, "MCP_BIND": "0.0.0.0", "MCP_URL": "https://mcp.example.com"}
        (problem,) = problems(environ=environ)
        self.assertIn("plain http", problem)
        environ["MCP_TLS_TERMINATED"] = "true"
        self.assertEqual(problems(environ=environ), ())
        environ["MCP_URL"] = "http://mcp.example.com"
        (problem,) = problems(environ=environ)
        self.assertIn("has to be https", problem)

    def test_local_proxy(self) -> None:
        """A proxy on the same machine needs no word."""
        environ = {**HMAC, "MCP_URL": "https://mcp.example.com"}
        self.assertEqual(problems(environ=environ), ())
        environ = {**HMAC, "MCP_URL": "http://mcp.example.com"}
        self.assertEqual(len(problems(environ=environ)), 1)

    def test_public_url_unknown(self) -> None:
        """What others reach has to have a URL that they can type."""
        environ = {**HMAC, "MCP_BIND": "0.0.0.0", "MCP_TLS_TERMINATED": "true"}
        (problem,) = problems(environ=environ)
        self.assertIn("MCP_URL is needed", problem)

    def test_proxy_without_purpose(self) -> None:
        """Who speaks https herself has no proxy to do it."""
        path = Path(self.mktemp())
        path.write_text("PEM")
        environ = {
            **HMAC,
            "MCP_URL": "https://mcp.example.com",
            "MCP_TLS_TERMINATED": "true",
            "HTTPS_CERT_FILE": str(path),
            "HTTPS_KEY_FILE": str(path),
        }
        (problem,) = problems(environ=environ)
        self.assertIn("MCP_TLS_TERMINATED", problem)


class SecretTests(SynchronousTestCase):
    """The secret of mode ``hmac``."""

    def test_needed(self) -> None:
        """There is none by itself."""
        (problem,) = problems(environ={"OAUTH_ENABLED": "true"})
        self.assertIn("JWT_SECRET is needed", problem)

    def test_weak(self) -> None:
        """A weak one stops the start where others can reach the server."""
        for secret in ("development-secret", "x" * 64):
            environ = {**HMAC, "JWT_SECRET": secret}
            self.assertEqual(len(warnings(**environ)), 1)
            environ["MCP_URL"] = "https://mcp.example.com"
            (problem,) = problems(environ=environ)
            self.assertIn("JWT_SECRET", problem)
            self.assertNotIn(secret, problem)
        self.assertEqual(warnings(**HMAC), ())

    def test_not_shown(self) -> None:
        """It is in no representation of the settings."""
        found = oauth(**HMAC)
        self.assertEqual(found.worker.hmac_secret, SECRET)
        self.assertNotIn(SECRET, repr(found))


class ScopeTests(SynchronousTestCase):
    """What tokens have to allow."""

    def test_empty(self) -> None:
        """Reading may need no scope, writing always needs one."""
        self.assertEqual(oauth(**HMAC, OAUTH_READ_SCOPE="").read_scope, "")
        (problem,) = problems(environ={**HMAC, "OAUTH_WRITE_SCOPE": ""})
        self.assertIn("OAUTH_WRITE_SCOPE", problem)

    def test_unsound(self) -> None:
        """A scope is one word (RFC 6749 section 3.3)."""
        for scope in ("a b", 'a"b', "ä"):
            (problem,) = problems(environ={**HMAC, "OAUTH_READ_SCOPE": scope})
            self.assertIn("OAUTH_READ_SCOPE", problem)


class ProviderTests(SynchronousTestCase):
    """Whose tokens are taken."""

    def test_needed(self) -> None:
        """What cannot be known has to be said."""
        for environ, part in (
            ({**NATIVE, "OIDC_ISSUER": ""}, "OIDC_ISSUER is needed"),
            ({**PROXY, "OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID is needed"),
            (
                {
                    **NATIVE,
                    "OAUTH_TOKEN_KIND": "introspection",
                    "OIDC_CLIENT_ID": "mcp",
                },
                "OIDC_CLIENT_SECRET is needed",
            ),
        ):
            (problem,) = problems(environ=environ)
            self.assertIn(part, problem)

    def test_issuer(self) -> None:
        """An issuer is an https URL, kept as it is written."""
        for issuer in (
            "http://id.example.com",
            "id.example.com",
            "https://ada@id.example.com",
            "https://id.example.com/?tenant=1",
            "https://id.example.com/#x",
            "ftp://localhost/",
        ):
            (problem,) = problems(environ={**NATIVE, "OIDC_ISSUER": issuer})
            self.assertIn("OIDC_ISSUER", problem)
        for issuer in ("https://tenant.auth0.com/", "http://127.0.0.1:8180/realms/x"):
            found = oauth(**{**NATIVE, "OIDC_ISSUER": issuer})
            self.assertEqual(found.worker.issuer, issuer)

    def test_native_impossible(self) -> None:
        """Whoever makes no tokens for others is used through this server."""
        for name in ("google", "azure"):
            environ = {
                **NATIVE,
                "OAUTH_PROVIDER": name,
                "OAUTH_ALLOWED_TENANTS": "example.com",
            }
            (problem,) = problems(environ=environ)
            self.assertIn("use OAUTH_MODE=proxy", problem)

    def test_tokeninfo(self) -> None:
        """Google's own check can be chosen; it needs this server's client."""
        environ = {
            **NATIVE,
            "OAUTH_PROVIDER": "google",
            "OIDC_ISSUER": "",
            "OIDC_CLIENT_ID": "mcp",
            "OAUTH_TOKEN_KIND": "google_tokeninfo",
            "OAUTH_ALLOWED_DOMAINS": "Example.com",
        }
        found = oauth(**environ)
        self.assertEqual(found.issuer, "https://accounts.google.com")
        self.assertIs(found.worker.token_kind, TokenKind.GOOGLE_TOKENINFO)
        self.assertEqual(found.audiences, ("mcp",))
        self.assertEqual(found.admission.domains, ("example.com",))
        (problem,) = problems(environ={**environ, "OAUTH_PROVIDER": "keycloak"})[:1]
        self.assertIn("OIDC_ISSUER", problem)

    def test_of_another_mode(self) -> None:
        """A setting of another mode has no meaning, and stops the start."""
        for environ, name, value in (
            (HMAC, "OIDC_CLIENT_ID", "mcp"),
            (HMAC, "OIDC_CLIENT_SECRET", "x"),
            (HMAC, "OAUTH_ALLOWED_TENANTS", "*"),
            (HMAC, "OAUTH_MODE", "proxy"),
            (NATIVE, "OIDC_CLIENT_SECRET", "x"),
            (NATIVE, "OAUTH_REGISTRATION", "false"),
            (NATIVE, "OAUTH_REDIRECT_URI", "https://claude.ai/x"),
            (NATIVE, "OAUTH_ALLOWED_TENANTS", "*"),
            (NATIVE, "OAUTH_INTROSPECTION_USER", "introspect"),
            (PROXY, "OAUTH_TOKEN_KIND", "introspection"),
            (PROXY, "OAUTH_REFRESH_TTL", "3600"),
        ):
            (problem,) = problems(environ={**environ, name: value})
            self.assertIn(name, problem)

    def test_leftover_secret(self) -> None:
        """The older server's JWT_SECRET in the other modes only warns."""
        (sentence,) = warnings(**NATIVE, JWT_SECRET=SECRET)
        self.assertIn("no effect", sentence)
        self.assertIsNone(oauth(**NATIVE, JWT_SECRET=SECRET).worker.hmac_secret)

    def test_editable_claim(self) -> None:
        """A name that people choose themselves is worth a warning."""
        (sentence,) = warnings(**NATIVE, OAUTH_USERNAME_CLAIM="nickname")
        self.assertIn("can edit", sentence)

    def test_algorithms(self) -> None:
        """They are the provider's, or what the operator says, in any case."""
        self.assertEqual(
            oauth(**NATIVE).worker.algorithms, PROVIDERS["keycloak"].algorithms
        )
        found = oauth(**NATIVE, OAUTH_ALGORITHMS="es256 EDDSA,Ed25519")
        self.assertEqual(found.worker.algorithms, ("ES256", "EdDSA", "Ed25519"))
        self.assertEqual(
            len(problems(environ={**NATIVE, "OAUTH_ALGORITHMS": "HS256"})), 1
        )


class AdmissionTests(SynchronousTestCase):
    """Who among those who can log in may enter."""

    def test_open_to_the_public(self) -> None:
        """Where anybody has an account a rule is needed."""
        (problem,) = problems(environ=GOOGLE)
        self.assertIn("anybody can have an account", problem)
        self.assertEqual(
            problems(environ={**GOOGLE, "OAUTH_ALLOWED_DOMAINS": "example.com"}), ()
        )

    def test_all_tenants(self) -> None:
        """Of an issuer of all tenants some are named, or any."""
        for name in ("common", "organizations", "consumers"):
            issuer = f"https://login.microsoftonline.com/{name}/v2.0"
            environ = {**AZURE, "OIDC_ISSUER": issuer}
            (problem,) = problems(environ=environ)
            self.assertIn("OAUTH_ALLOWED_TENANTS is needed", problem)
            environ["OAUTH_ALLOWED_DOMAINS"] = "example.com"
            self.assertEqual(len(problems(environ=environ)), 1)
            environ["OAUTH_ALLOWED_TENANTS"] = "*"
            self.assertEqual(oauth(**environ).worker.tenants, ("*",))
        issuer = "https://login.microsoftonline.com/8a-guid/v2.0"
        self.assertEqual(problems(environ={**AZURE, "OIDC_ISSUER": issuer}), ())

    def test_rules(self) -> None:
        """Each rule arrives; groups may have blanks in their names."""
        blocked = Path(self.mktemp())
        blocked.write_text("mallory\n")
        admission = oauth(
            **NATIVE,
            OAUTH_ALLOWED_GROUPS="Data Analysts, /admins",
            OAUTH_ALLOWED_SUBJECTS="ada grace",
            OAUTH_ALLOWED_CLIENTS="claude",
            OAUTH_SERVICE_USERS="job=etl, a=b=c",
            OAUTH_BLOCKED="eve",
            OAUTH_BLOCKED_FILE=str(blocked),
        ).admission
        self.assertEqual(admission.groups, ("Data Analysts", "/admins"))
        self.assertEqual(admission.subjects, ("ada", "grace"))
        self.assertEqual(admission.clients, ("claude",))
        self.assertEqual(admission.services, (("job", "etl"), ("a=b", "c")))
        self.assertEqual(admission.blocked, ("eve",))
        self.assertEqual(admission.blocked_file, blocked.absolute())


class ProxyTests(SynchronousTestCase):
    """This server as an authorization server."""

    def test_tree(self) -> None:
        """Tokens are its own; the provider's are only those that tell who came."""
        found = oauth(**PROXY, OIDC_CLIENT_SECRET="s3cret", OAUTH_STATE_DIRECTORY="/x")
        self.assertEqual(found.issuer, "http://localhost:8080")
        self.assertEqual(found.audiences, ())
        self.assertEqual(found.worker.audiences, ("mcp",))
        self.assertEqual(found.worker.issuer, NATIVE["OIDC_ISSUER"])
        self.assertEqual(found.worker.own_issuer, "http://localhost:8080")
        self.assertEqual(found.worker.own_keys_file, Path("/x/keys.json"))
        self.assertIsNone(found.worker.client_secret)
        proxy = found.proxy
        if proxy is None:
            self.fail("no proxy")
        self.assertEqual(proxy.client_secret, "s3cret")
        self.assertNotIn("s3cret", repr(found))
        self.assertEqual(proxy.upstream_scopes, ("openid", "profile", "email"))
        self.assertEqual(proxy.document_hosts, ())
        self.assertTrue(proxy.registration)

    def test_redirects(self) -> None:
        """
        The three names are one setting; this server's own callback, which the
        older server wanted there, changes nothing.
        """
        default = oauth(**PROXY).proxy
        own = "http://localhost:8080/oauth/callback"
        if default is None:
            self.fail("no proxy")
        self.assertIn("https://claude.ai/api/mcp/auth_callback", default.redirect_uris)
        for name in (
            "OAUTH_ALLOWED_REDIRECT_URIS",
            "OAUTH_REDIRECT_URIS",
            "OAUTH_REDIRECT_URI",
        ):
            proxy = oauth(**PROXY, **{name: f"https://a.example.com/cb {own}"}).proxy
            self.assertEqual(
                proxy and proxy.redirect_uris, ("https://a.example.com/cb",)
            )
            self.assertEqual(oauth(**PROXY, **{name: own}).proxy, default)
        (problem,) = problems(
            environ={
                **PROXY,
                "OAUTH_REDIRECT_URI": "https://a.example.com/cb",
                "OAUTH_REDIRECT_URIS": "https://b.example.com/cb",
            }
        )
        self.assertIn("differ", problem)

    def test_dangerous_redirects(self) -> None:
        """What is no callback of a client's is refused."""
        for uri in (
            "javascript:alert(1)",
            "http://a.example.com/cb",
            "https://a.example.com/cb#x",
            "Cursor://x",
            "https://u@a.example.com/cb",
        ):
            environ = {**PROXY, "OAUTH_ALLOWED_REDIRECT_URIS": uri}
            (problem,) = problems(environ=environ)
            self.assertIn("OAUTH_ALLOWED_REDIRECT_URIS", problem)

    def test_no_documents(self) -> None:
        """No host is trusted with a client's document unless somebody says so."""
        for hosts in ("", "*", "claude.ai chatgpt.com"):
            proxy = oauth(**PROXY, OAUTH_DOCUMENT_HOSTS=hosts).proxy
            self.assertEqual(proxy and proxy.document_hosts, tuple(hosts.split()))
