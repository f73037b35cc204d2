"""
One connection in HTTP/1.1, for one request after another; it blocks.

Answers are parsed by ``httptools``: the parser of the standard library takes
half of the time of a short query.
"""

import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from socket import IPPROTO_TCP, SHUT_RDWR, TCP_NODELAY, create_connection, socket
from typing import Any

from attrs import define, field, frozen
from httptools import HttpResponseParser

_RECEIVE_BYTES = 256 * 1024
_TARGET = re.compile(r"/[\x21-\x7e]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class BadAnswer(OSError):
    """What came is no answer in HTTP/1.1, or not all of one."""


class TooLarge(Exception):
    """The body is larger than may be read."""


class Headers(dict[str, str]):
    """The headers of an answer; names in any case name them."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Give the value of a header."""
        return super().get(name.lower(), default)


@frozen
class Answer:
    """
    An answer, read to its end.

    :ivar is_last: the server closes the connection.
    """

    status: int
    headers: Headers
    content: bytes = field(repr=False)
    is_last: bool


@define(eq=False)
class Connection:
    """
    An open connection.

    :ivar socket: to be polled and broken off by others.
    """

    socket: socket
    _host: str

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        *,
        connect_seconds: float,
        seconds: float,
    ) -> "Connection":
        """
        Connect.

        :param seconds: how long nothing may come while an answer is awaited.
        :raise OSError: there is no connection, or TLS fails.
        """
        opened = create_connection((host, port), connect_seconds)
        try:
            opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            if tls is not None:
                opened = tls.wrap_socket(opened, server_hostname=host)
            opened.settimeout(seconds)
        except BaseException:
            opened.close()
            raise
        in_url = f"[{host}]" if ":" in host else host
        return cls(opened, f"{in_url}:{port}")

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | None],
        body: bytes | None,
        max_bytes: int,
    ) -> Answer:
        """
        Send a request and read the whole answer.

        :param headers: those that are ``None`` are left out.
        :raise ValueError: a header would be more than one.
        :raise TooLarge: the body has more than ``max_bytes``.
        :raise OSError: there is no answer, or not all of one.
        """
        self.socket.sendall(self._request(method, target, headers, body))
        reading = _Reading()
        while not reading.complete:
            data = self.socket.recv(_RECEIVE_BYTES)
            if not data:
                raise BadAnswer("the connection was closed")
            reading.feed(data)
            if reading.size > max_bytes:
                raise TooLarge
        return Answer(
            reading.status,
            reading.headers,
            b"".join(reading.pieces),
            is_last=not reading.keeps_alive,
        )

    def _request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | None],
        body: bytes | None,
    ) -> bytes:
        if _TARGET.fullmatch(target) is None:
            raise BadAnswer("the address that Trino gave is none")
        lines = [
            f"{method} {target} HTTP/1.1",
            f"Host: {self._host}",
            "Accept-Encoding: identity",
        ]
        for name, value in headers.items():
            if value is not None:
                if _CONTROL.search(value):
                    raise ValueError(f"{name} has a control character in it")
                lines.append(f"{name}: {value}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        # Trino reads headers in UTF-8.
        return "\r\n".join((*lines, "\r\n")).encode() + (body or b"")

    def break_off(self) -> None:
        """Let whoever waits for an answer wait no longer."""
        self.socket.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """Close it."""
        self.socket.close()


class _Reading:
    """What has come of an answer; the parser calls it back."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.pieces: list[bytes] = []
        self.size = 0
        self.complete = self.keeps_alive = False
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """:raise BadAnswer: it is not HTTP, or more than one answer."""
        try:
            self._parser.feed_data(data)
        except Exception as error:
            raise BadAnswer("what came is not HTTP") from error

    def on_message_begin(self) -> None:
        if self.complete:
            raise BadAnswer("two answers came")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)
        self.size += len(body)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.keeps_alive = self._parser.should_keep_alive()
        # One of 100 to 199 comes before the answer (RFC 9110 section 15.2).
        self.complete = self.status >= HTTPStatus.OK
        if not self.complete:
            self.headers.clear()
