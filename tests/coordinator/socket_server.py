"""A server of bytes on 127.0.0.1 that says exactly what a test wants."""

import socket
import ssl
from contextlib import suppress
from threading import Event, Thread

from attrs import define, field


@define(eq=False)
class Held:
    """An answer that does not come before the server stops."""

    arrived: Event = field(factory=Event)


@define(eq=False)
class SocketServer:
    """
    Answers requests with the next script, each connection in a thread.

    A script is what to send for one request; ``None`` closes the connection
    without an answer, ``Held`` does so when the server stops.

    :ivar requests: the heads of the requests and the bodies, as they came.
    :ivar connections: how many were accepted.
    """

    scripts: list
    tls: ssl.SSLContext | None = None
    requests: list = field(factory=list)
    connections: int = 0
    _socket: socket.socket = field(init=False)
    _open: list = field(init=False, factory=list)
    _threads: list = field(init=False, factory=list)
    _stopped: Event = field(init=False, factory=Event)

    def __attrs_post_init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)

    @property
    def port(self):
        """The port it listens at."""
        return self._socket.getsockname()[1]

    def stop(self):
        """Close everything and wait for the threads."""
        self._stopped.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.close_connections()
        for thread in self._threads:
            thread.join()

    def close_connections(self):
        """Close the connections that are open."""
        while self._open:
            connection = self._open.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _start(self, target, *args):
        thread = Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection):
        with suppress(OSError, ValueError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            reader = connection.makefile("rb")
            while self._answer(connection, reader):
                pass
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _answer(self, connection, reader):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            if not line:
                return False
            head += line
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.requests.append((head, reader.read(length)))
        script = self.scripts.pop(0)
        if script is None:
            return False
        if isinstance(script, Held):
            script.arrived.set()
            self._stopped.wait()
            return False
        connection.sendall(script)
        return b"connection: close" not in script.lower()


def response(status=200, body=b"{}", *headers):
    """Give an HTTP response with a length."""
    lines = [
        f"HTTP/1.1 {status} Reason",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
