import psutil
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host import HostSource
from tuimon.sources.host.disks import SUMS, Disks

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW


@pytest.fixture
def disks(fake):
    fake.machine()
    return Disks(fake.tree)


def frame_of(fake, disks, cadence=NORMAL):
    return fake.part(disks, cadence).frames[0]


def test_disks_are_whole_and_neither_loop_nor_partition(fake, disks):
    entities = frame_of(fake, disks).entities
    assert [e.id for e in entities] == ["nvme0n1", "sda", "dm-0"]
    assert entities.get("dm-0").name == "vg-root"
    assert entities.get("sda").labels == {"model": "Model of sda", "type": "hdd", "numa_node": "1"}


def test_sectors_are_told_as_bytes_and_milliseconds_as_seconds(fake, disks):
    frame = frame_of(fake, disks)
    assert frame.value("disk_read_bytes_total", "nvme0n1") == 2000 * 512
    assert frame.value("disk_written_bytes_total", "nvme0n1") == 4000 * 512
    assert frame.value("disk_busy_seconds_total", "nvme0n1") == pytest.approx(0.7)
    assert frame.value("disk_read_seconds_total", "nvme0n1") == pytest.approx(0.3)
    assert frame.value("disk_in_flight", "nvme0n1") == 3
    assert frame.value("disk_flush_seconds_total", "nvme0n1") == pytest.approx(0.25)


def test_columns_of_newer_kernels_are_not_supported_on_older_ones(fake, disks):
    frame = frame_of(fake, disks)
    assert frame.reason("disk_discards_total", "sda") is Reason.NOT_SUPPORTED
    assert frame.value("disk_queue_seconds_total", "sda") == pytest.approx(0.04)


def test_the_host_adds_up_disks_with_hardware_only(fake, disks):
    host = fake.part(disks, NORMAL).host
    assert host["host_disk_read_bytes_total"] == 2008 * 512


def test_a_disk_that_is_plugged_in_adds_what_it_does_from_then_on(fake, disks):
    before = fake.part(disks, NORMAL).host["host_disk_read_bytes_total"]
    text = (fake.root / "proc/diskstats").read_text()
    line = "   8 16 sdb 1 0 {} 0 0 0 0 0 0 0 0\n"
    fake.files("sys/block/sdb/device", model="usb")
    fake.write("proc/diskstats", text + line.format(10_000))
    found = fake.part(disks, NORMAL)
    assert found.host["host_disk_read_bytes_total"] == before
    assert "sdb" in found.frames[0].entities.position
    fake.write("proc/diskstats", text + line.format(10_100))
    assert fake.part(disks, NORMAL).host["host_disk_read_bytes_total"] == before + 100 * 512


def test_the_disks_are_the_same_object_while_none_comes_or_goes(fake, disks):
    first = frame_of(fake, disks).entities
    disks.rescan()
    assert frame_of(fake, disks).entities is first


def test_sizes_are_read_seldom(fake, disks):
    frame_of(fake, disks)
    frame = frame_of(fake, disks, SLOW)
    assert frame.value("disk_size_bytes", "sda") == 2048 * 512


def test_a_broken_line_costs_that_disk_only(fake, disks):
    text = (fake.root / "proc/diskstats").read_text()
    fake.write("proc/diskstats", text.replace("sda 10", "sda ten"))
    entities = frame_of(fake, disks).entities
    assert [e.id for e in entities] == ["nvme0n1", "dm-0"]


def test_garbage_leaves_the_disks_with_a_reason(fake, disks):
    frame_of(fake, disks)
    fake.write("proc/diskstats", "garbage\n")
    found = fake.part(disks, NORMAL)
    assert found.frames[0].reason("disk_in_flight", "sda") is Reason.FAILED
    assert found.host == {metric.name: Reason.FAILED for metric, _ in SUMS}


def test_a_machine_without_disks_has_no_sum(fake):
    fake.write("proc/diskstats", "")
    found = fake.part(Disks(fake.tree), NORMAL)
    assert len(found.frames[0].entities) == 0
    assert set(found.host.values()) == {Reason.NOT_SUPPORTED}


def test_psutil_sees_the_same_disks_on_this_machine():
    reader = HostSource().open()[0]
    before = psutil.disk_io_counters(perdisk=True, nowrap=False)
    frames = {f.kind: f for f in reader.read(NORMAL, None).frames}
    after = psutil.disk_io_counters(perdisk=True, nowrap=False)
    reader.close()
    frame = frames[Kind.DISK]
    for entity in frame.entities:
        first, last = before[entity.id], after[entity.id]
        for name in ("read_bytes", "read_count", "write_count", "busy_time"):
            mine = {"read_count": "reads", "write_count": "writes", "busy_time": "busy_seconds"}
            scale = 1e-3 if name == "busy_time" else 1
            value = frame.value(f"disk_{mine.get(name, name)}_total", entity.id)
            assert getattr(first, name) * scale <= value <= getattr(last, name) * scale
