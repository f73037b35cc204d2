"""
The endpoints of the authorization server: HTTP on one side, values on the other.

Pages are for people and are read by no other origin. The endpoints for clients
may be called from any web page (CORS of the Fetch standard): they know nobody by
cookies, and a page that has a code or token can use it anyway.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from werkzeug.exceptions import HTTPException, NotFound

from mcp_trino.errors import AuditUnwritable
from mcp_trino.oauth.connections_page import CONNECTIONS_PATH, Connected
from mcp_trino.oauth.consent import Browser, Question
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.registration import Registration
from mcp_trino.oauth.responses import Redirect
from mcp_trino.oauth.server import CALLBACK_PATH, AuthorizationServer
from mcp_trino.oauth.server_metadata import REGISTER_PATH
from mcp_trino.reply import Reply, refusal
from mcp_trino.web.consent_pages import ANSWER_PATH, ConsentPages
from mcp_trino.web.request import BoundedRequest
from mcp_trino.web.source import source_of

AUTHORIZE_PATH = "/oauth/authorize"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
REVOKE_PATH = "/oauth/revoke"

_ANYBODY = (b"Access-Control-Allow-Origin", b"*")
_PREFLIGHT = Reply(
    status=204,
    headers=(
        _ANYBODY,
        (b"Access-Control-Allow-Methods", b"POST, OPTIONS"),
        (
            b"Access-Control-Allow-Headers",
            b"Accept, Authorization, Content-Type, MCP-Protocol-Version",
        ),
        (b"Access-Control-Max-Age", b"600"),
    ),
)
_FORM = b"application/x-www-form-urlencoded"

_Outcome = TypeVar("_Outcome", Question | Redirect, Connected | Redirect, Redirect)


@define(eq=False)
class Endpoints:
    """
    All of them, each with the path that clients build at the origin by habit.

    :ivar server: what they ask.
    :ivar pages: how people are told.
    :ivar registration: ``None`` where clients may not register themselves.
    :ivar behind_proxy: only a proxy can connect.
    """

    _server: AuthorizationServer = field(repr=False)
    _pages: ConsentPages = field(repr=False)
    _registration: Registration | None = field(repr=False)
    _behind_proxy: bool
    _app = Klein()

    def resources(self) -> Mapping[bytes, IResource]:
        """Give the resource of each path."""
        resource = self._app.resource()
        rules = self._app.url_map.iter_rules()
        return {rule.rule.encode(): resource for rule in rules}

    @_app.route("/authorize", methods=["GET", "POST"])
    @_app.route(AUTHORIZE_PATH, methods=["GET", "POST"])
    def authorize(self, request: BoundedRequest) -> Deferred[bytes]:
        """Ask a person whether a client may enter (RFC 6749 section 3.1)."""
        query = request.uri.partition(b"?")[2]
        if request.method == b"POST":
            query = _form(request)
        asked = self._server.interaction.authorize(query, self._browser(request))
        return self._show(request, asked)

    @_app.route(ANSWER_PATH, methods=["POST"])
    def answer(self, request: BoundedRequest) -> Deferred[bytes]:
        """Take her answer."""
        answered = self._server.interaction.answer(
            _form(request), self._browser(request)
        )
        return self._show(request, answered)

    @_app.route(CALLBACK_PATH, methods=["GET"])
    def callback(self, request: BoundedRequest) -> Deferred[bytes]:
        """Take the identity provider's answer."""
        query = request.uri.partition(b"?")[2]
        back = self._server.interaction.callback(query, self._browser(request))
        return self._show(request, back)

    @_app.route(CONNECTIONS_PATH, methods=["GET"])
    def connections(self, request: BoundedRequest) -> Deferred[bytes]:
        """Show her what she let in."""
        shown = self._server.connections_page.show(self._browser(request))
        return self._show(request, shown)

    @_app.route(CONNECTIONS_PATH, methods=["POST"])
    def change_connections(self, request: BoundedRequest) -> Deferred[bytes]:
        """Put a client out."""
        changed = self._server.connections_page.change(
            _form(request), self._browser(request)
        )
        return self._show(request, changed)

    @_app.route("/token", methods=["POST"])
    @_app.route(TOKEN_PATH, methods=["POST"])
    def token(self, request: BoundedRequest) -> Deferred[bytes]:
        """Give tokens (RFC 6749 section 3.2)."""
        answer = self._server.token.answer(*_parts(request))
        return answer.addCallback(_readable, request)

    @_app.route(REVOKE_PATH, methods=["POST"])
    def revoke(self, request: BoundedRequest) -> Deferred[bytes]:
        """Take tokens back (RFC 7009)."""
        answer = self._server.revocation.answer(*_parts(request))
        return answer.addCallback(_readable, request)

    @_app.route("/register", methods=["POST"])
    @_app.route(REGISTER_PATH, methods=["POST"])
    def register(self, request: BoundedRequest) -> bytes:
        """Give a client an id (RFC 7591)."""
        if self._registration is None:
            raise NotFound
        kind = _header(request, b"Content-Type") or ""
        try:
            reply = self._registration.register(
                request.body, kind, self._source(request)
            )
        except AuditUnwritable:
            reply = refusal(503, "this server cannot record that now")
        return _readable(reply, request)

    @_app.route("/token", methods=["OPTIONS"])
    @_app.route(TOKEN_PATH, methods=["OPTIONS"])
    @_app.route(REVOKE_PATH, methods=["OPTIONS"])
    @_app.route("/register", methods=["OPTIONS"])
    @_app.route(REGISTER_PATH, methods=["OPTIONS"])
    def preflight(self, request: BoundedRequest) -> bytes:
        """Say what pages of other origins may send."""
        return request.prepare(_PREFLIGHT)

    @_app.handle_errors(HTTPException)  # type: ignore[arg-type]  # klein means IRequest
    def not_so(self, request: BoundedRequest, failure: Failure) -> bytes:
        """Say which methods there are."""
        error: Any = failure.value
        methods = sorted(getattr(error, "valid_methods", None) or ())
        allow = ((b"Allow", ", ".join(methods).encode()),) if methods else ()
        return request.prepare(refusal(error.code, error.name.lower(), *allow))

    def _browser(self, request: BoundedRequest) -> Browser:
        headers = request.requestHeaders
        cookies = headers.getRawHeaders(b"Cookie", [])
        return Browser(
            self._server.cookies.read(cookies),
            _header(request, b"Origin"),
            _header(request, b"Sec-Fetch-Site"),
            self._source(request),
        )

    def _source(self, request: BoundedRequest) -> str:
        return source_of(request, behind_proxy=self._behind_proxy)

    def _show(
        self, request: BoundedRequest, outcome: Deferred[_Outcome]
    ) -> Deferred[bytes]:
        shown = outcome.addCallbacks(self._page, self._problem)
        return shown.addCallback(request.prepare)

    def _page(self, outcome: Question | Connected | Redirect) -> Reply:
        if isinstance(outcome, Connected):
            return self._pages.connections(outcome)
        if isinstance(outcome, Redirect):
            return _see_other(outcome)
        reply = self._pages.question(outcome)
        cookies = _set_cookies(outcome.set_cookies)
        return Reply(reply.status, reply.body, (*reply.headers, *cookies))

    def _problem(self, failure: Failure) -> Reply:
        failure.trap(Problem)
        problem: Any = failure.value
        return self._pages.problem(problem)


