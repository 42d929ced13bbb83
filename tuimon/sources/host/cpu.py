"""CPU time of the host and of each core, load, and what the scheduler counts.

Times are kept apart so that they add up: the kernel counts guests within `user` and `nice`, here
they are taken out again.
"""

import os
from pathlib import Path

import numpy as np

from tuimon.drivers.kernelfs import Tree
from tuimon.drivers.procfs import Proc, contained, hides
from tuimon.errors import Reason
from tuimon.model.frame import CADENCES, Floats, Frame
from tuimon.model.metric import Cadence, Kind, Metric, Type
from tuimon.sources.host.machine import Machine
from tuimon.sources.host.part import (
    Cell,
    Findings,
    Steady,
    catalogues,
    names,
    parsed,
    terms,
    understood,
)
from tuimon.units import Unit

HOST, CORE = Kind.HOST, Kind.CORE
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
SECONDS, COUNT = Unit.SECONDS, Unit.COUNT
FAST, NORMAL = Cadence.FAST, Cadence.NORMAL

FIELDS = "user nice system idle iowait irq softirq steal guest guest_nice"
"""Columns of a cpu line of /proc/stat; proc(5)."""

# A row: a metric, and the sum of columns it is. The host's are CPU seconds divided by the number of
# online CPUs, so that their rate is a ratio of the whole host.
# fmt: off
TIMES = (
    (Metric("host_cpu_busy_seconds_total",    HOST, SECONDS, COUNTER, "CPU",     "Time the CPUs did anything but idle or wait for I/O, per online CPU.",        FAST, "1", source="/proc/stat"), "user nice system irq softirq steal"),
    (Metric("host_cpu_user_seconds_total",    HOST, SECONDS, COUNTER, "User",    "Time in programs of normal priority without guests, per online CPU.",          FAST, "1", source="/proc/stat"), "user -guest"),
    (Metric("host_cpu_nice_seconds_total",    HOST, SECONDS, COUNTER, "Nice",    "Time in programs of lowered priority without guests, per online CPU.",         FAST, "1", source="/proc/stat"), "nice -guest_nice"),
    (Metric("host_cpu_system_seconds_total",  HOST, SECONDS, COUNTER, "System",  "Time in the kernel without interrupts, per online CPU.",                       FAST, "1", source="/proc/stat"), "system"),
    (Metric("host_cpu_idle_seconds_total",    HOST, SECONDS, COUNTER, "Idle",    "Time with nothing to do, per online CPU.",                                     FAST, "1", source="/proc/stat"), "idle"),
    (Metric("host_cpu_iowait_seconds_total",  HOST, SECONDS, COUNTER, "I/O wait", "Idle time while a task of that CPU waited for a disk, per online CPU.",       FAST, "1", source="/proc/stat"), "iowait"),
    (Metric("host_cpu_irq_seconds_total",     HOST, SECONDS, COUNTER, "IRQ",     "Time in hardware interrupts, per online CPU.",                                 FAST, "1", source="/proc/stat"), "irq"),
    (Metric("host_cpu_softirq_seconds_total", HOST, SECONDS, COUNTER, "Soft IRQ", "Time in soft interrupts such as packet handling, per online CPU.",            FAST, "1", source="/proc/stat"), "softirq"),
    (Metric("host_cpu_steal_seconds_total",   HOST, SECONDS, COUNTER, "Steal",   "Time the hypervisor gave to other machines, per online CPU.",                  FAST, "1", source="/proc/stat"), "steal"),
    (Metric("host_cpu_guest_seconds_total",   HOST, SECONDS, COUNTER, "Guest",   "Time in virtual machines run here, per online CPU.",                           FAST, "1", source="/proc/stat"), "guest guest_nice"),
)

