"""An authorization server in memory, its provider, and browsers that use it."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from attrs import define, evolve, field
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable, UnknownClient
from mcp_trino.fetching import Fetched, FetchFailed
from mcp_trino.interfaces import IIntrospector, IStore
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.consent import Browser, Question
from mcp_trino.oauth.grants import has_ended
from mcp_trino.oauth.keys import Keys
from mcp_trino.oauth.pkce import answers, challenge_of
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.responses import Redirect
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.oauth.server import (
    AuthorizationServer,
    Offer,
    Surroundings,
    authorization_server,
)
from mcp_trino.oauth.signing import SigningKeys
from mcp_trino.principal import Principal
from mcp_trino.providers import PROVIDERS, Endpoints
from mcp_trino.reply import Reply
from mcp_trino.settings import ProxySettings
from mcp_trino.store import MemoryStore
from tests.recording import RecordingAudit

ISSUER = "https://mcp.example"
RESOURCE = f"{ISSUER}/mcp"
PROVIDER = "https://id.example"
NOW = 1_800_000_000.0
VERIFIER = "v" * 43
SECRET = "the-provider's-client-secret"

HOSTED = Client(
    "hosted", "Hosted", ("https://app.example/cb?keep=%2Fme", "https://app.example/2")
)
LOCAL = Client("local", "Local", ("http://localhost/callback",))

_ENDPOINTS = Endpoints(
    issuer=PROVIDER,
    authorization=f"{PROVIDER}/auth",
    token=f"{PROVIDER}/token",
    revocation=f"{PROVIDER}/revoke",
)


def proxy_settings(**changes: Any) -> ProxySettings:
    """Give settings of a server that is a client of the provider."""
    settings = ProxySettings(
        client_id="us",
        client_secret=SECRET,
        redirect_uris=(),
        any_https_redirect=False,
        registration=True,
        document_hosts=(),
        upstream_scopes=("openid", "profile", "offline_access"),
        state_directory=None,
        store_url=None,
        keys=None,
        access_seconds=1800.0,
        refresh_idle_seconds=14 * 86400.0,
        refresh_seconds=30 * 86400.0,
        behind_proxy=False,
    )
    return evolve(settings, **changes)


def authorization_query(client: Client, **changes: Any) -> bytes:
    """Give the query of an authorization request, ``None`` to leave out."""
    parameters: dict[str, Any] = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uris[0],
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "resource": RESOURCE,
        "scope": "trino:read openid",
        "state": "x y/é&",
        **changes,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    return urlencode(given, doseq=True).encode()


@implementer(IIntrospector)
@define(eq=False)
class ScriptedProvider:
    """
    A provider, the way to it, and who checks what it says.

    It holds to what a real one does: a code and a refresh token are good once,
    a code only with its verifier, everything only with the client's secret.

    :ivar requests: the forms that its endpoints got, with their URLs.
    :ivar status: of its token endpoint, when it is broken.
    :ivar away: nobody reaches it.
    :ivar undecidable: the worker does not answer.
    :ivar unidentifying: how often the worker does not know an ID token yet.
    :ivar out: people whom it let out.
    :ivar rotates: gives a new refresh token each time.
    :ivar refreshes: gives refresh tokens at all.
    :ivar names_again: gives an ID token at a refresh.
    """

    clock: Clock
    public_keys: Any = None
    endpoints_: Endpoints = _ENDPOINTS
    requests: list[tuple[str, dict[str, str]]] = field(factory=list)
    people: dict[str, Active] = field(factory=dict)
    status: int = 200
    away: bool = False
    undecidable: bool = False
    unidentifying: int = 0
    out: set[str] = field(factory=set)
    rotates: bool = True
    refreshes: bool = True
    names_again: bool = True
    wrong_nonce: bool = False
    waiting: list[tuple[Deferred[None], str, bytes]] | None = None
    _codes: dict[str, tuple[str, dict[str, str]]] = field(factory=dict)
    _refresh: dict[str, str] = field(factory=dict)
    _count: int = 0

    def log_in(self, url: str, subject: str = "alice") -> bytes:
        """Be a person with a browser: give the query of the callback."""
        parts = urlsplit(url)
        assert url.startswith(self.endpoints_.authorization), url
        asked = dict(parse_qsl(parts.query, strict_parsing=True))
        assert asked["client_id"] == "us"
        assert asked["redirect_uri"] == f"{ISSUER}/oauth/callback"
        code = self._new("code")
        self._codes[code] = (subject, asked)
        return urlencode({"code": code, "state": asked["state"]}).encode()

    def fetch(
        self, url: str, headers: dict[str, str], *, body: bytes
    ) -> Deferred[Fetched]:
        """Be the way to it, as ``Fetcher`` is."""
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        self.requests.append((url, form))
        assert headers["Authorization"].startswith("Basic ")
        if self.away:
            return fail(FetchFailed("no route"))
        if self.waiting is not None:
            waiter: Deferred[Any] = Deferred()
            self.waiting.append(waiter)
            return waiter.addCallback(lambda _: self._answer(url, form))
        return succeed(self._answer(url, form))

    def _answer(self, url: str, form: dict[str, str]) -> Fetched:
        if self.status != 200:
            return self._json(self.status, {"error": "server_error"})
        if url == self.endpoints_.revocation:
            self._refresh.pop(form["token"], None)
            return Fetched(200, Headers(), b"")
        if form["grant_type"] == "authorization_code":
            subject, asked = self._codes.pop(form["code"], ("", {}))
            if not subject or not answers(
                asked["code_challenge"], form["code_verifier"]
            ):
                return self._json(400, {"error": "invalid_grant"})
            return self._tokens(subject, asked["nonce"])
        old = form["refresh_token"]
        subject = self._refresh.get(old, "")
        if not subject or subject in self.out:
            return self._json(400, {"error": "invalid_grant"})
        if self.rotates:
            del self._refresh[old]
        return self._tokens(subject, "")

    def _tokens(self, subject: str, nonce: str) -> Fetched:
        tokens: dict[str, Any] = {
            "access_token": self._new("access"),
            "token_type": "Bearer",
            "expires_in": 300,
        }
        if nonce or self.names_again:
            shown = "other" if self.wrong_nonce else nonce
            tokens["id_token"] = f"id.{subject}.{shown}"
        if self.refreshes and (nonce or self.rotates):
            tokens["refresh_token"] = self._new("refresh")
            self._refresh[tokens["refresh_token"]] = subject
        return self._json(200, tokens)

    def _json(self, status: int, value: dict[str, Any]) -> Fetched:
        return Fetched(status, Headers(), json.dumps(value).encode())

    def _new(self, what: str) -> str:
        self._count += 1
        return f"upstream-{what}-{self._count}"

    def introspect(self, token: str) -> Deferred[Active | None]:
        """See ``IIntrospector``: our own tokens, verified."""
        if self.undecidable:
            return fail(Undecidable("no worker"))
        jws = JWS()
        try:
            jws.deserialize(token)
            jws.verify(JWKSet.from_json(json.dumps(self.public_keys())))
        except Exception:  # noqa: BLE001
            return succeed(None)
        claims = json.loads(jws.payload)
        return succeed(
            Active(
                claims["iss"],
                claims["sub"],
                (claims["aud"],),
                claims["exp"],
                claims["client_id"],
                grant=claims["grant"],
            )
        )

    def identify(self, id_token: str, nonce: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        if self.undecidable:
            return fail(Undecidable("no worker"))
        if self.unidentifying:
            self.unidentifying -= 1
            return fail(Undecidable("no keys yet"))
        _, subject, shown = id_token.split(".", 2)
        if nonce and shown != nonce:
            return succeed(None)
        known = Active(PROVIDER, subject, ("us",), self.clock.seconds() + 300)
        return succeed(self.people.get(subject, evolve(known, username=subject)))

    def endpoints(self) -> Deferred[Endpoints]:
        """See ``IIntrospector``."""
        if self.undecidable:
            return fail(Undecidable("no worker"))
        return succeed(self.endpoints_)


@define(eq=False)
class Jar:
    """A browser's cookies; ``made`` holds all headers that set them."""

    cookies: dict[str, str] = field(factory=dict)
    made: list[str] = field(factory=list)

    def take(self, set_cookies: tuple[bytes, ...]) -> None:
        """Take what an answer sets."""
        for header in set_cookies:
            self.made.append(header.decode())
            pair, *attributes = header.decode().split("; ")
            name, _, value = pair.partition("=")
            name = name.removeprefix("__Host-mcp-trino-")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def browser(
        self, origin: str | None = None, fetch_site: str | None = None
    ) -> Browser:
        """Give what it sends along."""
        return Browser(dict(self.cookies), origin, fetch_site)


