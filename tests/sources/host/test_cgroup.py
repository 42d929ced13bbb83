import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host import HostSource
from tuimon.sources.host.cgroup import Cgroup, flat, place

FAST, NORMAL, SLOW = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW
ROOT = "sys/fs/cgroup"
MOUNT = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
OWN = f"{ROOT}/kubepods/pod1/box"
IO = """\
259:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0
8:0 rbytes=1 wbytes=2 rios=1 wios=1
"""
STAT = "usage_usec 8000000\nthrottled_usec 500000\nnr_periods 9\n"


def group(fake, folder, memory="max", cpu="max 100000", **files):
    fake.write(f"{folder}/memory.max", f"{memory}\n")
    fake.write(f"{folder}/cpu.max", f"{cpu}\n")
    for name, text in files.items():
        fake.write(f"{folder}/{name.replace('__', '.')}", text)


@pytest.fixture
def cgroup(fake):
    fake.stat(8)
    fake.write("proc/self/cgroup", "0::/kubepods/pod1/box\n")
    fake.write("proc/self/mountinfo", MOUNT)
    group(
        fake, OWN, cpu="200000 100000", io__stat=IO, pids__current="7\n", pids__max="max\n",
        memory__current="300\n", cpu__stat=STAT,
    )  # fmt: skip
    group(
        fake, f"{ROOT}/kubepods/pod1", memory="1000", cpu="400000 100000",
        memory__current="700\n", memory__events="low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n",
        memory__stat="anon 400\nfile 250\ninactive_file 90\n",
    )  # fmt: skip
    group(fake, f"{ROOT}/kubepods", memory="5000")
    return Cgroup(fake.tree)


def value(fake, cgroup, name, cadence=FAST):
    frame = fake.part(cgroup, cadence).frames[0]
    return frame.value(name, frame.entities[0].id)


def reason(fake, cgroup, name, cadence=FAST):
    frame = fake.part(cgroup, cadence).frames[0]
    return frame.reason(name, frame.entities[0].id)


def test_the_tightest_limit_on_the_way_up_counts(fake, cgroup):
    assert value(fake, cgroup, "cgroup_memory_limit_bytes", SLOW) == 1000
    assert value(fake, cgroup, "cgroup_cpu_quota_cores", SLOW) == 2


def test_memory_is_that_of_the_group_which_hits_the_limit(fake, cgroup):
    assert value(fake, cgroup, "cgroup_memory_used_bytes") == 700
    assert value(fake, cgroup, "cgroup_memory_inactive_file_bytes", NORMAL) == 90
    assert value(fake, cgroup, "cgroup_oom_kills_total", NORMAL) == 4
    labels = fake.part(cgroup, FAST).frames[0].entities[0].labels
    assert labels == {
        "path": "/kubepods/pod1/box",
        "memory_group": "/kubepods/pod1",
        "cpu_group": "/kubepods/pod1/box",
    }


def test_the_quota_is_a_hundred_per_cent(fake, cgroup):
    assert value(fake, cgroup, "cgroup_cpu_usage_seconds_total") == pytest.approx(8)
    assert value(fake, cgroup, "cgroup_cpu_busy_seconds_total") == pytest.approx(4)
    assert value(fake, cgroup, "cgroup_cpu_throttled_seconds_total") == pytest.approx(0.5)
    assert value(fake, cgroup, "cgroup_cores", SLOW) == 2


def test_a_cpuset_bounds_the_cpus_too(fake, cgroup):
    fake.write(f"{OWN}/cpuset.cpus.effective", "3\n")
    assert value(fake, cgroup, "cgroup_cores", SLOW) == 1


def test_without_a_quota_the_machine_is_the_bound(fake, cgroup):
    for folder in (OWN, f"{ROOT}/kubepods/pod1"):
        group(fake, folder)
    assert reason(fake, cgroup, "cgroup_cpu_quota_cores", SLOW) is Reason.NOT_SUPPORTED
    assert value(fake, cgroup, "cgroup_cores", SLOW) == 8
    assert value(fake, cgroup, "cgroup_memory_limit_bytes", SLOW) == 5000


