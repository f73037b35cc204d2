"""A balancer without stickiness: each connection goes to the next of its servers."""

import itertools
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

_PIECE_BYTES = 65536


class Balancer:
    """
    It listens on 127.0.0.1 and passes bytes on, whatever they are.

    :ivar counts: how many connections each server has had.
    """

    def __init__(self, port: int, servers: Sequence[int]) -> None:
        """:param servers: their ports."""
        self.counts = dict.fromkeys(servers, 0)
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        self._turns = itertools.cycle(servers)
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def turn_to(self, server: int) -> None:
        """Cut all connections; new ones go to that server only."""
        self._turns = itertools.repeat(server)
        self._cut()

    def close(self) -> None:
        """Cut all connections and take no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        self._cut()

    def _cut(self) -> None:
        while self._open:
            with self._open.pop() as connection, suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                port = next(self._turns)
                self.counts[port] += 1
                server = socket.create_connection(("127.0.0.1", port))
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
