import math

import numpy as np
import pytest

from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST
from tuimon.sources.host import METRICS, HostSource

MOUNTS = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n35 1 0:30 / /cg rw - cgroup2 cgroup2 rw\n"
GARBAGE = b"\xff\xfe \x00 nonsense: -1 = : / - max,,\n\n-\n"


@pytest.fixture
def whole(fake):
    """A machine that has everything."""
    fake.machine()
    fake.write(
        "proc/self/mountinfo",
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n35 1 0:30 / /cg rw - cgroup2 cgroup2 rw\n",
    )
    fake.write("proc/self/cgroup", "0::/a\n")
    for name, text in {
        "memory.current": "5", "memory.max": "9", "memory.stat": "anon 1", "memory.events": "oom 1",
        "cpu.stat": "usage_usec 5", "cpu.max": "100000 100000", "cpu.pressure": "some avg10=1",
        "io.stat": "8:0 rbytes=1", "pids.current": "3", "pids.max": "max",
    }.items():  # fmt: skip
        fake.write(f"cg/a/{name}", f"{text}\n")
    fake.files("sys/class/hwmon/hwmon0", name="coretemp", temp1_label="Package id 0")
    fake.files("sys/class/hwmon/hwmon0", temp1_input=50000, temp1_crit=100000)
    fake.files("sys/class/powercap/intel-rapl:0", name="package-0", energy_uj=5)
    fake.files("sys/class/powercap/intel-rapl:0", max_energy_range_uj=9)
    fake.files("sys/class/infiniband/mlx5_0/ports/1", state="4: ACTIVE", rate="100 Gb/sec (4X EDR)")
    fake.files("sys/class/infiniband/mlx5_0/ports/1/counters", port_xmit_data=1, symbol_error=2)
    fake.write("sys/block/zram0/mm_stat", "1 2 3\n")
    fake.write("proc/spl/kstat/zfs/arcstats", "size 4 5\n")
    return fake


def read_all(readers):
    """Read everything, and see that a value is missing exactly where a reason says so."""
    frames = []
    for reader in readers:
        for cadence in reader.cadences:
            for frame in reader.read(cadence, NO_INTEREST).frames:
                missing = np.isnan(frame.values)
                assert (missing == (frame.reasons != Reason.KNOWN)).all(), frame.catalogue
                assert np.isfinite(frame.values[~missing]).all()
                assert not frame.values.flags.writeable
                frames.append(frame)
    return frames


def test_every_metric_of_the_table_is_given_once(whole):
    readers = HostSource(whole.root, lambda: 1.0).open()
    given = [m.name for frame in read_all(readers) for m in frame.catalogue]
    assert sorted(given) == sorted(metric.name for metric in METRICS)


def test_a_metric_comes_at_its_cadence_with_the_time_of_its_reading(whole):
    whole.now = 77.0
    for reader in HostSource(whole.root, lambda: whole.now).open():
        for cadence in reader.cadences:
            for frame in reader.read(cadence, NO_INTEREST).frames:
                assert {metric.cadence for metric in frame.catalogue} == {cadence}
                assert (frame.read_at[cadence] == 77.0).all()
                assert np.isnan(np.delete(frame.read_at, cadence, axis=0)).all()


def test_there_are_three_lanes_and_waiting_ones_are_apart(whole):
    names = [reader.name for reader in HostSource(whole.root).open()]
    assert names == ["host", "host/sensors", "host/filesystems"]


def test_one_kind_is_read_at_one_cadence_by_one_lane(whole):
    seen = {}
    for reader in HostSource(whole.root).open():
        for cadence in reader.cadences:
            for frame in reader.read(cadence, NO_INTEREST).frames:
                assert seen.setdefault((frame.kind, cadence), reader.name) == reader.name


def files_of(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def spoil_missing(path):
    path.unlink()


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_garbage(path):
    path.write_bytes(GARBAGE)


def spoil_folder(path):
    path.unlink()
    path.mkdir()


def spoil_torn(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "spoil", [spoil_missing, spoil_empty, spoil_garbage, spoil_folder, spoil_torn]
)
def test_any_one_spoilt_file_raises_nothing(whole, spoil):
    for name in files_of(whole.root):
        path = whole.root / name
        text = path.read_bytes()
        here_before = HostSource(whole.root, lambda: 1.0).open()
        read_all(here_before)
        spoil(path)
        read_all(here_before)
        for reader in here_before:
            reader.close()
        if (whole.root / "proc/stat").exists():
            here_after = HostSource(whole.root, lambda: 1.0).open()
            read_all(here_after)
            for reader in here_after:
                reader.close()
        if path.is_dir():
            path.rmdir()
        path.write_bytes(text)


def test_a_machine_whose_files_are_all_garbage_raises_nothing(whole):
    for name in files_of(whole.root):
        (whole.root / name).write_bytes(GARBAGE)
    frames = read_all(HostSource(whole.root, lambda: 1.0).open())
    host = [frame for frame in frames if frame.kind is Kind.HOST and Cadence.FAST in
            {m.cadence for m in frame.catalogue}]  # fmt: skip
    assert all(np.isnan(frame.values).all() for frame in host)


def test_unreadable_files_say_so_and_raise_nothing(whole, denied):
    readers = HostSource(whole.root, lambda: 1.0).open()
    denied(str(whole.root))
    frames = read_all(readers)
    memory = next(f for f in frames if "host_memory_total_bytes" in f.catalogue)
    assert memory.reason("host_memory_total_bytes", "node7") is Reason.NO_PERMISSION
    assert math.isnan(memory.value("host_memory_total_bytes", "node7"))


def test_a_missing_file_is_looked_for_again_at_the_next_inventory(whole, frames):
    text = (whole.root / "proc/meminfo").read_text()
    (whole.root / "proc/meminfo").unlink()
    reader = whole.reader()

    def reason():
        return frames(reader, Cadence.FAST)[Kind.HOST].reason("host_memory_free_bytes", "node7")

    assert reason() is Reason.NOT_SUPPORTED
    whole.write("proc/meminfo", text)
    assert reason() is Reason.NOT_SUPPORTED
    reader.read(Cadence.INVENTORY, NO_INTEREST)
    assert reason() is Reason.KNOWN


def test_what_is_no_linux_machine_is_not_supported(tmp_path):
    with pytest.raises(ReadError) as caught:
        HostSource(tmp_path).open()
    assert caught.value.reason is Reason.NOT_SUPPORTED


def test_labels_of_entities_are_in_the_table(whole):
    known = {(label.kind, label.name) for label in HostSource.labels}
    for frame in read_all(HostSource(whole.root).open()):
        for entity in frame.entities:
            assert {(frame.kind, name) for name in entity.labels} <= known
