"""Tests of Client ID Metadata Documents, fetched over real TLS on loopback."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint, wrapServerTLS
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mcp_trino.config.oauth_table import CALLBACKS
from mcp_trino.errors import Undecidable, UnknownClient
from mcp_trino.fetching import trust_of
from mcp_trino.oauth import client_documents
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.client_documents import (
    FRESH_SECONDS,
    LONGEST_SECONDS,
    REFUSED_SECONDS,
    SHORTEST_SECONDS,
    ClientDocuments,
)
from mcp_trino.oauth.public_addresses import PinnedEndpoints
from mcp_trino.oauth.redirects import RedirectPolicy, matches
from mcp_trino.settings import TLSSettings
from mcp_trino.web.tls import ServerCertificate
from tests.e2e.certificates import make_certificates

HOST = "client.example.com"
PUBLIC = ("1.1.1.1",)
POLICY = RedirectPolicy(tuple(CALLBACKS.split()))
CLAUDE_CODE = {
    "client_name": "Claude Code",
    "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


def certificates_in(name):
    """Make certificates in a new directory."""
    directory = Path(name)
    directory.mkdir(parents=True)
    return make_certificates(directory, HOST)


class Shelf(Resource):
    """Serves one document, and counts."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.requests = []
        self.status, self.body, self.headers = 200, b"", {}
        self.held = None

    def render_GET(self, request):
        """Answer as the test says."""
        self.requests.append(request.getAllHeaders())
        request.setResponseCode(self.status)
        request.setHeader(b"content-type", b"application/json")
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.held is None:
            return self.body
        self.held.addCallback(lambda _: (request.write(self.body), request.finish()))
        return NOT_DONE_YET


class Later:
    """The real reactor, at another time."""

    def __init__(self):
        self.offset = 0.0

    def seconds(self):
        """Give the time."""
        return reactor.seconds() + self.offset

    def __getattr__(self, name):
        return getattr(reactor, name)


class Documents(TestCase):
    """A host that publishes documents, by its own name and with a certificate."""

    async def setUp(self):
        """Serve an empty shelf."""
        files = certificates_in(self.mktemp())
        certificate = ServerCertificate(TLSSettings(files.chain, files.key))
        self.trust = trust_of(files.authority)
        self.shelf = Shelf()
        plain = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        listening = await wrapServerTLS(certificate, plain).listen(Site(self.shelf))
        self.addCleanup(listening.stopListening)
        self.port = listening.getHost().port
        self.url = self.url_of(HOST)
        self.publish(CLAUDE_CODE)
        self.addresses = PUBLIC
        self.resolved, self.pinned = [], []
        self.later = Later()
        self.documents = self.made(("*",))

    def url_of(self, host):
        """Give the URL of a client of a host."""
        return f"https://{host}:{self.port}/oauth/client.json"

    def made(self, hosts):
        """Make the finder of one process; checked addresses lead to loopback."""
        return ClientDocuments(
            self.later, self.resolve, self.pin, POLICY, hosts, self.port
        )

    def resolve(self, host):
        """Look a host up."""
        self.resolved.append(host)
        if isinstance(self.addresses, Exception):
            return fail(self.addresses)
        return succeed(self.addresses)

    def pin(self, addresses):
        """Connect to loopback in the place of the checked addresses."""
        self.pinned.append(addresses)
        return PinnedEndpoints(reactor, self.trust, ("127.0.0.1",))

    def publish(self, document, **changes):
        """Put a document on the shelf."""
        self.shelf.body = json.dumps(
            {"client_id": self.url} | document | changes
        ).encode()

    async def refused(self, url=None):
        """Give why there is no such client; nothing is remembered for the next."""
        documents = self.made(("*",))
        try:
            client = await documents.find(url or self.url)
        except UnknownClient as error:
            return str(error)
        return self.fail(f"it is {client}")


