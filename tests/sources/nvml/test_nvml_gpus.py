import os

import numpy as np
import pytest
from fake_gpus import cell, read

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.nvml import LABELS, METRICS

FAST, NORMAL, SLOW, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
KINDS = ("h100", "a100", "t4", "geforce", "gb10", "old")


def first(gpus):
    return gpus.open()["nvml/0"]


def warm(gpus, reader):
    """Read everything twice, 3 s apart, so that means between two readings are there."""
    read(reader)
    gpus.now += 3
    return read(reader)


def test_numbers_come_in_base_units(gpus):
    gpus.suffer(
        "gpu 0 util 50\ngpu 0 temp 61\ngpu 0 memtemp 70\ngpu 0 power 345.6\ngpu 0 mem_used 4096"
    )
    frames = read(first(gpus))
    assert cell(frames, Kind.GPU, "gpu_utilization_ratio") == 0.5
    assert cell(frames, Kind.GPU, "gpu_temperature_celsius") == 61
    assert cell(frames, Kind.GPU, "gpu_memory_temperature_celsius") == 70
    assert cell(frames, Kind.GPU, "gpu_power_watts") == pytest.approx(345.6)
    assert cell(frames, Kind.GPU, "gpu_power_instant_watts") == pytest.approx(345.6)
    assert cell(frames, Kind.GPU, "gpu_memory_used_bytes") == 4096 << 20
    assert cell(frames, Kind.GPU, "gpu_sm_clock_hertz") == 1.98e9
    assert cell(frames, Kind.GPU, "gpu_power_limit_watts") == 700
    assert cell(frames, Kind.GPU, "gpu_pcie_lane_transfers_per_second") == 32e9


def test_reserved_memory_is_told_apart_from_used(gpus):
    frames = read(first(gpus))
    parts = [
        cell(frames, Kind.GPU, f"gpu_memory_{part}_bytes") for part in ("used", "free", "reserved")
    ]
    assert parts[2] == 555 << 20
    assert sum(parts) == cell(frames, Kind.GPU, "gpu_memory_total_bytes")


def test_throttling_is_told_by_reasons_and_by_exact_time(gpus):
    gpus.have(time=1000.5)
    gpus.suffer("gpu 0 throttle 0x44")
    reader = first(gpus)
    frame = read(reader, FAST)[Kind.GPU][FAST]
    metric = frame.catalogue["gpu_clock_event_reasons"]
    value = frame.value(metric.name, frame.entities[0].id)
    assert metric.word(value) == "power cap, hardware thermal"
    assert cell(
        {Kind.GPU: {FAST: frame}}, Kind.GPU, "gpu_clock_hardware_thermal_seconds_total"
    ) == (pytest.approx(1000.5))


def test_a_margin_below_zero_is_so_whatever_its_type(gpus):
    frames = read(first(gpus))
    assert cell(frames, Kind.GPU, "gpu_tlimit_shutdown_celsius") == -8
    assert cell(frames, Kind.GPU, "gpu_tlimit_slowdown_celsius") == -2


def test_memory_errors_are_counted_where_they_were(gpus):
    gpus.suffer(
        "gpu 0 ecc_sbe 7\ngpu 0 ecc_dbe 2\ngpu 0 recovery 1\n"
        "gpu 0 remap_unc 1\ngpu 0 remap_pending 1"
    )
    frames = read(first(gpus))
    assert cell(frames, Kind.GPU, "gpu_ecc_corrected_total") == 7
    assert cell(frames, Kind.GPU, "gpu_ecc_dram_uncorrected_total") == 2
    assert cell(frames, Kind.GPU, "gpu_ecc_l2_uncorrected_total") == 0
    assert cell(frames, Kind.GPU, "gpu_remapped_rows_uncorrectable") == 1
    assert cell(frames, Kind.GPU, "gpu_remap_pending") == 1
    assert cell(frames, Kind.GPU, "gpu_recovery_action") == 1
    assert cell(frames, Kind.GPU, "gpu_remap_banks_max") == 2560


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_missing_exactly_where_a_reason_says_so(gpus, kind):
    gpus.have(kind=kind, gpus=2, pids=f"0:{os.getpid()}:100:50,1:{os.getpid()}:100:50", mig="1:2")
    known = {metric.name: metric for metric in METRICS}
    labels = {(label.kind, label.name) for label in LABELS}
    for reader in gpus.open().values():
        for by_cadence in warm(gpus, reader).values():
            for cadence, frame in by_cadence.items():
                assert (np.isnan(frame.values) == (frame.reasons != Reason.KNOWN)).all()
                assert not frame.values.flags.writeable
                assert not frame.reasons.flags.writeable
                assert (frame.read_at[cadence] == gpus.now).all()
                assert np.isnan(np.delete(frame.read_at, cadence, axis=0)).all()
                assert all(known[metric.name] is metric for metric in frame.catalogue)
                assert not (frame.reasons == Reason.FAILED).any()
                told = {(frame.kind, name) for one in frame.entities for name in one.labels}
                assert told <= labels


