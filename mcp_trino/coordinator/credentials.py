"""
What proves to Trino who is asking: one provider for each kind of login.

A provider says in the reactor's thread what there is, which may mean to ask a
token endpoint before; what it gives makes the value of the ``Authorization``
header for each request, in the thread of the request.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mcp_trino.coordinator.token_endpoint import TokenEndpoint
from mcp_trino.coordinator.tokens import Tokens
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    NoTrinoUser,
    Undecidable,
)
from mcp_trino.interfaces import ISubjectTokens
from mcp_trino.principal import Principal

Authorization = Callable[[], str | None]
"""Makes the value of the header, or none; it may block."""

_MAX_TOKEN_BYTES = 65536
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


class Credentials(Protocol):
    """What one kind of login proves."""

    async def current(self, principal: Principal | None) -> Authorization:
        """
        Give what to authorize requests with now.

        :param principal: on whose behalf, ``None`` for this server itself.
        :raise CoordinatorRefused: the operator has to act.
        :raise CoordinatorUnreachable: nobody can say now.
        :raise NoTrinoUser: the principal has to act.
        """

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """
        Take note that Trino answered 401.

        :param refused: what was given before.
        :return: whether ``current`` gives something new the next time.
        """


@frozen
class Fixed:
    """The same for all: user and password, or nothing."""

    _value: str | None = field(default=None, repr=False)

    @classmethod
    def basic(cls, user: str, password: str) -> "Fixed":
        """Give user and password (RFC 7617)."""
        return cls(f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")

    async def current(self, principal: Principal | None) -> Authorization:
        """Give it."""
        del principal
        return lambda: self._value

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """Have nothing else."""
        del principal, refused
        return False


@define(eq=False)
class TokenFile:
    """A token that somebody else renews in a file."""

    _path: Path
    _seen: tuple[int, int, int] = field(init=False, default=(0, 0, 0))
    _value: str = field(init=False, default="", repr=False)

    async def current(self, principal: Principal | None) -> Authorization:
        """Give what looks at the file for each request."""
        del principal
        return self._read

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """Have nothing but the file, which was looked at just now."""
        del principal, refused
        return False

    def _read(self) -> str:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen != self._seen:
                with self._path.open("rb") as opened:
                    content = opened.read(_MAX_TOKEN_BYTES).strip()
                if not _TOKEN.fullmatch(content):
                    raise _no_credential(f"{self._path} does not hold a token")
                self._value = f"Bearer {content.decode()}"
                self._seen = seen
        except OSError as error:
            raise _no_credential(
                f"{self._path} cannot be read: {error.strerror}"
            ) from error
        return self._value


@define(eq=False)
class ClientCredentials:
    """A token that this server gets for itself (RFC 6749 section 4.4)."""

    _endpoint: TokenEndpoint
    _tokens: Tokens = field(repr=False)

    async def current(self, principal: Principal | None) -> Authorization:
        """Give the token, a new one when it is due."""
        del principal
        return _bearer(await self._tokens.get("", self._endpoint.client_credentials))

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """Get a new one the next time."""
        del principal
        self._tokens.forget("", _token_of(refused))
        return True


@define(eq=False)
class ExchangedTokens:
    """A token for each person, in exchange for one of hers (RFC 8693)."""

    _endpoint: TokenEndpoint
    _subject_tokens: ISubjectTokens = field(repr=False)
    _tokens: Tokens = field(repr=False)

    async def current(self, principal: Principal | None) -> Authorization:
        """Give the principal's token, a new one when it is due."""
        if principal is None:
            raise TypeError("a server has no token to exchange")

        async def exchanged() -> tuple[str, float]:
            try:
                subject_token = await self._subject_tokens.subject_token(principal)
            except Undecidable as error:
                raise CoordinatorUnreachable(
                    "the identity provider cannot say now who you are"
                ) from error
            return await self._endpoint.exchange(subject_token)

        return _bearer(await self._tokens.get(_key(principal), exchanged))

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """Exchange again the next time."""
        if principal is not None:
            self._tokens.forget(_key(principal), _token_of(refused))
        return True


def _key(principal: Principal) -> str:
    """What a token that was got in exchange belongs to: a login of a principal."""
    return f"{principal.key} {principal.grant or principal.token_mark}"


@implementer(ISubjectTokens)
@frozen
class PresentedTokens:
    """The token that came with the call: one of the identity provider's own."""

    def subject_token(self, principal: Principal) -> Deferred[str]:
        """Give it."""
        # What this server made itself is nobody else's to see.
        if not principal.token or principal.grant:
            return fail(NoTrinoUser("this call came without a token to exchange"))
        return succeed(principal.token)


def _bearer(token: str) -> Authorization:
    return lambda: f"Bearer {token}"


def _token_of(authorization: Authorization) -> str:
    return (authorization() or "").removeprefix("Bearer ")


def _no_credential(message: str) -> CoordinatorRefused:
    return CoordinatorRefused(HTTPStatus.UNAUTHORIZED, message)
