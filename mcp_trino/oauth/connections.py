"""The clients that a person has let in, and how one is put out again."""

from hashlib import sha256

from attrs import define, field
from twisted.logger import Logger

from mcp_trino.errors import Undecidable
from mcp_trino.interfaces import IAudit
from mcp_trino.oauth.grants import Grant, Grants
from mcp_trino.oauth.people import People
from mcp_trino.oauth.records import Records

MAX_OF_A_PERSON = 50
"""With one more client the longest unused of a person's grants ends."""

_KIND = "person"
_TRIES = 10


@define(eq=False)
class Connections:
    """
    Knows the grants of each person.

    :ivar longest_seconds: how long a grant can live.
    """

    _grants: Grants = field(repr=False)
    _records: Records = field(repr=False)
    _people: People = field(repr=False)
    _audit: IAudit = field(repr=False)
    longest_seconds: float
    _log = Logger()

    async def add(self, grant: Grant) -> None:
        """Note a grant whose code was redeemed."""
        surplus: list[str] = []
        for _ in range(_TRIES):
            key = _key(grant.person.issuer, grant.person.subject)
            record = await self._records.get(_KIND, key)
            known = [] if record is None else record.payload["grants"]
            grants = [*await self._alive(known), grant.id]
            surplus = grants[:-MAX_OF_A_PERSON]
            payload = {"grants": grants[-MAX_OF_A_PERSON:]}
            if await self._records.swap(
                _KIND, key, record, payload, self.longest_seconds
            ):
                break
        for grant_id in surplus:
            await self.end(grant_id, "crowded out")

    async def of(self, issuer: str, subject: str) -> list[Grant]:
        """Give the grants of the person of that name, the latest first."""
        record = await self._records.get(_KIND, _key(issuer, subject))
        found = [] if record is None else record.payload["grants"]
        held = [await self._grants.get(grant_id) for grant_id in found]
        grants = [one.grant for one in held if one is not None]
        return sorted(grants, key=lambda grant: grant.began_at, reverse=True)

    async def end(self, grant_id: str, reason: str) -> None:
        """
        Put a client out: its tokens hold no longer, nor do the provider's.

        :param reason: for the record, a word or two.
        :raise AuditUnwritable: it is ended, but that could not be recorded.
        """
        grant = await self._grants.end(grant_id)
        if grant is not None:
            await self.let_go(grant, reason)

    async def let_go(self, grant: Grant, reason: str) -> None:
        """
        Give back what the provider gave for a grant that has ended; record it.

        :raise AuditUnwritable: that could not be recorded.
        """
        try:
            await self._people.let_go(grant.tokens)
        except Undecidable as error:
            self._log.warn("the provider was not told of an end: {why}", why=error)
        principal = self._people.admit(grant.person, grant.request.client_id)
        self._audit.record("revoke", principal, grant=grant.id, reason=reason)

    async def _alive(self, grant_ids: list[str]) -> list[str]:
        held = [(one, await self._grants.get(one)) for one in grant_ids]
        return [grant_id for grant_id, found in held if found is not None]


def _key(issuer: str, subject: str) -> str:
    return sha256(f"{len(issuer)}:{issuer}{subject}".encode()).hexdigest()
