import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host.sensors import CpuTemperature, Sensors

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
HWMON = "sys/class/hwmon"


def add_chip(fake, number, name, device, **files):
    fake.files(f"{HWMON}/hwmon{number}", name=name, **files)
    fake.link(f"{HWMON}/hwmon{number}/device", f"../../../{device}")


@pytest.fixture
def sensors(fake):
    add_chip(
        fake, 0, "coretemp", "coretemp.0",
        temp1_input=61000, temp1_label="Package id 0", temp1_max=90000, temp1_crit=100000,
        temp2_input=70000, temp2_label="Core 0",
    )  # fmt: skip
    add_chip(
        fake, 1, "coretemp", "coretemp.1",
        temp1_input=64000, temp1_label="Package id 1", temp1_crit=98000,
    )  # fmt: skip
    add_chip(fake, 2, "nvme", "nvme0", temp1_input=45850, temp1_max=65261850)
    add_chip(fake, 3, "nct6775", "nct6775.656", fan1_input=1200, fan1_min=300, in0_input=1234)
    meter = {"power1_average": 750_000_000, "power1_cap": 2_000_000_000}
    add_chip(fake, 4, "power_meter", "ACPI000D:00", **meter)
    fake.files("sys/class/power_supply/BAT0", type="Battery", capacity=87, status="Discharging")
    fake.files("sys/class/power_supply/BAT0", power_now=12_500_000)
    fake.files("sys/class/power_supply/AC", type="Mains", online=1)
    return Sensors(fake.tree)


def test_each_channel_is_an_entity_named_by_its_device(fake, sensors):
    entities = fake.part(sensors, NORMAL).frames[0].entities
    assert "coretemp-coretemp.0/temp1" in entities.position
    assert entities.get("coretemp-coretemp.0/temp2").name == "coretemp Core 0"
    assert entities.get("nvme-nvme0/temp1").labels == {"chip": "nvme", "device": "nvme0"}
    assert "battery/AC" not in entities.position


def test_values_are_in_base_units(fake, sensors):
    frame = fake.part(sensors, NORMAL).frames[0]
    assert frame.value("sensor_temperature_celsius", "nvme-nvme0/temp1") == pytest.approx(45.85)
    assert frame.value("sensor_fan_rpm", "nct6775-nct6775.656/fan1") == 1200
    assert frame.value("sensor_voltage_volts", "nct6775-nct6775.656/in0") == pytest.approx(1.234)
    assert frame.value("sensor_power_watts", "power_meter-ACPI000D:00/power1") == pytest.approx(750)


def test_what_a_sensor_does_not_measure_is_not_supported(fake, sensors):
    frame = fake.part(sensors, NORMAL).frames[0]
    assert frame.reason("sensor_fan_rpm", "nvme-nvme0/temp1") is Reason.NOT_SUPPORTED


def test_limits_are_those_of_the_chip_and_nonsense_is_none(fake, sensors):
    frame = fake.part(sensors, SLOW).frames[0]
    name = "sensor_temperature_max_celsius"
    assert frame.value(name, "coretemp-coretemp.0/temp1") == 90
    assert frame.reason(name, "nvme-nvme0/temp1") is Reason.NOT_SUPPORTED
    power = frame.value("sensor_power_max_watts", "power_meter-ACPI000D:00/power1")
    assert power == pytest.approx(2000)


def test_the_host_is_as_hot_as_its_hottest_package(fake, sensors):
    part = CpuTemperature(fake.tree)
    assert fake.part(part, NORMAL).host["host_temperature_celsius"] == 64
    assert fake.part(part, SLOW).host["host_temperature_max_celsius"] == 98


def test_one_package_that_cannot_be_read_leaves_the_other(fake, sensors):
    part = CpuTemperature(fake.tree)
    fake.write(f"{HWMON}/hwmon1/temp1_input", "\n")
    assert fake.part(part, NORMAL).host["host_temperature_celsius"] == 61
    fake.write(f"{HWMON}/hwmon0/temp1_input", "\n")
    assert fake.part(part, NORMAL).host["host_temperature_celsius"] is Reason.FAILED


def test_without_a_package_sensor_the_hottest_core_counts(fake):
    add_chip(fake, 0, "k10temp", "0000:00:18.3", temp1_input=50000, temp1_label="Tccd1")
    add_chip(fake, 1, "nvme", "nvme0", temp1_input=80000)
    assert fake.part(CpuTemperature(fake.tree), NORMAL).host["host_temperature_celsius"] == 50


def test_a_machine_without_sensors_has_no_temperature(fake):
    host = fake.part(CpuTemperature(fake.tree), NORMAL).host
    assert host["host_temperature_celsius"] is Reason.NOT_SUPPORTED
    assert len(fake.part(Sensors(fake.tree), NORMAL).frames[0].entities) == 0


def test_a_battery_tells_charge_state_and_power(fake, sensors):
    frame = fake.part(sensors, NORMAL).frames[0]
    assert frame.value("sensor_charge_ratio", "battery/BAT0") == pytest.approx(0.87)
    assert frame.value("sensor_power_watts", "battery/BAT0") == pytest.approx(12.5)
    state = frame.value("sensor_charge_state", "battery/BAT0")
    assert frame.catalogue["sensor_charge_state"].word(state) == "discharging"


def test_a_broken_sensor_costs_its_own_cell(fake, sensors, denied):
    fake.write(f"{HWMON}/hwmon2/temp1_input", "N/A\n")
    denied("hwmon3/fan1_input")
    frame = fake.part(sensors, NORMAL).frames[0]
    assert frame.reason("sensor_temperature_celsius", "nvme-nvme0/temp1") is Reason.FAILED
    assert frame.reason("sensor_fan_rpm", "nct6775-nct6775.656/fan1") is Reason.NO_PERMISSION
    assert frame.value("sensor_temperature_celsius", "coretemp-coretemp.1/temp1") == 64


def test_the_sensors_are_the_same_object_while_none_comes_or_goes(fake, sensors):
    first = fake.part(sensors, NORMAL).frames[0].entities
    sensors.rescan()
    assert fake.part(sensors, SLOW).frames[0].entities is first
