"""Public documents that programs read, also from a browser (RFC 9728, RFC 8414)."""

from collections.abc import Callable, Mapping
from functools import partial

from attrs import define
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET

from mcp_trino.reply import JSON, Reply, refusal
from mcp_trino.web.request import BoundedRequest

_METHODS = b"GET, HEAD, OPTIONS"
_HEADERS = b"Accept, Authorization, Content-Type, MCP-Protocol-Version"
_ANYBODY = (b"Access-Control-Allow-Origin", b"*")
_FRESH_SECONDS = 300


@define(eq=False, slots=False)
class Document(Resource):
    """A JSON document that is the same for everybody."""

    isLeaf = True

    _body: Callable[[], bytes]

    def __attrs_pre_init__(self) -> None:
        """Initialise what Twisted keeps."""
        super().__init__()

    def render(self, request: BoundedRequest) -> int:
        """Answer; what a page of another origin may not see is not in it."""
        if request.method in (b"GET", b"HEAD"):
            request.answer(self._document())
        elif request.method == b"OPTIONS":
            wanted = request.requestHeaders.getRawHeaders(
                b"Access-Control-Request-Headers"
            )
            request.answer(_preflight(wanted[0] if wanted else _HEADERS))
        else:
            request.answer(
                refusal(405, "method not allowed", (b"Allow", _METHODS), _ANYBODY)
            )
        return NOT_DONE_YET

    def _document(self) -> Reply:
        return Reply(
            status=200,
            body=self._body(),
            headers=(
                (b"Content-Type", JSON),
                (b"Cache-Control", b"public, max-age=%d" % _FRESH_SECONDS),
                _ANYBODY,
            ),
        )


def _preflight(headers: bytes) -> Reply:
    return Reply(
        status=204,
        headers=(
            _ANYBODY,
            (b"Access-Control-Allow-Methods", _METHODS),
            (b"Access-Control-Allow-Headers", headers),
            (b"Access-Control-Max-Age", b"600"),
            (b"Vary", b"Access-Control-Request-Headers"),
        ),
    )


def document_resources(documents: Mapping[str, bytes]) -> dict[bytes, IResource]:
    """Give the resources of documents by path, each with a trailing slash, too."""
    return changing_resources(
        {path: partial(bytes, body) for path, body in documents.items()}
    )


def changing_resources(
    documents: Mapping[str, Callable[[], bytes]],
) -> dict[bytes, IResource]:
    """Give the resources of documents that are written anew for each reader."""
    resources: dict[bytes, IResource] = {}
    for path, body in documents.items():
        document = Document(body)
        resources[path.encode()] = resources[path.encode() + b"/"] = document
    return resources