CORES = (
    (Metric("core_busy_seconds_total",    CORE, SECONDS, COUNTER, "Busy",     "Time the core did anything but idle or wait for I/O.",       FAST, "1", source="/proc/stat"), "user nice system irq softirq steal"),
    (Metric("core_user_seconds_total",    CORE, SECONDS, COUNTER, "User",     "Time in programs of normal priority without guests.",        FAST, "1", source="/proc/stat"), "user -guest"),
    (Metric("core_nice_seconds_total",    CORE, SECONDS, COUNTER, "Nice",     "Time in programs of lowered priority without guests.",       FAST, "1", source="/proc/stat"), "nice -guest_nice"),
    (Metric("core_system_seconds_total",  CORE, SECONDS, COUNTER, "System",   "Time in the kernel without interrupts.",                     FAST, "1", source="/proc/stat"), "system"),
    (Metric("core_idle_seconds_total",    CORE, SECONDS, COUNTER, "Idle",     "Time with nothing to do.",                                   FAST, "1", source="/proc/stat"), "idle"),
    (Metric("core_iowait_seconds_total",  CORE, SECONDS, COUNTER, "I/O wait", "Idle time while a task of this core waited for a disk.",     FAST, "1", source="/proc/stat"), "iowait"),
    (Metric("core_irq_seconds_total",     CORE, SECONDS, COUNTER, "IRQ",      "Time in hardware interrupts.",                               FAST, "1", source="/proc/stat"), "irq"),
    (Metric("core_softirq_seconds_total", CORE, SECONDS, COUNTER, "Soft IRQ", "Time in soft interrupts such as packet handling.",           FAST, "1", source="/proc/stat"), "softirq"),
    (Metric("core_steal_seconds_total",   CORE, SECONDS, COUNTER, "Steal",    "Time the hypervisor gave to other machines.",                FAST, "1", source="/proc/stat"), "steal"),
    (Metric("core_guest_seconds_total",   CORE, SECONDS, COUNTER, "Guest",    "Time in virtual machines run here.",                         FAST, "1", source="/proc/stat"), "guest guest_nice"),
)

# A row: a metric, and the first word of its line.
COUNTS = (
    (Metric("host_context_switches_total", HOST, COUNT, COUNTER, "Switches", "Switches from one task to another.",                  FAST, source="/proc/stat"), b"ctxt"),
    (Metric("host_interrupts_total",       HOST, COUNT, COUNTER, "IRQs",     "Hardware interrupts served.",                         FAST, source="/proc/stat"), b"intr"),
    (Metric("host_softirqs_total",         HOST, COUNT, COUNTER, "Soft IRQs", "Soft interrupts served.",                            FAST, source="/proc/stat"), b"softirq"),
    (Metric("host_forks_total",            HOST, COUNT, COUNTER, "Forks",    "Processes and threads created.",                      FAST, source="/proc/stat"), b"processes"),
    (Metric("host_processes_running",      HOST, COUNT, GAUGE,   "Running",  "Threads that run or wait for a CPU.",                 FAST, source="/proc/stat"), b"procs_running"),
    (Metric("host_processes_blocked",      HOST, COUNT, GAUGE,   "Blocked",  "Threads that wait for a disk or a network file system.", FAST, source="/proc/stat"), b"procs_blocked"),
)

# A row: a metric, and its place in the file.
LOAD = (
    (Metric("host_load1",   HOST, COUNT, GAUGE, "Load 1m",  "Threads that run, wait for a CPU or for a disk; mean over one minute.",       FAST, "host_cores", source="/proc/loadavg"), 0),
    (Metric("host_load5",   HOST, COUNT, GAUGE, "Load 5m",  "Threads that run, wait for a CPU or for a disk; mean over five minutes.",     FAST, "host_cores", source="/proc/loadavg"), 1),
    (Metric("host_load15",  HOST, COUNT, GAUGE, "Load 15m", "Threads that run, wait for a CPU or for a disk; mean over a quarter of an hour.", FAST, "host_cores", source="/proc/loadavg"), 2),
    (Metric("host_threads", HOST, COUNT, GAUGE, "Threads",  "Threads of the whole kernel, also of other containers.",                      FAST, source="/proc/loadavg"), 4),
)

OTHERS = (
    Metric("host_cores",             HOST, COUNT,   GAUGE, "CPUs",      "Online CPUs as the scheduler counts them, hardware threads included.", FAST,   source="/proc/stat"),
    Metric("host_boot_time_seconds", HOST, SECONDS, GAUGE, "Boot time", "When the kernel started, in seconds since the epoch.",                 FAST,   source="/proc/stat"),
    Metric("host_uptime_seconds",    HOST, SECONDS, GAUGE, "Uptime",    "Time since the kernel started.",                                       NORMAL, source="/proc/uptime"),
    Metric("host_processes",         HOST, COUNT,   GAUGE, "Processes", "Processes that can be seen from here.",                                NORMAL, source="/proc"),
)
# fmt: on

METRICS = (
    *(row[0] for row in TIMES),
    *(row[0] for row in CORES),
    *(row[0] for row in COUNTS),
    *(row[0] for row in LOAD),
    *OTHERS,
)
_COLUMNS = FIELDS.split()


def _weights(formulas: list[str]) -> Floats:
    """Return float64[rows, 10]: what each column of /proc/stat adds to each metric."""
    weights = np.zeros((len(formulas), len(_COLUMNS)))
    for row, formula in enumerate(formulas):
        for name, sign in terms(formula):
            weights[row, _COLUMNS.index(name)] = sign
    return weights


