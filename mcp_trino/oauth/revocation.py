"""The revocation endpoint (RFC 7009)."""

from attrs import define, field
from twisted.internet.defer import Deferred

from mcp_trino.interfaces import IIntrospector
from mcp_trino.oauth.client_requests import Away, answer_client
from mcp_trino.oauth.connections import Connections
from mcp_trino.oauth.grants import GrantGone, Grants
from mcp_trino.oauth.parameters import Parameters
from mcp_trino.oauth.refusals import NO_STORE, OAuthRefused
from mcp_trino.reply import Reply

_AWAY = Away("a token could not be revoked", "nobody can do this now: send it again")


@define(eq=False)
class RevocationEndpoint:
    """
    Ends the grant that a refresh or access token belongs to.

    A token that does not hold is answered like one that was revoked; so is a
    token of another client, which is left alone (section 2.1).
    """

    _grants: Grants = field(repr=False)
    _connections: Connections = field(repr=False)
    _introspector: IIntrospector = field(repr=False)

    def answer(
        self, content_type: bytes | None, authorization: bytes | None, body: bytes
    ) -> Deferred[Reply]:
        """Answer a POST; see ``TokenEndpoint``."""
        return answer_client(self._revoke, _AWAY, content_type, authorization, body)

    async def _revoke(self, form: Parameters, client_id: str) -> Reply:
        token = form.get("token")
        if token is None:
            raise OAuthRefused("invalid_request", "token is missing")
        grant_id = await self._grant_of(token, client_id)
        if grant_id is not None:
            await self._connections.end(grant_id, "by the client")
        return Reply(200, headers=NO_STORE)

    async def _grant_of(self, token: str, client_id: str) -> str | None:
        try:
            grant = (await self._grants.find(token)).grant
        except GrantGone as gone:
            if gone.reused is not None:
                await self._connections.let_go(gone.reused, "an old token came back")
                return None
        else:
            return grant.id if grant.request.client_id == client_id else None
        active = await self._introspector.introspect(token)
        if active is None or not active.grant or active.client_id != client_id:
            return None
        return active.grant
