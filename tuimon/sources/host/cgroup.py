"""The control group (v2) that tuimon itself runs in: what 100 % means inside a container.

A limit may be set on any group above ours. Memory is read from the group with the lowest limit on
the way up, CPU from the one with the smallest quota, because that group as a whole is what hits the
limit; where none is set, both are our own group. On the root of a real machine there are no limits
and most files are missing.
"""

import numpy as np

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import (
    Cell,
    Findings,
    Steady,
    catalogues,
    cpu_list,
    parsed,
    text,
    understood,
)
from tuimon.text import safe
from tuimon.units import Unit

CGROUP = Kind.CGROUP
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
BYTES, COUNT, SECONDS, RATIO = Unit.BYTES, Unit.COUNT, Unit.SECONDS, Unit.RATIO
FAST, NORMAL, SLOW = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW
MEMORY, SWAP = "cgroup_memory_limit_bytes", "cgroup_swap_limit_bytes"
MICRO = 1e-6

# A row: a metric, the file, the word, and what one of it is; Documentation/admin-guide/cgroup-v2.rst.
# The word is "" where the file is one number; `max` there means no limit, which is NOT_SUPPORTED.
# fmt: off
TABLE = (
    (Metric("cgroup_memory_used_bytes",            CGROUP, BYTES,   GAUGE,   "Memory",       "Memory charged to the group, page cache included.",                     FAST, MEMORY, source="memory.current"), "memory.current", "", 1.0),
    (Metric("cgroup_cpu_usage_seconds_total",      CGROUP, SECONDS, COUNTER, "CPU used",     "CPU time of the group; its rate is the number of CPUs used.",           FAST, "cgroup_cores", source="cpu.stat"), "cpu.stat", "usage_usec", MICRO),
    (Metric("cgroup_cpu_user_seconds_total",       CGROUP, SECONDS, COUNTER, "CPU user",     "CPU time of the group in programs.",                                    FAST, "cgroup_cores", source="cpu.stat"), "cpu.stat", "user_usec", MICRO),
    (Metric("cgroup_cpu_system_seconds_total",     CGROUP, SECONDS, COUNTER, "CPU system",   "CPU time of the group in the kernel.",                                  FAST, "cgroup_cores", source="cpu.stat"), "cpu.stat", "system_usec", MICRO),
    (Metric("cgroup_cpu_throttled_seconds_total",  CGROUP, SECONDS, COUNTER, "Throttled",    "Time that threads of the group were held back by the quota, added up.", FAST, source="cpu.stat"), "cpu.stat", "throttled_usec", MICRO),
    (Metric("cgroup_cpu_periods_total",            CGROUP, COUNT,   COUNTER, "Periods",      "Periods of the quota in which the group ran.",                          FAST, source="cpu.stat"), "cpu.stat", "nr_periods", 1.0),
    (Metric("cgroup_cpu_throttled_periods_total",  CGROUP, COUNT,   COUNTER, "Held periods", "Periods in which the quota was used up.",                               FAST, source="cpu.stat"), "cpu.stat", "nr_throttled", 1.0),
    (Metric("cgroup_memory_anonymous_bytes",       CGROUP, BYTES,   GAUGE,   "Anonymous",    "Memory of the group that no file is behind.",                           NORMAL, MEMORY, source="memory.stat"), "memory.stat", "anon", 1.0),
    (Metric("cgroup_memory_file_bytes",            CGROUP, BYTES,   GAUGE,   "Files",        "Page cache of the group, tmpfs and shared memory included.",            NORMAL, MEMORY, source="memory.stat"), "memory.stat", "file", 1.0),
    (Metric("cgroup_memory_inactive_file_bytes",   CGROUP, BYTES,   GAUGE,   "Reclaimable",  "Page cache not used lately: the first to go when the limit is near.",   NORMAL, MEMORY, source="memory.stat"), "memory.stat", "inactive_file", 1.0),
    (Metric("cgroup_memory_shared_bytes",          CGROUP, BYTES,   GAUGE,   "Shared",       "Shared memory and tmpfs of the group.",                                 NORMAL, MEMORY, source="memory.stat"), "memory.stat", "shmem", 1.0),
    (Metric("cgroup_memory_kernel_bytes",          CGROUP, BYTES,   GAUGE,   "Kernel",       "Memory that the kernel uses for the group.",                            NORMAL, MEMORY, source="memory.stat"), "memory.stat", "kernel", 1.0),
    (Metric("cgroup_swap_used_bytes",              CGROUP, BYTES,   GAUGE,   "Swap",         "Swap space of the group.",                                              NORMAL, SWAP, source="memory.swap.current"), "memory.swap.current", "", 1.0),
    (Metric("cgroup_memory_high_hits_total",       CGROUP, COUNT,   COUNTER, "High hits",    "Times the group was slowed down at its soft limit.",                    NORMAL, source="memory.events"), "memory.events", "high", 1.0),
    (Metric("cgroup_memory_limit_hits_total",      CGROUP, COUNT,   COUNTER, "Limit hits",   "Times the group ran into its limit.",                                   NORMAL, source="memory.events"), "memory.events", "max", 1.0),
    (Metric("cgroup_oom_events_total",             CGROUP, COUNT,   COUNTER, "OOM",          "Times memory could not be found within the limit.",                     NORMAL, source="memory.events"), "memory.events", "oom", 1.0),
    (Metric("cgroup_oom_kills_total",              CGROUP, COUNT,   COUNTER, "OOM kills",    "Processes of the group killed because memory ran out.",                 NORMAL, source="memory.events"), "memory.events", "oom_kill", 1.0),
    (Metric("cgroup_read_bytes_total",             CGROUP, BYTES,   COUNTER, "Read",         "Bytes the group read from all block devices.",                          NORMAL, source="io.stat"), "io.stat", "rbytes", 1.0),
    (Metric("cgroup_written_bytes_total",          CGROUP, BYTES,   COUNTER, "Written",      "Bytes the group wrote to all block devices.",                           NORMAL, source="io.stat"), "io.stat", "wbytes", 1.0),
    (Metric("cgroup_reads_total",                  CGROUP, COUNT,   COUNTER, "Reads",        "Reads of the group from all block devices.",                            NORMAL, source="io.stat"), "io.stat", "rios", 1.0),
    (Metric("cgroup_writes_total",                 CGROUP, COUNT,   COUNTER, "Writes",       "Writes of the group to all block devices.",                             NORMAL, source="io.stat"), "io.stat", "wios", 1.0),
    (Metric("cgroup_pressure_cpu_some_ratio",      CGROUP, RATIO,   GAUGE,   "CPU some",     "Share of time in which at least one task of the group waited for a CPU; mean over ten seconds.",  NORMAL, "1", source="cpu.pressure"), "cpu.pressure", "some avg10", 0.01),
    (Metric("cgroup_pressure_cpu_full_ratio",      CGROUP, RATIO,   GAUGE,   "CPU full",     "Share of time in which all tasks of the group waited for a CPU, as at the end of a quota; mean over ten seconds.", NORMAL, "1", source="cpu.pressure"), "cpu.pressure", "full avg10", 0.01),
    (Metric("cgroup_pressure_memory_some_ratio",   CGROUP, RATIO,   GAUGE,   "Memory some",  "Share of time in which at least one task of the group waited for memory; mean over ten seconds.", NORMAL, "1", source="memory.pressure"), "memory.pressure", "some avg10", 0.01),
    (Metric("cgroup_pressure_memory_full_ratio",   CGROUP, RATIO,   GAUGE,   "Memory full",  "Share of time in which all tasks of the group waited for memory; mean over ten seconds.",         NORMAL, "1", source="memory.pressure"), "memory.pressure", "full avg10", 0.01),
    (Metric("cgroup_pressure_io_some_ratio",       CGROUP, RATIO,   GAUGE,   "I/O some",     "Share of time in which at least one task of the group waited for I/O; mean over ten seconds.",    NORMAL, "1", source="io.pressure"), "io.pressure", "some avg10", 0.01),
    (Metric("cgroup_pressure_io_full_ratio",       CGROUP, RATIO,   GAUGE,   "I/O full",     "Share of time in which all tasks of the group waited for I/O; mean over ten seconds.",            NORMAL, "1", source="io.pressure"), "io.pressure", "full avg10", 0.01),
    (Metric("cgroup_pids",                         CGROUP, COUNT,   GAUGE,   "Tasks",        "Processes and threads of the group.",                                   NORMAL, "cgroup_pids_limit", source="pids.current"), "pids.current", "", 1.0),
    (Metric("cgroup_pids_limit",                   CGROUP, COUNT,   GAUGE,   "Task limit",   "Processes and threads the group may have.",                             SLOW, source="pids.max"), "pids.max", "", 1.0),
    (Metric("cgroup_memory_limit_bytes",           CGROUP, BYTES,   GAUGE,   "Limit",        "Memory the group may have; beyond it processes are killed.",            SLOW, source="memory.max"), "memory.max", "", 1.0),
    (Metric("cgroup_memory_high_bytes",            CGROUP, BYTES,   GAUGE,   "Soft limit",   "Memory beyond which the group is slowed down.",                         SLOW, MEMORY, source="memory.high"), "memory.high", "", 1.0),
    (Metric("cgroup_memory_peak_bytes",            CGROUP, BYTES,   GAUGE,   "Peak",         "The most memory the group ever had.",                                   SLOW, MEMORY, source="memory.peak"), "memory.peak", "", 1.0),
    (Metric("cgroup_swap_limit_bytes",             CGROUP, BYTES,   GAUGE,   "Swap limit",   "Swap space the group may have.",                                        SLOW, source="memory.swap.max"), "memory.swap.max", "", 1.0),
)

