"""A token endpoint on loopback that answers as a test says."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

Answer = tuple[int, Any]


@define(eq=False)
class TokenServer(Resource):
    """
    The endpoint.

    :ivar answer: gives status and JSON for a form.
    :ivar forms: what was asked.
    :ivar credentials: the Authorization headers that came.
    :ivar held: when set, answers wait for it.
    """

    answer: Callable[[dict[str, str]], Answer]
    forms: list[dict[str, str]] = field(factory=list)
    credentials: list[bytes | None] = field(factory=list)
    held: Deferred[None] | None = None
    isLeaf = True

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def listen(self, test: Any) -> str:
        """Serve for one test and give the URL."""
        port = reactor.listenTCP(0, Site(self), interface="127.0.0.1")
        test.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}/token"

    def render_POST(self, request: Any) -> Any:
        """Answer."""
        form = dict(parse_qsl(request.content.read().decode()))
        self.forms.append(form)
        self.credentials.append(request.getHeader(b"authorization"))

        def send(_: Any) -> None:
            status, document = self.answer(form)
            request.setResponseCode(status)
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"connection", b"close")
            body = document if isinstance(document, bytes) else None
            request.write(json.dumps(document).encode() if body is None else body)
            request.finish()

        if self.held is None:
            send(None)
        else:
            self.held.addCallback(send)
        return NOT_DONE_YET


def granted(token: str, seconds: int = 600) -> Answer:
    """Give the answer that grants a token."""
    return 200, {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
