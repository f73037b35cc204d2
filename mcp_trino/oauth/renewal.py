"""Refreshing a grant: the provider is asked again, by one process at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from mcp_trino.errors import NoTrinoUser, Undecidable
from mcp_trino.interfaces import IStore, ISubjectTokens
from mcp_trino.oauth.grants import Grant, GrantGone, Grants, Held
from mcp_trino.oauth.people import People
from mcp_trino.oauth.upstream import Tokens, UpstreamRefused
from mcp_trino.principal import Principal

# Longer than the provider and the worker may take together.
_LEASE_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_SPARE_SECONDS = 30.0

_LOGIN_AGAIN = NoTrinoUser(
    "the login has ended at the identity provider: disconnect this server in "
    "your application and log in again"
)


@implementer(ISubjectTokens)
@define(eq=False)
class Renewal:
    """
    Brings grants up to date with the provider.

    Some providers end all when one refresh token comes twice, so of several
    processes and replicas one asks, under a lease in the store, and the others
    wait for what it found.
    """

    _grants: Grants = field(repr=False)
    _people: People = field(repr=False)
    _store: IStore = field(repr=False)
    _clock: IReactorTime = field(repr=False)

    async def rotate(self, refresh_token: str) -> Grant:
        """
        Give the grant with the successor of a refresh token.

        :raise GrantGone: it has ended, among others because the provider no
            longer stands by the person or she is no longer admitted.
        :raise Undecidable: nobody can say now; the token stays good.
        """
        held = await self._grants.find(refresh_token)
        if held.in_grace:
            return held.grant
        async with self._lease(held.grant.id):
            held = await self._grants.find(refresh_token)
            if held.in_grace:
                return held.grant
            grant = await self._rotate(held)
        if grant is not None:
            return grant
        return (await self._grants.find(refresh_token)).grant

    def subject_token(self, principal: Principal) -> Deferred[str]:
        """See ``ISubjectTokens``."""
        return Deferred.fromCoroutine(self._subject_token(principal))

    async def _rotate(self, held: Held) -> Grant | None:
        grant = held.grant
        try:
            fresh, tokens = await self._refresh(held)
            person = await self._people.described(grant.person, tokens)
        except UpstreamRefused:
            await self._grants.end(grant.id)
            raise GrantGone from None
        if self._people.admit(person, grant.request.client_id).refusal:
            await self._grants.end(grant.id)
            raise GrantGone
        return await self._grants.rotate(fresh, self._people.kept(tokens), person)

    async def _refresh(self, held: Held) -> tuple[Held, Tokens]:
        """
        Ask the provider, and keep its new refresh token at once.

        :raise GrantGone: somebody ended the grant meanwhile.
        """
        tokens = await self._people.refresh(held.grant.tokens)
        fresh = await self._grants.keep(held, self._people.kept(tokens))
        if fresh is None:
            await self._people.let_go(tokens)
            raise GrantGone
        return fresh, tokens

    async def _subject_token(self, principal: Principal) -> str:
        held = await self._grants.get(principal.grant)
        if held is None:
            raise _LOGIN_AGAIN
        if self._holds(held):
            return held.grant.tokens.access
        async with self._lease(principal.grant):
            held = await self._grants.get(principal.grant)
            if held is None:
                raise _LOGIN_AGAIN
            if self._holds(held):
                return held.grant.tokens.access
            try:
                _, tokens = await self._refresh(held)
            except (UpstreamRefused, GrantGone):
                raise _LOGIN_AGAIN from None
        return tokens.access

    def _holds(self, held: Held) -> bool:
        return held.grant.tokens.expires_at > self._clock.seconds() + _SPARE_SECONDS

    @asynccontextmanager
    async def _lease(self, grant_id: str) -> AsyncIterator[None]:
        key, mine = f"lease/{grant_id}", token_hex(8).encode()
        give_up_at = self._clock.seconds() + _LEASE_SECONDS
        while not await self._store.swap(key, None, mine, _LEASE_SECONDS):
            if self._clock.seconds() >= give_up_at:
                raise Undecidable("another process is still asking the provider")
            await deferLater(self._clock, _LOOK_SECONDS)
        try:
            yield
        finally:
            if await self._store.get(key) == mine:
                await self._store.take(key)
