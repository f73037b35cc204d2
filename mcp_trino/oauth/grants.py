"""
What a person allowed a client, from the code to the last refresh token.

A grant is one record. Its code and its refresh tokens are made from it, so it
holds none of them: ``<grant>.<generation>.<authenticator>``. The code is that of
generation 0; each time one is exchanged, the generation goes up by a swap, so
of two exchanges one wins. An older one that comes back was stolen or lost its
answer (RFC 9700 section 4.14.2): within a grace it gives the same successor,
after that it ends the grant.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from secrets import token_urlsafe
from typing import Any, Self

from attrs import asdict, define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mcp_trino.active import Active
from mcp_trino.interfaces import IStore
from mcp_trino.oauth.authorization import AuthorizationRequest
from mcp_trino.oauth.records import Record, Records
from mcp_trino.oauth.upstream import Tokens

CODE_SECONDS = 60.0
GRACE_SECONDS = 120.0
"""
How long the token before the present one gives the same successor.

Assistants refresh from several processes and addresses at once, and retry.
"""

_KIND = "grant"
_ID_BYTES = 16
_SECRET_BYTES = 32
_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})")


@frozen
class Grant:
    """
    What one person allowed one client.

    :ivar id: no secret; stands in the access tokens.
    :ivar person: as the provider last described her.
    :ivar tokens: the provider's.
    :ivar began_at: when she logged in, seconds since the epoch.
    :ivar secret: what its code and refresh tokens are made with.
    :ivar generation: 0 while the code is not redeemed.
    :ivar changed_at: when the generation last went up.
    """

    request: AuthorizationRequest
    person: Active
    tokens: Tokens = field(repr=False)
    began_at: float
    id: str = field(factory=lambda: token_urlsafe(_ID_BYTES))
    secret: str = field(factory=lambda: token_urlsafe(_SECRET_BYTES), repr=False)
    generation: int = 0
    changed_at: float = 0.0

    @property
    def token(self) -> str:
        """The code of generation 0, the refresh token of a later one."""
        return f"{self.id}.{self.generation}.{self.authenticator(self.generation)}"

    def authenticator(self, generation: int) -> str:
        """Give what only the holder of the code or token of a generation knows."""
        mac = hmac.digest(self.secret.encode(), str(generation).encode(), "sha256")
        return urlsafe_b64encode(mac).rstrip(b"=").decode()

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON-ready values, for a seal."""
        scopes = sorted(self.person.scopes)
        return {**asdict(self), "person": {**asdict(self.person), "scopes": scopes}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        person: dict[str, Any] = {
            name: tuple(member) if isinstance(member, list) else member
            for name, member in value["person"].items()
        }
        return cls(
            **{
                **value,
                "request": AuthorizationRequest.from_json(value["request"]),
                "person": Active(**person),
                "tokens": Tokens(**value["tokens"]),
            }
        )


def has_ended(store: IStore, grant_id: str) -> Deferred[bool]:
    """
    Say whether the tokens of a grant hold no longer, whatever they say.

    :raise Undecidable: the store does not answer.
    """
    found = store.get(f"{_KIND}/{grant_id}")
    return found.addCallback(lambda sealed: sealed is None)


@frozen
class GrantGone(Exception):
    """
    There is no such grant, or no longer: answer ``invalid_grant``.

    :ivar reused: the grant that was ended because its code or an old refresh
        token came back, to be recorded.
    """

    reused: Grant | None = None

    def __str__(self) -> str:
        return "the grant has ended"


@frozen
class Held:
    """
    A grant that a valid token was shown for.

    :ivar in_grace: the token was exchanged a moment ago; ``grant`` has its
        successor.
    """

    grant: Grant
    in_grace: bool
    record: Record = field(repr=False)


@define(eq=False)
class Grants:
    """
    Keeps the grants.

    :ivar idle_seconds: one whose client does not come back ends then.
    :ivar longest_seconds: every grant ends then.
    :ivar access_seconds: one that cannot be refreshed lives as long as its
        access token.
    """

    _records: Records = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    idle_seconds: float
    longest_seconds: float
    access_seconds: float

    def begin(self, grant: Grant) -> Deferred[None]:
        """Keep a new grant until its code is redeemed, or no longer can be."""
        return self._records.put(_KIND, grant.id, grant.to_json(), CODE_SECONDS)

    def ends_at(self, grant: Grant) -> float:
        """Say when it ends unless it is used, in seconds since the epoch."""
        idle = self.idle_seconds if grant.tokens.refresh else self.access_seconds
        return min(grant.changed_at + idle, grant.began_at + self.longest_seconds)

    def redeem(self, code: str) -> Deferred[Grant]:
        """
        Take a code, of two at once only one (RFC 6749 section 4.1.2).

        :raise GrantGone: it is no code, too old, or was redeemed before; the
            grant is then ended.
        """
        return Deferred.fromCoroutine(self._redeem(code))

    def find(self, refresh_token: str) -> Deferred[Held]:
        """
        Find the grant of a refresh token.

        :raise GrantGone: it is none, or was exchanged before the grace; the
            grant is then ended.
        """
        return Deferred.fromCoroutine(self._find(refresh_token))

    async def get(self, grant_id: str) -> Held | None:
        """Give a grant whose code was redeemed, ``None`` when it has ended."""
        record = await self._records.get(_KIND, grant_id)
        if record is None or record.payload["generation"] == 0:
            return None
        return Held(Grant.from_json(record.payload), False, record)

    async def rotate(self, held: Held, tokens: Tokens, person: Active) -> Grant | None:
        """
        Put the next refresh token in the place of the present one.

        :return: the grant with it, ``None`` when somebody was quicker.
        """
        grant = evolve(
            held.grant,
            tokens=tokens,
            person=person,
            generation=held.grant.generation + 1,
            changed_at=self._clock.seconds(),
        )
        return None if await self._swap(held, grant) is None else grant

    async def keep(self, held: Held, tokens: Tokens) -> Held | None:
        """
        Keep new tokens of the provider's; the client's stay as they are.

        :return: the grant with them, ``None`` when it was changed meanwhile.
        """
        return await self._swap(held, evolve(held.grant, tokens=tokens))

    async def end(self, grant_id: str) -> Grant | None:
        """End a grant at once; give it if it was still there."""
        record = await self._records.take(_KIND, grant_id)
        return None if record is None else Grant.from_json(record.payload)

    async def _redeem(self, code: str) -> Grant:
        held, generation = await self._look_up(code)
        if generation != 0:
            raise GrantGone
        if held.grant.generation == 0:
            grant = await self.rotate(held, held.grant.tokens, held.grant.person)
            if grant is not None:
                return grant
        raise GrantGone(await self.end(held.grant.id))

    async def _find(self, refresh_token: str) -> Held:
        held, generation = await self._look_up(refresh_token)
        if generation == 0:
            raise GrantGone
        if generation == held.grant.generation:
            return held
        age = self._clock.seconds() - held.grant.changed_at
        if generation == held.grant.generation - 1 and age < GRACE_SECONDS:
            return evolve(held, in_grace=True)
        raise GrantGone(await self.end(held.grant.id))

    async def _look_up(self, token: str) -> tuple[Held, int]:
        match = _TOKEN.fullmatch(token)
        record = await self._records.get(_KIND, match[1]) if match else None
        if match is None or record is None:
            raise GrantGone
        grant, generation = Grant.from_json(record.payload), int(match[2])
        expected = grant.authenticator(generation)
        if not hmac.compare_digest(expected, match[3]):
            raise GrantGone
        return Held(grant, False, record), generation

    async def _swap(self, held: Held, grant: Grant) -> Held | None:
        left = self.ends_at(grant) - self._clock.seconds()
        if left <= 0:
            return None
        old, payload = held.record, grant.to_json()
        record = await self._records.swap(_KIND, grant.id, old, payload, left)
        return None if record is None else Held(grant, False, record)
