"""
Where the keys of the authorization server are kept, made and renewed.

They lie in one file of the state directory, which replicas on one file system
share; or the operator gives the text of such a file as a secret. Whoever comes
first makes them, under a lock, so that two processes that start at once agree.
The public half is written beside, for the introspection worker.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mcp_trino.errors import ConfigurationError
from mcp_trino.oauth.keys import Keys
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.oauth.signing import SigningKeys, public_set
from mcp_trino.settings import ProxySettings

FILE_NAME = "secret-keys.json"
ROTATE_AFTER_SECONDS = 90 * 86400.0
"""The age at which a signing key gets a successor by itself."""

READ_AGAIN_SECONDS = 60.0
"""
How often the file is read again; much less than the time for which a new key is
only published.
"""

RunInThread = Callable[[Callable[[], Keys]], Deferred[Keys]]


@define(eq=False)
class KeyFile:
    """
    The file of the keys; its methods block.

    :ivar path: mode 0600, in a directory that is made with mode 0700.
    :ivar longest_token_seconds: how long a token may hold, with all leeway.
    """

    path: Path
    longest_token_seconds: float

    def read(self, now: float) -> Keys:
        """
        Read the keys; make them if there are none, renew what is due.

        :raise OSError: the file cannot be read or written.
        :raise ValueError: it holds something else.
        """
        with self._locked():
            found = self._found()
            keys = found or Keys.make(now)
            if keys.signing[-1].made_at + ROTATE_AFTER_SECONDS <= now:
                keys = keys.with_new_signing(now)
            keys = keys.without_ended(now, self.longest_token_seconds)
            if keys != found:
                write_file(self.path, keys.to_text(), 0o600)
        return keys

    def rotate(self, now: float) -> Keys:
        """Make a new key of each kind beside the old ones, or the first ones."""
        with self._locked():
            found = self._found()
            keys = found.with_new(now) if found else Keys.make(now)
            write_file(self.path, keys.to_text(), 0o600)
        return keys

    def _found(self) -> Keys | None:
        try:
            return Keys.from_text(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self.path.with_suffix(".lock"), flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def write_file(path: Path, text: str, mode: int) -> None:
    """Put a whole file in the place of another one, so that it is never half."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            os.fchmod(written.fileno(), mode)
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


@define(eq=False, slots=False)
class Keyring(Service):
    """
    Keeps a sealer and the signing keys up to date while the server runs.

    Both may be handed out at once and used once ``startService`` has returned.

    :ivar public_file: where the JWK set for the worker is written.
    :ivar given: the operator's own keys, for replicas that share no directory;
        then nothing is read or renewed.
    """

    _clock: IReactorTime = field(repr=False)
    _file: KeyFile = field(repr=False)
    public_file: Path
    _run_in_thread: RunInThread = field(repr=False)
    given: Keys | None = None
    sealer: Sealer = field(init=False)
    signing: SigningKeys = field(init=False)
    _published: str = field(default="", init=False, repr=False)
    _reading: LoopingCall | None = field(default=None, init=False, repr=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        """Hand out what has no keys yet."""
        self.sealer = Sealer(self._clock, ())
        self.signing = SigningKeys(self._clock, ())

    def startService(self) -> None:
        """
        Read or make the keys.

        :raise ConfigurationError: there are none to be had, and none are made up
            that would be lost again.
        """
        try:
            self._use(self.given or self._file.read(self._clock.seconds()))
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                (f"OAUTH_STATE_DIRECTORY: {self._file.path}: {_why(error)}",)
            ) from None
        super().startService()
        if self.given is None:
            self._reading = LoopingCall(self._read_again)
            self._reading.clock = self._clock
            self._reading.start(READ_AGAIN_SECONDS, now=False)

    def stopService(self) -> None:
        """Read no more."""
        if self._reading is not None and self._reading.running:
            self._reading.stop()
        super().stopService()

    def _read_again(self) -> Deferred[None]:
        now = self._clock.seconds()
        reading = self._run_in_thread(lambda: self._file.read(now))
        return reading.addCallbacks(self._use, self._keep)

    def _use(self, keys: Keys) -> None:
        self.sealer.use(keys.masters)
        self.signing.use(keys.signing)
        published = json.dumps(public_set(keys.signing), sort_keys=True) + "\n"
        if published != self._published:
            self.public_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self.public_file, published, 0o644)
            self._published = published

    def _keep(self, failure: Failure) -> None:
        """Go on with the keys that there are."""
        reason = _why(failure.value)
        self._log.error(
            "{path} cannot be used, the keys stay as they are: {reason}",
            path=str(self._file.path),
            reason=reason,
        )


def make_keyring(
    settings: ProxySettings,
    public_file: Path,
    longest_token_seconds: float,
    clock: IReactorTime,
    run_in_thread: RunInThread,
) -> Keyring:
    """
    Make the keyring of a server.

    :param public_file: ``WorkerSettings.own_keys_file``.
    :param longest_token_seconds: how long a token may hold, with all leeway.
    :param clock: its seconds are those since the epoch.
    :param run_in_thread: for the reading of files while the server runs.
    :raise ConfigurationError: the operator gave keys that are none.
    """
    try:
        given = Keys.from_text(settings.keys) if settings.keys else None
    except ValueError as error:
        raise ConfigurationError((f"OAUTH_KEYS: {error}",)) from None
    file = KeyFile(settings.state_directory / FILE_NAME, longest_token_seconds)
    return Keyring(clock, file, public_file, run_in_thread, given)


def _why(error: BaseException | None) -> str:
    return getattr(error, "strerror", None) or str(error)
