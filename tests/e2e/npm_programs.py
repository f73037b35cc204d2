"""
The programs of ``tests/e2e/npm/package.json``, installed once for all runs.

They lie in the cache directory of the user, under a name made from the
package files, so that a checkout stays clean and a changed lock is a new
installation.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn
from unittest import SkipTest

from attrs import frozen

_PACKAGE = Path(__file__).parent / "npm"
_FILES = ("package.json", "package-lock.json")
_COMPLETE = ".complete"


@frozen
class NpmPrograms:
    """
    An installation of the locked packages.

    :ivar directory: where ``node_modules`` is; an ECMAScript file that imports
        one of the packages has to lie below it or be run with it as its
        working directory.
    """

    directory: Path

    @property
    def node(self) -> str:
        """The locked Node.js, or that of the machine where none is locked for it."""
        locked = self.directory / "node_modules" / ".bin" / "node"
        return str(locked) if locked.exists() else shutil.which("node") or "node"

    def command(self, name: str, *arguments: str) -> list[str]:
        """
        Give the command line of a package's program.

        :param name: the name that the package gives it in ``bin``.
        """
        program = self.directory / "node_modules" / ".bin" / name
        return [self.node, str(program), *arguments]


def npm_programs() -> NpmPrograms:
    """
    Give the programs, installing them when this is the first run to ask.

    :raise SkipTest: npm is missing or cannot install, and this is not ``CI``.
    :raise RuntimeError: the same under ``CI=true``, where nothing is skipped.
    """
    directory = _cache() / f"npm-{_fingerprint()}"
    if not (directory / _COMPLETE).exists():
        npm = shutil.which("npm")
        if npm is None:
            _give_up("npm is not installed")
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (directory / _COMPLETE).exists():
                _install(npm, directory)
    return NpmPrograms(directory)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mcp-trino"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_PACKAGE / name).read_bytes())
    return digest.hexdigest()[:16]


def _install(npm: str, directory: Path) -> None:
    for name in _FILES:
        shutil.copy(_PACKAGE / name, directory)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        _give_up(f"npm ci failed: {done.stderr.strip()[-500:]}")
    (directory / _COMPLETE).touch()


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        raise RuntimeError(reason)
    raise SkipTest(reason)
