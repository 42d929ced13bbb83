"""Faults happen when the script says so."""

import numpy as np
import pytest

from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST
from tuimon.sources.simulated.script import (
    DEFAULT,
    CollectiveHung,
    DiskFull,
    EccErrors,
    FanStuck,
    LinkErrors,
    LoaderStarved,
    Lost,
    MemoryLeak,
    Overheated,
    PcieDowntrained,
    PowerLimited,
    Script,
    Xid,
)


def once(*faults):
    return Script(faults)


def test_an_overheated_gpu_throttles_and_recovers(bench):
    machine = bench(script=once(Overheated(0, 20, 70)))
    thermal = "gpu_clock_thermal_seconds_total"
    before = machine.at(20.0).value("gpu0", thermal)
    machine.at(69.0)
    assert machine.value("gpu0", "gpu_temperature_celsius") > 80
    assert machine.value("gpu1", "gpu_temperature_celsius") < 75
    hot = machine.value("gpu0", thermal)
    assert hot - before > 10
    assert machine.at(160.0).value("gpu0", "gpu_temperature_celsius") < 75
    assert machine.value("gpu0", thermal) - hot < 30
    assert not int(machine.value("gpu0", "gpu_clock_event_reasons")) & 0x60


def test_one_slow_gpu_slows_all_that_train_with_it(bench):
    def moved(script):
        machine = bench(script=script)
        first = machine.at(40.0).value("gpu1", "gpu_nvlink_sent_bytes_total")
        return machine.at(90.0).value("gpu1", "gpu_nvlink_sent_bytes_total") - first

    assert moved(once(PowerLimited(0, 30, 100, 0.4))) < 0.95 * moved(once())


def test_a_lower_power_limit_is_told_and_kept(bench):
    machine = bench(script=once(PowerLimited(1, 30, 60, 0.5)))
    assert machine.at(29.0).value("gpu1", "gpu_power_limit_watts") == 700
    machine.at(45.0)
    assert machine.value("gpu1", "gpu_power_limit_watts") == 350
    assert machine.value("gpu1", "gpu_power_watts") <= 350 * 1.05
    assert machine.at(61.0).value("gpu1", "gpu_power_limit_watts") == 700


def test_a_lost_gpu_fails_to_be_read_and_comes_back_and_the_others_stay(bench):
    machine = bench(script=once(Lost(2, 10, 20)))
    machine.at(9.9).frames(machine.reader("gpu2"))
    machine.at(10.0)
    with pytest.raises(ReadError) as caught:
        machine.reader("gpu2").read(Cadence.FAST, NO_INTEREST)
    assert caught.value.reason is Reason.DEVICE_LOST
    assert machine.value("gpu1", "gpu_utilization_ratio") >= 0
    machine.at(20.0).frames(machine.reader("gpu2"))


def test_ranks_spin_while_one_of_their_gpus_is_lost(bench):
    machine = bench(script=once(Lost(2, 30, 60))).at(50.0)
    assert machine.value("gpu0", "gpu_utilization_ratio") == 1
    assert machine.value("gpu0", "gpu_tensor_active_ratio") == 0
    assert machine.value("gpu0", "gpu_power_watts") < 300


def test_a_hanging_collective_is_busy_cool_and_does_nothing(bench):
    machine = bench(script=once(CollectiveHung(30, 60))).at(45.0)
    assert machine.value("gpu0", "gpu_utilization_ratio") == 1
    assert machine.value("gpu0", "gpu_power_watts") < 300
    first = machine.value("gpu0", "gpu_nvlink_sent_bytes_total")
    assert machine.at(55.0).value("gpu0", "gpu_nvlink_sent_bytes_total") == first


def test_an_xid_is_told_once_and_again_with_the_next_round(bench):
    machine = bench(script=Script((Xid(1, 12.5, 79),), period=100.0))
    reader = machine.reader("gpu1")

    def events(time):
        machine.at(time)
        return [
            (one.code, one.at - machine.now + time, one.entity)
            for one in reader.read(Cadence.EVENTS, NO_INTEREST).events
        ]

    assert events(12.0) == []
    ((code, at, entity),) = events(13.0)
    assert (code, entity) == (79, reader.entities[0].id)
    assert at == pytest.approx(12.5)
    assert events(14.0) == []
    assert [round(at, 3) for _, at, _ in events(250.0)] == [112.5, 212.5]
    assert reader.read(Cadence.EVENTS, NO_INTEREST).events == ()


def test_an_xid_is_told_of_a_gpu_that_is_lost(bench):
    machine = bench(script=once(Lost(1, 5, 20), Xid(1, 5, 79))).at(6.0)
    events = machine.reader("gpu1").read(Cadence.EVENTS, NO_INTEREST).events
    assert [(one.kind, one.name, one.code) for one in events] == [(Kind.GPU, "xid", 79)]


