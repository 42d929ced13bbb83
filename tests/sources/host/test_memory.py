import psutil
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host import HostSource
from tuimon.sources.host.memory import MEMINFO, PAGE, VMSTAT, Memory

KIB = 1024


@pytest.fixture
def fast(fake):
    fake.machine()
    return fake.part(Memory(fake.tree), Cadence.FAST).host


def test_used_is_what_a_new_program_could_not_have(fast):
    assert fast["host_memory_total_bytes"] == 1000 * KIB
    assert fast["host_memory_used_bytes"] == 400 * KIB
    assert fast["host_swap_used_bytes"] == 100 * KIB


def test_huge_pages_are_counted_and_not_weighed(fast):
    assert fast["host_hugepages"] == 3
    assert fast["host_hugepage_size_bytes"] == 2048 * KIB


def test_a_line_that_the_kernel_lacks_is_not_supported(fast):
    assert fast["host_zswap_used_bytes"] is Reason.NOT_SUPPORTED
    assert fast["host_memory_dirty_bytes"] is Reason.NOT_SUPPORTED


def test_what_was_swapped_is_told_in_bytes(fake):
    fake.machine()
    host = fake.part(Memory(fake.tree), Cadence.NORMAL).host
    assert host["host_swap_in_bytes_total"] == 4 * PAGE
    assert host["host_page_in_bytes_total"] == 3 * KIB
    assert host["host_oom_kills_total"] == 2
    assert host["host_numa_misses_total"] is Reason.NOT_SUPPORTED


def test_all_zram_disks_are_added_up(fake):
    fake.machine()
    fake.write("sys/block/zram0/mm_stat", "  1000  400  500 0 600 0 0 0 0\n")
    fake.write("sys/block/zram1/mm_stat", "  24  4  5 0 6 0 0 0 0\n")
    host = fake.part(Memory(fake.tree), Cadence.NORMAL).host
    assert host["host_zram_stored_bytes"] == 1024
    assert host["host_zram_used_bytes"] == 505


def test_one_broken_zram_disk_does_not_hide_another(fake):
    fake.machine()
    fake.write("sys/block/zram0/mm_stat", "?\n")
    fake.write("sys/block/zram1/mm_stat", "24 4 5\n")
    assert fake.part(Memory(fake.tree), Cadence.NORMAL).host["host_zram_used_bytes"] == 5


def test_without_zram_or_zfs_there_is_nothing_to_tell(fake):
    fake.machine()
    host = fake.part(Memory(fake.tree), Cadence.NORMAL).host
    assert host["host_zram_stored_bytes"] is Reason.NOT_SUPPORTED
    assert host["host_zfs_arc_bytes"] is Reason.NOT_SUPPORTED


def test_the_cache_of_zfs_is_read(fake):
    fake.machine()
    fake.write("proc/spl/kstat/zfs/arcstats", "9 1 0x01\nname type data\nc 4 9\nsize 4 12345\n")
    host = fake.part(Memory(fake.tree), Cadence.NORMAL).host
    assert host["host_zfs_arc_bytes"] == 12345


@pytest.mark.parametrize("text", ["", "garbage\n", "MemTotal: lots kB\n", "\0\0"])
def test_garbage_is_a_failure(fake, text):
    fake.machine()
    fake.write("proc/meminfo", text)
    host = fake.part(Memory(fake.tree), Cadence.FAST).host
    assert {host[metric.name] for metric, _ in MEMINFO} == {Reason.FAILED}


def test_a_number_of_vmstat_that_is_none_is_a_failure(fake):
    fake.machine()
    fake.write("proc/vmstat", "pswpin x\n")
    host = fake.part(Memory(fake.tree), Cadence.NORMAL).host
    assert {host[row[0].name] for row in VMSTAT} == {Reason.FAILED}


def test_psutil_sees_the_same_memory_on_this_machine():
    reader = HostSource().open()[0]
    frame = next(f for f in reader.read(Cadence.FAST, None).frames if f.kind is Kind.HOST)
    normal = next(f for f in reader.read(Cadence.NORMAL, None).frames if f.kind is Kind.HOST)
    reader.close()
    theirs, swap = psutil.virtual_memory(), psutil.swap_memory()

    def value(name):
        return frame.value(f"host_{name}_bytes", frame.entities[0].id)

    near = pytest.approx
    assert value("memory_total") == theirs.total
    assert value("memory_available") == near(theirs.available, abs=200e6)
    assert value("memory_buffers") == near(theirs.buffers, abs=50e6)
    cached = value("memory_cached") + value("memory_slab_reclaimable")
    assert cached == near(theirs.cached, abs=100e6)
    assert value("swap_total") == swap.total
    assert value("swap_used") == near(swap.used, abs=50e6)
    swapped = normal.value("host_swap_in_bytes_total", normal.entities[0].id)
    assert swapped == near(swap.sin, abs=1e6)
