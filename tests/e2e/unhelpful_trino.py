"""A Trino of a few lines that asks for a password, and fails as it is told."""

import json
import ssl
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from attrs import define, field

from tests.e2e.certificates import Certificates

USER = "service"
_BIGINT = {"rawType": "bigint", "arguments": []}
_COLUMNS = [{"name": "n", "type": "bigint", "typeSignature": _BIGINT}]
_STATEMENT = "/v1/statement"


@define(eq=False)
class UnhelpfulTrino:
    """
    Serves https until it is closed.

    A statement that holds ``refused`` is answered 401, ``broken`` an error 500 on
    its second page; of every other one page follows page without an end.

    :ivar slug: what nobody may see of the addresses of pages.
    """

    certificates: Certificates
    password: str
    slug: str
    _server: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        trino = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                statement = self.rfile.read(length).decode()
                if not trino.knows(self.headers["Authorization"]):
                    self.answer(401, "no such password")
                elif "refused" in statement:
                    self.answer(401, "you may not")
                else:
                    kind = "broken" if "broken" in statement else "fine"
                    self.answer(200, trino.page(kind, 0))

            def do_GET(self) -> None:
                kind, _, number = self.path.partition("?")[0].rpartition("/")
                if not number.isdecimal():
                    self.answer(404, "")
                elif "broken" in kind:
                    self.answer(500, "something broke")
                else:
                    self.answer(200, trino.page("fine", int(number)))

            def do_DELETE(self) -> None:
                self.answer(204, "")

            def answer(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode() if content else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.chain, self.certificates.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    @property
    def credential(self) -> str:
        """What a client shows that knows the password."""
        return b64encode(f"{USER}:{self.password}".encode()).decode()

    def settings(self, directory: Path) -> dict[str, str]:
        """Give a server's settings; the password is in a file there."""
        file = directory / "trino-password"
        file.write_text(self.password)
        return {
            "TRINO_USER": USER,
            "TRINO_PASSWORD_FILE": str(file),
            "TRINO_CA_FILE": str(self.certificates.authority),
        }

    def knows(self, authorization: str | None) -> bool:
        """Say whether that is the password."""
        return authorization == f"Basic {self.credential}"

    def page(self, kind: str, number: int) -> dict[str, Any]:
        """Give a page, with the address of the next one."""
        query_id = "20260101_000000_00001_abcde"
        stage = "queued" if number == 0 else "executing"
        path = f"{_STATEMENT}/{stage}/{query_id}/{self.slug}/{kind}/{number + 1}"
        page: dict[str, Any] = {
            "id": query_id,
            "infoUri": f"{self.url}/ui/query.html?{query_id}",
            "nextUri": f"{self.url}{path}",
            "stats": {"state": "RUNNING", "queued": False, "nodes": 1},
        }
        if number:
            page |= {"columns": _COLUMNS, "data": [[n] for n in range(100)]}
        return page

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
