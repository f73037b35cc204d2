"""Locks between processes: ``flock`` on files, let go however their holder ends."""

import fcntl
from io import TextIOWrapper
from pathlib import Path


def take_lock(path: Path) -> TextIOWrapper:
    """
    Take a lock when it is free; this blocks.

    :return: the open file; the lock is held until it is closed, in this process
        and in those that inherited it.
    """
    file = path.open("a+")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def try_lock(path: Path) -> TextIOWrapper | None:
    """Take a lock if it is free now, else give ``None``."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
