"""
Client ID Metadata Documents: clients that publish what they are at a URL
(draft-ietf-oauth-client-id-metadata-document).

The URL is the client's id and comes from anybody. Nothing is asked before it is
one that an operator trusts, and nobody but a public address by its own name.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.iweb import IAgentEndpointFactory

from mcp_trino.errors import Undecidable, UnknownClient
from mcp_trino.fetching import Fetched, Fetcher, FetchFailed, TooLong
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.public_addresses import is_public
from mcp_trino.oauth.published_client import published_client
from mcp_trino.oauth.rates import Allowance
from mcp_trino.oauth.redirects import RedirectPolicy

MAX_URL_CHARS = 512
MAX_BYTES = 16 * 1024
MAX_KEPT = 1000
MAX_AT_ONCE = 16
MAX_AT_ONCE_AND_HOST = 4
DEFAULT_PORT = 443
FETCH_SECONDS = 10.0
FRESH_SECONDS = 3600.0
SHORTEST_SECONDS = 60.0
LONGEST_SECONDS = 86400.0
REFUSED_SECONDS = 30.0
PER_MINUTE = 60
PER_MINUTE_AND_HOST = 10

_URL = re.compile(
    r"https://(?P<host>(?=.{1,253}[:/])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"/(?:[A-Za-z0-9._~!$&'()+,;=:@/-]|%[0-9A-Fa-f]{2})+"
)
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_NOT_NOW = frozenset((408, 425, 429, *range(500, 600)))
_MAX_AGE = re.compile(r"\bmax-age=([0-9]{1,9})\b")

Resolve = Callable[[str], Deferred[tuple[str, ...]]]
Pin = Callable[[tuple[str, ...]], IAgentEndpointFactory]


def is_document_url(client_id: str) -> bool:
    """Whether a client id is meant to be the URL of a document."""
    return client_id.startswith(("https:", "http:"))


@frozen
class _Kept:
    """What is known of a URL: a client, or why there is none."""

    client: Client | UnknownClient
    fresh_until: float
    kept_until: float


@define(eq=False)
class ClientDocuments:
    """
    Finds clients by the document at their id.

    :ivar hosts: whose documents are taken, ``*`` for any host.
    :ivar port: the one that documents are fetched from.
    """

    _reactor: Any = field(repr=False)
    _resolve: Resolve = field(repr=False)
    _pin: Pin = field(repr=False)
    _policy: RedirectPolicy = field(repr=False)
    hosts: tuple[str, ...]
    port: int = 443
    _kept: OrderedDict[str, _Kept] = field(factory=OrderedDict, init=False, repr=False)
    _under_way: dict[str, list[Deferred[None]]] = field(
        factory=dict, init=False, repr=False
    )
    _everybody: Allowance = field(init=False, repr=False)
    _each_host: Allowance = field(init=False, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        """Count from now on."""
        self._everybody = Allowance(self._reactor, PER_MINUTE)
        self._each_host = Allowance(self._reactor, PER_MINUTE_AND_HOST)

    def find(self, client_id: str) -> Deferred[Client]:
        """
        Give the client whose document is at that URL.

        :raise UnknownClient: it is no such URL, not trusted, or its document is
            none; the answer is remembered for a moment.
        :raise Undecidable: the document cannot be had now.
        """
        return Deferred.fromCoroutine(self._find(client_id))

    async def _find(self, url: str) -> Client:
        host = self._host(url)
        kept = self._kept.get(url)
        if kept is None or kept.fresh_until <= self._reactor.seconds():
            if url in self._under_way:
                kept = await self._awaited(url)
            else:
                kept = await self._renewed(url, host, kept)
        if isinstance(kept.client, UnknownClient):
            raise kept.client
        return kept.client

    def _host(self, url: str) -> str:
        """Give the host of a URL that may be asked."""
        parts = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARS else None
        port = parts and int(parts["port"] or DEFAULT_PORT)
        if not parts or port != self.port or _DOTS.search(url):
            raise UnknownClient("The application's id is not the URL of a document.")
        host = parts["host"]
        if not {"*", host} & set(self.hosts):
            raise UnknownClient(f"This server does not trust documents of {host}.")
        return host

    async def _awaited(self, url: str) -> _Kept:
        """Wait for what another one fetches."""
        ended: Deferred[None] = Deferred()
        self._under_way[url].append(ended)
        await ended
        kept = self._kept.get(url)
        if kept is None:
            raise Undecidable(f"{url} cannot be fetched now")
        return kept

    async def _renewed(self, url: str, host: str, old: _Kept | None) -> _Kept:
        """Fetch a document and keep what comes of it."""
        self._check_bounds(host)
        self._under_way[url] = []
        try:
            kept = await self._judged(url, host, old)
            self._kept[url] = kept
            self._kept.move_to_end(url)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        finally:
            for ended in self._under_way.pop(url):
                ended.callback(None)
        return kept

    async def _judged(self, url: str, host: str, old: _Kept | None) -> _Kept:
        try:
            fetched = await self._fetched(url, host)
            client = published_client(url, host, fetched.body, self._policy)
        except UnknownClient as error:
            self._log.warn("{url}: {reason}", url=url, reason=str(error))
            until = self._reactor.seconds() + REFUSED_SECONDS
            return _Kept(error, until, until)
        except Undecidable:
            now = self._reactor.seconds()
            if old is None or old.kept_until <= now:
                raise
            return evolve(old, fresh_until=now + REFUSED_SECONDS)
        now = self._reactor.seconds()
        return _Kept(client, now + _fresh_seconds(fetched), now + LONGEST_SECONDS)

    async def _fetched(self, url: str, host: str) -> Fetched:
        try:
            addresses = await self._resolve(host)
        except Exception as error:
            raise Undecidable(f"{host} cannot be looked up: {error}") from error
        if not addresses:
            raise Undecidable(f"{host} has no address")
        if not all(map(is_public, addresses)):
            raise UnknownClient(f"{host} is not a host of the public internet.")
        pinned = self._pin(addresses)
        fetcher = Fetcher(self._reactor, pinned, MAX_BYTES, FETCH_SECONDS)
        try:
            fetched = await fetcher.fetch(url, {"Accept": "application/json"})
        except TooLong:
            raise UnknownClient("The application's document is too long.") from None
        except FetchFailed as error:
            raise Undecidable(f"{url} cannot be fetched: {error}") from error
        if fetched.status in _NOT_NOW:
            raise Undecidable(f"{url} answers {fetched.status}")
        if fetched.status != HTTPStatus.OK:
            raise UnknownClient(
                f"The application's document is not there: {host} answers "
                f"{fetched.status}."
            )
        return fetched

    def _check_bounds(self, host: str) -> None:
        beside = sum(url.startswith(f"https://{host}") for url in self._under_way)
        full = len(self._under_way) >= MAX_AT_ONCE or beside >= MAX_AT_ONCE_AND_HOST
        wait = self._each_host.take(host) or self._everybody.take("")
        if full or wait:
            raise Undecidable("too many documents of clients are asked for", wait or 2)


def _fresh_seconds(fetched: Fetched) -> float:
    """Give how long a document need not be fetched again, within bounds."""
    said = b", ".join(fetched.headers.getRawHeaders(b"cache-control", ()))
    directives = said.decode("latin-1").lower()
    age = _MAX_AGE.search(directives)
    seconds = float(age[1]) if age else FRESH_SECONDS
    if "no-store" in directives or "no-cache" in directives:
        seconds = 0.0
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
