"""Pressure stall information: how much time is lost waiting for CPU, memory and I/O."""

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind, Metric, Type
from tuimon.sources.host.part import Cell, Findings, parsed
from tuimon.units import Unit

HOST = Kind.HOST
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
RATIO, SECONDS = Unit.RATIO, Unit.SECONDS
NORMAL = Cadence.NORMAL

# A row: a metric, the file, the line, the word, and what one of it is; Documentation/accounting/psi.rst.
# The counters say `stall` so that their rate does not take the name of the kernel's own mean.
# fmt: off
TABLE = (
    (Metric("host_pressure_cpu_some_ratio",                  HOST, RATIO,   GAUGE,   "CPU some",          "Share of time in which at least one task waited for a CPU; mean over ten seconds.",                         NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"some", b"avg10", 0.01),
    (Metric("host_pressure_cpu_some_avg60_ratio",            HOST, RATIO,   GAUGE,   "CPU some 60",       "Share of time in which at least one task waited for a CPU; mean over one minute.",                          NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"some", b"avg60", 0.01),
    (Metric("host_pressure_cpu_some_avg300_ratio",           HOST, RATIO,   GAUGE,   "CPU some 300",      "Share of time in which at least one task waited for a CPU; mean over five minutes.",                        NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"some", b"avg300", 0.01),
    (Metric("host_pressure_cpu_some_stall_seconds_total",    HOST, SECONDS, COUNTER, "CPU some stall",    "Time in which at least one task waited for a CPU.",                                                         NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"some", b"total", 1e-6),
    (Metric("host_pressure_cpu_full_ratio",                  HOST, RATIO,   GAUGE,   "CPU full",          "Share of time in which all tasks that were not idle waited for a CPU; mean over ten seconds.",              NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"full", b"avg10", 0.01),
    (Metric("host_pressure_cpu_full_avg60_ratio",            HOST, RATIO,   GAUGE,   "CPU full 60",       "Share of time in which all tasks that were not idle waited for a CPU; mean over one minute.",               NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"full", b"avg60", 0.01),
    (Metric("host_pressure_cpu_full_avg300_ratio",           HOST, RATIO,   GAUGE,   "CPU full 300",      "Share of time in which all tasks that were not idle waited for a CPU; mean over five minutes.",             NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"full", b"avg300", 0.01),
    (Metric("host_pressure_cpu_full_stall_seconds_total",    HOST, SECONDS, COUNTER, "CPU full stall",    "Time in which all tasks that were not idle waited for a CPU.",                                              NORMAL, "1", source="/proc/pressure/cpu"), "cpu", b"full", b"total", 1e-6),
    (Metric("host_pressure_memory_some_ratio",               HOST, RATIO,   GAUGE,   "Memory some",       "Share of time in which at least one task waited for memory; mean over ten seconds.",                        NORMAL, "1", source="/proc/pressure/memory"), "memory", b"some", b"avg10", 0.01),
    (Metric("host_pressure_memory_some_avg60_ratio",         HOST, RATIO,   GAUGE,   "Memory some 60",    "Share of time in which at least one task waited for memory; mean over one minute.",                         NORMAL, "1", source="/proc/pressure/memory"), "memory", b"some", b"avg60", 0.01),
    (Metric("host_pressure_memory_some_avg300_ratio",        HOST, RATIO,   GAUGE,   "Memory some 300",   "Share of time in which at least one task waited for memory; mean over five minutes.",                       NORMAL, "1", source="/proc/pressure/memory"), "memory", b"some", b"avg300", 0.01),
    (Metric("host_pressure_memory_some_stall_seconds_total", HOST, SECONDS, COUNTER, "Memory some stall", "Time in which at least one task waited for memory.",                                                        NORMAL, "1", source="/proc/pressure/memory"), "memory", b"some", b"total", 1e-6),
    (Metric("host_pressure_memory_full_ratio",               HOST, RATIO,   GAUGE,   "Memory full",       "Share of time in which all tasks that were not idle waited for memory; mean over ten seconds.",             NORMAL, "1", source="/proc/pressure/memory"), "memory", b"full", b"avg10", 0.01),
    (Metric("host_pressure_memory_full_avg60_ratio",         HOST, RATIO,   GAUGE,   "Memory full 60",    "Share of time in which all tasks that were not idle waited for memory; mean over one minute.",              NORMAL, "1", source="/proc/pressure/memory"), "memory", b"full", b"avg60", 0.01),
    (Metric("host_pressure_memory_full_avg300_ratio",        HOST, RATIO,   GAUGE,   "Memory full 300",   "Share of time in which all tasks that were not idle waited for memory; mean over five minutes.",            NORMAL, "1", source="/proc/pressure/memory"), "memory", b"full", b"avg300", 0.01),
    (Metric("host_pressure_memory_full_stall_seconds_total", HOST, SECONDS, COUNTER, "Memory full stall", "Time in which all tasks that were not idle waited for memory.",                                             NORMAL, "1", source="/proc/pressure/memory"), "memory", b"full", b"total", 1e-6),
    (Metric("host_pressure_io_some_ratio",                   HOST, RATIO,   GAUGE,   "I/O some",          "Share of time in which at least one task waited for I/O; mean over ten seconds.",                           NORMAL, "1", source="/proc/pressure/io"), "io", b"some", b"avg10", 0.01),
    (Metric("host_pressure_io_some_avg60_ratio",             HOST, RATIO,   GAUGE,   "I/O some 60",       "Share of time in which at least one task waited for I/O; mean over one minute.",                            NORMAL, "1", source="/proc/pressure/io"), "io", b"some", b"avg60", 0.01),
    (Metric("host_pressure_io_some_avg300_ratio",            HOST, RATIO,   GAUGE,   "I/O some 300",      "Share of time in which at least one task waited for I/O; mean over five minutes.",                          NORMAL, "1", source="/proc/pressure/io"), "io", b"some", b"avg300", 0.01),
    (Metric("host_pressure_io_some_stall_seconds_total",     HOST, SECONDS, COUNTER, "I/O some stall",    "Time in which at least one task waited for I/O.",                                                           NORMAL, "1", source="/proc/pressure/io"), "io", b"some", b"total", 1e-6),
    (Metric("host_pressure_io_full_ratio",                   HOST, RATIO,   GAUGE,   "I/O full",          "Share of time in which all tasks that were not idle waited for I/O; mean over ten seconds.",                NORMAL, "1", source="/proc/pressure/io"), "io", b"full", b"avg10", 0.01),
    (Metric("host_pressure_io_full_avg60_ratio",             HOST, RATIO,   GAUGE,   "I/O full 60",       "Share of time in which all tasks that were not idle waited for I/O; mean over one minute.",                 NORMAL, "1", source="/proc/pressure/io"), "io", b"full", b"avg60", 0.01),
    (Metric("host_pressure_io_full_avg300_ratio",            HOST, RATIO,   GAUGE,   "I/O full 300",      "Share of time in which all tasks that were not idle waited for I/O; mean over five minutes.",               NORMAL, "1", source="/proc/pressure/io"), "io", b"full", b"avg300", 0.01),
    (Metric("host_pressure_io_full_stall_seconds_total",     HOST, SECONDS, COUNTER, "I/O full stall",    "Time in which all tasks that were not idle waited for I/O.",                                                NORMAL, "1", source="/proc/pressure/io"), "io", b"full", b"total", 1e-6),
    (Metric("host_pressure_irq_full_ratio",                  HOST, RATIO,   GAUGE,   "IRQ full",          "Share of time in which all tasks that were not idle waited for interrupts to end; mean over ten seconds.",  NORMAL, "1", source="/proc/pressure/irq"), "irq", b"full", b"avg10", 0.01),
    (Metric("host_pressure_irq_full_avg60_ratio",            HOST, RATIO,   GAUGE,   "IRQ full 60",       "Share of time in which all tasks that were not idle waited for interrupts to end; mean over one minute.",   NORMAL, "1", source="/proc/pressure/irq"), "irq", b"full", b"avg60", 0.01),
    (Metric("host_pressure_irq_full_avg300_ratio",           HOST, RATIO,   GAUGE,   "IRQ full 300",      "Share of time in which all tasks that were not idle waited for interrupts to end; mean over five minutes.", NORMAL, "1", source="/proc/pressure/irq"), "irq", b"full", b"avg300", 0.01),
    (Metric("host_pressure_irq_full_stall_seconds_total",    HOST, SECONDS, COUNTER, "IRQ full stall",    "Time in which all tasks that were not idle waited for interrupts to end.",                                  NORMAL, "1", source="/proc/pressure/irq"), "irq", b"full", b"total", 1e-6),
)
# fmt: on

METRICS = tuple(row[0] for row in TABLE)
FILES = tuple(dict.fromkeys(row[1] for row in TABLE))


def pressure(text: bytes) -> dict[tuple[bytes, bytes], float]:
    """Return the numbers of a pressure file by line and word, as the kernel writes them."""
    found: dict[tuple[bytes, bytes], float] = {}
    for line in text.splitlines():
        who, *pairs = line.split()
        for pair in pairs:
            word, _, number = pair.partition(b"=")
            found[who, word] = float(number)
    if not found:
        raise ValueError(text[:40])
    return found


class Pressure:
    """The files of /proc/pressure; absent where the kernel was built or started without PSI."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is not NORMAL:
            return
        files = {name: parsed(self._tree.read, f"proc/pressure/{name}", pressure) for name in FILES}
        for metric, name, who, word, scale in TABLE:
            found.host[metric.name] = cell(files[name], who, word, scale)

    def rescan(self) -> None:
        """See `Part.rescan`."""


def cell(
    file: dict[tuple[bytes, bytes], float] | Reason, who: bytes, word: bytes, scale: float
) -> Cell:
    """Return one number of a pressure file in base units, or why there is none."""
    if isinstance(file, Reason):
        return file
    value = file.get((who, word))
    return Reason.NOT_SUPPORTED if value is None else value * scale
