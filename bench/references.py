"""The references: the raw ``trino`` client, and the floor that nothing goes below."""

import json
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlsplit

import trino
from attrs import Factory, define, frozen

USER = "bench"


class WrongAnswer(Exception):
    """An answer came that is not the answer to what was asked."""


@frozen
class Address:
    """Where a plain HTTP server listens."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Address":
        """Take the address out of an ``http`` URL."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url} is no plain http URL")
        return cls(parts.hostname, parts.port or 80)


class Client(Protocol):
    """What the contenders have in common: a kept connection that asks SQL."""

    def query(self, sql: str, rows: int) -> list[Any]:
        """
        Run a statement and give all its rows.

        :param rows: how many they have to be.
        :raise WrongAnswer: they are not, or there is no result.
        """

    def close(self) -> None:
        """Give the connection back."""


class RawClient:
    """The official client through its DB API, one kept connection."""

    def __init__(self, coordinator: Address) -> None:
        self._connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]
            host=coordinator.host, port=coordinator.port, user=USER
        )

    def query(self, sql: str, rows: int) -> list[Any]:
        """Run a statement with a cursor of its own and fetch all rows."""
        cursor = self._connection.cursor()
        cursor.execute(sql)
        return counted(cursor.fetchall(), rows)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@define(eq=False)
class Floor:
    """
    Trino's client protocol over ``http.client``, nothing besides.

    :ivar bytes_read: bytes of all bodies so far.
    """

    _coordinator: Address
    bytes_read: int = 0
    _connection: HTTPConnection = Factory(
        lambda self: HTTPConnection(
            self._coordinator.host, self._coordinator.port, timeout=120
        ),
        takes_self=True,
    )

    def query(self, sql: str, rows: int) -> list[Any]:
        """Post the statement and follow ``nextUri`` to its end."""
        return counted(self.ask(sql), rows)

    def ask(self, sql: str) -> list[Any]:
        """Give all rows, however many there are."""
        answer = self._exchange("POST", "/v1/statement", sql.encode())
        rows: list[Any] = []
        while True:
            if "error" in answer:
                raise WrongAnswer(answer["error"]["message"])
            rows += answer.get("data", ())
            if "nextUri" not in answer:
                return rows
            answer = self._exchange("GET", urlsplit(answer["nextUri"]).path, None)

    def kill(self, query_id: str) -> None:
        """End a query, whoever runs it."""
        self._send("DELETE", f"/v1/query/{query_id}", None)

    def version(self) -> str:
        """Give Trino's version."""
        return str(self._exchange("GET", "/v1/info", None)["nodeVersion"]["version"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        status, content = self._send(method, path, body)
        if status != 200:
            raise WrongAnswer(f"Trino answered {status} to {method} {path}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, {"X-Trino-User": USER})
        response = self._connection.getresponse()
        content = response.read()
        self.bytes_read += len(content)
        return response.status, content


def counted(rows: list[Any], expected: int) -> list[Any]:
    """
    Give the rows back when they are as many as they have to be.

    :raise WrongAnswer: they are not.
    """
    if len(rows) != expected:
        raise WrongAnswer(f"{len(rows)} rows instead of {expected}")
    return rows
