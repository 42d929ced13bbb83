import math
import os

import psutil
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host import HostSource
from tuimon.sources.host.cpu import COUNTS, LOAD, TIMES

TICK = os.sysconf("SC_CLK_TCK")
BUSY = (10 + 20 + 30 + 60 + 70 + 80) / TICK


def host(frames):
    frame = frames[Kind.HOST]
    return lambda name: frame.value(name, frame.entities[0].id)


def reasons(frames, names):
    frame = frames[Kind.HOST]
    return {frame.reason(name, frame.entities[0].id) for name in names}


def test_times_of_the_host_are_a_share_of_all_cpus(fake):
    fake.machine(cpus=4)
    value = host(fake.read())
    assert value("host_cpu_busy_seconds_total") == pytest.approx(BUSY)
    assert value("host_cpu_idle_seconds_total") == pytest.approx(40 / TICK)
    assert value("host_cores") == 4


def test_guests_are_counted_once(fake):
    fake.machine()
    value = host(fake.read())
    assert value("host_cpu_user_seconds_total") == pytest.approx(6 / TICK)
    assert value("host_cpu_nice_seconds_total") == pytest.approx(15 / TICK)
    assert value("host_cpu_guest_seconds_total") == pytest.approx(9 / TICK)
    parts = "user nice system irq softirq steal guest"
    total = sum(value(f"host_cpu_{part}_seconds_total") for part in parts.split())
    assert total == pytest.approx(value("host_cpu_busy_seconds_total"))


def test_each_core_has_its_own_times_and_place(fake):
    fake.machine(cpus=128)
    frame = fake.read()[Kind.CORE]
    assert len(frame.entities) == 128
    assert frame.value("core_busy_seconds_total", "cpu127") == pytest.approx(BUSY)
    assert frame.entities.get("cpu127").labels == {"package": "1", "core": "63", "numa_node": "0"}
    assert not frame.values.flags.writeable


def test_the_cores_are_the_same_object_while_none_comes_or_goes(fake, frames):
    fake.machine()
    reader = fake.reader()
    first = frames(reader, Cadence.FAST)[Kind.CORE].entities
    assert frames(reader, Cadence.FAST)[Kind.CORE].entities is first
    assert fake.reader("host/sensors").read(Cadence.NORMAL, None).frames[0].entities[0].id == "cpu0"
    fake.stat(1)
    assert len(frames(reader, Cadence.FAST)[Kind.CORE].entities) == 1


def test_a_core_that_goes_offline_makes_no_jump(fake, frames):
    fake.machine(cpus=4)
    reader = fake.reader()
    before = host(frames(reader, Cadence.FAST))("host_cpu_busy_seconds_total")
    fake.stat(2, ticks=1000)
    after = host(frames(reader, Cadence.FAST))("host_cpu_busy_seconds_total")
    assert after == pytest.approx(before)
    fake.stat(2, ticks=1100)
    later = host(frames(reader, Cadence.FAST))("host_cpu_busy_seconds_total")
    assert later - after == pytest.approx(100 / TICK)


def test_counts_and_load_are_read(fake):
    fake.machine()
    value = host(fake.read())
    assert value("host_interrupts_total") == 1234
    assert value("host_context_switches_total") == 99
    assert value("host_forks_total") == 77
    assert value("host_processes_blocked") == 1
    assert value("host_boot_time_seconds") == 500
    assert (value("host_load1"), value("host_load15"), value("host_threads")) == (0.5, 2, 456)


def test_processes_and_uptime_are_read_less_often(fake):
    fake.machine()
    for name in ("1", "23", "self", "4x"):
        (fake.root / "proc" / name).mkdir(exist_ok=True)
    value = host(fake.read(cadence=Cadence.NORMAL))
    assert value("host_processes") == 2
    assert value("host_uptime_seconds") == 321.5


@pytest.mark.parametrize("why", ["hidepid", "namespace"])
def test_what_proc_does_not_show_is_not_counted(fake, why):
    fake.machine()
    (fake.root / "proc" / "23").mkdir()
    if why == "hidepid":
        fake.write("proc/self/mounts", "proc /proc proc rw,hidepid=2 0 0\n")
    else:
        fake.link("proc/self/ns/pid", "pid:[4026532000]")
    frame = fake.read(cadence=Cadence.NORMAL)[Kind.HOST]
    assert frame.reason("host_processes", frame.entities[0].id) is Reason.HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"garbage",
        b"cpu  1 2 3\nintr 1\n",
        b"cpu  a b c d e f g h i j\nintr x\n",
        b"cpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 2\nintr 1\n",
        b"cpux 1 2 3 4 5 6 7 8 9 10\n",
        b"\xff\xfe\x00",
    ],
)
def test_garbage_in_stat_is_a_failure_and_no_exception(fake, text):
    fake.machine()
    fake.write("proc/stat", text)
    frames = fake.read()
    names = [row[0].name for row in TIMES]
    assert reasons(frames, names) == {Reason.FAILED}
    assert Kind.CORE not in frames or len(frames[Kind.CORE].entities) == 0
    assert host(frames)("host_load1") == 0.5


def test_a_line_that_an_old_kernel_lacks_is_not_supported(fake):
    fake.machine()
    text = (fake.root / "proc/stat").read_text().replace("softirq 55 1 2\n", "")
    fake.write("proc/stat", text)
    frames = fake.read()
    assert reasons(frames, ["host_softirqs_total"]) == {Reason.NOT_SUPPORTED}
    assert host(frames)("host_forks_total") == 77


def test_unreadable_files_have_their_reason(fake, denied):
    fake.machine()
    reader = fake.reader()
    denied("proc/stat", "proc/loadavg")
    frame = reader.read(Cadence.FAST, None).frames[-1]
    for metric, _ in (*COUNTS, *LOAD):
        assert frame.reason(metric.name, "node7") is Reason.NO_PERMISSION
        assert math.isnan(frame.value(metric.name, "node7"))


def test_psutil_sees_the_same_times_on_this_machine():
    reader = HostSource().open()[0]
    before = psutil.cpu_times(percpu=True)
    frame = next(f for f in reader.read(Cadence.FAST, None).frames if f.kind is Kind.CORE)
    after = psutil.cpu_times(percpu=True)
    reader.close()
    for entity, first, last in zip(frame.entities, before, after, strict=True):
        for name, mine in (("system", "system"), ("idle", "idle"), ("steal", "steal")):
            value = frame.value(f"core_{mine}_seconds_total", entity.id)
            assert getattr(first, name) - 0.02 <= value <= getattr(last, name) + 0.02


def test_psutil_sees_the_same_counts_on_this_machine():
    reader = HostSource().open()[0]
    before = psutil.cpu_stats()
    frame = reader.read(Cadence.FAST, None).frames[-1]
    after = psutil.cpu_stats()
    reader.close()

    def value(name):
        return frame.value(name, frame.entities[0].id)

    assert before.ctx_switches <= value("host_context_switches_total") <= after.ctx_switches
    assert before.interrupts <= value("host_interrupts_total") <= after.interrupts
    assert value("host_boot_time_seconds") == pytest.approx(psutil.boot_time(), abs=2)
    assert value("host_load1") == pytest.approx(psutil.getloadavg()[0], abs=0.5)
    assert value("host_cores") == psutil.cpu_count()