def test_memory_errors_are_counted_and_wait_for_a_reset(bench):
    fault = EccErrors(3, 10, 50, corrected=14, uncorrected=1, rows=1)
    machine = bench(script=once(fault))
    names = (
        "gpu_ecc_corrected_total",
        "gpu_ecc_uncorrected_total",
        "gpu_remapped_rows_uncorrectable",
        "gpu_remap_pending",
    )

    def seen(time):
        machine.at(time)
        return [machine.value("gpu3", name) for name in names]

    assert seen(9.0) == [0, 0, 0, 0]
    assert seen(11.0) == [14, 1, 1, 1]
    assert seen(51.0) == [14, 1, 1, 0]
    assert machine.value("gpu2", "gpu_ecc_corrected_total") == 0


def test_a_downtrained_link_is_narrow_slow_and_repeats_itself(bench):
    machine = bench(script=once(PcieDowntrained(0, 20, 60, generation=1, width=4)))
    assert machine.at(19.0).value("gpu0", "gpu_pcie_width") == 16
    machine.at(40.0)
    assert machine.value("gpu0", "gpu_pcie_width") == 4
    assert machine.value("gpu0", "gpu_pcie_generation") == 1
    assert machine.value("gpu0", "gpu_pcie_replays_total") == 60
    first = machine.value("gpu0", "gpu_pcie_received_bytes_total")
    assert machine.at(50.0).value("gpu0", "gpu_pcie_received_bytes_total") - first < 10 * 1.1e9
    assert machine.at(70.0).value("gpu0", "gpu_pcie_replays_total") == 120


def test_a_leak_grows_until_it_is_given_back(bench):
    machine = bench(script=once(MemoryLeak(6, 20, 50, 1e9)))
    before = machine.at(19.0).value("gpu6", "gpu_memory_used_bytes")
    assert machine.at(40.5).value("gpu6", "gpu_memory_used_bytes") - before == pytest.approx(
        20e9, rel=0.01
    )
    assert machine.at(51.0).value("gpu6", "gpu_memory_used_bytes") == before


def test_a_stuck_fan_stands_still_and_the_gpu_gets_warmer(bench):
    machine = bench(1, "rtx4090", script=once(FanStuck(0, 30, 90)))
    calm = bench(1, "rtx4090")
    assert machine.at(29.0).value("gpu0", "gpu_fan_0_rpm") > 500
    machine.at(80.0)
    assert machine.value("gpu0", "gpu_fan_0_rpm") == 0
    assert machine.value("gpu0", "gpu_fan_1_rpm") > 500
    name = "gpu_temperature_celsius"
    assert machine.value("gpu0", name) > calm.at(80.0).value("gpu0", name) + 5


def test_errors_of_a_link_are_its_own_and_the_gpus(bench):
    machine = bench(script=once(LinkErrors(0, 10, 20, link=5, rate=40))).at(30.0)
    errors = machine.row("gpu0", "nvlink_replay_errors_total")
    assert errors[5] == 400
    assert errors.sum() == 400
    assert machine.value("gpu0", "gpu_nvlink_replay_errors_total") == 400


def test_starved_training_has_idle_gpus_busy_loaders_and_a_busy_disk(bench):
    machine = bench(script=once(LoaderStarved(40, 80)))
    used = [machine.at(45.0 + s).value("gpu0", "gpu_utilization_ratio") for s in range(30)]
    assert 0.25 < np.mean(used) < 0.6
    assert machine.value("host", "host_pressure_io_some_ratio") > 0.3
    first = machine.at(60.0).row("host", "disk_busy_seconds_total")
    assert (machine.at(70.0).row("host", "disk_busy_seconds_total") - first)[1] > 8


def test_a_disk_fills_up_by_what_is_written_and_is_tidied_up(bench):
    machine = bench(script=once(DiskFull(10, 300)))

    def share(time):
        machine.at(time)
        return (
            machine.row("host", "filesystem_used_bytes")
            / machine.row("host", "filesystem_size_bytes")
        )[2]

    def used(time):
        return machine.at(time).row("host", "filesystem_used_bytes")[2]

    def written(time):
        return machine.at(time).row("host", "disk_written_bytes_total")[1]

    assert used(60.0) - used(40.0) == pytest.approx(written(60.0) - written(40.0), rel=0.01)
    assert share(9.0) < share(100.0) < share(295.0) == 1.0
    assert share(305.0) < 0.95


def test_a_fault_of_a_gpu_that_is_not_there_is_left_out(bench):
    machine = bench(1, script=DEFAULT)
    for time in range(0, 250, 10):
        for reader in machine.at(float(time)).readers:
            machine.frames(reader)


def test_a_script_repeats_and_counts(bench):
    fault = LoaderStarved(10, 20)
    script = Script((fault,), period=100.0)
    assert [script.elapsed(fault, t) for t in (9, 10, 15, 20, 110)] == [-1, 0, 5, -1, 0]
    assert [script.count(fault, t) for t in (9, 10, 109, 110, 310)] == [0, 1, 1, 2, 4]
    assert [script.seconds(fault, t) for t in (5, 15, 50, 115, 150)] == [0, 5, 10, 15, 20]
    assert script.begins(fault, 10, 210) == [110, 210]


def test_the_default_script_shows_something_within_two_minutes():
    first = [one for one in DEFAULT.faults if one.since <= 120]
    assert len(first) >= 8
    assert any(getattr(one, "gpu", 0) == 0 for one in first)
    assert DEFAULT.period > max(one.since for one in DEFAULT.faults)
