"""What people and balancers ask for by path."""

from typing import Any

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from werkzeug.exceptions import HTTPException

from mcp_trino.reply import Reply, refusal
from mcp_trino.web.gate import is_loopback
from mcp_trino.web.health import ALIVE, Readiness
from mcp_trino.web.request import BoundedRequest

# Whoever adds one of them tells that the request came from further away.
_FORWARDED = (b"Forwarded", b"Via", b"X-Forwarded-For", b"X-Real-IP")


@define(eq=False)
class Pages:
    """
    All that is not the protocol itself.

    The endpoints of the protocol are found by their exact paths, before this.
    """

    _readiness: Readiness = field(repr=False)
    _landing_page: Reply = field(repr=False)
    _app = Klein()
    # No redirect to a path that the gate was not asked about.
    _app.url_map.merge_slashes = False

    def resource(self) -> IResource:
        """Give the root for a site."""
        return self._app.resource()

    @_app.route("/healthz", methods=["GET"])
    def alive(self, request: BoundedRequest) -> bytes:
        """Whether this process answers at all."""
        return request.prepare(ALIVE)

    @_app.route("/readyz", methods=["GET"])
    def ready(self, request: BoundedRequest) -> Deferred[bytes]:
        """Whether this process takes requests, and how Trino is."""
        report = self._readiness.report(local=_is_from_here(request))
        return report.addCallback(request.prepare)

    @_app.route("/", methods=["GET"])
    def home(self, request: BoundedRequest) -> bytes:
        """The page for people."""
        return request.prepare(self._landing_page)

    @_app.handle_errors(HTTPException)  # type: ignore[arg-type]  # klein means IRequest
    def not_found(self, request: BoundedRequest, failure: Failure) -> bytes:
        """Say that there is no such page, or not with that method."""
        error: Any = failure.value
        methods = getattr(error, "valid_methods", None) or ()
        allow = ((b"Allow", ", ".join(methods).encode()),) if methods else ()
        return request.prepare(refusal(error.code, error.name.lower(), *allow))


def _is_from_here(request: BoundedRequest) -> bool:
    return is_loopback(request.getClientAddress()) and not any(
        request.requestHeaders.hasHeader(name) for name in _FORWARDED
    )
