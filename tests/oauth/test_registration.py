"""Tests of dynamic client registration."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from mcp_trino.config.oauth_table import CALLBACKS
from mcp_trino.errors import AuditUnwritable
from mcp_trino.interfaces import IAudit
from mcp_trino.oauth.client import NAMELESS, Client
from mcp_trino.oauth.keys import Keys
from mcp_trino.oauth.rates import MAX_SOURCES, Allowance, network_of
from mcp_trino.oauth.redirects import RedirectPolicy
from mcp_trino.oauth.registration import MAX_CLIENT_ID_CHARS, Registration
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.principal import client_mark
from tests.oauth.test_redirects import CURSOR, VS_CODE

LOOPBACK = "http://localhost:3334/oauth/callback"
REGISTERED = {
    "client_id",
    "client_id_issued_at",
    "client_name",
    "redirect_uris",
    "grant_types",
    "response_types",
    "token_endpoint_auth_method",
    "application_type",
}


@implementer(IAudit)
class Recorded:
    """An audit record in memory."""

    def __init__(self):
        self.lines = []

    def record(self, event, principal, **details):
        """Keep a line."""
        self.lines.append((event, principal, details))


class Registering(SynchronousTestCase):
    """A server that registers clients."""

    def setUp(self):
        """Make one with the default policy."""
        self.clock = Clock()
        self.clock.advance(1000.5)
        self.keys = Keys.make(0.0)
        self.audit = Recorded()
        self.registration = self.made(CALLBACKS.split())

    def made(self, redirects):
        """Make the registration of a process, which knows nothing but the keys."""
        sealer = Sealer(self.clock, self.keys.masters)
        return Registration(
            self.clock,
            sealer,
            RedirectPolicy(tuple(redirects)),
            self.audit,
            Allowance(self.clock, 20),
        )

    def register(self, body, content_type="application/json", source="192.0.2.1"):
        """Register; give the status and the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = self.registration.register(data, content_type, source)
        headers = dict(reply.headers)
        self.assertEqual(headers[b"Content-Type"], b"application/json")
        self.assertEqual(headers[b"Cache-Control"], b"no-store")
        return reply.status, json.loads(reply.body)

    def registered(self, **metadata):
        """Register a client that may; give the answer."""
        status, answer = self.register({"redirect_uris": [LOOPBACK]} | metadata)
        self.assertEqual(status, 201, answer)
        self.assertEqual(set(answer), REGISTERED)
        return answer

    def refused(self, error, body, **how):
        """Check that a registration is refused."""
        recorded = list(self.audit.lines)
        status, answer = self.register(body, source=repr(body)[:40], **how)
        self.assertEqual((status, answer["error"]), (400, error), answer)
        self.assertTrue(answer["error_description"].isascii())
        self.assertEqual(self.audit.lines, recorded)