def _see_other(redirect: Redirect) -> Reply:
    """Send a browser on, always with a GET (RFC 9700 section 4.12)."""
    return Reply(
        status=303,
        headers=(
            (b"Location", redirect.uri.encode("ascii")),
            (b"Cache-Control", b"no-store"),
            (b"Referrer-Policy", b"no-referrer"),
            *_set_cookies(redirect.set_cookies),
        ),
    )


def _set_cookies(values: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((b"Set-Cookie", value) for value in values)


def _form(request: BoundedRequest) -> bytes:
    """Give the body of a form, nothing for a body of another type."""
    kind = _header(request, b"Content-Type") or ""
    is_form = kind.partition(";")[0].strip().lower().encode() == _FORM
    return request.body if is_form else b""


def _parts(request: BoundedRequest) -> tuple[bytes | None, bytes | None, bytes]:
    headers = request.requestHeaders
    return (
        headers.getRawHeaders(b"Content-Type", [None])[-1],
        headers.getRawHeaders(b"Authorization", [None])[-1],
        request.body,
    )


def _readable(reply: Reply, request: BoundedRequest) -> bytes:
    request.setHeader(*_ANYBODY)
    return request.prepare(reply)


def _header(request: BoundedRequest, name: bytes) -> str | None:
    values = request.requestHeaders.getRawHeaders(name)
    return b", ".join(values).decode("latin-1") if values else None
