"""
HTTP/1.1 connections to the one coordinator, under the official client.

``requests`` costs more time than all the rest of a short query, so the client's
``TrinoRequest`` gets a session of its own over kept connections. Only the
settings say how Trino is reached: no proxy, no ``.netrc``, no certificate
bundle from the environment, and no redirect is followed. Of the addresses that
Trino answers only the paths are used: requests, and the credential in them,
always go to the configured origin.
"""

import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from select import POLLIN, poll
from socket import gaierror
from threading import Lock
from types import MappingProxyType
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from mcp_trino.coordinator.connection import Connection, TooLarge
from mcp_trino.coordinator.failures import Transient
from mcp_trino.coordinator.identity import Identity
from mcp_trino.errors import ConfigurationError, CoordinatorUnreachable, StatementFailed
from mcp_trino.settings import TLSSettings, TrinoSettings

# A page of Trino's is about 1 MiB, more only when single rows are that long.
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_MAX_CONNECT_SECONDS = 5.0
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@define
class Response:
    """A response read to its end, as ``TrinoRequest`` wants one."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    encoding: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is no error (4xx, 5xx), as ``requests`` has it."""
        return self.status_code < HTTPStatus.BAD_REQUEST

    @property
    def text(self) -> bytes:
        """The body, not decoded: the client only parses it as JSON, which is UTF-8."""
        return self.content

    def header(self, name: str) -> str:
        """Give a header's value, empty when there is none."""
        return str(self.headers.get(name, ""))


@define(eq=False)
class Transport:
    """
    The connections; its methods may be called in any thread.

    There are never more than threads that use it at once.
    """

    _settings: TrinoSettings
    _tls: ssl.SSLContext | None = field(init=False, repr=False)
    _idle: deque[Connection] = field(init=False, factory=deque, repr=False)
    _all: set[Connection] = field(init=False, factory=set, repr=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)
    _aborted: bool = field(init=False, default=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._tls = None if self._settings.scheme == "http" else self._tls_context()

    def _tls_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self._settings.verify:
            self._log.warn(
                "The certificate of Trino at {host} is NOT verified "
                "(TRINO_SSL_INSECURE): anybody on the way can read and change "
                "everything, the password too",
                host=self._settings.host,
            )
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
        if self._settings.certificate is not None:
            _show(self._settings.certificate, context)
        return context

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | None],
        body: bytes | None = None,
    ) -> Response:
        """
        Send one request and read the whole answer; it blocks.

        :param url: a path, or a URL of which the path is used.
        :param headers: those that are ``None`` are left out.
        :raise Transient: no answer, or none to the end.
        :raise CoordinatorUnreachable: it cannot become better by itself.
        :raise StatementFailed: the answer is too large to be read.
        """
        target = url if url.startswith("/") else "/" + url.split("/", 3)[-1]
        with _failures_as_errors(self._settings):
            connection = self._kept() or self._opened()
            try:
                answer = connection.ask(
                    method, target, headers, body, MAX_RESPONSE_BYTES
                )
            except BaseException:
                self._close(connection)
                raise
        if answer.is_last or self._aborted:
            self._close(connection)
        else:
            self._idle.append(connection)
        return Response(answer.status, answer.headers, answer.content)

    def abort(self) -> None:
        """Break off whatever is under way, so that no thread waits any longer."""
        with self._lock:
            self._aborted = True
            for opened in self._all:
                with suppress(OSError):
                    opened.break_off()
        while connection := self._kept():
            self._close(connection)

    def _kept(self) -> Connection | None:
        """Give an open connection that Trino has not closed in the meantime."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            readable = poll()
            readable.register(connection.socket, POLLIN)
            if not readable.poll(0):
                return connection
            self._close(connection)

    def _opened(self) -> Connection:
        seconds = self._settings.request_timeout_seconds
        connection = Connection.open(
            self._settings.host,
            self._settings.port,
            self._tls,
            connect_seconds=min(seconds, _MAX_CONNECT_SECONDS),
            seconds=seconds,
        )
        with self._lock:
            self._all.add(connection)
            aborted = self._aborted
        if aborted:
            self._close(connection)
            raise ConnectionAbortedError
        return connection

    def _close(self, connection: Connection) -> None:
        with self._lock:
            self._all.discard(connection)
        connection.close()


def _show(own: TLSSettings, context: ssl.SSLContext) -> None:
    """Show Trino a certificate."""

    def no_passphrase() -> str:
        raise ValueError("it is encrypted")

    try:
        context.load_cert_chain(own.certificate_file, own.key_file, no_passphrase)
    except (OSError, ValueError) as error:
        problem = (
            f"the certificate {own.certificate_file} and the key {own.key_file} "
            f"cannot be used: {error}"
        )
        raise ConfigurationError((problem,)) from error


@contextmanager
def _failures_as_errors(settings: TrinoSettings) -> Iterator[None]:
    """Turn what the standard library raises into our errors."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise CoordinatorUnreachable(
            f"Trino's certificate is not trusted: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise Transient("Trino does not answer: TLS fails") from error
    except TimeoutError as error:
        raise Transient(
            f"Trino does not answer within {settings.request_timeout_seconds:g} s"
        ) from error
    except gaierror as error:
        raise Transient("Trino does not answer: its name is not known") from error
    except ConnectionRefusedError as error:
        raise Transient("Trino does not answer: connection refused") from error
    except OSError as error:
        raise Transient("Trino does not answer: the connection fails") from error
    except TooLarge as error:
        raise StatementFailed(
            "RESPONSE_TOO_LARGE",
            "INSUFFICIENT_RESOURCES",
            f"a few rows of the result are larger than {MAX_RESPONSE_BYTES >> 20} MiB",
        ) from error


@define(eq=False)
class Session:
    """
    What the client wants of a ``requests.Session``, for one statement.

    :ivar headers: the client puts its own there; sent with every request.
    """

    _transport: Transport = field(repr=False)
    _identity: Identity = field(repr=False)
    headers: dict[str, str | None] = field(factory=dict, repr=False)
    verify: bool = True

    def get(self, url: str, **_: Any) -> Response:
        """Send a GET."""
        return self.request("GET", url)

    def head(self, url: str, **_: Any) -> Response:
        """Refuse: the client only asks so for spooled segments, which are not used."""
        raise AssertionError(url)

    def delete(self, url: str, **_: Any) -> Response:
        """Send a DELETE."""
        return self.request("DELETE", url)

    def post(
        self, url: str, data: bytes, headers: Mapping[str, str | None], **_: Any
    ) -> Response:
        """Send a POST with headers of its own besides the session's."""
        return self.request("POST", url, headers, data)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | None] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> Response:
        """
        Send a request with the credential of the identity.

        An answer that refuses it never repeats it: what Trino says is logged.
        """
        authorization = self._identity.authorization()
        response = self._transport.request(
            method,
            url,
            {**self.headers, **headers, "Authorization": authorization},
            body,
        )
        if authorization is not None and response.status_code in _REFUSALS:
            secret = authorization.partition(" ")[2].encode()
            response.content = response.content.replace(secret, b"(the credential)")
        return response
