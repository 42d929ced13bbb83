"""Disks: what was read and written, how long it took, and how busy they were.

Whole disks only; device-mapper and md devices are shown beside the disks they lie on. The host's
sums are of disks with hardware behind them (a `device` link in sysfs), so that nothing is counted
twice; zram is told with the memory.
"""

import re

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
    identity,
    lost,
    names,
    numa_node,
    number,
    parsed,
    text,
)
from tuimon.text import safe
from tuimon.units import Unit

HOST, DISK = Kind.HOST, Kind.DISK
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
BYTES, COUNT, SECONDS = Unit.BYTES, Unit.COUNT, Unit.SECONDS
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
SECTOR = 512.0
"""Bytes; what /proc/diskstats counts in whatever the disk's own sectors are."""

# A row: a metric, its column after the name in /proc/diskstats, and what one of it is;
# Documentation/admin-guide/iostats.rst.
# fmt: off
TABLE = (
    (Metric("disk_read_bytes_total",      DISK, BYTES,   COUNTER, "Read",       "Bytes read.",                                                              NORMAL, source="/proc/diskstats"), 2, SECTOR),
    (Metric("disk_written_bytes_total",   DISK, BYTES,   COUNTER, "Written",    "Bytes written.",                                                           NORMAL, source="/proc/diskstats"), 6, SECTOR),
    (Metric("disk_reads_total",           DISK, COUNT,   COUNTER, "Reads",      "Reads completed.",                                                         NORMAL, source="/proc/diskstats"), 0, 1.0),
    (Metric("disk_writes_total",          DISK, COUNT,   COUNTER, "Writes",     "Writes completed.",                                                        NORMAL, source="/proc/diskstats"), 4, 1.0),
    (Metric("disk_busy_seconds_total",    DISK, SECONDS, COUNTER, "Busy",       "Time with at least one request under way; a fast disk at 1 may take more.", NORMAL, "1", source="/proc/diskstats"), 9, 1e-3),
    (Metric("disk_read_seconds_total",    DISK, SECONDS, COUNTER, "Read time",  "Time that all reads took together; divided by reads it is their latency.", NORMAL, source="/proc/diskstats"), 3, 1e-3),
    (Metric("disk_write_seconds_total",   DISK, SECONDS, COUNTER, "Write time", "Time that all writes took together; divided by writes it is their latency.", NORMAL, source="/proc/diskstats"), 7, 1e-3),
    (Metric("disk_queue_seconds_total",   DISK, SECONDS, COUNTER, "Queue time", "Time that all requests took together; its rate is the mean queue length.", NORMAL, source="/proc/diskstats"), 10, 1e-3),
    (Metric("disk_in_flight",             DISK, COUNT,   GAUGE,   "In flight",  "Requests under way.",                                                      NORMAL, source="/proc/diskstats"), 8, 1.0),
    (Metric("disk_merged_reads_total",    DISK, COUNT,   COUNTER, "Merged r",   "Reads that were joined to another before they were issued.",               NORMAL, source="/proc/diskstats"), 1, 1.0),
    (Metric("disk_merged_writes_total",   DISK, COUNT,   COUNTER, "Merged w",   "Writes that were joined to another before they were issued.",              NORMAL, source="/proc/diskstats"), 5, 1.0),
    (Metric("disk_discards_total",        DISK, COUNT,   COUNTER, "Discards",   "Discards (trims) completed.",                                              NORMAL, source="/proc/diskstats"), 11, 1.0),
    (Metric("disk_discarded_bytes_total", DISK, BYTES,   COUNTER, "Discarded",  "Bytes discarded.",                                                         NORMAL, source="/proc/diskstats"), 13, SECTOR),
    (Metric("disk_flushes_total",         DISK, COUNT,   COUNTER, "Flushes",    "Flushes of the disk's own cache.",                                         NORMAL, source="/proc/diskstats"), 15, 1.0),
    (Metric("disk_flush_seconds_total",   DISK, SECONDS, COUNTER, "Flush time", "Time that all flushes took together.",                                     NORMAL, source="/proc/diskstats"), 16, 1e-3),
)

SIZE = Metric("disk_size_bytes", DISK, BYTES, GAUGE, "Size", "Size of the disk.", SLOW, source="/sys/block/*/size")

# A row: a metric of the host, and the metric whose sum it is.
SUMS = (
    (Metric("host_disk_read_bytes_total",    HOST, BYTES, COUNTER, "Disk read",    "Bytes read from all physical disks.",    NORMAL, source="/proc/diskstats"), "disk_read_bytes_total"),
    (Metric("host_disk_written_bytes_total", HOST, BYTES, COUNTER, "Disk written", "Bytes written to all physical disks.",   NORMAL, source="/proc/diskstats"), "disk_written_bytes_total"),
    (Metric("host_disk_reads_total",         HOST, COUNT, COUNTER, "Disk reads",   "Reads completed by all physical disks.",  NORMAL, source="/proc/diskstats"), "disk_reads_total"),
    (Metric("host_disk_writes_total",        HOST, COUNT, COUNTER, "Disk writes",  "Writes completed by all physical disks.", NORMAL, source="/proc/diskstats"), "disk_writes_total"),
)

