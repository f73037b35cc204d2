"""Tokens that are kept: got once at a time, renewed before they end, bounded."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

Get = Callable[[], Awaitable[tuple[str, float]]]
"""Gets a token and the seconds that it holds."""

_LIMIT = 10_000
# Parts of its life after which a token is renewed, and is not used any more.
_DUE = 0.75
_OVER = 0.95
_RETRY_SECONDS = 10.0


@frozen
class _Token:
    value: str = field(repr=False)
    due_at: float
    over_at: float


@define(eq=False)
class Tokens:
    """
    Tokens by what they belong to, those used last.

    :ivar spawn: runs what nobody waits for.
    """

    _clock: IReactorTime = field(repr=False)
    _spawn: Callable[[Coroutine[Any, Any, None]], None] = field(repr=False)
    _limit: int = _LIMIT
    _tokens: OrderedDict[str, _Token] = field(
        init=False, factory=OrderedDict, repr=False
    )
    _waiting: dict[str, list[Deferred[str]]] = field(
        init=False, factory=dict, repr=False
    )
    _log = Logger()

    async def get(self, key: str, get: Get) -> str:
        """
        Give the token of a key, after it was got when there is none.

        All who ask at once wait for one answer. A token that is due is renewed
        while it is still used.

        :raise: what ``get`` raises.
        """
        now = self._clock.seconds()
        token = self._tokens.get(key)
        if token is None or now >= token.over_at:
            asked: Deferred[str] = Deferred(lambda left: self._leave(key, left))
            self._begin(key, get, asked)
            return await asked
        self._tokens.move_to_end(key)
        if now >= token.due_at and key not in self._waiting:
            self._begin(key, get)
        return token.value

    def forget(self, key: str, value: str) -> None:
        """Get a new token the next time, if it still is that one."""
        token = self._tokens.get(key)
        if token is not None and token.value == value:
            del self._tokens[key]

    def _leave(self, key: str, asked: Deferred[str]) -> None:
        self._waiting[key].remove(asked)

    def _begin(self, key: str, get: Get, *asked: Deferred[str]) -> None:
        under_way = key in self._waiting
        self._waiting.setdefault(key, []).extend(asked)
        if not under_way:
            self._spawn(self._renew(key, get))

    async def _renew(self, key: str, get: Get) -> None:
        try:
            value, seconds = await get()
        except Exception as error:  # noqa: BLE001 - it is raised by who waits
            result: str | Failure = Failure()
            self._later(key, error)
        else:
            result = value
            now = self._clock.seconds()
            self._tokens[key] = _Token(
                value, now + _DUE * seconds, now + _OVER * seconds
            )
            self._tokens.move_to_end(key)
            if len(self._tokens) > self._limit:
                self._tokens.popitem(last=False)
        for asked in self._waiting.pop(key):
            asked.callback(result)

    def _later(self, key: str, error: Exception) -> None:
        """Try again in a while, with the old token until then."""
        token = self._tokens.get(key)
        if token is not None:
            self._log.warn(
                "A token for Trino could not be renewed: {reason}", reason=str(error)
            )
            due_at = self._clock.seconds() + _RETRY_SECONDS
            self._tokens[key] = evolve(token, due_at=due_at)
