"""Memory and swap of the host, and what the kernel does to find free pages."""

import os
import re

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind, Metric, Type
from tuimon.sources.host.part import Cell, Findings, evaluate, names, parsed, terms
from tuimon.units import Unit

HOST = Kind.HOST
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
BYTES, COUNT = Unit.BYTES, Unit.COUNT
FAST, NORMAL = Cadence.FAST, Cadence.NORMAL
PAGE = os.sysconf("SC_PAGE_SIZE")
ALL, SWAP = "host_memory_total_bytes", "host_swap_total_bytes"

# A row: a metric, and the sum of lines of /proc/meminfo it is; proc_meminfo(5).
# fmt: off
MEMINFO = (
    (Metric("host_memory_total_bytes",              HOST, BYTES, GAUGE, "Memory",      "Memory the kernel may use.",                                                   FAST,      source="/proc/meminfo"), "MemTotal"),
    (Metric("host_memory_used_bytes",               HOST, BYTES, GAUGE, "Used",        "Memory that a new program could not have: total less available.",               FAST, ALL, source="/proc/meminfo"), "MemTotal -MemAvailable"),
    (Metric("host_memory_available_bytes",          HOST, BYTES, GAUGE, "Available",   "What a new program could have without swapping, as the kernel estimates.",      FAST, ALL, source="/proc/meminfo"), "MemAvailable"),
    (Metric("host_memory_free_bytes",               HOST, BYTES, GAUGE, "Free",        "Memory that nothing uses, not even a cache.",                                   FAST, ALL, source="/proc/meminfo"), "MemFree"),
    (Metric("host_memory_buffers_bytes",            HOST, BYTES, GAUGE, "Buffers",     "Cache of raw block devices.",                                                   FAST, ALL, source="/proc/meminfo"), "Buffers"),
    (Metric("host_memory_cached_bytes",             HOST, BYTES, GAUGE, "Cached",      "Page cache, tmpfs and shared memory included.",                                 FAST, ALL, source="/proc/meminfo"), "Cached"),
    (Metric("host_memory_shared_bytes",             HOST, BYTES, GAUGE, "Shared",      "Shared memory and tmpfs, such as /dev/shm.",                                    FAST, ALL, source="/proc/meminfo"), "Shmem"),
    (Metric("host_memory_anonymous_bytes",          HOST, BYTES, GAUGE, "Anonymous",   "Memory of programs that no file is behind.",                                    FAST, ALL, source="/proc/meminfo"), "AnonPages"),
    (Metric("host_memory_mapped_bytes",             HOST, BYTES, GAUGE, "Mapped",      "Files mapped into programs.",                                                   FAST, ALL, source="/proc/meminfo"), "Mapped"),
    (Metric("host_memory_active_bytes",             HOST, BYTES, GAUGE, "Active",      "Memory used lately, taken back last.",                                          FAST, ALL, source="/proc/meminfo"), "Active"),
    (Metric("host_memory_inactive_bytes",           HOST, BYTES, GAUGE, "Inactive",    "Memory not used lately, taken back first.",                                     FAST, ALL, source="/proc/meminfo"), "Inactive"),
    (Metric("host_memory_unevictable_bytes",        HOST, BYTES, GAUGE, "Unevictable", "Memory that cannot be taken back, such as what is locked.",                     FAST, ALL, source="/proc/meminfo"), "Unevictable"),
    (Metric("host_memory_locked_bytes",             HOST, BYTES, GAUGE, "Locked",      "Memory that programs locked with mlock(2).",                                    FAST, ALL, source="/proc/meminfo"), "Mlocked"),
    (Metric("host_memory_dirty_bytes",              HOST, BYTES, GAUGE, "Dirty",       "File pages that are still to be written to disk.",                              FAST, ALL, source="/proc/meminfo"), "Dirty"),
    (Metric("host_memory_writeback_bytes",          HOST, BYTES, GAUGE, "Writeback",   "File pages on their way to disk.",                                              FAST, ALL, source="/proc/meminfo"), "Writeback"),
    (Metric("host_memory_slab_bytes",               HOST, BYTES, GAUGE, "Slab",        "Memory of the kernel's own objects.",                                           FAST, ALL, source="/proc/meminfo"), "Slab"),
    (Metric("host_memory_slab_reclaimable_bytes",   HOST, BYTES, GAUGE, "Slab cache",  "The part of the kernel's objects that can be given back.",                      FAST, ALL, source="/proc/meminfo"), "SReclaimable"),
    (Metric("host_memory_slab_unreclaimable_bytes", HOST, BYTES, GAUGE, "Slab fixed",  "The part of the kernel's objects that cannot be given back.",                   FAST, ALL, source="/proc/meminfo"), "SUnreclaim"),
    (Metric("host_memory_kernel_stack_bytes",       HOST, BYTES, GAUGE, "Stacks",      "Kernel stacks of all threads.",                                                 FAST, ALL, source="/proc/meminfo"), "KernelStack"),
    (Metric("host_memory_page_tables_bytes",        HOST, BYTES, GAUGE, "Page tables", "Tables that map memory into programs.",                                         FAST, ALL, source="/proc/meminfo"), "PageTables"),
    (Metric("host_memory_committed_bytes",          HOST, BYTES, GAUGE, "Committed",   "Memory that programs were promised, used or not.",                              FAST, "host_memory_commit_limit_bytes", source="/proc/meminfo"), "Committed_AS"),
    (Metric("host_memory_commit_limit_bytes",       HOST, BYTES, GAUGE, "Promisable",  "How much may be promised if the kernel does not overcommit.",                   FAST,      source="/proc/meminfo"), "CommitLimit"),
    (Metric("host_memory_anonymous_huge_bytes",     HOST, BYTES, GAUGE, "THP",         "Memory of programs in transparent huge pages.",                                 FAST, ALL, source="/proc/meminfo"), "AnonHugePages"),
    (Metric("host_memory_hugetlb_bytes",            HOST, BYTES, GAUGE, "Huge pool",   "Memory set aside as huge pages of all sizes.",                                  FAST, ALL, source="/proc/meminfo"), "Hugetlb"),
    (Metric("host_hugepages",                       HOST, COUNT, GAUGE, "Huge pages",  "Huge pages of the default size that are set aside.",                            FAST,      source="/proc/meminfo"), "HugePages_Total"),
    (Metric("host_hugepages_free",                  HOST, COUNT, GAUGE, "Huge free",   "Huge pages of the default size that nobody has.",                               FAST, "host_hugepages", source="/proc/meminfo"), "HugePages_Free"),
    (Metric("host_hugepages_reserved",              HOST, COUNT, GAUGE, "Huge rsvd",   "Huge pages of the default size that are promised but not yet used.",            FAST, "host_hugepages", source="/proc/meminfo"), "HugePages_Rsvd"),
    (Metric("host_hugepage_size_bytes",             HOST, BYTES, GAUGE, "Huge size",   "Size of a default huge page.",                                                  FAST,      source="/proc/meminfo"), "Hugepagesize"),
    (Metric("host_swap_total_bytes",                HOST, BYTES, GAUGE, "Swap",        "Swap space there is.",                                                          FAST,      source="/proc/meminfo"), "SwapTotal"),
    (Metric("host_swap_used_bytes",                 HOST, BYTES, GAUGE, "Swap used",   "Swap space in use.",                                                            FAST, SWAP, source="/proc/meminfo"), "SwapTotal -SwapFree"),
    (Metric("host_swap_free_bytes",                 HOST, BYTES, GAUGE, "Swap free",   "Swap space not in use.",                                                        FAST, SWAP, source="/proc/meminfo"), "SwapFree"),
    (Metric("host_swap_cached_bytes",               HOST, BYTES, GAUGE, "Swap cached", "Pages in memory that also lie in swap.",                                        FAST, SWAP, source="/proc/meminfo"), "SwapCached"),
    (Metric("host_zswap_used_bytes",                HOST, BYTES, GAUGE, "Zswap",       "Memory that compressed swap pages take.",                                       FAST, ALL, source="/proc/meminfo"), "Zswap"),
    (Metric("host_zswap_stored_bytes",              HOST, BYTES, GAUGE, "Zswapped",    "Swap pages held compressed in memory, at their full size.",                     FAST,      source="/proc/meminfo"), "Zswapped"),
)

