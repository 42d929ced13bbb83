"""What holds on every real NVIDIA GPU. Nothing is written to it."""

import os
import time

import numpy as np
import pytest

from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST
from tuimon.sources.nvml import NvmlSource

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def readings():
    """All frames of every reader, at every cadence, twice and a second apart."""
    source = NvmlSource(clock=time.time, environ=os.environ)
    try:
        readers = source.open()
    except ReadError as error:
        pytest.skip(f"no NVIDIA GPU here: {error}")
    frames = []
    for pause in (1.0, 0.0):
        for reader in readers:
            for cadence in reader.cadences:
                frames += reader.read(cadence, NO_INTEREST).frames
        time.sleep(pause)
    yield frames
    for reader in readers:
        reader.close()


def values(readings, name, kind=Kind.GPU):
    found = [
        frame.row(name) for frame in readings if frame.kind is kind and name in frame.catalogue
    ]
    return np.concatenate(found)


def test_a_value_is_missing_exactly_where_it_has_a_reason(readings):
    for frame in readings:
        assert ((frame.reasons != Reason.KNOWN) == np.isnan(frame.values)).all()


def test_no_value_is_missing_for_a_fault(readings):
    wrong = {
        (metric.name, Reason(int(reason)).label)
        for frame in readings
        for metric, reasons in zip(frame.catalogue, frame.reasons, strict=True)
        for reason in reasons
        if reason in {Reason.FAILED, Reason.TIMEOUT, Reason.DEVICE_LOST}
    }
    assert wrong == set()


def test_ratios_are_shares(readings):
    for frame in readings:
        for metric, row in zip(frame.catalogue, frame.values, strict=True):
            if metric.name.endswith("_ratio"):
                assert np.nanmax(row, initial=0.0) <= 1.05, metric.name
                assert np.nanmin(row, initial=0.0) >= 0.0, metric.name


def test_memory_adds_up(readings):
    total = values(readings, "gpu_memory_total_bytes")
    parts = sum(values(readings, f"gpu_memory_{part}_bytes") for part in ("used", "free"))
    reserved = np.nan_to_num(values(readings, "gpu_memory_reserved_bytes"))
    assert np.allclose(parts + reserved, total, rtol=0.01)


def test_energy_is_power_over_time(readings):
    seen = {}
    for frame in readings:
        if "gpu_energy_joules_total" in frame.catalogue:
            joules = frame.row("gpu_energy_joules_total")[0]
            seen.setdefault(frame.entities[0].id, []).append((frame.read_at[0, 0], joules))
    limit = np.nanmax(values(readings, "gpu_power_limit_watts"))
    for (began, before), *_, (ended, after) in seen.values():
        if not np.isnan(after):  # boards before Volta count no energy
            assert 0 < (after - before) / (ended - began) < 1.5 * limit


def test_what_is_read_every_second_is_quick(readings):
    source = NvmlSource(clock=time.time, environ=os.environ)
    reader = source.open()[0]
    for cadence in reader.cadences:
        reader.read(cadence, NO_INTEREST)
    began = time.perf_counter()
    for _ in range(5):
        reader.read(Cadence.FAST, NO_INTEREST)
    assert (time.perf_counter() - began) / 5 < 0.25
    reader.close()
