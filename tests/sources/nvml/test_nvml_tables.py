import subprocess
import sys
from collections import Counter

import pynvml
import pytest

from tuimon.model.metric import Type
from tuimon.sources.nvml import LABELS, METRICS, gpus, mig, nvlink, processes, vgpu, words
from tuimon.sources.nvml.rows import Call, Field, Gpm, Sampled
from tuimon.store.rates import rate_of
from tuimon.units import Unit

ROWS = [row for table in (gpus, nvlink, mig, vgpu, processes) for row in table.TABLE]
SUFFIXES = {
    Unit.RATIO: "_ratio",
    Unit.BYTES: "_bytes",
    Unit.BYTES_PER_SECOND: "_bytes_per_second",
    Unit.WATTS: "_watts",
    Unit.JOULES: "_joules",
    Unit.CELSIUS: "_celsius",
    Unit.HERTZ: "_hertz",
    Unit.SECONDS: "_seconds",
    Unit.RPM: "_rpm",
    Unit.TRANSFERS_PER_SECOND: "_transfers_per_second",
}
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


@each_metric
def test_a_name_says_kind_unit_and_type(metric):
    assert metric.name.startswith(f"{metric.kind.value}_")
    assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
    bare = metric.name.removesuffix("_total")
    suffix = SUFFIXES.get(metric.unit)
    if suffix:
        assert bare.endswith(suffix)
    else:
        assert not any(bare.endswith(other) for other in SUFFIXES.values())


@each_metric
def test_a_metric_tells_what_it_is_and_whence_it_comes(metric):
    assert metric.help.endswith(".")
    assert metric.source.startswith("nvml")
    assert 0 < len(metric.title) <= 12
    assert bool(metric.words) == (metric.unit in {Unit.STATE, Unit.FLAGS})


@each_metric
def test_a_metric_is_bounded_by_a_number_or_a_metric_of_its_kind(metric):
    names = {other.name: other for other in METRICS}
    if metric.upto and metric.upto != "1":
        assert names[metric.upto].kind is metric.kind
        assert names[metric.upto].unit is metric.unit


def test_every_name_is_there_once_and_no_rate_takes_one():
    names = [metric.name for metric in METRICS]
    names += [rate_of(metric).name for metric in METRICS if metric.type is Type.COUNTER]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_every_label_is_there_once():
    assert max(Counter((label.kind, label.name) for label in LABELS).values()) == 1


def test_every_function_of_a_row_is_one_of_pynvml():
    ways = [way for row in ROWS for way in row.ways]
    named = {way.function for way in ways if isinstance(way, Call | Sampled)}
    own = {"nvmlDeviceGetMemoryInfo_v2"}  # the driver calls pynvml's with a version
    assert sorted(name for name in named - own if not hasattr(pynvml, name)) == []


def test_every_field_and_monitor_id_is_one_of_nvml():
    ways = [way for row in ROWS for way in row.ways]
    assert {way.id for way in ways if isinstance(way, Field)} <= set(range(pynvml.NVML_FI_MAX))
    known = {getattr(pynvml, name) for name in dir(pynvml) if name.startswith("NVML_GPM_METRIC")}
    assert {way.id for way in ways if isinstance(way, Gpm)} <= known


def test_clock_event_bits_are_those_of_nvml():
    bits = {getattr(pynvml, name) for name in dir(pynvml) if name.startswith("nvmlClocks")}
    single = {bit for bit in bits if isinstance(bit, int) and bit and bit & (bit - 1) == 0}
    assert {bit for bit, _ in words.CLOCK_EVENT_REASONS} == single


def test_every_event_has_a_name():
    bits = {getattr(pynvml, name) for name in dir(pynvml) if name.startswith("nvmlEvent")}
    single = {bit for bit in bits if isinstance(bit, int) and bit and bit & (bit - 1) == 0}
    assert single <= set(words.EVENTS)


def test_the_tables_are_read_without_the_binding():
    code = "import sys, tuimon.sources.nvml; sys.exit('pynvml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
