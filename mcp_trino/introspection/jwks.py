"""
The keys of a provider: fetched, kept, and fetched again (RFC 7517).

A key that is withdrawn stops to count with the next fetch; a provider that
does not answer changes nothing for ``STALE_SECONDS``. A token that names a key
nobody knows asks for one fetch, together with all others that come meanwhile,
and no more than ``RELOADS`` at once and one more each ``RELOAD_SECONDS``: each
of them brings every new key, so that nobody can spend them for others.
"""

import re
from collections.abc import Callable

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.discovery import Documents, Metadata
from mcp_trino.introspection.keys import Keys
from mcp_trino.introspection.sources import IKeySource

RELOADS = 2
RELOAD_SECONDS = 30.0
STALE_SECONDS = 86400.0
_OLD_SECONDS = 900.0
_TICK_SECONDS = 1.0
# Less than the web process waits, and fewer than it asks at once: tokens whose
# keys are known are judged meanwhile.
_WAIT_SECONDS = 1.5
_MAX_WAITING = 4
# How long a withdrawn key may still count, so not as long as many providers say.
_REFRESH_SECONDS = 900.0
_MIN_REFRESH_SECONDS = 300.0
_MAX_REFRESH_SECONDS = 3600.0
_JITTER = 0.2
_FIRST_RETRY_SECONDS = 5.0
_MAX_RETRY_SECONDS = 300.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.IGNORECASE)
# What a provider calls its keys; nothing else is worth a fetch.
_KEY_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9._~:@+/=|-]+")


