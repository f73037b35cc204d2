"""Whole HTTP answers as plain values, among them all refusals of the HTTP edge."""

import json

from attrs import frozen

JSON = b"application/json"


@frozen
class Reply:
    """
    A whole HTTP answer.

    :ivar headers: all but ``Content-Length``, ``Date`` and ``Server``.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def refusal(
    status: int,
    message: str,
    *headers: tuple[bytes, bytes],
    retry_after_seconds: int | None = None,
) -> Reply:
    """
    Say in one sentence why a request is not served.

    :param message: for the person who reads the client's log; no secret.
    :param retry_after_seconds: when it may be worth trying again.
    """
    if retry_after_seconds is not None:
        headers = (*headers, (b"Retry-After", b"%d" % retry_after_seconds))
    return Reply(
        status=status,
        body=json.dumps({"error": message}).encode(),
        headers=((b"Content-Type", JSON), (b"Cache-Control", b"no-store"), *headers),
    )
