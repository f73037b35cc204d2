"""
The programs of ``tests/e2e/npm/package.json``, installed once for all runs.

They lie in the cache directory of the user, under a name made from the
package files, so that a checkout stays clean and a changed lock is a new
installation.
"""

import hashlib
import shutil
from pathlib import Path

from attrs import frozen

from tests.e2e.installations import give_up, installation, run_installer

_PACKAGE = Path(__file__).parent / "npm"
_FILES = ("package.json", "package-lock.json")


@frozen
class NpmPrograms:
    """
    An installation of the locked packages.

    :ivar directory: where ``node_modules`` is; an ECMAScript file that imports
        one of the packages has to lie below it or be run with it as its
        working directory; a CommonJS file finds them by ``NODE_PATH``.
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
    return NpmPrograms(installation(f"npm-{_fingerprint()}", _install))


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_PACKAGE / name).read_bytes())
    return digest.hexdigest()[:16]


def _install(directory: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        give_up("npm is not installed")
    for name in _FILES:
        shutil.copy(_PACKAGE / name, directory)
    run_installer([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], directory)