class WorldTestCase(SynchronousTestCase):
    """A server, its provider, one browser, and all steps of a login."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = ScriptedProvider(self.clock)
        self.store: IStore = MemoryStore(self.clock)
        self.audit = RecordingAudit()
        self.clients = {client.client_id: client for client in (HOSTED, LOCAL)}
        self.unknown: Exception = UnknownClient("no such client is registered here")
        self.refusal = ""
        self.jar = Jar()
        self.keys = Keys.make(NOW - 10_000)
        self.server = self.make_server()

    def make_server(self, **settings: Any) -> AuthorizationServer:
        """Make a server; another one shares the store and the keys."""
        signing = SigningKeys(self.clock, self.keys.signing)
        self.provider.public_keys = signing.public
        offer = Offer(
            issuer=ISSUER,
            resources=(RESOURCE, f"{ISSUER}/sse"),
            scopes=frozenset({"trino:read", "trino:write"}),
            default_scopes=frozenset({"trino:read"}),
        )
        around = Surroundings(
            clock=self.clock,
            store=self.store,
            sealer=Sealer(self.clock, self.keys.masters),
            sign=signing.sign,
            introspector=self.provider,
            fetcher=self.provider,
            find_client=self.find_client,
            admit=self.admit,
            audit=self.audit,
        )
        keeps = settings.pop("keeps_access_tokens", False)
        return authorization_server(
            offer,
            PROVIDERS["oidc"],
            proxy_settings(**settings),
            around,
            keeps_access_tokens=keeps,
        )

    def find_client(self, client_id: str) -> Deferred[Client]:
        """Know the clients of the test."""
        client = self.clients.get(client_id)
        if client is None:
            return fail(self.unknown)
        return succeed(client)

    def admit(self, person: Active) -> Principal:
        """Let everybody in, unless the test has a refusal."""
        return Principal(
            person.issuer,
            person.subject,
            person.username,
            person.client_id,
            refusal=self.refusal,
        )

    def request(self, client: Client = HOSTED, **changes: Any) -> bytes:
        """Give the query of an authorization request, ``None`` to leave out."""
        return authorization_query(client, **changes)

    def ask(self, query: bytes, fetch_site: str | None = "cross-site") -> Any:
        """Open the authorization endpoint: a question, or the answer's parameters."""
        browser = self.jar.browser(fetch_site=fetch_site)
        return self.outcome(self.server.interaction.authorize(query, browser))

    def outcome(self, deferred: Deferred[Any]) -> Any:
        """Give what came of it, a ``Problem`` as a value, and take its cookies."""
        try:
            result = self.successResultOf(deferred.addErrback(_as_value))
        finally:
            self.flushLoggedErrors()
        if isinstance(result, Question | Redirect):
            self.jar.take(result.set_cookies)
        return result

    def reply(self, question: Question, answer: str = "allow", **form: str) -> Any:
        """Send the form of the consent page."""
        parameters = {"question": question.sealed, "answer": answer, **form}
        browser = self.jar.browser(ISSUER, "same-origin")
        return self.outcome(
            self.server.interaction.answer(urlencode(parameters).encode(), browser)
        )

    def come_back(self, query: bytes, jar: Jar | None = None) -> Any:
        """Come back from the provider."""
        browser = (jar or self.jar).browser(fetch_site="cross-site")
        return self.outcome(self.server.interaction.callback(query, browser))

    def log_in(self, client: Client = HOSTED, **changes: Any) -> str:
        """Log in to the end and give the code."""
        question = self.ask(self.request(client, **changes))
        sent = self.reply(question)
        back = self.come_back(self.provider.log_in(sent.uri))
        return told(back)["code"]

    def token(self, **form: Any) -> Reply:
        """Ask the token endpoint."""
        return self.successResultOf(self.token_later(**form))

    def token_later(self, **form: Any) -> Deferred[Reply]:
        """Ask the token endpoint and leave the answer to the test."""
        given = {name: value for name, value in form.items() if value is not None}
        body = urlencode(given, doseq=True).encode()
        return self.server.token.answer(
            b"application/x-www-form-urlencoded", None, body
        )

    def redeem(self, code: str, client: Client = HOSTED, **changes: Any) -> Reply:
        """Redeem a code."""
        return self.token(**self.redemption(code, client, **changes))

    def redemption(
        self, code: str, client: Client = HOSTED, **changes: Any
    ) -> dict[str, Any]:
        """Give the form that redeems a code."""
        form = {
            "grant_type": "authorization_code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uris[0],
            "code": code,
            "code_verifier": VERIFIER,
            "resource": RESOURCE,
        }
        return {**form, **changes}

    def refresh(self, token: str, **changes: Any) -> Reply:
        """Exchange a refresh token."""
        return self.successResultOf(self.refresh_later(token, **changes))

    def refresh_later(self, token: str, **changes: Any) -> Deferred[Reply]:
        """Exchange a refresh token and leave the answer to the test."""
        form = {
            "grant_type": "refresh_token",
            "client_id": HOSTED.client_id,
            "refresh_token": token,
            **changes,
        }
        return self.token_later(**form)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """Log in to the end and give the token endpoint's answer."""
        return body(self.redeem(self.log_in(**changes)))

    def is_refused(self, reply: Reply, error: str, status: int = 400) -> None:
        """Assert that the token endpoint said that."""
        self.assertEqual((reply.status, body(reply)["error"]), (status, error))

    def holds(self, tokens: dict[str, Any]) -> bool:
        """Say whether an access token would be taken."""
        claims = self.successResultOf(self.provider.introspect(tokens["access_token"]))
        return not self.successResultOf(has_ended(self.store, claims.grant))


def body(reply: Reply) -> dict[str, Any]:
    """Read a JSON answer."""
    return json.loads(reply.body)


def told(redirect: Redirect) -> dict[str, str]:
    """Give the parameters that a redirect tells a client, each there once."""
    values = parse_qs(urlsplit(redirect.uri).query, strict_parsing=True)
    assert all(len(value) == 1 for value in values.values()), values
    return {name: value[0] for name, value in values.items()}


def _as_value(failure: Any) -> Problem:
    failure.trap(Problem)
    return failure.value
