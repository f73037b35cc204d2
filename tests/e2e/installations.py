"""Programs that only tests need, installed once for all runs in the user's cache."""

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from unittest import SkipTest

_COMPLETE = ".complete"


def installation(name: str, install: Callable[[Path], None]) -> Path:
    """
    Give a directory whose content ``install`` has made, in this run or an earlier.

    :param name: names the content: other content has another name.
    :param install: fills the directory, where an interrupted attempt may lie.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(base) / "mcp-trino" / name
    if not (directory / _COMPLETE).exists():
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (directory / _COMPLETE).exists():
                install(directory)
                (directory / _COMPLETE).touch()
    return directory


def run_installer(command: list[str], directory: Path) -> None:
    """
    Run a program that installs into a directory.

    :raise SkipTest: it failed; ``RuntimeError`` where nothing may be skipped.
    """
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        give_up(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")


def give_up(reason: str) -> NoReturn:
    """
    Do without a program that this machine cannot have.

    :raise SkipTest: always, but ``RuntimeError`` under ``CI=true``.
    """
    if os.environ.get("CI") == "true":
        raise RuntimeError(reason)
    raise SkipTest(reason)
