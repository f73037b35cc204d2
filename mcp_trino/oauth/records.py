"""A store whose values only this authorization server can read."""

from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from mcp_trino.interfaces import IStore
from mcp_trino.oauth.sealing import Sealer


@frozen
class Record:
    """
    A value as it was found.

    :ivar sealed: its bytes, by which a swap knows it.
    """

    payload: dict[str, Any] = field(repr=False)
    sealed: bytes = field(repr=False)


@define(eq=False)
class Records:
    """
    Keeps JSON-ready values, each under its kind and a key of that kind.

    Who reads the database, or a backup of it, finds neither tokens nor people.
    """

    _store: IStore = field(repr=False)
    _sealer: Sealer = field(repr=False)

    def put(
        self, kind: str, key: str, payload: dict[str, Any], ttl_seconds: float
    ) -> Deferred[None]:
        """Keep a value, in place of any earlier one."""
        sealed = self._seal(kind, payload, ttl_seconds)
        return self._store.put(f"{kind}/{key}", sealed, ttl_seconds)

    async def get(self, kind: str, key: str) -> Record | None:
        """Give a value back, ``None`` when there is none."""
        return self._open(kind, await self._store.get(f"{kind}/{key}"))

    async def take(self, kind: str, key: str) -> Record | None:
        """Give a value back and forget it; of two takers one gets ``None``."""
        return self._open(kind, await self._store.take(f"{kind}/{key}"))

    async def swap(
        self,
        kind: str,
        key: str,
        old: Record | None,
        payload: dict[str, Any],
        ttl_seconds: float,
    ) -> Record | None:
        """
        Keep a value only if nobody changed the old one meanwhile.

        :return: the new one, ``None`` when it was not kept.
        """
        sealed = self._seal(kind, payload, ttl_seconds)
        present = None if old is None else old.sealed
        kept = await self._store.swap(f"{kind}/{key}", present, sealed, ttl_seconds)
        return Record(payload, sealed) if kept else None

    def _seal(self, kind: str, payload: dict[str, Any], ttl_seconds: float) -> bytes:
        return self._sealer.seal(kind, payload, ttl_seconds).encode("ascii")

    def _open(self, kind: str, sealed: bytes | None) -> Record | None:
        if sealed is None:
            return None
        payload = self._sealer.open(kind, sealed.decode("ascii", "replace"))
        return None if payload is None else Record(payload, sealed)
