"""A provider on this machine, with real sockets."""

import json
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from mcp_trino.settings import TLSSettings
from mcp_trino.web.tls import ServerCertificate
from tests.e2e.certificates import make_certificates
from tests.introspection.minting import key_of, public


@define(eq=False, slots=False)
class LoopbackProvider(Resource):
    """
    Answers by path: bytes, or what a function does with the request.

    :ivar answers: by path.
    :ivar asked: the paths that were asked for.
    """

    answers: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)
    isLeaf = True
    _port: Any = None
    _scheme: str = "http"

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def listen(
        self, reactor: Any, certificate: ServerCertificate | None = None
    ) -> "LoopbackProvider":
        """
        Begin to answer, and publish a key named ``one``.

        :param certificate: to speak TLS.
        """
        site: Any = Site(self)
        site.noisy = False
        if certificate is not None:
            self._scheme = "https"
            site = TLSMemoryBIOFactory(certificate, False, site)
        self._port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.publish(public(key_of("one")))
        return self

    @property
    def issuer(self) -> str:
        """The address."""
        return f"{self._scheme}://localhost:{self._port.getHost().port}"

    def publish(self, *keys: dict[str, Any]) -> None:
        """Publish keys."""
        self.answers["/keys"] = json.dumps({"keys": list(keys)}).encode()
        self.answers["/.well-known/openid-configuration"] = json.dumps(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
            }
        ).encode()

    @property
    def key_fetches(self) -> int:
        """How often the keys were asked for."""
        return self.asked.count("/keys")

    def close(self) -> Any:
        """Listen no more."""
        return self._port.stopListening()

    def render(self, request: Request) -> Any:
        """Answer."""
        path = request.path.decode()
        self.asked.append(path)
        answer = self.answers.get(path)
        if answer is None:
            request.setResponseCode(404)
            return b""
        if callable(answer):
            answer = answer(request)
        return NOT_DONE_YET if answer is None else answer


def certificates(directory: Path) -> tuple[Path, ServerCertificate]:
    """Give the file of an authority, and a certificate of localhost by it."""
    directory.mkdir()
    files = make_certificates(directory)
    return files.authority, ServerCertificate(TLSSettings(files.chain, files.key))
