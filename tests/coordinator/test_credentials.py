"""Tests of what proves to Trino who is asking, and of token endpoints."""

import os
from base64 import b64encode
from pathlib import Path

from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mcp_trino.coordinator import token_endpoint
from mcp_trino.coordinator.credentials import (
    ExchangedTokens,
    Fixed,
    PresentedTokens,
    TokenFile,
)
from mcp_trino.coordinator.identity import Identity
from mcp_trino.coordinator.token_endpoint import TokenEndpoint, make_http_client
from mcp_trino.coordinator.tokens import Tokens
from mcp_trino.errors import (
    ConfigurationError,
    CoordinatorRefused,
    CoordinatorUnreachable,
    NoTrinoUser,
    Undecidable,
)
from mcp_trino.interfaces import ISubjectTokens
from mcp_trino.principal import Principal
from mcp_trino.trino_identity import TokenClient
from tests.coordinator.token_server import TokenServer, granted
from tests.e2e.certificates import make_certificates

ALICE = Principal("https://idp.test", "1", "alice", token="own", token_mark="m1")


class FixedTests(SynchronousTestCase):
    """What is the same for all."""

    def test_basic(self):
        """User and password, in UTF-8, are put as RFC 7617 wants it."""
        found = self.successResultOf(
            Deferred.fromCoroutine(Fixed.basic("mcp", "Größe:x").current(None))
        )()
        encoded = b64encode("mcp:Größe:x".encode()).decode()
        self.assertEqual(found, f"Basic {encoded}")

    def test_nothing(self):
        """No credential is no header, and asking again is in vain."""
        identity = Identity("mcp", Fixed(), None)
        self.successResultOf(Deferred.fromCoroutine(identity.renew()))
        self.assertIsNone(identity.authorization())
        self.assertFalse(identity.forget(CoordinatorRefused(401, "no")))

    def test_not_shown(self):
        """No text shows a password."""
        self.assertNotIn("cGFzcw", repr(Fixed.basic("", "pass")))


class TokenFileTests(SynchronousTestCase):
    """A token that somebody renews in a file."""

    def setUp(self):
        """Have a file."""
        self.path = Path(self.mktemp())
        self.path.write_text("one\n")
        credentials = TokenFile(self.path)
        self.read = self.successResultOf(
            Deferred.fromCoroutine(credentials.current(None))
        )

    def test_read_again(self):
        """A new content counts at once, also when the file was replaced."""
        self.assertEqual(self.read(), "Bearer one")
        self.path.write_text("second")
        self.assertEqual(self.read(), "Bearer second")
        other = Path(self.mktemp())
        other.write_text("third1")
        os.utime(other, ns=(self.path.stat().st_mtime_ns,) * 2)
        other.rename(self.path)
        self.assertEqual(self.read(), "Bearer third1")

    def test_unusable(self):
        """What is no token, or is not there, is the operator's, and is not shown."""
        for content in ("a b", "a\r\nX-Trino-User: admin", "", "é"):
            self.path.write_text(content)
            with self.assertRaises(CoordinatorRefused) as caught:
                self.read()
            self.assertIn("does not hold a token", str(caught.exception))
        self.path.unlink()
        with self.assertRaises(CoordinatorRefused) as caught:
            self.read()
        self.assertIn("cannot be read", str(caught.exception))


