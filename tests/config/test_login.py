"""Tests of the settings that say who asks Trino."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.parse import read_settings
from mcp_trino.settings import TLSSettings, Transport
from mcp_trino.trino_identity import TokenClient, TrinoLogin
from tests.config.reading import problems, served, warnings

OAUTH = {"OAUTH_ENABLED": "true", "JWT_SECRET": "0123456789abcdef" * 4}
PROVIDER = {
    "OAUTH_ENABLED": "true",
    "OAUTH_PROVIDER": "okta",
    "OIDC_ISSUER": "https://id.example.com/oauth2/default",
    "OIDC_AUDIENCE": "api://mcp",
}
CLIENT = {
    "TRINO_OAUTH_TOKEN_URL": "https://id.example.com/token",
    "TRINO_OAUTH_CLIENT_ID": "mcp",
    "TRINO_OAUTH_CLIENT_SECRET": "s3cret",
}
EXCHANGE = {
    "TRINO_TOKEN_EXCHANGE_URL": "https://id.example.com/token",
    "TRINO_TOKEN_EXCHANGE_CLIENT_ID": "mcp",
    "TRINO_TOKEN_EXCHANGE_CLIENT_SECRET": "s3cret",
}
MAPPED = {**OAUTH, "TRINO_ENABLE_IMPERSONATION": "true"}


class LoginTestCase(SynchronousTestCase):
    """Settings with a file."""

    def setUp(self) -> None:
        """Write a file."""
        self.path = Path(self.mktemp()).absolute()
        self.path.write_text("content")
        self.file = str(self.path)

    def refused(self, part: str, **environ: str) -> None:
        """Check that these settings stop the start with one sentence."""
        found = problems(environ=environ)
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])


class ModeTests(LoginTestCase):
    """How this server logs in at Trino."""

    def test_default(self) -> None:
        """Nothing is shown to Trino unless something is given."""
        self.assertIs(served().trino.login, TrinoLogin.NONE)

    def test_by_what_is_given(self) -> None:
        """Without a mode it is the one whose settings are given."""
        pair = {"TRINO_CLIENT_CERT_FILE": self.file, "TRINO_CLIENT_KEY_FILE": self.file}
        for environ, login in (
            ({"TRINO_PASSWORD": "x"}, TrinoLogin.BASIC),
            ({"TRINO_JWT_FILE": self.file}, TrinoLogin.JWT),
            (pair, TrinoLogin.CERTIFICATE),
            ({**pair, "TRINO_PASSWORD": "x"}, TrinoLogin.BASIC),
            (CLIENT, TrinoLogin.OAUTH2),
            ({**CLIENT, "TRINO_AUTH_MODE": "OAuth"}, TrinoLogin.OAUTH2),
            ({"TRINO_KERBEROS_KEYTAB": self.file}, TrinoLogin.KERBEROS),
        ):
            self.assertIs(served(**environ).trino.login, login)
        trino = served(**pair, TRINO_PASSWORD="x").trino
        self.assertEqual(trino.certificate, TLSSettings(self.path, self.path))

    def test_contradictions(self) -> None:
        """Settings of two modes, or not all of one, stop the start."""
        self.refused("TRINO_PASSWORD is not set", TRINO_AUTH_MODE="basic")
        self.refused("TRINO_JWT_FILE is not set", TRINO_AUTH_MODE="jwt")
        self.refused("KEYTAB is not set", TRINO_AUTH_MODE="kerberos")
        self.refused(
            "when TRINO_AUTH_MODE is none", TRINO_AUTH_MODE="none", TRINO_PASSWORD="x"
        )
        self.refused("is basic", TRINO_PASSWORD="x", TRINO_JWT_FILE=self.file)
        self.refused(
            "without TRINO_CLIENT_KEY_FILE",
            TRINO_PASSWORD="x",
            TRINO_CLIENT_CERT_FILE=self.file,
        )
        self.refused("TRINO_CLIENT_KEY_FILE is not", TRINO_CLIENT_CERT_FILE=self.file)
        self.refused("is not none", TRINO_AUTH_MODE="device-code")
        self.assertEqual(len(problems(environ={"TRINO_AUTH_MODE": "oauth2"})), 3)

    def test_never_over_http(self) -> None:
        """No credential is sent in the clear."""
        plain = {"TRINO_SSL": "false"}
        for environ in (
            {"TRINO_PASSWORD": "x"},
            {"TRINO_JWT_FILE": self.file},
            {"TRINO_KERBEROS_KEYTAB": self.file},
            CLIENT,
        ):
            self.refused("never sent over http", **environ, **plain)
        self.refused("over http", **PROVIDER, **EXCHANGE, **plain)


class TokenClientTests(LoginTestCase):
    """This server as a client of a token endpoint."""

    def test_both_spellings(self) -> None:
        """The two families of names are one setting each."""
        wanted = TokenClient("https://id.example.com/token", "mcp", "s3cret", "a b")
        for environ in (
            {**CLIENT, "TRINO_OAUTH_SCOPES": "a,b"},
            {
                "TRINO_OAUTH2_TOKEN_URL": "https://id.example.com/token",
                "TRINO_OAUTH2_CREDENTIAL": "mcp:s3cret",
                "TRINO_OAUTH2_SCOPE": "a b",
            },
        ):
            self.assertEqual(served(**environ).trino.oauth2, wanted)
        same = {**CLIENT, "TRINO_OAUTH2_TOKEN_URL": "https://id.example.com/token"}
        self.assertEqual(problems(environ=same), ())

    def test_differ(self) -> None:
        """Two names of one setting with two values stop the start."""
        self.refused("differ", **CLIENT, TRINO_OAUTH2_TOKEN_URL="https://b.example/t")
        self.refused("differ", **CLIENT, TRINO_OAUTH2_CREDENTIAL="mcp:other")

    def test_credential(self) -> None:
        """A credential without a secret is refused, and not shown."""
        (problem, *_) = problems(environ={"TRINO_OAUTH2_CREDENTIAL": "hunter2"})
        self.assertIn("a colon and its secret", problem)
        self.assertNotIn("hunter2", problem)

    def test_insecure_url(self) -> None:
        """A token endpoint without TLS is possible when asked for, and loud."""
        url = "http://id.example.com/token"
        environ = {**CLIENT, "TRINO_OAUTH_TOKEN_URL": url}
        self.refused("has to be https", **environ)
        allowed = {**environ, "TRINO_OAUTH2_ALLOW_INSECURE_TOKEN_URL": "true"}
        (warning,) = warnings(**allowed)
        self.assertIn("can read the secret", warning)
        local = {**CLIENT, "TRINO_OAUTH_TOKEN_URL": "http://127.0.0.1:9/token"}
        self.assertEqual(problems(environ=local), ())

    def test_not_a_url(self) -> None:
        """Something else than the URL of an endpoint stops the start."""
        for url in ("ftp://a/b", "https://", "https://a:b@c/t", "https://a/#t"):
            found = problems(environ={**CLIENT, "TRINO_OAUTH_TOKEN_URL": url})
            self.assertIn("is not an https URL", found[0])

    def test_ca_file(self) -> None:
        """Certificates for a token endpoint mean nothing without one."""
        self.refused("without a token endpoint", TRINO_OAUTH_CA_FILE=self.file)
        oauth2 = served(**CLIENT, TRINO_OAUTH_CA_FILE=self.file).trino.oauth2
        self.assertEqual(oauth2.ca_file, self.path)

    def test_secrets_are_not_shown(self) -> None:
        """Neither the text nor the settings of a client show its secret."""
        self.assertNotIn("s3cret", repr(served(**CLIENT)))
        self.assertNotIn("s3cret", repr(served(**PROVIDER, **EXCHANGE)))


class PeopleTests(LoginTestCase):
    """Which Trino user a person is."""

    def test_off(self) -> None:
        """Impersonation is off unless asked for, whatever the field."""
        settings = served(**OAUTH, TRINO_IMPERSONATION_FIELD="email")
        self.assertIsNone(settings.trino.impersonation)

    def test_on(self) -> None:
        """It knows the field, the rules, the names kept back and the services."""
        found = served(
            **MAPPED,
            TRINO_IMPERSONATION_FIELD="Email",
            TRINO_IMPERSONATION_PATTERN="(.+)@example[.]com",
            TRINO_IMPERSONATION_FORBIDDEN="admin root",
            OAUTH_SERVICE_USERS="ci=etl",
        ).trino.impersonation
        self.assertEqual(found.claim, "email")
        self.assertEqual(found.rules[0].pattern.pattern, "(.+)@example[.]com")
        self.assertEqual(found.forbidden, ("admin", "root"))
        self.assertEqual(found.services, (("ci", "etl"),))

    def test_needs_oauth(self) -> None:
        """Where nobody is asked who they are, nobody can be impersonated."""
        self.refused("needs OAUTH_ENABLED", TRINO_ENABLE_IMPERSONATION="true")
        self.refused("needs OAUTH_ENABLED", **EXCHANGE)
        environ = {"TRINO_ENABLE_IMPERSONATION": "true"}
        settings, _ = read_settings({}, environ, None, Transport.STDIO)
        self.assertIsNone(settings.trino.impersonation)

    def test_contradictions(self) -> None:
        """Settings of what is off, or of two ways at once, stop the start."""
        for name in ("PATTERN", "FORBIDDEN"):
            environ = {**OAUTH, f"TRINO_IMPERSONATION_{name}": "(x)"}
            self.refused("unless TRINO_ENABLE_IMPERSONATION", **environ)
        self.refused(
            "with TRINO_ENABLE_IMPERSONATION",
            **PROVIDER,
            **EXCHANGE,
            TRINO_ENABLE_IMPERSONATION="true",
        )
        self.refused(
            "without TRINO_TOKEN_EXCHANGE_URL", TRINO_TOKEN_EXCHANGE_AUDIENCE="trino"
        )
        self.refused("OAUTH_PROVIDER is hmac", **OAUTH, **EXCHANGE)
        missing = dict(EXCHANGE)
        del missing["TRINO_TOKEN_EXCHANGE_CLIENT_SECRET"]
        self.refused("is needed", **PROVIDER, **missing)

    def test_pattern(self) -> None:
        """A pattern that cannot give a user stops the start."""
        for pattern, part in (
            ("(", "not a regular expression"),
            (".*", "has no group"),
        ):
            self.refused(part, **MAPPED, TRINO_IMPERSONATION_PATTERN=pattern)

    def test_rules_file(self) -> None:
        """Rules are in the form of Trino's user mapping files, strictly."""
        rule = {"pattern": "(.+)@x", "user": "u_$1", "allow": True, "case": "lower"}
        self.path.write_text(json.dumps({"rules": [rule, {"pattern": "(.*)"}]}))
        environ = {**MAPPED, "TRINO_IMPERSONATION_RULES_FILE": self.file}
        first, second = served(**environ).trino.impersonation.rules
        self.assertEqual((first.user, first.case, second.user), ("u_$1", "lower", "$1"))
        for document in (
            "x",
            [],
            {"rules": [], "more": 1},
            {"rules": [{}]},
            {"rules": [{"pattern": "(.*)", "users": "x"}]},
            {"rules": [{"pattern": "(.*)", "allow": "yes"}]},
            {"rules": [{"pattern": "(.*)", "case": "title"}]},
            {"rules": [{"pattern": "(.*)", "user": "$2"}]},
            {"rules": ["x"]},
        ):
            self.path.write_text(json.dumps(document))
            self.refused("rules of user mapping", **environ)

    def test_unproved(self) -> None:
        """Impersonation at a Trino that asks for no login is loud."""
        self.assertIn("past this server too", "".join(warnings(**MAPPED)))
        proved = warnings(**MAPPED, TRINO_PASSWORD="x")
        self.assertNotIn("past this server too", "".join(proved))

    def test_mark_secret(self) -> None:
        """A secret that could be guessed marks no queries."""
        self.refused("fewer than 32 bytes", TRINO_MARK_SECRET="short")
        settings = served(TRINO_MARK_SECRET="0123456789abcdef" * 2)
        self.assertNotIn("0123456789abcdef", repr(settings))

    def test_exchange(self) -> None:
        """The token exchange has a client of its own."""
        found = served(
            **PROVIDER,
            **EXCHANGE,
            TRINO_TOKEN_EXCHANGE_AUDIENCE="trino",
            TRINO_TOKEN_EXCHANGE_SCOPES="a b",
        ).trino.exchange
        self.assertEqual((found.audience, found.scopes), ("trino", "a b"))
