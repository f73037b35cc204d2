"""
A store in one table of a database, for processes that share it.

The table names its rows by SHA-256 of their keys: what is a secret as a key
cannot be read there. Each operation is one statement, which the database does
wholly or not at all.
"""

from hashlib import sha256
from typing import Any, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from mcp_trino.errors import Undecidable
from mcp_trino.interfaces import IStore
from mcp_trino.store import refuse_too_long

_SWEEP_SECONDS = 60.0
_ANSWER_SECONDS = 10.0

_PUT = """
    INSERT INTO mcp_trino_store (key, value, expires_at) VALUES (:key, :new, :until)
    ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at
"""
_PUT_NEW = f"""
    {_PUT} WHERE mcp_trino_store.expires_at <= :now RETURNING key
"""
_GET = "SELECT value FROM mcp_trino_store WHERE key = :key AND expires_at > :now"
_TAKE = """
    DELETE FROM mcp_trino_store WHERE key = :key AND expires_at > :now RETURNING value
"""
_SWAP = """
    UPDATE mcp_trino_store SET value = :new, expires_at = :until
    WHERE key = :key AND value = :old AND expires_at > :now RETURNING key
"""
_SWEEP = "DELETE FROM mcp_trino_store WHERE expires_at <= :now"


class Database(Protocol):
    """
    One kind of database, SQL statements with named parameters like ``:key``.

    Its methods block.
    """

    @property
    def threads(self) -> int:
        """How many threads may run statements at once."""

    @property
    def is_shared(self) -> bool:
        """Whether other machines use it too."""

    def open(self) -> None:
        """
        Begin; the table is made where it is missing.

        :raise ConfigurationError: it can never work as it is set.
        """

    def run(self, statement: str, parameters: dict[str, Any]) -> bytes | None:
        """
        Run a statement for good and give the first value of its first row.

        :raise Undecidable: the database did not do it, or nobody knows.
        """

    def close(self) -> None:
        """End; nothing runs any more."""


@implementer(IStore)
@define(eq=False)
class DatabaseStore(Service):
    """
    What is kept outlives this process; others that use the table find it.

    Their clocks have to be right: a value expires by the clock of who asks.

    :ivar clock: in seconds since the epoch.
    """

    _reactor: Any = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _database: Database
    _pool: ThreadPool = field(init=False, repr=False)
    _sweep: LoopingCall = field(init=False, repr=False)
    _log = Logger()

    @property
    def is_shared(self) -> bool:
        """Whether other machines use it too."""
        return self._database.is_shared

    def startService(self) -> None:
        """
        Open the database.

        :raise ConfigurationError: it can never work as it is set.
        """
        self._database.open()
        super().startService()
        self._pool = ThreadPool(0, self._database.threads, "store")
        self._pool.start()
        self._sweep = LoopingCall(self._drop_expired)
        self._sweep.clock = self._clock
        self._sweep.start(_SWEEP_SECONDS, now=False)

    def stopService(self) -> None:
        """Wait for what is under way, some seconds at most, and close it."""
        super().stopService()
        self._sweep.stop()
        self._pool.stop()
        self._database.close()

    def put(self, key: str, value: bytes, ttl_seconds: float) -> Deferred[None]:
        """Keep a value, in place of any earlier one of that key."""
        return self._keep(_PUT, key, value, ttl_seconds).addCallback(lambda _: None)

    def get(self, key: str) -> Deferred[bytes | None]:
        """Give a value back, ``None`` when there is none or its time passed."""
        return self._run(_GET, key=_digest(key), now=self._clock.seconds())

    def take(self, key: str) -> Deferred[bytes | None]:
        """Give a value back and forget it; of two takers one gets ``None``."""
        return self._run(_TAKE, key=_digest(key), now=self._clock.seconds())

    def swap(
        self, key: str, old: bytes | None, new: bytes, ttl_seconds: float
    ) -> Deferred[bool]:
        """Keep a value only if the present one is ``old``, ``None`` for none."""
        if old is None:
            swapped = self._keep(_PUT_NEW, key, new, ttl_seconds)
        else:
            swapped = self._keep(_SWAP, key, new, ttl_seconds, old=old)
        return swapped.addCallback(lambda row: row is not None)

    def _keep(
        self, statement: str, key: str, value: bytes, ttl_seconds: float, **more: Any
    ) -> Deferred[bytes | None]:
        try:
            refuse_too_long(key, value)
        except ValueError:
            return fail(Failure())
        now = self._clock.seconds()
        return self._run(
            statement,
            key=_digest(key),
            new=value,
            now=now,
            until=now + ttl_seconds,
            **more,
        )

    def _run(self, statement: str, **parameters: Any) -> Deferred[bytes | None]:
        if not self.running:
            return fail(Undecidable("the store is closed"))
        ran = deferToThreadPool(
            self._reactor, self._pool, self._database.run, statement, parameters
        )
        return ran.addTimeout(_ANSWER_SECONDS, self._clock, _too_late)

    async def _swept(self) -> None:
        try:
            await self._run(_SWEEP, now=self._clock.seconds())
        except Undecidable as error:
            self._log.warn("expired values could not be deleted: {error}", error=error)

    def _drop_expired(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._swept())


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _too_late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure) and result.check(CancelledError):
        raise Undecidable(f"the store did not answer within {seconds:g} s")
    return result
