"""What a client or a person is told when a request of OAuth is refused."""

import json

from attrs import frozen

from mcp_trino.reply import JSON, Reply

NO_STORE = ((b"Cache-Control", b"no-store"), (b"Pragma", b"no-cache"))


@frozen
class OAuthRefused(Exception):
    """
    An endpoint for clients says no, in the words of RFC 6749 section 5.2.

    :ivar error: a code that a client knows.
    :ivar description: for the developer who reads the client's log; ASCII,
        without the client's own words.
    :ivar status: 400, 401 for ``invalid_client``, 503 when nobody can say.
    :ivar retry_after_seconds: with 503.
    :ivar basic: the client showed itself by HTTP Basic, and learns that it
        failed there.
    """

    error: str
    description: str
    status: int = 400
    retry_after_seconds: int | None = None
    basic: bool = False

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"

    def reply(self) -> Reply:
        """Give the answer."""
        headers = [(b"Content-Type", JSON), *NO_STORE]
        if self.retry_after_seconds is not None:
            headers.append((b"Retry-After", b"%d" % self.retry_after_seconds))
        if self.basic:
            headers.append((b"WWW-Authenticate", b'Basic realm="mcp-trino"'))
        body = {"error": self.error, "error_description": self.description}
        return Reply(self.status, json.dumps(body).encode(), tuple(headers))


@frozen
class Problem(Exception):
    """
    A person sees a page, because there is nowhere that she could be sent.

    :ivar status: 400, 403, 429 or 503.
    :ivar title: what is wrong, in a few words.
    :ivar text: what to do next, in one or two sentences.
    """

    status: int
    title: str
    text: str

    def __str__(self) -> str:
        return self.title


UNDECIDED = Problem(
    503,
    "This does not work at the moment",
    "The identity provider, or a part of this server, does not answer. Wait a "
    "moment and reload the page, or start again in your application.",
)


@frozen
class AuthorizationRefused(Exception):
    """
    The client of an authorization request is told no (RFC 6749 section 4.1.2.1).

    :ivar redirect_uri: one of the client's own, checked.
    :ivar state: what the client sent.
    :ivar set_cookies: values of ``Set-Cookie`` headers.
    """

    redirect_uri: str
    state: str | None
    error: str
    description: str
    set_cookies: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return f"{self.error}: {self.description}"