def test_what_is_not_supported_is_asked_once_an_inventory(gpus):
    gpus.have(kind="t4")
    reader = first(gpus)
    read(reader)
    before = gpus.calls("nvmlDeviceGetMarginTemperature")
    read(reader, FAST)
    read(reader, FAST)
    assert gpus.calls("nvmlDeviceGetMarginTemperature") == before
    read(reader, INVENTORY, FAST)
    assert gpus.calls("nvmlDeviceGetMarginTemperature") == before + 1


def test_any_other_failure_is_asked_again(gpus):
    reader = first(gpus)
    gpus.suffer("fail nvmlDeviceGetPowerUsage 4\nfail nvmlDeviceGetUtilizationRates 999")
    frames = read(reader)
    assert cell(frames, Kind.GPU, "gpu_power_watts") is Reason.NO_PERMISSION
    assert cell(frames, Kind.GPU, "gpu_utilization_ratio") is Reason.FAILED
    assert cell(frames, Kind.GPU, "gpu_memory_utilization_ratio") is Reason.FAILED
    assert cell(frames, Kind.GPU, "gpu_temperature_celsius") > 0
    gpus.suffer("")
    frames = read(reader, FAST)
    assert cell(frames, Kind.GPU, "gpu_power_watts") > 0


def test_one_call_fetches_all_fields_of_a_cadence(gpus):
    reader = first(gpus)
    read(reader)
    before = gpus.calls("nvmlDeviceGetFieldValues")
    read(reader, FAST)
    assert gpus.calls("nvmlDeviceGetFieldValues") == before + 1


def test_an_old_driver_is_asked_by_the_old_names(gpus):
    gpus.have(kind="old")
    gpus.suffer("gpu 0 mem_used 1000\ngpu 0 throttle 0x4\ngpu 0 temp 50")
    frames = read(first(gpus))
    assert cell(frames, Kind.GPU, "gpu_memory_used_bytes") == 1555 << 20  # reserved memory included
    assert cell(frames, Kind.GPU, "gpu_memory_reserved_bytes") is Reason.NOT_SUPPORTED
    assert cell(frames, Kind.GPU, "gpu_clock_event_reasons") == 4
    assert cell(frames, Kind.GPU, "gpu_temperature_celsius") == 50
    assert cell(frames, Kind.GPU, "gpu_energy_joules_total") is Reason.NOT_SUPPORTED


def test_a_passive_board_has_no_fan_rather_than_one_at_rest(gpus):
    assert cell(read(first(gpus)), Kind.GPU, "gpu_fan_ratio") is Reason.NOT_SUPPORTED


def test_each_fan_is_told(gpus):
    gpus.have(kind="geforce")
    frames = read(first(gpus))
    assert cell(frames, Kind.GPU, "gpu_fans") == 2
    assert cell(frames, Kind.GPU, "gpu_fan_1_rpm") == 1600
    assert cell(frames, Kind.GPU, "gpu_fan_1_ratio") > 0
    assert cell(frames, Kind.GPU, "gpu_fan_2_ratio") is Reason.NOT_SUPPORTED


def test_a_gpu_without_memory_of_its_own_shows_that_of_the_host(gpus):
    gpus.have(kind="gb10")
    (gpus.root / "proc").mkdir(parents=True)
    (gpus.root / "proc/meminfo").write_text(
        "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n"
    )
    reader = gpus.open(root=gpus.root)["nvml/0"]
    frames = read(reader)
    assert cell(frames, Kind.GPU, "gpu_memory_total_bytes") == 1000 * 1024
    assert cell(frames, Kind.GPU, "gpu_memory_used_bytes") == 600 * 1024
    assert cell(frames, Kind.GPU, "gpu_memory_reserved_bytes") is Reason.NOT_SUPPORTED
    assert frames[Kind.GPU][FAST].entities[0].labels["memory"] == "shared with the host"


def test_the_monitor_tells_means_between_two_readings(gpus):
    gpus.suffer("gpu 0 util 80")
    reader = first(gpus)
    assert cell(read(reader), Kind.GPU, "gpu_sm_active_ratio") is Reason.NOT_YET
    assert cell(read(reader, NORMAL), Kind.GPU, "gpu_sm_active_ratio") == pytest.approx(0.744)
    assert cell(read(reader, NORMAL), Kind.GPU, "gpu_tensor_stall_ratio") == pytest.approx(0.08)


def test_the_monitor_goes_on_over_an_inventory(gpus):
    reader = first(gpus)
    warm(gpus, reader)
    assert cell(read(reader), Kind.GPU, "gpu_sm_active_ratio") >= 0


