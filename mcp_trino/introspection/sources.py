"""Where keys come from."""

from pathlib import Path

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import Attribute, Interface, implementer

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.keys import Keys, read_keys
from mcp_trino.introspection.strict_json import read_object

_LOOK_SECONDS = 1.0
_MAX_BYTES = 262144


class IKeySource(Interface):
    """The keys of one issuer."""

    usable: bool = Attribute("Whether tokens can be judged by them now.")
    generation: str = Attribute("The same text only for the same keys.")

    def find(key_id: str | None) -> Deferred[Keys]:  # noqa: N805
        """
        Give the keys, as new as they have to be to know that one.

        :param key_id: ``kid``, ``None`` for a token that names none.
        :raise Undecidable: there are none that could be asked now.
        """


@implementer(IKeySource)
@define(eq=False)
class FixedKeys:
    """Keys that never change: those of mode ``hmac``."""

    _keys: Keys = field(repr=False)
    usable: bool = True

    @property
    def generation(self) -> str:
        """The same text only for the same keys."""
        return self._keys.generation

    def find(self, key_id: str | None) -> Deferred[Keys]:
        """Give the keys."""
        del key_id
        return succeed(self._keys)


@implementer(IKeySource)
@define(eq=False)
class FileKeys:
    """
    The public keys of this server's own authorization server.

    The file is read again when it has changed; one that cannot be used leaves
    the keys as they are.
    """

    _clock: IReactorTime = field(repr=False)
    _path: Path
    _keys: Keys | None = field(init=False, default=None, repr=False)
    _stamp: tuple[int, int, int] | None = field(init=False, default=None)
    _looked_at: float | None = field(init=False, default=None)
    _problem: str = field(init=False, default="")
    _log = Logger()

    @property
    def usable(self) -> bool:
        """Whether the file could be read."""
        self._look()
        return self._keys is not None

    @property
    def generation(self) -> str:
        """The same text only for the same keys."""
        return "" if self._keys is None else self._keys.generation

    def find(self, key_id: str | None) -> Deferred[Keys]:
        """Give the keys; of an unknown id, after a look at the file."""
        known = self._keys is not None and self._keys.know(key_id)
        now = self._clock.seconds()
        recent = self._looked_at is not None and now - self._looked_at < _LOOK_SECONDS
        if not (known and recent):
            self._look()
        if self._keys is None:
            return fail(Undecidable(f"{self._path} has no keys yet"))
        return succeed(self._keys)

    def _look(self) -> None:
        self._looked_at = self._clock.seconds()
        try:
            self._read()
        except (OSError, ValueError) as error:
            if self._problem != str(error):
                self._problem = str(error)
                self._log.error(
                    "{path} cannot be used: {problem}",
                    path=self._path,
                    problem=self._problem,
                )

    def _read(self) -> None:
        state = self._path.stat()
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        with self._path.open("rb") as opened:
            keys, problems = read_keys(read_object(opened.read(_MAX_BYTES)))
        if problems or not keys.keys:
            raise ValueError("; ".join(problems) or "it has no key")
        self._keys = keys
        self._problem = ""
