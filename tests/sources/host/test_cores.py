import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host.cores import Cores
from tuimon.sources.host.machine import Machine

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW


@pytest.fixture
def cores(fake):
    fake.machine(cpus=4)
    for package in (0, 1):
        folder = f"sys/class/hwmon/hwmon{package}"
        fake.files(folder, name="coretemp", temp1_label=f"Package id {package}", temp1_input=1)
        core = package  # cpu0 and cpu1 are core 0 of package 0, cpu2 and cpu3 core 1 of package 1
        fake.files(folder, temp2_label=f"Core {core}", temp2_input=50_000 + package * 1000)
        fake.link(f"{folder}/device", f"../../../coretemp.{package}")
    return Cores(fake.tree, Machine(fake.tree))


def test_clocks_are_in_hertz(fake, cores):
    found = fake.part(cores, NORMAL)
    assert found.frames[0].value("core_frequency_hertz", "cpu3") == pytest.approx(2.000003e9)
    assert fake.part(cores, SLOW).frames[0].value("core_frequency_max_hertz", "cpu0") == 3e9


def test_hardware_threads_share_the_temperature_of_their_core(fake, cores):
    frame = fake.part(cores, NORMAL).frames[0]
    assert frame.row("core_temperature_celsius").tolist() == [50, 50, 51, 51]


def test_a_machine_without_cpufreq_has_no_clocks(fake):
    fake.stat(2)
    found = fake.part(Cores(fake.tree, Machine(fake.tree)), NORMAL)
    assert found.frames[0].reason("core_frequency_hertz", "cpu1") is Reason.NOT_SUPPORTED


def test_a_clock_that_cannot_be_read_costs_one_cell(fake, cores):
    fake.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "<unknown>\n")
    frame = fake.part(cores, NORMAL).frames[0]
    assert frame.reason("core_frequency_hertz", "cpu1") is Reason.FAILED
    assert frame.value("core_frequency_hertz", "cpu2") > 0


def test_both_lanes_speak_of_the_same_cores(fake, frames):
    fake.machine(cpus=4)
    fast, slow = (fake.reader(name) for name in ("host", "host/sensors"))
    mine = frames(fast, Cadence.FAST)[Kind.CORE].entities
    theirs = frames(slow, NORMAL)[Kind.CORE].entities
    assert [e.id for e in mine] == [e.id for e in theirs]
