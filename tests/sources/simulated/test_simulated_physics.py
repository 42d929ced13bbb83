"""What the simulated machine says agrees with itself."""

import numpy as np
import pytest

from tuimon.model.metric import Cadence, Kind, Type
from tuimon.sources.simulated.script import DEFAULT, NONE, MemoryLeak, Script
from tuimon.units import Unit

SETS = [("h100", 8), ("a100", 4), ("rtx4090", 1), ("t4", 16), ("gb10", 2), ("l40s", 6)]


def test_energy_is_the_integral_of_power(bench):
    machine = bench()
    first = machine.at(10.0).value("gpu0", "gpu_energy_joules_total")
    means = [machine.at(11.0 + s).value("gpu0", "gpu_power_watts") for s in range(120)]
    grown = machine.at(130.0).value("gpu0", "gpu_energy_joules_total") - first
    assert grown == pytest.approx(sum(means), rel=1e-6)


def test_energy_is_the_integral_of_instant_power(bench):
    machine = bench()
    first = machine.at(40.0).value("gpu1", "gpu_energy_joules_total")
    moments = [
        machine.at(40.05 + s / 10).value("gpu1", "gpu_power_instant_watts") for s in range(300)
    ]
    grown = machine.at(70.0).value("gpu1", "gpu_energy_joules_total") - first
    assert grown == pytest.approx(sum(moments) / 10, rel=1e-6)


@pytest.mark.parametrize(
    ("bit", "counter"),
    [
        (0x4, "gpu_clock_power_cap_seconds_total"),
        (0x20, "gpu_clock_software_thermal_seconds_total"),
        (0x40, "gpu_clock_hardware_thermal_seconds_total"),
        (0x1, "gpu_clock_low_utilization_seconds_total"),
    ],
)
@pytest.mark.parametrize("gpu", [0, 7])
def test_a_throttle_counter_grows_for_as_long_as_its_reason_is_given(bench, bit, counter, gpu):
    machine = bench(script=DEFAULT)
    lane = f"gpu{gpu}"
    first = machine.at(15.0).value(lane, counter)
    told = 0
    for step in range(600):
        told += bool(
            int(machine.at(15.05 + step / 10).value(lane, "gpu_clock_event_reasons")) & bit
        )
    grown = machine.at(75.0).value(lane, counter) - first
    assert grown == pytest.approx(told / 10, abs=1e-6)


def test_bytes_of_all_links_are_those_of_the_gpu(bench):
    machine = bench().at(33.3)
    links = machine.row("gpu2", "nvlink_sent_bytes_total")
    assert links.sum() == pytest.approx(machine.value("gpu2", "gpu_nvlink_sent_bytes_total"))


def test_training_moves_gradients_over_the_links_and_an_empty_gpu_moves_nothing(bench):
    machine = bench()

    def moved(lane):
        first = machine.at(30.0).value(lane, "gpu_nvlink_sent_bytes_total")
        return machine.at(60.0).value(lane, "gpu_nvlink_sent_bytes_total") - first

    assert 10e9 < moved("gpu0") / 30 < 18 * 26.56e9
    assert moved("gpu7") == 0


@pytest.mark.parametrize(("kind", "gpus"), SETS)
def test_memory_of_processes_adds_up_to_what_is_used(bench, kind, gpus):
    machine = bench(gpus, kind, script=Script((MemoryLeak(0, 5.0, 60.0, 4e9),)))
    for time in (0.0, 6.5, 20.0, 58.0):
        machine.at(time)
        for gpu in range(gpus):
            frames = {f.kind: f for f in machine.frames(machine.reader(f"gpu{gpu}"), Cadence.FAST)}
            one = frames[Kind.GPU].row
            held = 0.0
            if Kind.GPU_PROCESS in frames:
                held = frames[Kind.GPU_PROCESS].row("gpu_process_memory_bytes").sum()
            used = one("gpu_memory_used_bytes")[0]
            total = one("gpu_memory_total_bytes")[0]
            assert used - held == pytest.approx(4 * 2**20, abs=1)
            reserved = np.nan_to_num(one("gpu_memory_reserved_bytes")[0])
            assert used + one("gpu_memory_free_bytes")[0] + reserved == pytest.approx(total)
            assert one("gpu_memory_free_bytes")[0] >= 0


def test_processes_on_a_gpu_do_not_use_more_of_it_than_it_is_used(bench):
    machine = bench()
    for time in np.arange(5.0, 60.0, 1.7):
        machine.at(float(time))
        for gpu in (0, 4, 5):
            used = machine.value(f"gpu{gpu}", "gpu_utilization_ratio")
            assert machine.row(f"gpu{gpu}", "gpu_process_sm_ratio").sum() <= used + 0.011


@pytest.mark.parametrize(("kind", "gpus"), SETS)
def test_ratios_power_and_temperatures_stay_in_their_bounds(bench, kind, gpus):
    machine = bench(gpus, kind)
    before: dict[tuple[str, str], np.ndarray] = {}
    for time in np.arange(0.0, 130.0, 6.1):
        machine.at(float(time))
        for reader in machine.readers:
            for frame in machine.frames(reader, *(c for c in reader.cadences if c < 3)):
                for row, metric in enumerate(frame.catalogue):
                    values = frame.values[row][~np.isnan(frame.values[row])]
                    if metric.unit is Unit.RATIO:
                        assert ((values >= 0) & (values <= 1)).all(), metric.name
                    elif metric.unit is not Unit.CELSIUS and metric.name != "process_start_seconds":
                        assert (values >= 0).all(), metric.name
                    if (
                        metric.type is Type.GAUGE
                        and metric.upto in frame.catalogue
                        and "load" not in metric.name
                    ):
                        bound = frame.row(metric.upto)
                        fine = ~(frame.values[row] > bound * 1.05)
                        assert fine.all(), metric.name
                    if metric.type is Type.COUNTER and frame.kind is not Kind.PROCESS:
                        key = frame.entities[0].id if len(frame.entities) else "", metric.name
                        if key in before:
                            assert (frame.values[row] >= before[key] - 1e-6)[
                                ~np.isnan(before[key])
                            ].all(), metric.name
                        before[key] = frame.values[row]


