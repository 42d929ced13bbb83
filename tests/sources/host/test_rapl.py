import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host.rapl import CpuEnergy, Odometer, Rapl

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
CLASS = "sys/class/powercap"


def set_energy(fake, zone, joules):
    fake.files(f"{CLASS}/{zone}", energy_uj=joules * 1_000_000)


@pytest.fixture
def rapl(fake):
    fake.files(f"{CLASS}/intel-rapl", enabled=1)
    for zone, name in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "dram"),
        ("intel-rapl:1", "package-1"),
        ("intel-rapl-mmio:0", "package-0"),
    ):
        fake.files(f"{CLASS}/{zone}", name=name, max_energy_range_uj=1000 * 1_000_000)
        fake.files(f"{CLASS}/{zone}", constraint_0_power_limit_uw=350_000_000)
        set_energy(fake, zone, 900)
    return Rapl(fake.tree)


def energy(fake, rapl, zone="intel-rapl:0"):
    return fake.part(rapl, NORMAL).frames[0].value("rapl_energy_joules_total", zone)


def test_zones_know_the_zone_that_holds_them(fake, rapl):
    entities = fake.part(rapl, NORMAL).frames[0].entities
    assert entities.get("intel-rapl:0").name == "package-0"
    assert entities.get("intel-rapl:0").parent == ""
    assert entities.get("intel-rapl:0:0").parent == "intel-rapl:0"
    assert "intel-rapl" not in entities.position


def test_energy_goes_on_when_the_counter_begins_again(fake, rapl):
    assert energy(fake, rapl) == pytest.approx(900)
    set_energy(fake, "intel-rapl:0", 100)
    assert energy(fake, rapl) == pytest.approx(1100)
    set_energy(fake, "intel-rapl:0", 50)
    assert energy(fake, rapl) == pytest.approx(50)


def test_rounds_survive_an_inventory(fake, rapl):
    energy(fake, rapl)
    set_energy(fake, "intel-rapl:0", 100)
    energy(fake, rapl)
    set_energy(fake, "intel-rapl:2", 1)
    rapl.rescan()
    assert energy(fake, rapl) == pytest.approx(1100)


def test_every_round_is_added():
    odometer = Odometer(full=1000.0)
    assert [odometer.through(raw) for raw in (900.0, 100.0, 950.0, 50.0)] == [900, 1100, 1950, 2050]


def test_a_counter_that_was_reset_begins_anew():
    odometer = Odometer(full=1000.0)
    assert odometer.through(400.0) == 400.0
    assert odometer.through(10.0) == 10.0


def test_a_counter_without_a_known_end_adds_no_rounds():
    odometer = Odometer(full=0.0)
    assert odometer.through(900.0) == 900.0
    assert odometer.through(10.0) == 10.0


def test_the_host_adds_up_packages_once(fake, rapl):
    part = CpuEnergy(fake.tree)
    assert fake.part(part, NORMAL).host["host_cpu_energy_joules_total"] == pytest.approx(1800)
    set_energy(fake, "intel-rapl:1", 100)
    assert fake.part(part, NORMAL).host["host_cpu_energy_joules_total"] == pytest.approx(2000)


def test_limits_are_read_seldom(fake, rapl):
    frame = fake.part(rapl, SLOW).frames[0]
    assert frame.value("rapl_power_limit_watts", "intel-rapl:0") == pytest.approx(350)
    assert frame.reason("rapl_power_short_limit_watts", "intel-rapl:0") is Reason.NOT_SUPPORTED


def test_counters_that_only_root_may_read_say_so(fake, rapl, denied):
    denied("energy_uj")
    frame = fake.part(rapl, NORMAL).frames[0]
    host = fake.part(CpuEnergy(fake.tree), NORMAL).host
    assert frame.reason("rapl_energy_joules_total", "intel-rapl:0") is Reason.NO_PERMISSION
    assert host["host_cpu_energy_joules_total"] is Reason.NO_PERMISSION


def test_a_machine_without_zones_has_no_energy(fake):
    host = fake.part(CpuEnergy(fake.tree), NORMAL).host
    assert host["host_cpu_energy_joules_total"] is Reason.NOT_SUPPORTED
    assert len(fake.part(Rapl(fake.tree), NORMAL).frames[0].entities) == 0