class RegistrationTests(Registering):
    """What clients send and get."""

    def test_answer(self):
        """A client gets all that was registered, and no secret."""
        answer = self.registered(
            client_name="MCP CLI Proxy",
            token_endpoint_auth_method="client_secret_post",
            scope="openid email profile",
            software_id="x",
        )
        client_id = answer.pop("client_id")
        self.assertLess(len(client_id), 300)
        self.assertEqual(
            answer,
            {
                "client_id_issued_at": 1000,
                "client_name": "MCP CLI Proxy",
                "redirect_uris": [LOOPBACK],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
                "application_type": "native",
            },
        )

    def test_found_again(self):
        """Another process with the same keys knows the client by its id alone."""
        answer = self.registered(client_name="A")
        client = Client(answer["client_id"], "A", (LOOPBACK,))
        for registration in (self.registration, self.made(())):
            self.assertEqual(registration.find(answer["client_id"]), client)

    def test_g088_other_ids(self):
        """No other id is a client: tampered, of another purpose or server, or none."""
        client_id = self.registered()["client_id"]
        sealer = Sealer(self.clock, self.keys.masters)
        other = Sealer(self.clock, Keys.make(0.0).masters)
        payload = {"name": "x", "redirects": [LOOPBACK]}
        for text in (
            "",
            "unknown",
            client_id[:-1] + ("A" if client_id[-1] != "A" else "B"),
            client_id + "A",
            client_id + "=",
            sealer.seal("rt", payload, None),
            other.seal("cid", payload, None),
            sealer.seal("cid", payload | {"name": "x" * 2000}, None),
        ):
            self.assertIsNone(self.registration.find(text), text)

    def test_g076_name(self):
        """A name is one line of at most 64 characters that hides nothing."""
        for name, shown in (
            ("<b>Claude</b>", "<b>Claude</b>"),
            ("\u202eedualC\u202c \u200bCode\x00\x1b[31m", "edualC Code[31m"),
            ("a\r\n\tb\u2028c", "a b c"),
            ("x" * 10240, "x" * 64),
            ("", NAMELESS),
            ("\u200b \ud83d".encode("utf-8", "replace").decode()[:2], NAMELESS),
            (7, NAMELESS),
            (None, NAMELESS),
        ):
            self.assertEqual(self.registered(client_name=name)["client_name"], shown)

    def test_g077_uris_to_nowhere(self):
        """What else a client names is neither kept nor ever asked."""
        inside = "http://169.254.169.254/"
        answer = self.registered(logo_uri=inside, jwks_uri=inside, client_uri=inside)
        self.assertNotIn("169.254", json.dumps(answer))

    def test_g078_real_clients(self):
        """Cursor's three callbacks and VS Code's four are registered as they are."""
        for uris in (CURSOR, VS_CODE):
            answer = self.registered(redirect_uris=list(uris))
            self.assertEqual(answer["redirect_uris"], list(uris))

    def test_unlisted_left_out(self):
        """A callback that the operator left out is not registered; the others are."""
        self.registration = self.made(["https://claude.ai/api/mcp/auth_callback"])
        answer = self.registered(redirect_uris=list(CURSOR))
        self.assertEqual(answer["redirect_uris"], [CURSOR[2]])

    def test_g079_grant_types(self):
        """Grants that nobody has here are left out; without a code there is none."""
        device = "urn:ietf:params:oauth:grant-type:device_code"
        answer = self.registered(
            grant_types=["authorization_code", "refresh_token", device],
            response_types=["code", "code id_token"],
        )
        self.assertEqual(answer["grant_types"], ["authorization_code", "refresh_token"])
        self.assertEqual(answer["response_types"], ["code"])
        for wrong in (
            {"grant_types": ["implicit"]},
            {"grant_types": []},
            {"grant_types": "authorization_code"},
            {"response_types": ["token"]},
            {"response_types": [7]},
        ):
            body = {"redirect_uris": [LOOPBACK]} | wrong
            self.refused("invalid_client_metadata", body)

    def test_g072_redirects(self):
        """A redirect URI that nobody may have refuses all that come with it."""
        for uri in (
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://evil.example/cb",
            "http://localhost@evil.example/cb",
        ):
            for uris in ([uri], [LOOPBACK, uri]):
                self.refused("invalid_redirect_uri", {"redirect_uris": uris})
        self.refused(
            "invalid_redirect_uri", {"redirect_uris": ["https://evil.example/"]}
        )

    def test_web_application(self):
        """A web application may not have loopback."""
        web = {"application_type": "web"}
        self.refused("invalid_redirect_uri", {"redirect_uris": [LOOPBACK]} | web)
        uri = "https://claude.ai/api/mcp/auth_callback"
        answer = self.registered(redirect_uris=[uri], **web)
        self.assertEqual(answer["application_type"], "web")

    def test_g075_form(self):
        """Too many URIs, a body too long or of another form are refused."""
        uris = [f"http://localhost:{port}/cb" for port in range(1, 12)]
        self.registered(redirect_uris=uris[:10])
        for body in (
            {"redirect_uris": uris},
            {"redirect_uris": []},
            {"redirect_uris": LOOPBACK},
            {"redirect_uris": [7]},
            {"redirect_uris": {LOOPBACK: 1}},
            {},
            {"redirect_uris": [LOOPBACK], "padding": "x" * 17 * 1024},
            [],
            "text",
            None,
            b"",
            b"redirect_uris=x",
            b"\xff",
            b'{"redirect_uris": [NaN]}',
            b"[" * 10000,
        ):
            self.refused("invalid_client_metadata", body)
        form = {"content_type": "application/x-www-form-urlencoded"}
        self.refused("invalid_client_metadata", {"redirect_uris": [LOOPBACK]}, **form)

    def test_long_redirects(self):
        """What does not fit into an id is refused."""
        uris = [f"http://localhost/{number}{'x' * 400}" for number in range(4)]
        self.refused("invalid_redirect_uri", {"redirect_uris": uris})
        answer = self.registered(redirect_uris=uris[:2])
        self.assertLessEqual(len(answer["client_id"]), MAX_CLIENT_ID_CHARS)

    @given(
        st.binary()
        | st.recursive(st.none() | st.text(), st.lists).map(
            lambda uris: json.dumps({"redirect_uris": uris}).encode()
        )
    )
    def test_garbage(self, body):
        """Whatever is sent is answered, and never registered."""
        self.clock.advance(60)
        status, _ = self.register(body)
        self.assertEqual(status, 400)

    def test_audit(self):
        """A registration is recorded before it is answered, its id as a mark."""
        answer = self.registered(client_name="A")
        self.assertEqual(
            self.audit.lines,
            [
                (
                    "registration",
                    None,
                    {
                        "client_id": client_mark(answer["client_id"]),
                        "client_name": "A",
                        "redirect_uris": [LOOPBACK],
                        "source": "192.0.2.1",
                    },
                )
            ],
        )
        self.assertNotIn(answer["client_id"], str(self.audit.lines))

        def full(*_, **__):
            raise AuditUnwritable("disk full")

        self.audit.record = full
        self.assertRaises(AuditUnwritable, self.registered)


