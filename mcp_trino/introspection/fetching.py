"""
Requests to a provider, bounded in size and in time.

No redirect is followed, no proxy is used, nothing is decoded or kept, and a
connection serves one request. What a provider sends can then be neither more
than is asked for nor later than it is waited for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.fetching import Fetcher, FetchFailed, VerifiedEndpoints, trust_of

WHOLE_SECONDS = 10.0


@frozen
class Ask:
    """
    A request.

    :ivar max_bytes: of the body of the answer.
    """

    url: str = field(repr=False)
    max_bytes: int
    method: str = "GET"
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen
class Answer:
    """
    An answer, read to its end.

    :ivar cache_control: the header of that name.
    :ivar date: the header of that name, when the answer was made.
    """

    status: int
    body: bytes = field(repr=False)
    cache_control: str = ""
    date: str = ""


Fetch = Callable[[Ask], Deferred[Answer]]
"""
How a request is made; the answer may have any status.

:raise Undecidable: there is no answer, or none within the bounds.
"""


def read_trust(ca_file: Path | None) -> Any:
    """
    Give the certificates to trust.

    :param ca_file: PEM certificates, ``None`` for those of the system.
    :raise ConfigurationError: they cannot be used.
    """
    try:
        return trust_of(ca_file)
    except Exception as error:
        # OpenSSL has errors of its own.
        raise ConfigurationError(
            (f"the CA file {ca_file} cannot be used: {error}",)
        ) from error


@define(eq=False)
class Fetching:
    """
    Makes requests; the object is a ``Fetch``.

    :ivar trust: of ``read_trust``.
    :ivar clock: what the time for an answer is measured by.
    """

    _reactor: Any = field(repr=False)
    _trust: Any = field(repr=False)
    _clock: IReactorTime = field(repr=False)

    def __call__(self, ask: Ask) -> Deferred[Answer]:
        """Make one request."""
        return Deferred.fromCoroutine(self._ask(ask))

    async def _ask(self, ask: Ask) -> Answer:
        ways = VerifiedEndpoints(self._reactor, self._trust)
        fetcher = Fetcher(
            self._reactor, ways, ask.max_bytes, WHOLE_SECONDS, self._clock
        )
        headers = {"Accept": "application/json", **ask.headers}
        body = ask.body if ask.method == "POST" else None
        try:
            fetched = await fetcher.fetch(ask.url, headers, body=body)
        except FetchFailed as error:
            host = urlsplit(ask.url).netloc
            raise Undecidable(f"{host} does not answer: {error}") from None
        cache_control = fetched.headers.getRawHeaders("cache-control", [])
        return Answer(fetched.status, fetched.body, ", ".join(cache_control))