class DocumentTests(Documents):
    """Clients by their documents."""

    async def test_client(self):
        """A client is what its document says, known by its host."""
        client = await self.documents.find(self.url)
        redirects = tuple(CLAUDE_CODE["redirect_uris"])
        self.assertEqual(client, Client(self.url, "Claude Code", redirects, HOST))
        self.assertFalse(client.proves_itself)
        self.assertEqual((self.resolved, self.pinned), ([HOST], [PUBLIC]))
        (headers,) = self.shelf.requests
        self.assertEqual(headers[b"accept"], b"application/json")
        self.assertEqual(headers[b"host"], f"{HOST}:{self.port}".encode())
        self.assertNotIn(b"cookie", headers)

    async def test_g087_loopback_port(self):
        """Of its loopback redirects any port may be asked for, nothing else."""
        client = await self.documents.find(self.url)
        for asked, taken in (
            ("http://localhost:51234/callback", True),
            ("http://localhost:51234/callback2", False),
            ("https://localhost:51234/callback", False),
        ):
            found = any(matches(uri, asked) for uri in client.redirect_uris)
            self.assertEqual(found, taken, asked)

    async def test_redirects(self):
        """Redirects of its own origin and known ones are taken, others left out."""
        own = f"https://{HOST}:{self.port}/cb"
        known = "https://vscode.dev/redirect"
        self.publish(CLAUDE_CODE, redirect_uris=[own, known, "https://evil.example/cb"])
        client = await self.documents.find(self.url)
        self.assertEqual(client.redirect_uris, (own, known))
        self.assertTrue(client.proves_itself)
        for uris in (
            [],
            ["https://evil.example/cb"],
            [known, "javascript:x"],
            [7],
            "x",
        ):
            self.publish(CLAUDE_CODE, redirect_uris=uris)
            await self.refused()

    async def test_g082_addresses(self):
        """A host of any private address is not connected to; not even of one."""
        for addresses in (
            ("10.0.0.1",),
            ("127.0.0.1",),
            ("::1",),
            ("169.254.169.254",),
            ("100.64.0.1",),
            ("::ffff:10.0.0.1",),
            ("64:ff9b::a00:1",),
            ("1.1.1.1", "192.168.0.1"),
        ):
            self.addresses = addresses
            await self.refused()
        self.assertEqual((self.pinned, self.shelf.requests), ([], []))

    async def test_g083_resolved_once(self):
        """The name is asked once for a fetch; what it says later leads nowhere."""
        real, answers = self.resolve, [PUBLIC, ("127.0.0.1",)]

        def rebinding(host):
            self.addresses = answers.pop(0)
            return real(host)

        self.documents = ClientDocuments(
            self.later, rebinding, self.pin, POLICY, ("*",), self.port
        )
        await self.documents.find(self.url)
        self.assertEqual((self.pinned, len(answers)), ([PUBLIC], 1))

    async def test_g084_answers(self):
        """A redirect, an error, a page or too much is no document."""
        document = self.shelf.body
        for status, body, headers in (
            (301, document, {b"location": self.url.encode()}),
            (404, document, {}),
            (204, b"", {}),
            (200, b"<!doctype html><title>x</title>", {b"content-type": b"text/html"}),
            (200, b"", {}),
            (200, b"[]", {}),
            (200, b"\xff", {}),
            (200, b"[" * 1000, {}),
            (200, document[:-1] + b" " * 16384 + b"}", {}),
        ):
            self.shelf.status, self.shelf.body, self.shelf.headers = (
                status,
                body,
                headers,
            )
            seen = len(self.shelf.requests)
            await self.refused()
            self.assertEqual(len(self.shelf.requests), seen + 1)

    async def test_g084_drip(self):
        """A document that comes too slowly cannot be had now, in time."""
        self.patch(client_documents, "FETCH_SECONDS", 0.3)
        self.shelf.held = Deferred()
        await self.assertFailure(self.documents.find(self.url), Undecidable)

    async def test_not_now(self):
        """When nobody can say now, it is neither yes nor no."""
        self.shelf.status = 503
        await self.assertFailure(self.documents.find(self.url), Undecidable)
        self.addresses = OSError("no such name")
        await self.assertFailure(self.documents.find(self.url), Undecidable)
        self.addresses = ()
        await self.assertFailure(self.documents.find(self.url), Undecidable)

    async def test_other_certificate(self):
        """A host that cannot prove its name is not believed."""
        other = self.url_of("other.example.com")
        self.publish(CLAUDE_CODE, client_id=other)
        await self.assertFailure(self.documents.find(other), Undecidable)
        self.assertEqual(self.shelf.requests, [])

    async def test_g085_other_id(self):
        """A document is that of its own URL, byte by byte."""
        for client_id in (self.url + "/", self.url[:-1], self.url.upper(), None, 7):
            self.publish(CLAUDE_CODE, client_id=client_id)
            await self.refused()

    async def test_g086_secrets(self):
        """Nobody who publishes a secret, or needs one, is a public client."""
        key = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}
        for changes in (
            {"client_secret": "x"},
            {"client_secret": ""},
            {"token_endpoint_auth_method": "client_secret_post"},
            {"token_endpoint_auth_method": "client_secret_basic"},
            {"token_endpoint_auth_method": "private_key_jwt"},
            {"token_endpoint_auth_method": ["none"]},
            {"jwks": {"keys": [key | {"d": "c"}]}},
            {"jwks": {"keys": [{"kty": "oct", "k": "c"}]}},
            {"client_name": None},
            {"client_name": 7},
            {"redirect_uris": None},
        ):
            self.publish(CLAUDE_CODE, **changes)
            await self.refused()
        self.publish(CLAUDE_CODE, jwks={"keys": [key]})
        await self.documents.find(self.url)