BUSY = Metric("cgroup_cpu_busy_seconds_total", CGROUP, SECONDS, COUNTER, "CPU", "CPU time of the group divided by the CPUs it may use, so that the quota is 100 %.", FAST, "1", source="cpu.stat")
QUOTA = Metric("cgroup_cpu_quota_cores", CGROUP, COUNT, GAUGE, "Quota", "CPUs' worth of time the group may use; not there without a quota.", SLOW, source="cpu.max")
CORES = Metric("cgroup_cores", CGROUP, COUNT, GAUGE, "CPUs", "CPUs the group may use: the least of its quota, its cpuset and what is online.", SLOW, source="cpu.max, cpuset.cpus.effective")

LABELS = (
    Label("path",           CGROUP, "Path of the group below the root that we see."),
    Label("memory_group",   CGROUP, "The group whose memory limit is the lowest: memory is read there."),
    Label("cpu_group",      CGROUP, "The group whose quota is the smallest: CPU time is read there."),
)
# fmt: on

METRICS = (*(row[0] for row in TABLE), BUSY, QUOTA, CORES)


def flat(text: bytes) -> dict[str, float]:
    """Return the numbers of a control file.

    One number is found under ""; `key value` lines under their key; `name key=value` lines under
    `name key`, and added up over all names under `key`. A limit of `max` is infinite.
    """
    found: dict[str, float] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) == 1 and "=" not in line:
            found[""] = float(words[0].replace("max", "inf"))
        elif len(words) == 2 and "=" not in line:
            found[words[0]] = float(words[1])
        else:
            for key, _, value in (word.partition("=") for word in words[1:]):
                found[f"{words[0]} {key}"] = float(value)
                found[key] = found.get(key, 0.0) + float(value)
    return found


