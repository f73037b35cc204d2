"""
HTTP/1.1 connections to the one coordinator, under the official client.

``requests`` costs more time than all the rest of a short query, so the client's
``TrinoRequest`` gets a session of its own over a pool of ``urllib3``. Only the
settings say how Trino is reached: no proxy, no ``.netrc``, no certificate
bundle from the environment, and no redirect is followed. Only paths are taken
from what Trino answers: requests, and the credential in them, always go to the
configured origin.
"""

import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from socket import SHUT_RDWR
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import urllib3
from attrs import define, field
from twisted.logger import Logger
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

from mcp_trino.coordinator.failures import Transient
from mcp_trino.errors import ConfigurationError, CoordinatorUnreachable
from mcp_trino.settings import TrinoSettings

# A page of Trino's is about 1 MiB, more only when single rows are that long.
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_MAX_CONNECT_SECONDS = 5.0


@define
class Response:
    """A response read to its end, as ``TrinoRequest`` wants one."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    encoding: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return self.status_code < 400  # noqa: PLR2004

    @property
    def text(self) -> bytes:
        """The body, not decoded: the client only parses it as JSON, which is UTF-8."""
        return self.content

    def header(self, name: str) -> str:
        """Give a header's value, empty when there is none."""
        return self.headers.get(name, "")


@define(eq=False)
class Transport:
    """
    The pool of connections; its methods may be called in any thread.

    :ivar size: connections kept open, as many as threads use it at once.
    """

    _settings: TrinoSettings
    _size: int
    _pool: urllib3.HTTPConnectionPool = field(init=False, repr=False)
    _connections: WeakSet[HTTPConnection] = field(
        init=False, factory=WeakSet, repr=False
    )
    _lock: Lock = field(init=False, factory=Lock, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        # Its messages carry paths, and the path of a page is a secret.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        seconds = self._settings.request_timeout_seconds
        timeout = urllib3.Timeout(
            connect=min(_MAX_CONNECT_SECONDS, seconds), read=seconds
        )
        host, port = self._settings.host, self._settings.port
        if self._settings.scheme == "https":
            self._pool = urllib3.HTTPSConnectionPool(
                host, port, timeout, self._size, ssl_context=self._tls()
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(host, port, timeout, self._size)
        self._pool.ConnectionCls = self._remembered(self._pool.ConnectionCls)

    def _remembered(self, base: type[Any]) -> type[Any]:
        """Give a class of connections that ``abort`` finds."""

        def connect(connection: HTTPConnection) -> None:
            base.connect(connection)
            with self._lock:
                self._connections.add(connection)

        return type(base.__name__, (base,), {"connect": connect})

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self._settings.verify:
            self._log.warn(
                "The certificate of Trino at {host} is NOT verified "
                "(TRINO_SSL_INSECURE): anybody on the way can read and change "
                "everything, the password too",
                host=self._settings.host,
            )
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self._settings.ca_file is None:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(self._settings.ca_file)
            except OSError as error:
                raise ConfigurationError(
                    (f"the CA file {self._settings.ca_file} cannot be used: {error}",)
                ) from error
        return context

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | None],
        body: bytes | None = None,
    ) -> Response:
        """
        Send one request and read the whole answer; it blocks.

        :param target: path and query; of an absolute URL only these are used.
        :param headers: those that are ``None`` are left out.
        :raise Transient: no answer, or none to the end.
        :raise CoordinatorUnreachable: it cannot become better by itself.
        """
        parts = urlsplit(target)
        with _failures_as_errors(self._settings):
            response = self._pool.urlopen(
                method,
                f"{parts.path}?{parts.query}" if parts.query else parts.path,
                body,
                _encoded(headers),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            try:
                content = _read(response)
            except BaseException:
                response.close()
                raise
            finally:
                response.release_conn()
        return Response(response.status, response.headers, content)

    def abort(self) -> None:
        """Break off whatever is under way, so that no thread waits any longer."""
        with self._lock:
            for connection in self._connections:
                if connection.sock is not None:
                    with suppress(OSError):
                        connection.sock.shutdown(SHUT_RDWR)
        self._pool.close()


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    content = response.read(MAX_RESPONSE_BYTES + 1)
    if len(content) > MAX_RESPONSE_BYTES:
        raise CoordinatorUnreachable(
            f"an answer of Trino is larger than {MAX_RESPONSE_BYTES >> 20} MiB: "
            "ask for fewer or shorter values"
        )
    return content


def _encoded(headers: Mapping[str, str | None]) -> dict[str, Any]:
    """Give the headers that have a value, in UTF-8, as Trino reads them."""
    return {
        name: value if value.isascii() else value.encode()
        for name, value in headers.items()
        if value is not None
    }


@contextmanager
def _failures_as_errors(settings: TrinoSettings) -> Iterator[None]:
    """Turn what ``urllib3`` and the standard library raise into our errors."""
    try:
        yield
    except (urllib3.exceptions.SSLError, ssl.SSLCertVerificationError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise CoordinatorUnreachable(
                f"the certificate of Trino is not one for {settings.host} that this "
                "server trusts"
            ) from error
        raise Transient("Trino does not answer: TLS fails") from error
    except ConnectTimeoutError as error:
        raise Transient("Trino does not answer: connecting takes too long") from error
    except ReadTimeoutError as error:
        raise Transient(
            f"Trino does not answer within {settings.request_timeout_seconds:g} s"
        ) from error
    except (HTTPError, HTTPException, OSError) as error:
        raise Transient("Trino does not answer: the connection fails") from error


@define(eq=False)
class Session:
    """
    What the client wants of a ``requests.Session``, for one statement.

    :ivar headers: the client puts its own there; sent with every request.
    """

    _transport: Transport = field(repr=False)
    headers: dict[str, str | None] = field(factory=dict, repr=False)
    verify: bool = True

    def get(self, url: str, **_: Any) -> Response:
        """Send a GET."""
        return self._transport.request("GET", url, self.headers)

    def head(self, url: str, **_: Any) -> Response:
        """Send a HEAD."""
        return self._transport.request("HEAD", url, self.headers)

    def delete(self, url: str, **_: Any) -> Response:
        """Send a DELETE."""
        return self._transport.request("DELETE", url, self.headers)

    def post(
        self, url: str, data: bytes, headers: Mapping[str, str | None], **_: Any
    ) -> Response:
        """Send a POST with headers of its own besides the session's."""
        return self._transport.request("POST", url, {**self.headers, **headers}, data)