def test_power_follows_load_and_is_held_at_its_limit(bench):
    machine = bench()
    power = [machine.at(30 + s / 10).value("gpu0", "gpu_power_instant_watts") for s in range(260)]
    assert max(power) == pytest.approx(700.0, rel=1e-6)
    assert min(power) < 450.0
    assert machine.value("gpu6", "gpu_power_watts") == pytest.approx(115.0)
    assert machine.value("gpu7", "gpu_power_watts") == pytest.approx(70.0)


def test_clocks_fall_while_power_is_capped(bench):
    machine = bench()
    capped, free = [], []
    for step in range(400):
        machine.at(40.05 + step / 10)
        clock = machine.value("gpu0", "gpu_sm_clock_hertz")
        reasons = int(machine.value("gpu0", "gpu_clock_event_reasons"))
        (capped if reasons & 0x4 else free).append(clock)
    assert capped
    assert max(free) == 1980e6
    assert np.mean(capped) < 1960e6


def test_a_gpu_warms_up_slowly(bench):
    machine = bench()
    heat = [machine.at(float(t)).value("gpu0", "gpu_temperature_celsius") for t in (0, 12, 30, 95)]
    assert heat[0] < 42
    assert heat == sorted(heat)
    assert heat[1] < heat[3] - 8
    assert 55 < heat[3] < 75


def test_training_pauses_for_a_checkpoint_that_goes_to_disk(bench):
    machine = bench()

    def written(begin, end):
        first = machine.at(begin).row("host", "disk_written_bytes_total")[1]
        return machine.at(end).row("host", "disk_written_bytes_total")[1] - first

    assert written(101.0, 108.0) == pytest.approx(7 * 3.0e9, rel=0.01)
    assert written(60.0, 67.0) < 1e7
    assert machine.at(104.0).value("gpu0", "gpu_utilization_ratio") < 0.1
    assert machine.value("gpu0", "gpu_memory_used_bytes") > 60e9


def test_serving_comes_in_bursts_and_its_cache_grows_and_shrinks(bench):
    machine = bench()
    seen = [
        (
            machine.at(float(t)).value("gpu4", "gpu_utilization_ratio"),
            machine.value("gpu4", "gpu_memory_used_bytes"),
        )
        for t in range(10, 160)
    ]
    load, memory = np.array(seen).T
    assert load.min() < 0.3
    assert load.max() > 0.85
    steps = np.diff(memory)
    assert (steps > 0).any()
    assert (steps < 0).any()


def test_one_gpu_is_held_and_idle_and_one_is_empty(bench):
    machine = bench().at(40.0)
    assert machine.value("gpu6", "gpu_utilization_ratio") == 0
    assert machine.value("gpu6", "gpu_memory_used_bytes") > 10e9
    assert machine.value("gpu6", "gpu_processes") == 1
    assert machine.value("gpu7", "gpu_processes") == 0
    assert machine.value("gpu7", "gpu_memory_used_bytes") < 10e6


def test_cpu_times_of_host_and_cores_add_up_to_the_time_that_passed(bench):
    parts = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest"]
    machine = bench()
    for kind in ("host_cpu", "core"):

        def times(time, kind=kind):
            machine.at(time)
            return np.array([machine.row("host", f"{kind}_{part}_seconds_total") for part in parts])

        grown = times(90.0) - times(50.0)
        assert (grown >= -1e-6).all()
        assert grown.sum(axis=0) == pytest.approx(40.0, abs=1e-3)


def test_the_mean_of_the_cores_is_the_host(bench):
    machine = bench()

    def busy(name, time):
        return machine.at(time).row("host", name).mean()

    for begin, end in ((10.0, 30.0), (30.0, 31.0)):
        host = busy("host_cpu_busy_seconds_total", end) - busy("host_cpu_busy_seconds_total", begin)
        core = busy("core_busy_seconds_total", end) - busy("core_busy_seconds_total", begin)
        assert core == pytest.approx(host, rel=0.02)


def test_processes_use_about_the_cpu_that_the_host_does(bench):
    machine = bench()

    def spent(time):
        machine.at(time)
        (frame,) = machine.frames(machine.reader("processes"))
        cpu = dict(
            zip((e.id for e in frame.entities), frame.row("process_cpu_seconds_total"), strict=True)
        )
        return cpu, machine.value("host", "host_cpu_busy_seconds_total") * 224

    (before, host_before), (after, host_after) = spent(20.0), spent(60.0)
    used = sum(after[one] - before.get(one, 0.0) for one in after)
    assert used == pytest.approx(host_after - host_before, rel=0.1)


def test_pressure_means_follow_the_stall_counter(bench):
    machine = bench(script=NONE)
    name = "host_pressure_io_some"
    first = machine.at(99.0).value("host", f"{name}_stall_seconds_total")
    grown = machine.at(109.0).value("host", f"{name}_stall_seconds_total") - first
    assert machine.value("host", f"{name}_ratio") > 0.15
    assert grown / 10 == pytest.approx(0.35, abs=0.05)