class AllowanceTests(Registering):
    """How often a source may register."""

    def statuses(self, count, source):
        """Register a number of times."""
        body = {"redirect_uris": [LOOPBACK]}
        return [self.register(body, source=source)[0] for _ in range(count)]

    def test_g080_too_many(self):
        """The 21st registration of a minute from one source has to wait, others not."""
        self.assertEqual(self.statuses(21, "192.0.2.1"), [201] * 20 + [429])
        self.assertEqual(self.statuses(1, "192.0.2.2"), [201])
        reply = self.registration.register(b"", "", "192.0.2.1")
        self.assertIn((b"Retry-After", b"3"), reply.headers)
        self.clock.advance(3)
        self.assertEqual(self.statuses(2, "192.0.2.1"), [201, 429])
        self.clock.advance(600)
        self.assertEqual(self.statuses(21, "192.0.2.1"), [201] * 20 + [429])

    def test_g080_network(self):
        """A subscriber of IPv6 is one source, whatever address she takes."""
        for number in range(20):
            self.assertEqual(self.statuses(1, f"2001:db8::{number:x}"), [201])
        self.assertEqual(self.statuses(1, "2001:db8::ffff:1"), [429])
        self.assertEqual(self.statuses(1, "2001:db8:0:1::1"), [201])

    def test_networks(self):
        """Addresses are told apart by what their owner can change."""
        for one, other in (
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::1", "2001:DB8::2"),
            ("fe80::1%eth0", "fe80::2%eth1"),
        ):
            self.assertEqual(network_of(one), network_of(other))
        self.assertNotEqual(network_of("192.0.2.1"), network_of("192.0.2.2"))
        self.assertEqual(network_of("unix"), "unix")

    def test_bounded(self):
        """Any number of sources takes no more memory; the one seen last is kept."""
        allowance = Allowance(self.clock, 1)
        for number in range(MAX_SOURCES + 10):
            self.assertEqual(allowance.take(str(number)), 0)
            self.assertGreater(allowance.take("busy"), -1)
        self.assertEqual(len(allowance._used), MAX_SOURCES)
        self.assertGreater(allowance.take("busy"), 0)