# A row: a metric, the line of /proc/vmstat, and what one of it is.
VMSTAT = (
    (Metric("host_swap_in_bytes_total",       HOST, BYTES, COUNTER, "Swap in",     "Read back from swap.",                                                  NORMAL, source="/proc/vmstat"), b"pswpin", PAGE),
    (Metric("host_swap_out_bytes_total",      HOST, BYTES, COUNTER, "Swap out",    "Written to swap.",                                                      NORMAL, source="/proc/vmstat"), b"pswpout", PAGE),
    (Metric("host_page_in_bytes_total",       HOST, BYTES, COUNTER, "Page in",     "Read from block devices into memory, swap included.",                   NORMAL, source="/proc/vmstat"), b"pgpgin", 1024),
    (Metric("host_page_out_bytes_total",      HOST, BYTES, COUNTER, "Page out",    "Written from memory to block devices, swap included.",                  NORMAL, source="/proc/vmstat"), b"pgpgout", 1024),
    (Metric("host_page_faults_total",         HOST, COUNT, COUNTER, "Faults",      "Accesses to pages that were not mapped.",                               NORMAL, source="/proc/vmstat"), b"pgfault", 1),
    (Metric("host_major_page_faults_total",   HOST, COUNT, COUNTER, "Major faults", "Page faults that had to wait for a disk.",                             NORMAL, source="/proc/vmstat"), b"pgmajfault", 1),
    (Metric("host_file_refaults_total",       HOST, COUNT, COUNTER, "Refaults",    "File pages read again soon after they were dropped: the cache is too small.", NORMAL, source="/proc/vmstat"), b"workingset_refault_file", 1),
    (Metric("host_compaction_stalls_total",   HOST, COUNT, COUNTER, "Compactions", "Times a program waited for a huge page to be put together.",            NORMAL, source="/proc/vmstat"), b"compact_stall", 1),
    (Metric("host_numa_hits_total",           HOST, COUNT, COUNTER, "NUMA hits",   "Pages that came from the node they were wanted from.",                  NORMAL, source="/proc/vmstat"), b"numa_hit", 1),
    (Metric("host_numa_misses_total",         HOST, COUNT, COUNTER, "NUMA misses", "Pages that came from another node than the one they were wanted from.", NORMAL, source="/proc/vmstat"), b"numa_miss", 1),
    (Metric("host_oom_kills_total",           HOST, COUNT, COUNTER, "OOM kills",   "Processes killed because memory ran out.",                              NORMAL, source="/proc/vmstat"), b"oom_kill", 1),
)

