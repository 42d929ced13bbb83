"""Over every row of every source's table."""

import importlib

import pytest

from tuimon.model.metric import Kind, Type
from tuimon.store.rates import rate_of
from tuimon.units import Unit

# A row: the module of a source, and its class. A source that is not built yet is left out.
SOURCES = [
    ("tuimon.sources.nvml", "NvmlSource"),
    ("tuimon.sources.host", "HostSource"),
    ("tuimon.sources.processes", "ProcessSource"),
    ("tuimon.sources.simulated", "SimulatedSource"),
]

# What a name ends in, before `_total`, by its unit; a count and a state say it with their noun.
SUFFIXES = {
    Unit.RATIO: "_ratio",
    Unit.BYTES: "_bytes",
    Unit.BYTES_PER_SECOND: "_bytes_per_second",
    Unit.WATTS: "_watts",
    Unit.JOULES: "_joules",
    Unit.CELSIUS: "_celsius",
    Unit.HERTZ: "_hertz",
    Unit.SECONDS: "_seconds",
    Unit.VOLTS: "_volts",
    Unit.RPM: "_rpm",
    Unit.PER_SECOND: "_per_second",
    Unit.TRANSFERS_PER_SECOND: "_transfers_per_second",
}


def _sources():
    for module, name in SOURCES:
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("tuimon."):
                raise
            found = None
        if found is not None:
            yield pytest.param(found, id=name)


ALL = list(_sources())
ROWS = [
    pytest.param(metric, id=f"{source.id}-{metric.name}")
    for source in ALL
    for metric in source.values[0].metrics
]


def test_the_host_source_is_among_them():
    assert "HostSource" in {source.id for source in ALL}


@pytest.mark.parametrize("source", ALL)
def test_names_are_unique(source):
    names = [metric.name for metric in source.metrics]
    assert len(names) == len(set(names))
    labels = [(label.kind, label.name) for label in source.labels]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("source", ALL)
def test_a_rate_takes_the_name_of_no_metric(source):
    names = {metric.name for metric in source.metrics}
    rates = [rate_of(m).name for m in source.metrics if m.type is Type.COUNTER]
    assert len(rates) == len(set(rates))
    assert not names & set(rates)


@pytest.mark.parametrize("source", ALL)
def test_a_bound_is_a_metric_of_the_same_kind_or_a_number(source):
    known = {(metric.kind, metric.name) for metric in source.metrics}
    for metric in source.metrics:
        if metric.upto and (metric.kind, metric.upto) not in known:
            assert float(metric.upto) > 0, metric.name


@pytest.mark.parametrize("metric", ROWS)
def test_a_name_begins_with_its_kind(metric):
    assert metric.name.startswith(f"{metric.kind.value}_")
    mine = metric.kind.value
    longer = [kind.value for kind in Kind if kind.value.startswith(f"{mine}_")]
    assert not metric.name.startswith(tuple(f"{kind}_" for kind in longer))


@pytest.mark.parametrize("metric", ROWS)
def test_a_name_ends_in_total_if_and_only_if_it_counts(metric):
    assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)


@pytest.mark.parametrize("metric", ROWS)
def test_a_name_ends_in_its_unit(metric):
    name = metric.name.removesuffix("_total")
    suffix = SUFFIXES.get(metric.unit)
    if suffix is None:
        assert not name.endswith(tuple(SUFFIXES.values()))
    elif suffix in {"_ratio", "_seconds", "_bytes"} or metric.type is Type.GAUGE:
        assert name.endswith(suffix)


@pytest.mark.parametrize("metric", ROWS)
def test_a_name_is_one_prometheus_takes(metric):
    assert metric.name.replace("_", "").isalnum()
    assert metric.name == metric.name.lower()


@pytest.mark.parametrize("metric", ROWS)
def test_help_is_a_sentence_and_a_title_is_short(metric):
    assert metric.help.endswith(".")
    assert metric.help[0].isupper()
    assert 0 < len(metric.title) <= 20


@pytest.mark.parametrize("metric", ROWS)
def test_states_and_flags_have_words_and_nothing_else_does(metric):
    assert bool(metric.words) == (metric.unit in {Unit.STATE, Unit.FLAGS})


@pytest.mark.parametrize("source", ALL)
def test_labels_explain_themselves(source):
    assert all(label.help.endswith(".") for label in source.labels)
