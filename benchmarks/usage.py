"""What processes take, by the kernel's own clocks and counts."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on (proc(5)); none if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return text[text.rindex(b")") + 2 :].split()


def processes() -> list[int]:
    """Return all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 -- 5 x faster


def tree(root: int) -> list[int]:
    """Return a process and all its descendants, the process first."""
    children: dict[int, list[int]] = {}
    for pid in processes():
        if fields := _stat(pid):
            children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its threads, by clock_getcpuclockid(3); 0 if gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return 0.0


def cpu(pids: Iterable[int]) -> float:
    """Return the CPU seconds of processes and of their children that have ended."""
    seconds = 0.0
    for pid in pids:
        fields = _stat(pid)
        ended = sum(map(int, fields[13:15])) * TICK if fields else 0.0
        seconds += cpu_of(pid) + ended
    return seconds


def resident(pids: Iterable[int]) -> float:
    """Return the resident bytes of processes."""
    pages = 0
    for pid in pids:
        fields = _stat(pid)
        pages += int(fields[21]) if fields else 0
    return float(pages * os.sysconf("SC_PAGESIZE"))
