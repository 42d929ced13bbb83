"""Which of the processes that the driver names are the ones that /proc shows here."""

import re
from collections.abc import Collection, Mapping

from tuimon.drivers.procfs import Proc, contained, hides, start_ticks

DEVICE = re.compile(r"/dev/(nvidia|dxg)")
"""What a process that uses a GPU has open."""


class Seen:
    """Finds the start of processes by the driver's pids, which may be those of another namespace."""

    def __init__(self, proc: Proc) -> None:
        self._proc = proc
        self._contained: bool | None = None
        self._proved: dict[int, int] = {}
        self._doubtful: set[int] = set()

    def start(self, pid: int) -> int | None:
        """Return when a process began, in ticks since boot; None if it cannot be seen from here.

        Inside of another pid namespace a process of ours may bear the number by chance: it counts
        only with a GPU open.
        """
        start = start_ticks(pid, self._proc) if self._leads(pid) else None
        self._doubtful.discard(pid)
        if start is None or not self._inside():
            return start
        if self._proved.get(pid) == start:
            return start
        self._proved.pop(pid, None)
        if not self._uses_a_gpu(pid):
            self._doubtful.add(pid)
            return None
        self._proved[pid] = start
        return start

    def keep(self, pids: Collection[int]) -> None:
        """Forget all processes but these."""
        self._proved = {pid: start for pid, start in self._proved.items() if pid in pids}
        self._doubtful.intersection_update(pids)

    def note(self, starts: Mapping[int, int | None]) -> str:
        """Return what cannot be seen of some processes and why, in a sentence; "" if all can be."""
        hidden = [pid for pid, start in starts.items() if start is None]
        if not hidden:
            return ""
        text = f"/proc does not show {len(hidden)} of the {len(starts)} processes on it: "
        if self._inside():
            doubtful = sum(pid in self._doubtful for pid in hidden)
            chance = (
                f" ({doubtful} may bear the number of another one here by chance)"
                if doubtful
                else ""
            )
            return (
                f"{text}they are of another pid namespace{chance}; "
                "a container sees them if it is started with --pid=host"
            )
        if hides(self._proc):
            return (
                f"{text}it is mounted with hidepid, which hides those of other users; "
                "run as root or in the group of its mount option gid="
            )
        return f"{text}they have just ended, or are of another pid namespace"

    def _inside(self) -> bool:
        """Return whether we and the tree are in another pid namespace than the machine's own."""
        if self._contained is None:
            self._contained = contained(self._proc)
        return self._contained

    def _leads(self, pid: int) -> bool:
        """Return whether a number is a process's: `/proc/TID` of a thread can be opened as well."""
        try:
            status = self._proc.read(b"%d/status" % pid, 512)
            return int(status.partition(b"\nTgid:")[2].split(None, 1)[0]) == pid
        except (OSError, ValueError, IndexError):
            return False

    def _uses_a_gpu(self, pid: int) -> bool:
        """Return whether a process surely has a GPU open; not if that may not be looked at."""
        folder = self._proc.root / str(pid) / "fd"
        try:
            return any(DEVICE.match(str(one.readlink())) for one in folder.iterdir())
        except OSError:
            return False