def test_a_quota_that_changes_makes_no_jump(fake, cgroup):
    before = value(fake, cgroup, "cgroup_cpu_busy_seconds_total")
    fake.write(f"{OWN}/cpu.max", "100000 100000\n")
    fake.part(cgroup, SLOW)
    assert value(fake, cgroup, "cgroup_cpu_busy_seconds_total") == pytest.approx(before)
    fake.write(f"{OWN}/cpu.stat", "usage_usec 9000000\n")
    assert value(fake, cgroup, "cgroup_cpu_busy_seconds_total") == pytest.approx(before + 1)


def test_of_equal_limits_the_nearest_counts(fake, cgroup):
    group(fake, f"{ROOT}/kubepods", memory="1000", cpu="200000 100000")
    fake.part(cgroup, SLOW)
    labels = fake.part(cgroup, FAST).frames[0].entities[0].labels
    assert labels["memory_group"] == "/kubepods/pod1"
    assert labels["cpu_group"] == "/kubepods/pod1/box"


def test_no_limit_is_not_supported_and_not_zero(fake, cgroup):
    assert reason(fake, cgroup, "cgroup_pids_limit", SLOW) is Reason.NOT_SUPPORTED
    assert value(fake, cgroup, "cgroup_pids", NORMAL) == 7


def test_io_of_all_devices_is_added_up(fake, cgroup):
    assert value(fake, cgroup, "cgroup_read_bytes_total", NORMAL) == 101
    assert value(fake, cgroup, "cgroup_writes_total", NORMAL) == 5


def test_garbage_is_a_failure_of_its_file(fake, cgroup):
    fake.write(f"{OWN}/cpu.stat", "usage_usec lots\n")
    fake.write(f"{OWN}/cpu.max", "?\n")
    assert reason(fake, cgroup, "cgroup_cpu_usage_seconds_total") is Reason.FAILED
    assert reason(fake, cgroup, "cgroup_cpu_busy_seconds_total") is Reason.FAILED
    assert value(fake, cgroup, "cgroup_memory_used_bytes") == 700


def test_a_machine_of_the_first_hierarchy_has_no_group(fake):
    fake.stat(1)
    fake.write("proc/self/cgroup", "4:memory:/user\n1:cpu:/\n")
    fake.write("proc/self/mountinfo", "32 31 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n")
    assert fake.part(Cgroup(fake.tree), FAST).frames == []


# fmt: off
PLACES = [
    ("/",                 "/",           ""),
    ("/user.slice/a",     "/",           "/user.slice/a"),
    ("/docker/abc",       "/docker/abc", ""),
    ("/docker/abc/inner", "/docker/abc", "/inner"),
    ("/docker/abcdef",    "/docker/abc", ""),
    ("/../other",         "/",           ""),
]
# fmt: on


@pytest.mark.parametrize(("path", "root", "below"), PLACES)
def test_our_group_is_found_below_what_the_mount_shows(path, root, below):
    mounts = f"35 24 0:30 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert place(f"0::{path}\n".encode(), mounts.encode()) == ("sys/fs/cgroup", below)


def test_a_path_of_the_host_that_the_mount_does_not_show_is_our_own_group(fake):
    fake.stat(1)
    fake.write("proc/self/cgroup", "0::/system.slice/docker-1.scope\n")
    fake.write("proc/self/mountinfo", MOUNT)
    group(fake, ROOT, memory="4096", memory__current="1\n")
    assert value(fake, Cgroup(fake.tree), "cgroup_memory_limit_bytes", SLOW) == 4096


def test_all_forms_of_control_files_are_understood():
    assert flat(b"max\n") == {"": float("inf")}
    assert flat(b"usage_usec 5\nnr 6\n") == {"usage_usec": 5, "nr": 6}
    assert flat(b"some avg10=1.5\nfull avg10=0.5\n")["some avg10"] == 1.5
    assert flat(b"") == {}


def test_this_machine_is_read_without_an_exception():
    for reader in HostSource().open():
        for cadence in reader.cadences:
            for frame in reader.read(cadence, None).frames:
                assert frame.kind in Kind
        reader.close()