# A row: a metric, and its place in /sys/block/zram*/mm_stat; Documentation/admin-guide/blockdev/zram.rst.
ZRAM = (
    (Metric("host_zram_stored_bytes", HOST, BYTES, GAUGE, "Zram",      "Pages held in compressed memory disks, at their full size.", NORMAL,      source="/sys/block/zram*/mm_stat"), 0),
    (Metric("host_zram_used_bytes",   HOST, BYTES, GAUGE, "Zram used", "Memory that compressed memory disks take.",                  NORMAL, ALL, source="/sys/block/zram*/mm_stat"), 2),
)

ARC = Metric("host_zfs_arc_bytes", HOST, BYTES, GAUGE, "ZFS ARC", "Cache of ZFS, which the kernel counts as used.", NORMAL, ALL, source="/proc/spl/kstat/zfs/arcstats")
# fmt: on

METRICS = (
    *(row[0] for row in MEMINFO),
    *(row[0] for row in VMSTAT),
    *(row[0] for row in ZRAM),
    ARC,
)

_LINE = re.compile(rb"^([\w()]+):\s+(\d+)( kB)?", re.MULTILINE)
_SUMS = tuple(
    (metric.name, tuple((name.encode(), sign) for name, sign in terms(formula)))
    for metric, formula in MEMINFO
)


def meminfo(text: bytes) -> dict[bytes, float]:
    """Return the lines of /proc/meminfo in bytes, or as counts where they have no unit."""
    found = {key: int(n) * (1024.0 if unit else 1.0) for key, n, unit in _LINE.findall(text)}
    if not found:
        raise ValueError(text[:40])
    return found


def vmstat(text: bytes) -> dict[str, Cell]:
    """Return the cells of `VMSTAT`; a line that the kernel lacks is `NOT_SUPPORTED`."""
    text = b"\n" + text
    cells: dict[str, Cell] = {}
    for metric, word, scale in VMSTAT:
        start = text.find(b"\n" + word + b" ")
        if start < 0:
            cells[metric.name] = Reason.NOT_SUPPORTED
            continue
        start += len(word) + 2
        cells[metric.name] = float(int(text[start : text.find(b"\n", start)]) * scale)
    return cells


def arc_size(text: bytes) -> float:
    """Return the size of the ZFS cache."""
    found = re.search(rb"^size\s+\d+\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(text[:40])
    return float(found[1])


def mm_stat(text: bytes) -> list[float]:
    """Return the first three numbers of a zram disk: stored, compressed, and memory used."""
    stored, compressed, used = map(float, text.split()[:3])
    return [stored, compressed, used]


class Memory:
    """/proc/meminfo, /proc/vmstat, zram and ZFS."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._zram: list[str] = []
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is FAST:
            table = parsed(self._tree.read, "proc/meminfo", meminfo)
            for name, formula in _SUMS:
                found.host[name] = table if isinstance(table, Reason) else evaluate(formula, table)
        elif cadence is NORMAL:
            cells = parsed(self._tree.read, "proc/vmstat", vmstat)
            if isinstance(cells, Reason):
                cells = dict.fromkeys((row[0].name for row in VMSTAT), cells)
            found.host.update(cells)
            found.host.update(self._compressed())
            found.host[ARC.name] = parsed(self._tree.read, "proc/spl/kstat/zfs/arcstats", arc_size)

    def rescan(self) -> None:
        """See `Part.rescan`."""
        self._zram = [disk for disk in names(self._tree, "sys/block") if disk.startswith("zram")]

    def _compressed(self) -> dict[str, Cell]:
        """Return the sum over all zram disks; one that is set up but empty has no numbers."""
        sums: dict[str, Cell] = {metric.name: Reason.NOT_SUPPORTED for metric, _ in ZRAM}
        for disk in self._zram:
            numbers = parsed(self._tree.read, f"sys/block/{disk}/mm_stat", mm_stat)
            for metric, place in ZRAM:
                value = numbers if isinstance(numbers, Reason) else numbers[place]
                known = sums[metric.name]
                if isinstance(value, float) and isinstance(known, float):
                    value += known
                if not isinstance(known, float) or isinstance(value, float):
                    sums[metric.name] = value
        return sums