class ExchangedTokensTests(SynchronousTestCase):
    """Tokens of people, each kept by her login."""

    def setUp(self):
        """Exchange without an endpoint."""
        self.asked = []
        self.tokens = Tokens(Clock(), Deferred.fromCoroutine)
        self.credentials = ExchangedTokens(self, PresentedTokens(), self.tokens)

    async def exchange(self, subject_token):
        """Stand in for ``TokenEndpoint``."""
        self.asked.append(subject_token)
        return f"for-{subject_token}-{len(self.asked)}", 600.0

    def of(self, principal):
        """Give the header of a principal."""
        current = Deferred.fromCoroutine(self.credentials.current(principal))
        return self.successResultOf(current)()

    def test_each_login(self):
        """People, and logins of one person, never share a token."""
        logins = [
            ALICE,
            Principal("https://idp.test", "2", "alice", token="b", token_mark="m1"),
            Principal("https://idp.test", "1", "alice", token="c", token_mark="m2"),
            Principal("https://other.test", "1", "alice", token="d", token_mark="m1"),
        ]
        first = [self.of(principal) for principal in logins]
        self.assertEqual(len(set(first)), 4)
        self.assertEqual([self.of(principal) for principal in logins], first)
        self.assertEqual(self.asked, ["own", "b", "c", "d"])

    def test_forgotten(self):
        """After Trino refused one another is got, but only once."""
        identity = Identity(None, self.credentials, ALICE)
        for expected in ("Bearer for-own-1", "Bearer for-own-2"):
            self.successResultOf(Deferred.fromCoroutine(identity.renew()))
            self.assertEqual(identity.authorization(), expected)
            again = identity.forget(CoordinatorRefused(401, "no"))
            self.assertEqual(again, expected.endswith("1"))

    def test_only_of_the_credential(self):
        """Another refusal than 401 leaves the token alone."""
        identity = Identity(None, self.credentials, ALICE)
        self.successResultOf(Deferred.fromCoroutine(identity.renew()))
        self.assertFalse(identity.forget(CoordinatorRefused(403, "no")))
        self.of(ALICE)
        self.assertEqual(self.asked, ["own"])

    def test_undecidable(self):
        """A provider that cannot say who she is now is no refusal."""

        @implementer(ISubjectTokens)
        class Silent:
            def subject_token(self, principal):
                return fail(Undecidable("down"))

        credentials = ExchangedTokens(self, Silent(), self.tokens)
        asked = Deferred.fromCoroutine(credentials.current(ALICE))
        self.failureResultOf(asked, CoordinatorUnreachable)

    def test_presented(self):
        """What a call came with is exchanged; without it there is no user."""
        presented = PresentedTokens()
        verifyObject(ISubjectTokens, presented)
        found = self.successResultOf(presented.subject_token(ALICE))
        self.assertEqual(found, "own")
        nothing = Principal("https://idp.test", "1", "alice")
        ours = Principal("https://mcp.test", "1", "alice", token="t", grant="g")
        for principal in (nothing, ours):
            self.failureResultOf(presented.subject_token(principal), NoTrinoUser)


class EndpointTestCase(TestCase):
    """A token endpoint on loopback."""

    def endpoint(self, answer, **client):
        """Serve an endpoint and give the way to it."""
        self.server = TokenServer(answer)
        settings = TokenClient(self.server.listen(self), "id:1", "s 3", **client)
        return TokenEndpoint(settings, make_http_client(reactor, settings), reactor)