class KeepingTests(Documents):
    """How long a document is believed."""

    async def fetches(self, seconds=0.0):
        """Find the client some time later; give how often it was fetched by then."""
        self.later.offset += seconds
        await self.documents.find(self.url)
        return len(self.shelf.requests)

    async def test_fresh(self):
        """A document is fetched again when its time has passed, within bounds."""
        for said, seconds in (
            (b"", FRESH_SECONDS),
            (b"max-age=600", 600),
            (b"public, max-age=1", SHORTEST_SECONDS),
            (b"no-store", SHORTEST_SECONDS),
            (b"max-age=99999999", LONGEST_SECONDS),
        ):
            self.documents = self.made((HOST,))
            self.shelf.requests.clear()
            self.shelf.headers = {b"cache-control": said} if said else {}
            self.assertEqual(await self.fetches(), 1)
            self.assertEqual(await self.fetches(seconds - 5), 1, said)
            self.assertEqual(await self.fetches(10), 2, said)

    async def test_stale(self):
        """While its host is away a client goes on being known, for a day."""
        await self.fetches()
        self.shelf.status = 503
        self.assertEqual(await self.fetches(FRESH_SECONDS + 1), 2)
        self.assertEqual(await self.fetches(), 2)
        self.assertEqual(await self.fetches(REFUSED_SECONDS + 1), 3)
        self.later.offset += LONGEST_SECONDS
        await self.assertFailure(self.documents.find(self.url), Undecidable)

    async def test_withdrawn(self):
        """A document that is gone makes an end of its client, and may come back."""
        await self.fetches()
        self.shelf.status = 404
        self.later.offset += FRESH_SECONDS + 1
        for _ in range(3):
            await self.assertFailure(self.documents.find(self.url), UnknownClient)
        self.assertEqual(len(self.shelf.requests), 2)
        self.shelf.status = 200
        self.assertEqual(await self.fetches(REFUSED_SECONDS + 1), 3)

    async def test_fetched_once(self):
        """Many who ask at once wait for one answer, of either kind."""
        for status in (200, 404):
            self.documents = self.made(("*",))
            self.shelf.status = status
            self.shelf.requests.clear()
            asked = [self.documents.find(self.url) for _ in range(20)]
            for finding in asked:
                if status == 200:
                    self.assertEqual((await finding).name, "Claude Code")
                else:
                    await self.assertFailure(finding, UnknownClient)
            self.assertEqual(len(self.shelf.requests), 1)

    async def test_bounds(self):
        """One host cannot have this server ask without end, nor can all together."""
        hosts = [f"{number}.example.com" for number in range(100)]
        self.addresses = OSError("no such name")
        for _ in range(30):
            await self.assertFailure(self.documents.find(self.url), Undecidable)
        self.assertEqual(len(self.resolved), client_documents.PER_MINUTE_AND_HOST)
        for host in hosts:
            url = self.url_of(host.replace("0", "a", 1))
            await self.assertFailure(self.documents.find(url), Undecidable)
        self.assertLessEqual(len(self.resolved), client_documents.PER_MINUTE)

    async def test_bounded(self):
        """Any number of clients takes no more memory."""
        self.patch(client_documents, "MAX_KEPT", 2)
        self.addresses = ("127.0.0.1",)
        for number in range(5):
            url = self.url_of(f"a{number}.example.com")
            await self.assertFailure(self.documents.find(url), UnknownClient)
        self.assertEqual(len(self.documents._kept), 2)


class URLTests(SynchronousTestCase):
    """Which ids are asked for at all."""

    def setUp(self):
        """Make a finder that may ask nobody."""
        self.documents = self.made(("*",))

    def made(self, hosts):
        """Make a finder that fails the test when it asks."""
        return ClientDocuments(
            Clock(), self.fail_to_ask, self.fail_to_ask, POLICY, hosts
        )

    def fail_to_ask(self, *_):
        """Fail."""
        self.fail("somebody was asked")

    def test_g081_urls(self):
        """What is no plain https URL with a path is refused, and nobody is asked."""
        for url in (
            "https://evil.example/",
            "https://evil.example",
            "http://evil.example/client",
            "https://evil.example/client#x",
            "https://evil.example/client#",
            "https://user@evil.example/client",
            "https://user:pw@evil.example/client",
            "https://evil.example/../client",
            "https://evil.example/./client",
            "https://evil.example/a/..",
            "https://evil.example/%2e%2e/client",
            "https://evil.example/a/%2E./client",
            "https://evil.example/client?x=1",
            "https://evil.example:8443/client",
            "https://evil.example:0/client",
            "https://EVIL.example/client",
            "HTTPS://evil.example/client",
            "https://evil.example\\client",
            "https://evil.example/cl ient",
            "https://evil.example/client\r\nX: y",
            "https://evil.example/\u00e9",
            "https://localhost/client",
            "https://127.0.0.1/client",
            "https://[::1]/client",
            "https://2130706433/client",
            "https://0x7f.1/client",
            "https://127.1/client",
            "https://169.254.169.254/latest",
            "https://evil..example/client",
            "https://evil.example./client",
            f"https://evil.example/{'x' * 512}",
        ):
            self.failureResultOf(self.documents.find(url), UnknownClient)

    def test_not_trusted(self):
        """Hosts that the operator does not name are not asked; none by default."""
        for hosts in ((), ("claude.ai",), ("example.com",)):
            documents = self.made(hosts)
            url = "https://evil.example.com/client"
            self.failureResultOf(documents.find(url), UnknownClient)

    @given(st.text() | st.text("htps:/.@#%2e\\ab?").map("https://a.example/{}".format))
    def test_any_text(self, text):
        """Any text is judged without asking anybody who is not trusted."""
        self.failureResultOf(self.made(()).find(text), UnknownClient)