@implementer(IKeySource)
@define(eq=False)
class ProviderKeys(Service):
    """
    The keys and the endpoints of a provider.

    :ivar jwks_uri: where the keys are, ``None`` to ask the discovery document.
    :ivar random: gives a number from 0 to 1, so that not all replicas ask at
        once.
    """

    _clock: IReactorTime = field(repr=False)
    _documents: Documents = field(repr=False)
    _jwks_uri: str | None
    _random: Callable[[], float] = field(repr=False)
    _loop: LoopingCall = field(init=False, repr=False)
    _keys: Keys = field(init=False, factory=Keys, repr=False)
    _metadata: Metadata | None = field(init=False, default=None, repr=False)
    _fetched_at: float | None = field(init=False, default=None)
    _due_at: float = field(init=False, default=0.0)
    _failures: int = field(init=False, default=0)
    _problem: str = field(init=False, default="nothing was fetched yet")
    _current: Deferred[None] | None = field(init=False, default=None, repr=False)
    _waiting: list[Deferred[None]] = field(init=False, factory=list, repr=False)
    _allowance: float = field(init=False, default=float(RELOADS))
    _counted_at: float = field(init=False, default=0.0)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._loop = LoopingCall(self._tick)
        self._loop.clock = self._clock
        self._counted_at = self._clock.seconds()

    def startService(self) -> None:
        """Fetch, and again whenever it is due."""
        super().startService()
        self._due_at = self._clock.seconds()
        self._loop.start(_TICK_SECONDS)

    def stopService(self) -> None:
        """Fetch no more."""
        super().stopService()
        self._loop.stop()
        if self._current is not None:
            self._current.cancel()

    @property
    def generation(self) -> str:
        """The same text only for the same keys."""
        return self._keys.generation

    @property
    def usable(self) -> bool:
        """Whether there are keys that are not too old."""
        at = self._fetched_at
        return at is not None and self._clock.seconds() - at < STALE_SECONDS

    def reread(self) -> None:
        """Fetch now."""
        self._due_at = self._clock.seconds()
        self._tick()

    def find(self, key_id: str | None) -> Deferred[Keys]:
        """
        Give the keys, fetched again if none has that id.

        :raise Undecidable: it could not be found out whether there is one.
        """
        if self.usable and self._keys.know(key_id):
            return succeed(self._keys)
        return Deferred.fromCoroutine(self._find(key_id))

    async def metadata(self) -> Metadata:
        """
        Give the discovery document.

        :raise Undecidable: there is none that can be trusted now.
        """
        if self._metadata is None:
            await self._reload()
        if self._metadata is None:
            raise Undecidable(self._problem)
        return self._metadata

    async def _find(self, key_id: str | None) -> Keys:
        if self.usable and not _KEY_ID.fullmatch(key_id or ""):
            return self._keys
        await self._reload()
        if not self.usable or (self._failures and not self._keys.know(key_id)):
            raise Undecidable(self._problem)
        return self._keys

    async def _reload(self) -> None:
        """Fetch once with all others that want it, if one more is allowed."""
        if self._current is None and not self._spend():
            return
        if len(self._waiting) >= _MAX_WAITING:
            raise Undecidable("the provider takes long to answer")
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        self._begin()
        try:
            await waiter.addTimeout(_WAIT_SECONDS, self._clock)
        except TooLate:
            raise Undecidable("the provider takes long to answer") from None

    def _spend(self) -> bool:
        now = self._clock.seconds()
        gained = (now - self._counted_at) / RELOAD_SECONDS
        self._allowance = min(self._allowance + gained, float(RELOADS))
        self._counted_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _tick(self) -> None:
        if self._clock.seconds() >= self._due_at:
            self._begin()

    def _begin(self) -> None:
        if self._current is None:
            self._current = Deferred.fromCoroutine(self._fetch())
            # Nothing may come to the loop: it would never call again.
            self._current.addErrback(self._failed).addBoth(self._ended)

    async def _fetch(self) -> None:
        discovery_problem = await self._discover()
        url = self._jwks_uri or (self._metadata and self._metadata.jwks_uri)
        if not url:
            raise Undecidable(discovery_problem or "the provider names no jwks_uri")
        published = await self._documents.keys(url)
        for problem in published.problems:
            self._log.warn("{url}: {problem}", url=url, problem=problem)
        if published.keys.generation != self._keys.generation:
            names = ", ".join(repr(key.id) for key in published.keys.keys)
            self._log.info("keys of {url}: {names}", url=url, names=names)
        self._keys = published.keys
        self._fetched_at = self._clock.seconds()
        self._failures = 0
        self._due_at = self._fetched_at + self._interval(published.cache_control)

    async def _discover(self) -> str:
        """Fetch the discovery document; a failure leaves the last one."""
        try:
            metadata = await self._documents.metadata()
        except Undecidable as error:
            self._log.warn("discovery failed: {problem}", problem=str(error))
            return str(error)
        before = self._metadata
        if before is not None and before.jwks_uri != metadata.jwks_uri:
            self._log.warn(
                "the provider's keys moved from {before} to {now}",
                before=before.jwks_uri,
                now=metadata.jwks_uri,
            )
        self._metadata = metadata
        return ""

    def _interval(self, cache_control: str) -> float:
        found = _MAX_AGE.search(cache_control)
        wanted = _REFRESH_SECONDS if found is None else float(found[1])
        interval = min(max(wanted, _MIN_REFRESH_SECONDS), _MAX_REFRESH_SECONDS)
        return interval * (1 + _JITTER * (2 * self._random() - 1))

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        now = self._clock.seconds()
        self._failures += 1
        delay = _FIRST_RETRY_SECONDS * 2 ** min(self._failures - 1, 10)
        self._due_at = now + min(delay, _MAX_RETRY_SECONDS)
        self._problem = failure.getErrorMessage()
        if not failure.check(Undecidable):
            self._log.failure("a fetch of keys failed unexpectedly", failure=failure)
        age = None if self._fetched_at is None else now - self._fetched_at
        log = self._log.error if age is None or age > _OLD_SECONDS else self._log.warn
        log(
            "no keys from the provider, those at hand are {age} s old: {problem}",
            age="none" if age is None else round(age),
            problem=self._problem,
        )

    def _ended(self, _: None) -> None:
        self._current = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)