class TokenEndpointTests(EndpointTestCase):
    """Asking for tokens."""

    async def test_client_credentials(self):
        """The request is that of RFC 6749 sections 4.4.2 and 2.3.1."""
        endpoint = self.endpoint(lambda _: granted("t", 60), scopes="a b", audience="x")
        self.assertEqual(await endpoint.client_credentials(), ("t", 60.0))
        self.assertEqual(
            self.server.forms,
            [{"grant_type": "client_credentials", "scope": "a b", "audience": "x"}],
        )
        pair = b64encode(b"id%3A1:s+3")
        self.assertEqual(self.server.credentials, [b"Basic " + pair])

    async def test_exchange(self):
        """The request is that of RFC 8693 section 2.1."""
        endpoint = self.endpoint(lambda _: granted("t"))
        await endpoint.exchange("own")
        kind = "urn:ietf:params:oauth:token-type:access_token"
        self.assertEqual(
            self.server.forms,
            [
                {
                    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                    "subject_token": "own",
                    "subject_token_type": kind,
                    "requested_token_type": kind,
                }
            ],
        )

    async def test_lifetime(self):
        """A lifetime is bounded, and short when it is not said."""
        answer = {"access_token": "t", "token_type": "bearer"}
        endpoint = self.endpoint(lambda _: (200, answer))
        for said, seconds in (
            ({}, 60.0),
            ({"expires_in": 10**9}, 3600.0),
            ({"expires_in": "300"}, 300.0),
            ({"expires_in": -5}, 0.0),
            ({"expires_in": "soon"}, 60.0),
        ):
            answer = {"access_token": "t", "token_type": "bearer", **said}
            self.assertEqual(await endpoint.client_credentials(), ("t", seconds))

    async def test_refused(self):
        """What the operator has to change is told precisely and without a secret."""
        for answer, part in (
            ((401, {"error": "invalid_client"}), "HTTP 401, invalid_client"),
            ((400, {"error": "<script>"}), "without an error code"),
            ((400, b"<html>"), "HTTP 400"),
            ((302, {}), "HTTP 302"),
            ((200, {}), "no access token"),
            ((200, [1]), "no access token"),
            ((200, b"{"), "no access token"),
            ((200, {"access_token": "a\r\nb", "token_type": "bearer"}), "no access"),
            ((200, {"access_token": "t", "token_type": "N_A"}), "no bearer"),
        ):
            endpoint = self.endpoint(lambda _, answer=answer: answer)
            with self.assertRaises(CoordinatorRefused) as caught:
                await endpoint.client_credentials()
            self.assertIn(part, str(caught.exception))
            self.assertNotIn("s 3", str(caught.exception))

    async def test_of_the_person(self):
        """A person's token that is not taken is hers to renew; the rest is not."""
        for code, error in (
            ("invalid_grant", NoTrinoUser),
            ("invalid_request", NoTrinoUser),
            ("invalid_client", CoordinatorRefused),
            ("unauthorized_client", CoordinatorRefused),
        ):
            endpoint = self.endpoint(lambda _, code=code: (400, {"error": code}))
            with self.assertRaises(error) as caught:
                await endpoint.exchange("her own")
            self.assertNotIn("her own", str(caught.exception))

    async def test_not_available(self):
        """An endpoint that is busy, broken or not there is no decision."""
        for status in (429, 500, 503):
            endpoint = self.endpoint(lambda _, status=status: (status, {}))
            with self.assertRaises(CoordinatorUnreachable):
                await endpoint.client_credentials()
        settings = TokenClient("http://127.0.0.1:9/token", "id", "secret")
        endpoint = TokenEndpoint(settings, make_http_client(reactor, settings), reactor)
        with self.assertRaises(CoordinatorUnreachable):
            await endpoint.client_credentials()

    async def test_slow(self):
        """An endpoint that does not answer is not waited for."""
        self.patch(token_endpoint, "_PATIENCE_SECONDS", 0.05)
        endpoint = self.endpoint(lambda _: granted("t"))
        self.server.held = Deferred()
        with self.assertRaises(CoordinatorUnreachable):
            await endpoint.client_credentials()

    async def test_large(self):
        """Of an endless answer only a beginning is kept."""
        self.patch(token_endpoint, "_MAX_BYTES", 1000)
        endpoint = self.endpoint(lambda _: (200, b"[" + b"1," * 100_000))
        with self.assertRaises(CoordinatorRefused):
            await endpoint.client_credentials()

    async def test_environment(self):
        """A proxy of the environment changes nothing."""
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            before = os.environ.get(name)
            os.environ[name] = "http://127.0.0.1:9"
            self.addCleanup(os.environ.__setitem__, name, before or "")
        endpoint = self.endpoint(lambda _: granted("t"))
        self.assertEqual((await endpoint.client_credentials())[0], "t")


class TrustTests(SynchronousTestCase):
    """Whom a token endpoint has to be."""

    def test_ca_file(self):
        """A file of certificates is taken, anything else stops the start."""
        directory = Path(self.mktemp())
        directory.mkdir()
        certificates = make_certificates(directory)
        for file, usable in (
            (certificates.authority, True),
            (certificates.chain, True),
            (certificates.key, False),
            (Path("/nowhere"), False),
        ):
            client = TokenClient("https://idp.test/token", "id", "s", ca_file=file)
            if usable:
                found = make_http_client(reactor, client)
                self.assertIsInstance(found, HTTPClient)
            else:
                with self.assertRaises(ConfigurationError):
                    make_http_client(reactor, client)
