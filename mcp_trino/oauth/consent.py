"""Whether a person lets a client in: what she is asked and what she answers."""

from collections.abc import Mapping
from json import dumps

from attrs import define, field, frozen

from mcp_trino.oauth.authorization import AuthorizationRequest
from mcp_trino.oauth.cookies import Binding, Cookies, bind, digest
from mcp_trino.oauth.parameters import Parameters
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.sealing import Sealer

_PATIENCE_SECONDS = 600.0
_MEMORY_SECONDS = 90 * 86400.0
_MAX_REMEMBERED = 25
_REMEMBERED = "remembered"

_STALE = Problem(
    403,
    "This page is too old",
    "Your answer was not taken: the page is older than ten minutes, or it was "
    "opened in another browser. Start the login again in your application.",
)
_FOREIGN = Problem(
    403,
    "This did not come from here",
    "Another page tried to answer for you. Nothing was allowed.",
)


@frozen
class Browser:
    """
    What a browser says of itself with a request.

    :ivar cookies: ours, by their short names.
    :ivar origin: its ``Origin`` header.
    :ivar fetch_site: its ``Sec-Fetch-Site`` header: where the request was
        started, in the browser's own words.
    :ivar address: of the network that the request came from.
    """

    cookies: Mapping[str, str] = field(factory=dict, repr=False)
    origin: str | None = None
    fetch_site: str | None = None
    address: str = ""

    def require_sent_by(self, origin: str) -> None:
        """
        Make sure that a form was sent by a page of an origin, this server's.

        Programs that are no browser say neither; they have no other's cookies.

        :raise Problem: another page sent it.
        """
        if self.origin not in {None, origin} or self.fetch_site not in {
            None,
            "same-origin",
        }:
            raise _FOREIGN


@frozen
class Question:
    """
    What a person is asked.

    :ivar sealed: goes back with her answer.
    :ivar set_cookies: values of ``Set-Cookie`` headers.
    """

    request: AuthorizationRequest
    sealed: str = field(repr=False)
    set_cookies: tuple[bytes, ...] = field(repr=False)


@frozen
class Answer:
    """What she answered; ``set_cookies`` as in the question."""

    request: AuthorizationRequest
    allowed: bool
    set_cookies: tuple[bytes, ...] = field(repr=False)


@define(eq=False)
class Consent:
    """
    Asks, and takes an answer only from the browser that was asked.

    Nothing is kept here: the question goes along in the page, sealed, and is
    bound to a cookie of its own (double submit).

    :ivar origin: of this server's pages.
    """

    _sealer: Sealer = field(repr=False)
    _cookies: Cookies
    _origin: str

    def ask(self, request: AuthorizationRequest, browser: Browser) -> Question | None:
        """
        Give the question, ``None`` when this browser has a yes to it already.

        A remembered yes does not count when another page sent the browser.
        """
        if (
            request.provable
            and browser.fetch_site in {"none", "same-origin"}
            and _mark(request) in self._remembered(browser.cookies)
        ):
            return None
        binding, cookies = bind(
            "ask", browser.cookies, self._cookies, _PATIENCE_SECONDS
        )
        payload = {
            "request": request.to_json(),
            "name": binding.name,
            "digest": binding.digest,
        }
        sealed = self._sealer.seal("ask", payload, _PATIENCE_SECONDS)
        return Question(request, sealed, cookies)

    def take(self, form: Parameters, browser: Browser) -> Answer:
        """
        Read the answer.

        :raise Problem: it is not the answer to a question of ours.
        """
        browser.require_sent_by(self._origin)
        payload = self._sealer.open("ask", form.get("question") or "")
        if payload is None:
            raise _STALE
        binding = Binding(payload["name"], payload["digest"])
        if not binding.holds(browser.cookies):
            raise _STALE
        request = AuthorizationRequest.from_json(payload["request"])
        allowed = form.get("answer") == "allow"
        cookies = [self._cookies.forget(binding.name)]
        if allowed and request.provable and form.get("remember") == "yes":
            cookies.append(self._remember(request, browser.cookies))
        return Answer(request, allowed, tuple(cookies))

    def _remembered(self, cookies: Mapping[str, str]) -> list[str]:
        payload = self._sealer.open(_REMEMBERED, cookies.get(_REMEMBERED, ""))
        return [] if payload is None else list(payload["marks"])

    def _remember(
        self, request: AuthorizationRequest, cookies: Mapping[str, str]
    ) -> bytes:
        mark = _mark(request)
        marks = [other for other in self._remembered(cookies) if other != mark]
        marks = [*marks, mark][-_MAX_REMEMBERED:]
        sealed = self._sealer.seal(_REMEMBERED, {"marks": marks}, _MEMORY_SECONDS)
        return self._cookies.set(_REMEMBERED, sealed, _MEMORY_SECONDS)


def _mark(request: AuthorizationRequest) -> str:
    """Name what was allowed: to whom, sent where, for what."""
    allowed = [
        request.client_id,
        request.redirect_uri,
        request.resource,
        *request.scopes,
    ]
    return digest(dumps(allowed))[:32]
