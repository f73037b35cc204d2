"""Whether a token holds, by the settings of the worker: its one decision."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.interfaces import IIntrospector
from mcp_trino.introspection.discovery import Documents
from mcp_trino.introspection.fetching import Fetch
from mcp_trino.introspection.jwks import ProviderKeys
from mcp_trino.introspection.keys import Keys, SharedSecret
from mcp_trino.introspection.opaque import (
    GoogleTokenInfo,
    IssuerIntrospection,
    OpaqueTokens,
)
from mcp_trino.introspection.refused import Refused
from mcp_trino.introspection.rules import Rules, access_rules, login_rules
from mcp_trino.introspection.signed import Now, SignedTokens
from mcp_trino.introspection.sources import FileKeys, FixedKeys, IKeySource
from mcp_trino.providers import Endpoints, TokenKind
from mcp_trino.settings import OAuthMode, WorkerSettings
from mcp_trino.sparing import Sparing

_MARK_CHARS = 8

_Value = TypeVar("_Value")


@implementer(IIntrospector)
class Introspector(MultiService):
    """
    Judges tokens; why one is refused goes to the log, without the token.

    While it runs it keeps the provider's keys.
    """

    _log = Logger()

    def __init__(
        self,
        settings: WorkerSettings,
        clock: Any,
        *,
        fetch: Fetch,
        now: Now,
        random: Callable[[], float],
    ) -> None:
        """
        Make what the settings need; nothing is fetched yet.

        :param clock: what waiting is measured by (``IReactorTime``).
        :param random: gives a number from 0 to 1.
        :raise ConfigurationError: something is missing in the settings.
        """
        super().__init__()
        self._settings = settings
        self._now = now
        self._telling = Sparing(clock, self._sum_up)
        self._telling.setServiceParent(self)
        self._fetch = fetch
        self._provider_keys: ProviderKeys | None = None
        if settings.provider is not None:
            documents = Documents(settings.issuer, settings.provider, fetch)
            self._provider_keys = ProviderKeys(
                clock, documents, settings.jwks_uri, random
            )
            self._provider_keys.setServiceParent(self)
        self._sources: list[IKeySource] = []
        rules = access_rules(settings)
        self._access = self._access_tokens(rules, clock)
        self._logins: SignedTokens | None = None
        if self._provider_keys is not None and settings.client_id:
            self._logins = SignedTokens(login_rules(settings), self._provider_keys, now)
        self._state = _state_of(settings)

    @property
    def ready(self) -> bool:
        """Whether tokens can be judged now."""
        return all(source.usable for source in self._sources)

    @property
    def generation(self) -> str:
        """What the answers of now have as their generation."""
        return f"{self._state}.{self._access.generation}"

    def introspect(self, token: str) -> Deferred[Active | None]:
        """Ask about one token."""
        return self._answer(token, self.explain(token))

    def identify(self, id_token: str, nonce: str) -> Deferred[Active | None]:
        """Ask about the ID token of a login."""
        return self._answer(id_token, self.explain_login(id_token, nonce))

    def endpoints(self) -> Deferred[Endpoints]:
        """Give the endpoints of the provider."""
        return Deferred.fromCoroutine(self._endpoints())

    def explain(self, token: str) -> Deferred[Active]:
        """
        Judge an access token, for an operator.

        :raise Refused: why it does not hold.
        :raise Undecidable: why nobody can say now.
        """
        return self._access.judge(token).addCallback(self._marked)

    def explain_login(self, id_token: str, nonce: str) -> Deferred[Active]:
        """Judge an ID token, as ``explain``."""
        if self._logins is None:
            return fail(Undecidable("this server is no client of a provider"))
        return self._logins.judge_login(id_token, nonce).addCallback(self._marked)

    def reread(self) -> None:
        """Fetch the provider's keys now."""
        if self._provider_keys is not None:
            self._provider_keys.reread()

    def _answer(self, token: str, judging: Deferred[Active]) -> Deferred[Active | None]:
        return Deferred.fromCoroutine(self._or_none(token, judging))

    async def _or_none(self, token: str, judging: Deferred[Active]) -> Active | None:
        try:
            return await judging
        except Refused as refused:
            if self._telling.may_tell():
                self._log.info(
                    "token {mark} is refused: {reason}",
                    mark=mark_of(token),
                    reason=refused.reason,
                )
            return None
        except Undecidable as error:
            if self._telling.may_tell():
                self._log.warn(
                    "token {mark} cannot be judged: {reason}",
                    mark=mark_of(token),
                    reason=str(error),
                )
            raise

    def _sum_up(self, count: int) -> None:
        self._log.warn("{count} more tokens within a minute did not hold", count=count)

    async def _endpoints(self) -> Endpoints:
        if self._provider_keys is None:
            raise Undecidable("there is no provider")
        metadata = await self._provider_keys.metadata()
        if metadata.endpoints is None:
            raise Undecidable("the provider has no endpoints to log in at")
        return metadata.endpoints

    async def _introspection_endpoint(self) -> str | None:
        if self._provider_keys is None:
            return None
        return (await self._provider_keys.metadata()).introspection

    def _marked(self, active: Active) -> Active:
        return evolve(active, generation=f"{self._state}.{active.generation}")

    def _access_tokens(self, rules: Rules, clock: Any) -> SignedTokens | OpaqueTokens:
        settings = self._settings
        source: IKeySource
        if settings.mode is OAuthMode.HMAC:
            secret = _required("a shared secret", settings.hmac_secret)
            source = FixedKeys(Keys((SharedSecret(secret.encode()),)))
        elif settings.mode is OAuthMode.PROXY:
            path = _required("a file of own keys", settings.own_keys_file)
            source = FileKeys(clock, path)
        elif settings.token_kind is TokenKind.JWT:
            source = _required("a provider", self._provider_keys)
        else:
            return OpaqueTokens(rules, self._asking(), self._now)
        self._sources.append(source)
        return SignedTokens(rules, source, self._now)

    def _asking(self) -> Any:
        settings = self._settings
        if settings.token_kind is TokenKind.GOOGLE_TOKENINFO:
            provider = _required("a provider", settings.provider)
            return GoogleTokenInfo(self._fetch, provider.tokeninfo)
        return IssuerIntrospection(
            self._fetch,
            self._introspection_endpoint,
            _required("a client id", settings.client_id),
            _required("a client secret", settings.client_secret),
        )


def _required(name: str, value: _Value | None) -> _Value:
    if not value:
        raise ConfigurationError((f"tokens cannot be judged without {name}",))
    return value


def mark_of(token: str) -> str:
    """Give what a token is called in logs: the beginning of its SHA-256."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:_MARK_CHARS]


def _state_of(settings: WorkerSettings) -> str:
    """Give a text that is another one when other settings judge."""
    # Secrets have no place in the repr, and a digest of them none in an answer.
    secret = (settings.hmac_secret or "").encode()
    text = repr(settings).encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:_MARK_CHARS]
