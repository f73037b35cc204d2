"""The memory of a process, as Linux counts it."""

import re
from pathlib import Path

_RESET_PEAK = "5"  # proc_pid_clear_refs(5)
_UNIT_BYTES = 1024


def resident_bytes(pid: int) -> int:
    """Give what is resident now."""
    return _status(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """Give the most that was resident since ``reset_peak``."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Let the peak be what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def _status(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise AssertionError(f"{name} is not in:\n{status}")
    return int(found[1]) * _UNIT_BYTES
