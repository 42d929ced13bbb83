"""The hot reader of /proc: bytes of small files and CPU clocks; only `stat` is taken apart.

A process's CPU clock is one system call without a file (`clock_getcpuclockid(3)`): nanoseconds of
all its threads, those that ended too, allowed for every process of one's own pid namespace. It
costs a tenth of opening, reading and closing `/proc/PID/stat`.
"""

import os
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
"""The unit of the times in `stat` (USER_HZ)."""
PAGE_SIZE = os.sysconf("SC_PAGESIZE")

KERNEL_THREAD = 0x00200000
"""The bit PF_KTHREAD of the field `flags` of `stat`: include/linux/sched.h."""

# Fields of stat(5) as positions behind the command name; the man page counts from 1 with the pid.
# fmt: off
STATE,        PARENT,         FLAGS                = 0, 1, 6
MINOR_FAULTS, MAJOR_FAULTS                         = 7, 9
USER_TICKS,   SYSTEM_TICKS                         = 11, 12
PRIORITY,     NICE,           THREADS, START_TICKS = 15, 16, 17, 19
VIRTUAL_SIZE, RESIDENT_PAGES                       = 20, 21
START_STACK                                        = 25
PROCESSOR                                          = 36
# fmt: on

_FIRST_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of include/linux/proc_ns.h."""
_READ = os.O_RDONLY | os.O_CLOEXEC
_STAT_SIZE = 1024
"""Holds the fields up to `PROCESSOR` at their longest: 39 of at most 20 digits, a name of 64."""


class Proc:
    """One mounted proc file system, or a tree made to look like it."""

    def __init__(self, root: Path = PROC) -> None:
        self.root = root
        self._prefix = os.fsencode(root) + b"/"

    def pids(self) -> list[int]:
        """Return the ids of all processes that may be listed, in the kernel's order.

        Raises:
            OSError: The file system is not there.
        """
        names = os.listdir(self._prefix)  # noqa: PTH208 -- a Path for each name costs ten times as much
        return [int(name) for name in names if name.isdigit()]

    def last_pid(self) -> int:
        """Return the number given last to a process or thread of this pid namespace.

        Raises:
            OSError: `loadavg` cannot be read.
            ValueError: It does not end in a number.
        """
        return int(self.read(b"loadavg", 128).rsplit(None, 1)[-1])

    def read(self, name: bytes, size: int) -> bytes:
        """Return what one call for at most *size* bytes gives: all of a small file of a process.

        Raises:
            OSError: It is not there, not allowed, or its process has ended.
        """
        descriptor = os.open(self._prefix + name, _READ)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)

    def stat(self, pid: int) -> bytes:
        """Return `stat` of a process or thread; fails as `read` does."""
        return self.read(b"%d/stat" % pid, _STAT_SIZE)

    def owner(self, pid: int) -> int:
        """Return the effective user id of a process, to whom its folder belongs; fails as `read`.

        The files in the folder may belong to root instead (`task_dump_owner` in fs/proc/base.c).
        """
        return os.stat(b"%b%d" % (self._prefix, pid)).st_uid  # noqa: PTH116 -- hot, as above

    def whole(self, name: str) -> bytes:
        """Return all of a file that is read rarely and may be long; b"" where that fails."""
        try:
            return (self.root / name).read_bytes()
        except OSError:
            return b""

    def link(self, name: str) -> str:
        """Return what a symbolic link names; "" where that fails."""
        try:
            return str((self.root / name).readlink())
        except OSError:
            return ""

    def boot_time(self) -> int:
        """Return when the machine started, seconds since the epoch; 0 if `stat` does not say."""
        _, found, rest = self.whole("stat").partition(b"\nbtime ")
        return int(rest.split(None, 1)[0]) if found else 0


HERE = Proc()
"""The proc file system of this machine."""


def parse_stat(stat: bytes) -> tuple[bytes, list[bytes]]:
    """Return the command name, which may hold `)`, spaces and newlines, and the fields behind it.

    Raises:
        ValueError: This is no `stat`.
    """
    end = stat.rindex(b")")
    found = stat[end + 2 :].split(b" ", PROCESSOR + 1)
    if len(found) <= PROCESSOR:
        raise ValueError(f"a stat of {len(found) + 2} fields")
    return stat[stat.index(b"(") + 1 : end], found


def start_ticks(pid: int, proc: Proc = HERE) -> int | None:
    """Return when a process began, in ticks since boot: the second half of its entity's id.

    None if there is no such process, or if it is hidden from us.
    """
    try:
        return int(parse_stat(proc.stat(pid))[1][START_TICKS])
    except (OSError, ValueError):
        return None


def clock_id(pid: int) -> int:
    """Return the id of a process's CPU clock, as `time.clock_gettime_ns` takes it.

    `MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)` of include/linux/posix-timers_types.h.
    """
    return (~pid << 3) | 2


def hides(proc: Proc) -> bool:
    """Tell whether the newest proc file system at this place hides other users' processes from us.

    With hidepid=1 or more (proc(5)) those have no files for us, and with 2 or more no folder;
    process 1 nearly always is another user's.
    """
    options: list[str] = []
    for line in proc.whole("self/mounts").decode("utf-8", "replace").splitlines():
        parts = line.split(" ")
        if len(parts) > 3 and parts[2] == "proc":
            options = parts[3].split(",")
    value = next((one[8:] for one in options if one.startswith("hidepid=")), "0")
    return value not in {"0", "off"} and start_ticks(1, proc) is None


def contained(proc: Proc) -> bool:
    """Tell whether the tree is that of a pid namespace within the machine's."""
    # NSpid has a number for each namespace from that of the tree down to ours: one if they agree.
    _, _, rest = proc.whole("self/status").partition(b"\nNSpid:")
    outer = len(rest.partition(b"\n")[0].split()) > 1
    return not outer and proc.link("self/ns/pid") not in {"", _FIRST_NAMESPACE}
