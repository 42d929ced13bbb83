"""All processes of the machine, from /proc: who they are and what they use."""

import pwd
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tuimon.drivers import procfs
from tuimon.drivers.procfs import PROC, Proc
from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Label, Metric
from tuimon.model.sample import Reading
from tuimon.model.source import Interest, Reader
from tuimon.sources.processes.identity import Users
from tuimon.sources.processes.sampler import CpuClock, Sampler
from tuimon.sources.processes.table import CATALOGUE, LABELS

Lookup = Callable[[int], str]
"""The name of a user; KeyError if there is none."""

_HIDDEN = "/proc hides the processes of other users; to see them, run as root or in the group of its mount option gid=."
_CONTAINED = "Processes outside of this container are not seen."


def user_name(uid: int) -> str:
    """Return the name of a user as the machine knows it, which may take seconds."""
    return pwd.getpwuid(uid).pw_name


class ProcessSource:
    """The processes that /proc shows.

    Where the CPU clocks of processes cannot be asked, as behind some seccomp filters or in a tree
    that is not our own /proc, all comes from `stat`: see sampler.py.
    """

    name = "processes"
    metrics: Sequence[Metric] = CATALOGUE.metrics
    labels: Sequence[Label] = LABELS

    def __init__(
        self,
        proc: Path = PROC,
        clock: Callable[[], float] = time.time,
        cpu_clock: CpuClock | None = time.clock_gettime_ns,
        lookup: Lookup = user_name,
    ) -> None:
        """Read the tree *proc*; without *cpu_clock* from its files alone."""
        self._proc = Proc(proc)
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._lookup = lookup

    def open(self) -> Sequence[Reader]:
        """See `Source.open`."""
        try:
            pids = self._proc.pids()
        except OSError:
            pids = []
        if not pids:
            text = f"{self._proc.root} shows no processes: mount the proc file system there."
            raise ReadError(Reason.NOT_SUPPORTED, text)
        cpu_clock = self._cpu_clock
        if cpu_clock is not None and not clock_agrees(self._proc, cpu_clock):
            cpu_clock = None
        users = Users(self._lookup)
        sampler = Sampler(self._proc, self._clock, cpu_clock, users)
        return (ProcessReader(sampler, users, unseen(self._proc)),)


class ProcessReader:
    """The one reader of the source."""

    name = "processes"
    cadences: Sequence[Cadence] = (Cadence.FAST,)

    def __init__(self, sampler: Sampler, users: Users, note: str) -> None:
        self._sampler = sampler
        self._users = users
        self._note = note

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`; every frame holds the whole catalogue, each cell as old as `read_at` says."""
        if cadence is not Cadence.FAST:
            return Reading()
        try:
            frame = self._sampler.sample(interest.processes)
        except OSError as error:
            text = f"/proc cannot be listed: {error.strerror}."
            raise ReadError(Reason.FAILED, text) from error
        return Reading((frame,), note=self._note)

    def close(self) -> None:
        """See `Reader.close`."""
        self._users.close()


def clock_agrees(proc: Proc, cpu_clock: CpuClock) -> bool:
    """Tell whether the clocks are those of the processes in *proc*: ask ours, compare with `stat`.

    In the tree of another pid namespace our number is somebody else's, so that they differ.
    """
    try:
        stat = proc.read(b"self/stat", 1024)
        _, fields = procfs.parse_stat(stat)
        spent = cpu_clock(procfs.clock_id(int(stat.split(b" ", 1)[0]))) / 1e9
        ticks = int(fields[procfs.USER_TICKS]) + int(fields[procfs.SYSTEM_TICKS])
    except (OSError, ValueError):
        return False
    seconds = ticks / procfs.TICKS_PER_SECOND
    return abs(spent - seconds) <= 0.1 + 0.1 * seconds


def unseen(proc: Proc) -> str:
    """Return a sentence on the processes that we do not see; "" if we see all."""
    if procfs.hides(proc):
        return _HIDDEN
    return _CONTAINED if procfs.contained(proc) else ""