def test_pcie_bytes_come_of_the_counter_where_there_is_one(gpus):
    gpus.have(time=1000)
    frames = warm(gpus, first(gpus))
    assert cell(frames, Kind.GPU, "gpu_pcie_sent_bytes_total") > 1e9
    assert frames[Kind.GPU][NORMAL].entities[0].labels["pcie"] == "a counter of the board"
    assert gpus.calls("nvmlDeviceGetPcieThroughput") == 0


def test_pcie_bytes_come_of_the_monitor_where_there_is_no_counter(gpus):
    gpus.have(time=1000, nofields="197,198")
    reader = first(gpus)
    assert cell(read(reader), Kind.GPU, "gpu_pcie_sent_bytes_total") is Reason.NOT_YET
    gpus.now += 3
    grown = cell(read(reader, NORMAL), Kind.GPU, "gpu_pcie_sent_bytes_total")
    gpus.now += 3
    frames = read(reader, NORMAL)
    assert cell(frames, Kind.GPU, "gpu_pcie_sent_bytes_total") == pytest.approx(2 * grown)
    assert 4e9 < grown < 7e9  # 1.7 GiB/s and a wave, for 3 s
    assert frames[Kind.GPU][NORMAL].entities[0].labels["pcie"] == "means between two readings"
    assert gpus.calls("nvmlDeviceGetPcieThroughput") == 0


def test_pcie_bytes_come_of_the_lane_beside_where_there_is_nothing_else(gpus):
    gpus.have(kind="a100", time=1000, gpus=2)
    readers = gpus.open()
    for name in ("nvml/0", "nvml/1"):
        frames = read(readers[name])
        assert cell(frames, Kind.GPU, "gpu_pcie_sent_bytes_total") is Reason.NOT_YET
    assert gpus.calls("nvmlDeviceGetPcieThroughput") == 0
    gpus.now += 3
    for name in ("nvml/0", "nvml/1"):
        assert read(readers[f"{name}/pcie"]) == {}
        sent = cell(read(readers[name], NORMAL), Kind.GPU, "gpu_pcie_sent_bytes_total")
        assert 4e9 < sent < 7e9


def test_a_lane_beside_that_hangs_makes_its_bytes_late_not_still(gpus):
    gpus.have(kind="a100", time=1000)
    readers = gpus.open()
    read(readers["nvml/0"])
    read(readers["nvml/0/pcie"])
    gpus.now += 60
    frames = read(readers["nvml/0"], NORMAL)
    assert cell(frames, Kind.GPU, "gpu_pcie_sent_bytes_total") is Reason.TIMEOUT


def test_the_lane_beside_asks_nothing_of_boards_with_counters(gpus):
    readers = gpus.open()
    read(readers["nvml/0"])
    read(readers["nvml/0/pcie"])
    assert gpus.calls("nvmlDeviceGetPcieThroughput") == 0


def test_labels_tell_who_a_gpu_is(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    read(readers["nvml/1"])
    entity = warm(gpus, readers["nvml/0"])[Kind.GPU][NORMAL].entities[0]
    assert entity.id == entity.labels["uuid"] == "GPU-fa4e0000-0000-4000-8000-000000000000"
    assert entity.name == "NVIDIA H100 80GB HBM3"
    told = {
        "bus_id": "0000:18:00.0",
        "driver": "580.95.05",
        "cuda": "13.0",
        "gsp": "580.95.05",
        "architecture": "Hopper",
        "compute_capability": "9.0",
        "cpus": "0",
        "topology": "1=NV18",
        "p2p": "1",
    }
    assert {name: entity.labels[name] for name in told} == told


def test_an_entity_stays_the_same_object_while_nothing_changes(gpus):
    reader = first(gpus)
    entities = warm(gpus, reader)[Kind.GPU][NORMAL].entities
    assert all(frame.entities is entities for frame in warm(gpus, reader)[Kind.GPU].values())


def test_frames_of_like_gpus_share_their_catalogues(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    frames = [read(readers[name], FAST)[Kind.GPU][FAST] for name in ("nvml/0", "nvml/1")]
    assert frames[0].catalogue is frames[1].catalogue


def test_a_hostile_name_is_made_safe(gpus):
    gpus.have(name="evil\x1b[2J\u202egpu")
    assert read(first(gpus))[Kind.GPU][FAST].entities[0].name == "evil·[2J·gpu"


def test_sixteen_gpus_have_sixteen_readers(gpus):
    gpus.have(gpus=16)
    readers = gpus.open()
    assert [name for name in readers if name[5:].isdigit()] == [f"nvml/{n}" for n in range(16)]
    uuids = {read(readers[f"nvml/{n}"], FAST)[Kind.GPU][FAST].entities[0].id for n in range(16)}
    assert len(uuids) == 16