LABELS = (
    Label("model", DISK, "What the disk calls itself."),
    Label("type",  DISK, "nvme, ssd, hdd, dm, md or virtual."),
    Label("numa_node", DISK, "The NUMA node it is attached to."),
)
# fmt: on

METRICS = (*(row[0] for row in TABLE), SIZE, *(row[0] for row in SUMS))
_SKIP = re.compile(r"(loop|ram|zram|sr|fd)\d")


def diskstats(text: bytes) -> dict[str, list[int]]:
    """Return the numbers after each name of /proc/diskstats; a broken line is left out."""
    found: dict[str, list[int]] = {}
    for line in text.splitlines():
        words = line.split()
        try:
            found[words[2].decode()] = [int(word) for word in words[3:]]
        except (ValueError, IndexError):
            continue
    if not found and text.strip():
        raise ValueError(text[:40])
    return found


class Disks:
    """/proc/diskstats and the sizes in /sys/block."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._catalogues = catalogues(DISK, METRICS)
        self._steady = Steady()
        self._seen: tuple[str, ...] | None = None
        self._disks: list[str] = []
        self._physical: frozenset[str] = frozenset()
        self._entities = NOBODY

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is SLOW:
            columns = [
                [number(self._tree.once, f"sys/block/{disk}/size", SECTOR)] for disk in self._disks
            ]
            found.frames.append(
                Frame.of_cells(self._catalogues[SLOW], self._entities, columns, found.at)
            )
        elif cadence is NORMAL:
            self._traffic(found)

    def rescan(self) -> None:
        """See `Part.rescan`."""
        self._seen = None

    def _traffic(self, found: Findings) -> None:
        table = parsed(self._tree.read, "proc/diskstats", diskstats)
        if isinstance(table, Reason):
            found.host.update(dict.fromkeys((metric.name for metric, _ in SUMS), table))
            found.frames.append(lost(self._catalogues[NORMAL], self._entities, table, found.at))
            return
        if tuple(table) != self._seen:
            self._find(table)
        columns = [_cells(table[disk]) for disk in self._disks]
        frame = Frame.of_cells(self._catalogues[NORMAL], self._entities, columns, found.at)
        found.frames.append(frame)
        found.host.update(self._sums(frame))

    def _sums(self, frame: Frame) -> dict[str, Cell]:
        if not self._physical:
            return dict.fromkeys((metric.name for metric, _ in SUMS), Reason.NOT_SUPPORTED)
        mine = [column for column, disk in enumerate(self._disks) if disk in self._physical]
        totals = np.array([np.nansum(frame.row(name)[mine]) for _, name in SUMS])
        totals = self._steady.through(self._physical, totals)
        return {metric.name: float(total) for (metric, _), total in zip(SUMS, totals, strict=True)}

    def _find(self, table: dict[str, list[int]]) -> None:
        """Choose the disks among the block devices, and describe them if they changed."""
        self._seen = tuple(table)
        whole = set(names(self._tree, "sys/block"))
        disks = [name for name in table if name in whole and not _SKIP.match(name)]
        self._physical = frozenset(
            name for name in disks if self._tree.exists(f"sys/block/{name}/device")
        )
        entities = [self._entity(index, disk) for index, disk in enumerate(disks)]
        if disks != self._disks or [e.labels for e in entities] != [
            e.labels for e in self._entities
        ]:
            self._disks, self._entities = disks, Entities(entities)

    def _entity(self, index: int, disk: str) -> Entity:
        folder = f"sys/block/{disk}"
        name = text(self._tree, f"{folder}/dm/name") or safe(disk)
        labels = {
            "model": text(self._tree, f"{folder}/device/model"),
            "type": self._type(disk),
            "numa_node": numa_node(self._tree, f"{folder}/device"),
        }
        return Entity(identity(disk), name, index, {k: v for k, v in labels.items() if v})

    def _type(self, disk: str) -> str:
        for start in ("nvme", "dm", "md"):
            if disk.startswith(start):
                return start
        if disk not in self._physical or disk.startswith(("vd", "xvd")):
            return "virtual"  # which calls itself rotational, whatever is below
        return "hdd" if text(self._tree, f"sys/block/{disk}/queue/rotational") == "1" else "ssd"


def _cells(numbers: list[int]) -> list[Cell]:
    """Return the cells of `TABLE`; columns that an older kernel lacks are `NOT_SUPPORTED`."""
    return [
        numbers[column] * scale if column < len(numbers) else Reason.NOT_SUPPORTED
        for _, column, scale in TABLE
    ]