def times(stat: bytes) -> tuple[list[int], Floats]:
    """Return the numbers of the online CPUs, and float64[1 + n, 10] ticks with the total first."""
    head = stat[: stat.index(b"\nintr")] if b"\nintr" in stat else stat
    lines = [line for line in head.split(b"\n") if line.startswith(b"cpu")]
    width = len(lines[0].split())
    tokens = b"\n".join(lines).replace(b"cpu ", b"-1 ", 1).replace(b"cpu", b"").split()
    table = np.array(list(map(int, tokens)), dtype=np.float64).reshape(-1, width)
    if width <= len(_COLUMNS):
        raise ValueError(width)
    return [int(cpu) for cpu in table[1:, 0]], table[:, 1 : len(_COLUMNS) + 1]


def counts(stat: bytes) -> dict[bytes, float]:
    """Return the first number of each line after those of the CPUs."""
    start = stat.index(b"\nintr")
    lines = (line.split(b" ", 2) for line in stat[start:].split(b"\n") if b" " in line)
    return {words[0]: float(int(words[1])) for words in lines}


def load(loadavg: bytes) -> list[float]:
    """Return the six numbers of /proc/loadavg: three means, running, all threads, the last pid."""
    one, five, fifteen, running, threads, last = map(float, loadavg.replace(b"/", b" ").split())
    return [one, five, fifteen, running, threads, last]


class Cpu:
    """The times of /proc/stat, load, and the number of tasks."""

    metrics = METRICS

    def __init__(self, tree: Tree, machine: Machine) -> None:
        self._tree = tree
        self._machine = machine
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")
        self._host_weights = _weights([row[1] for row in TIMES]) * self._tick
        self._core_weights = _weights([row[1] for row in CORES]) * self._tick
        self._catalogue = catalogues(CORE, METRICS)[FAST]
        self._steady = Steady()
        self._known = np.zeros((len(CORES), 0), dtype=np.uint8)
        self._hidden = False
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is FAST:
            stat = parsed(self._tree.read, "proc/stat", bytes)
            self._times(stat, found)
            self._counts(stat, found.host)
            self._load(found.host)
        elif cadence is NORMAL:
            found.host["host_uptime_seconds"] = parsed(
                self._tree.read, "proc/uptime", lambda text: float(text.split()[0])
            )
            found.host["host_processes"] = self._processes()

    def rescan(self) -> None:
        """See `Part.rescan`."""
        proc = Proc(Path(self._tree.root, "proc"))
        self._hidden = hides(proc) or contained(proc)

    def _times(self, stat: bytes | Reason, found: Findings) -> None:
        table = understood(stat, times)
        if isinstance(table, Reason):
            found.host.update(dict.fromkeys((row[0].name for row in TIMES), table))
            found.host["host_cores"] = table
            return
        cpus, ticks = table
        online = max(1, len(cpus))
        totals = self._steady.through(online, self._host_weights @ ticks[0] / online)
        found.host.update(zip((row[0].name for row in TIMES), totals.tolist(), strict=True))
        found.host["host_cores"] = float(len(cpus)) if cpus else Reason.NOT_SUPPORTED
        entities = self._machine.cores(tuple(cpus))
        if self._known.shape[1] != len(cpus):
            self._known = np.zeros((len(CORES), len(cpus)), dtype=np.uint8)
        read_at = np.full((CADENCES, len(cpus)), np.nan)
        read_at[FAST] = found.at
        values = self._core_weights @ ticks[1:].T
        found.frames.append(Frame(self._catalogue, entities, values, self._known, read_at).sealed())

    def _counts(self, stat: bytes | Reason, host: dict[str, Cell]) -> None:
        table = understood(stat, counts)
        if isinstance(table, Reason):
            host.update(dict.fromkeys((row[0].name for row in COUNTS), table))
            host["host_boot_time_seconds"] = table
            return
        for metric, word in COUNTS:
            host[metric.name] = table.get(word, Reason.NOT_SUPPORTED)
        host["host_boot_time_seconds"] = table.get(b"btime", Reason.NOT_SUPPORTED)

    def _load(self, host: dict[str, Cell]) -> None:
        numbers = parsed(self._tree.read, "proc/loadavg", load)
        for metric, place in LOAD:
            host[metric.name] = numbers if isinstance(numbers, Reason) else numbers[place]

    def _processes(self) -> Cell:
        if self._hidden:
            return Reason.HIDDEN
        seen = sum(map(str.isdecimal, names(self._tree, "proc")))
        return float(seen) if seen else Reason.NOT_SUPPORTED
