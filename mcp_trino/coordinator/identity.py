"""Who this server is at Trino when it asks on behalf of a principal."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from attrs import define, field, frozen
from treq.client import HTTPClient

from mcp_trino.coordinator.credentials import (
    Authorization,
    ClientCredentials,
    Credentials,
    ExchangedTokens,
    Fixed,
    TokenFile,
)
from mcp_trino.coordinator.kerberos import Kerberos
from mcp_trino.coordinator.token_endpoint import TokenEndpoint, make_http_client
from mcp_trino.coordinator.tokens import Tokens
from mcp_trino.coordinator.users import Users
from mcp_trino.errors import ConfigurationError, CoordinatorRefused
from mcp_trino.interfaces import ISubjectTokens
from mcp_trino.principal import Principal
from mcp_trino.settings import TrinoSettings
from mcp_trino.trino_identity import TokenClient, TrinoLogin


def _nothing() -> str | None:
    return None


@define(eq=False)
class Identity:
    """
    The user and the credential of the requests of one call, and of no other.

    :ivar user: the Trino user, ``None`` when Trino finds it in the credential.
    :ivar authorization: what makes the ``Authorization`` header of a request.
    """

    user: str | None
    _credentials: Credentials = field(repr=False)
    _principal: Principal | None = field(repr=False)
    authorization: Authorization = field(init=False, default=_nothing, repr=False)
    _forgot: bool = field(init=False, default=False)

    def go_on(self, principal: Principal) -> None:
        """Take the credential from a later call of the same principal."""
        self._principal = principal
        self._forgot = False

    async def renew(self) -> None:
        """
        Have a credential that holds; to be called before requests are sent.

        :raise: all that ``Credentials.current`` raises.
        """
        self.authorization = await self._credentials.current(self._principal)

    def forget(self, refused: CoordinatorRefused) -> bool:
        """
        Forget a credential that Trino refused.

        :return: whether it is worth asking again with another, once at most;
            what was refused has not run.
        """
        if refused.status != HTTPStatus.UNAUTHORIZED or self._forgot:
            return False
        self._forgot = True
        return self._credentials.forget(self._principal, self.authorization)


@frozen
class Identities:
    """
    The identities of a server.

    :ivar user: the server's own user.
    :ivar login: proves that the server is that user.
    :ivar users: the users of principals, ``None`` for the server's own.
    :ivar exchanged: proves who a principal is, ``None`` when the server speaks
        for her.
    """

    user: str
    login: Credentials
    users: Users | None = None
    exchanged: Credentials | None = None

    def own(self) -> Identity:
        """Give the server's own, for nobody else."""
        return Identity(self.user, self.login, None)

    def of(self, principal: Principal) -> Identity:
        """
        Give the identity for a call of a principal's.

        :raise NoTrinoUser: she has none.
        """
        user = self.user_of(principal)
        return Identity(user, self.exchanged or self.login, principal)

    def user_of(self, principal: Principal) -> str | None:
        """
        Give the Trino user of a principal, ``None`` when only Trino knows.

        :raise NoTrinoUser: she has none.
        """
        if self.exchanged is not None:
            return None
        return self.user if self.users is None else self.users.of(principal)


def identities_of(
    settings: TrinoSettings,
    reactor: Any,
    spawn: Callable[[Coroutine[Any, Any, None]], None],
    subject_tokens: ISubjectTokens,
    http: HTTPClient | None = None,
) -> Identities:
    """
    Make the identities that the settings describe.

    :param spawn: runs what nobody waits for.
    :param http: asks token endpoints, ``None`` for what the settings trust.
    :raise ConfigurationError: a file cannot be used, or a secret would be sent
        without TLS.
    """

    def endpoint(client: TokenClient) -> TokenEndpoint:
        return TokenEndpoint(client, http or make_http_client(reactor, client), reactor)

    def login() -> Credentials:
        match settings.login:
            case TrinoLogin.BASIC if settings.password is not None:
                return Fixed.basic(settings.user, settings.password)
            case TrinoLogin.JWT if settings.jwt_file is not None:
                return TokenFile(settings.jwt_file)
            case TrinoLogin.OAUTH2 if settings.oauth2 is not None:
                tokens = Tokens(reactor, spawn)
                return ClientCredentials(endpoint(settings.oauth2), tokens)
            case TrinoLogin.KERBEROS if settings.kerberos is not None:
                return Kerberos(settings.kerberos)
            case TrinoLogin.NONE | TrinoLogin.CERTIFICATE:
                return Fixed()
        raise ConfigurationError((f"{settings.login} lacks what it needs",))

    shows = settings.login is not TrinoLogin.NONE or settings.exchange is not None
    if shows and settings.scheme != "https":
        raise ConfigurationError(
            ("a credential is only ever sent over https: set TRINO_SCHEME=https",)
        )
    exchange, impersonation = settings.exchange, settings.impersonation
    return Identities(
        settings.user,
        login(),
        None if impersonation is None else Users(impersonation, settings.user),
        None
        if exchange is None
        else ExchangedTokens(
            endpoint(exchange), subject_tokens, Tokens(reactor, spawn)
        ),
    )