def quota(text: bytes) -> float:
    """Return the CPUs' worth of time that a cpu.max allows; infinite without a quota."""
    allowed, period = text.split()
    return float("inf") if allowed == b"max" else int(allowed) / int(period)


def place(groups: bytes, mounts: bytes) -> tuple[str, str]:
    """Return mount point and path below it of our group in the v2 hierarchy.

    A container may see the hierarchy from its own group downward while /proc/self/cgroup tells the
    path from the host's root, or the other way round: what the mount's root covers is cut off.

    Raises:
        ValueError: There is no v2 hierarchy.
    """
    lines = groups.decode("utf-8", "replace").splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), "")
    for line in mounts.decode("utf-8", "replace").splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if not right.startswith("cgroup2 ") or len(fields) < 5 or not path:
            continue
        root, point = fields[3].rstrip("/"), fields[4]
        if path == root or path.startswith(f"{root}/"):
            path = path[len(root) :]
        elif root:
            path = ""
        return point.strip("/"), "" if ".." in path else path.rstrip("/")
    raise ValueError(path)


class Cgroup:
    """Files of our control group and of those above it."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._catalogues = catalogues(CGROUP, METRICS)
        self._steady = Steady()
        self._entities = NOBODY
        self._mount = ""
        self._path: str | None = None
        self._memory = self._cpu = ""
        self._quota = self._cores = float("nan")
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        catalogue = self._catalogues.get(cadence)
        if catalogue is None or self._path is None:
            return
        if cadence is SLOW:
            self._find_limits()
        files: dict[str, dict[str, float] | Reason] = {}
        cells: list[Cell] = []
        for metric, file, word, scale in TABLE:
            if metric.cadence is cadence:
                if file not in files:
                    files[file] = parsed(self._tree.read, self._where(file), flat)
                cells.append(_cell(files[file], word, scale))
        if cadence is FAST:
            cells.append(self._busy(files["cpu.stat"]))
        elif cadence is SLOW:
            cells += [_limit(self._quota), _limit(self._cores)]
        found.frames.append(Frame.of_cells(catalogue, self._entities, [cells], found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""
        groups = parsed(self._tree.once, "proc/self/cgroup", bytes)
        mounts = parsed(self._tree.once, "proc/self/mountinfo", bytes)
        found = understood(groups, lambda own: understood(mounts, lambda seen: place(own, seen)))
        self._path = None
        if isinstance(found, Reason):
            return
        self._mount, self._path = found
        if not self._tree.exists(self._mount + self._path):
            self._path = ""  # the path is the host's; the mount shows our group only
        self._find_limits()

    def _where(self, file: str) -> str:
        group = self._memory if file.startswith("memory.") else self._cpu
        if not file.startswith(("memory.", "cpu.")):
            group = self._path or ""
        return f"{self._mount}{group}/{file}"

    def _busy(self, stat: dict[str, float] | Reason) -> Cell:
        usage = _cell(stat, "usage_usec", MICRO)
        if isinstance(usage, Reason):
            return usage
        if not self._cores > 0:
            return Reason.NOT_SUPPORTED
        return float(
            self._steady.through((self._cpu, self._cores), np.array([usage / self._cores]))[0]
        )

    def _find_limits(self) -> None:
        """Walk up from our group and find the lowest limits and where they are set."""
        own = group = self._path or ""
        self._memory = self._cpu = own
        memory = allowed = float("inf")
        while True:
            limit = parsed(self._tree.once, f"{self._mount}{group}/memory.max", flat)
            if not isinstance(limit, Reason) and limit.get("", memory) < memory:
                memory, self._memory = limit[""], group
            share = parsed(self._tree.once, f"{self._mount}{group}/cpu.max", quota)
            if not isinstance(share, Reason) and share < allowed:
                allowed, self._cpu = share, group
            if not group:
                break
            group = group.rpartition("/")[0]
        self._quota = allowed
        cpus = [
            len(cpu_list(text(self._tree, path)))
            for path in (
                f"{self._mount}{own}/cpuset.cpus.effective",
                "sys/devices/system/cpu/online",
            )
        ]
        self._cores = min([allowed, *(float(n) for n in cpus if n)])
        self._describe(own)

    def _describe(self, own: str) -> None:
        labels = {
            "path": safe(own or "/"),
            "memory_group": safe(self._memory or "/"),
            "cpu_group": safe(self._cpu or "/"),
        }
        if not len(self._entities) or self._entities[0].labels != labels:
            path = labels["path"]
            name = path.rpartition("/")[2] or path
            self._entities = Entities([Entity(path, name, 0, labels)])


def _cell(file: dict[str, float] | Reason, word: str, scale: float) -> Cell:
    if isinstance(file, Reason):
        return file
    return _limit(file.get(word, float("inf")) * scale)


def _limit(value: float) -> Cell:
    """Return a finite number; no limit, or a word that the kernel lacks, is `NOT_SUPPORTED`."""
    return value if value < float("inf") else Reason.NOT_SUPPORTED
