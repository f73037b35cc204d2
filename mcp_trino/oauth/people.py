"""Who a person is by the provider's word: at her login, and at each refresh again."""

from collections.abc import Callable

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from mcp_trino.interfaces import IIntrospector
from mcp_trino.oauth.upstream import Tokens, Upstream, UpstreamRefused
from mcp_trino.principal import Principal

_AGAIN_SECONDS = (0.5, 2.0)

Admit = Callable[[Active], Principal]
"""Says who may enter; a principal with a ``refusal`` may not."""


@define(eq=False)
class People:
    """
    Asks the provider, has its answers checked, and applies the admission rules.

    :ivar keeps_access_tokens: the provider's access tokens are kept, to be
        exchanged for the Trino side (RFC 8693).
    """

    _upstream: Upstream = field(repr=False)
    _introspector: IIntrospector = field(repr=False)
    _admit: Admit = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    keeps_access_tokens: bool = False

    async def log_in(
        self, code: str, verifier: str, nonce: str
    ) -> tuple[Active, Tokens]:
        """
        Find out who came back from the provider.

        :raise UpstreamRefused: nobody whom the provider vouches for.
        :raise Undecidable: nobody can say now.
        """
        endpoints = await self._introspector.endpoints()
        tokens = await self._upstream.redeem(endpoints, code, verifier)
        if tokens.id_token is None:
            raise UpstreamRefused("no ID token")
        person = await self._identified(tokens.id_token, nonce)
        if person is None:
            raise UpstreamRefused("an ID token that does not hold")
        return person, self.kept(tokens)

    async def refresh(self, tokens: Tokens) -> Tokens:
        """
        Have the provider say again that it stands by a person.

        Many providers take a refresh token once only: keep the new one before
        anything else is done.

        :return: new tokens, the ID token among them if there was one.
        :raise UpstreamRefused: the provider does not stand by her any longer.
        :raise Undecidable: nobody can say now.
        """
        if tokens.refresh is None:
            raise UpstreamRefused("no refresh token")
        endpoints = await self._introspector.endpoints()
        return await self._upstream.refresh(endpoints, tokens.refresh)

    async def described(self, person: Active, tokens: Tokens) -> Active:
        """
        Give a person as the provider describes her now, where it does.

        :param tokens: those of a refresh.
        :raise UpstreamRefused: it names somebody else.
        :raise Undecidable: nobody can say now.
        """
        if tokens.id_token is None:  # OpenID Connect Core section 12.2 lets it
            return person
        found = await self._identified(tokens.id_token, "")
        if found is None or (found.issuer, found.subject) != (
            person.issuer,
            person.subject,
        ):
            raise UpstreamRefused("an ID token of somebody else")
        return found

    async def let_go(self, tokens: Tokens) -> None:
        """
        Give her tokens back to the provider, as well as can be.

        :raise Undecidable: where that is, nobody can say now.
        """
        if tokens.refresh or tokens.access:
            await self._upstream.revoke(await self._introspector.endpoints(), tokens)

    def admit(self, person: Active, client_id: str) -> Principal:
        """
        Say who she is here, through a client.

        :return: with a ``refusal`` when she may not enter.
        """
        return self._admit(evolve(person, client_id=client_id))

    def kept(self, tokens: Tokens) -> Tokens:
        """Give what is to be kept of tokens."""
        access = tokens.access if self.keeps_access_tokens else ""
        return evolve(tokens, access=access, id_token=None)

    async def _identified(self, id_token: str, nonce: str) -> Active | None:
        """Ask a few times: what the provider gave for it is used up."""
        for delay_seconds in _AGAIN_SECONDS:
            try:
                return await self._introspector.identify(id_token, nonce)
            except Undecidable:
                await deferLater(self._clock, delay_seconds)
        return await self._introspector.identify(id_token, nonce)
