"""The simulated cells against the tables of the real sources."""

import subprocess
import sys

import numpy as np
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Kind
from tuimon.sources.simulated import SimulatedSource
from tuimon.sources.simulated.cast import cast
from tuimon.sources.simulated.cells import CELLS, NOT_DIVIDED
from tuimon.sources.simulated.gpus import supported
from tuimon.sources.simulated.host import topics
from tuimon.sources.simulated.instances import MEANS
from tuimon.sources.simulated.kinds import PRODUCTS, product
from tuimon.sources.simulated.links import ERRORS, SHARED
from tuimon.sources.simulated.machine import Machine
from tuimon.sources.simulated.occupants import USES
from tuimon.sources.simulated.processes import CATALOGUE
from tuimon.sources.simulated.script import NONE, Divided, Script

KINDS = [one.kind for one in PRODUCTS]
REAL = {metric.name: metric for metric in SimulatedSource.metrics}
BEYOND = {
    "gpu_ecc_control_aggregate_uncorrected_total",
    "gpu_ecc_control_uncorrected_total",
    "gpu_fan_2_ratio",
    "gpu_fan_2_rpm",
    "gpu_fan_3_ratio",
    "gpu_fan_3_rpm",
    "gpu_memory_power_watts",
    "gpu_module_power_limit_watts",
    "gpu_module_power_watts",
    "gpu_remap_bank_pending",
    "gpu_remapped_banks",
}
"""What no simulated product has."""


def test_every_simulated_gpu_cell_is_a_metric_of_the_real_table():
    assert {one.metric for one in CELLS} <= {m.name for m in REAL.values() if m.kind is Kind.GPU}
    assert len({one.metric for one in CELLS}) == len(CELLS)


def test_every_gpu_metric_of_the_real_table_is_simulated_or_known_to_be_beyond():
    real = {m.name for m in REAL.values() if m.kind is Kind.GPU}
    assert real - {one.metric for one in CELLS} - {"gpu_processes"} <= BEYOND


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.NVLINK, [name for name, _ in SHARED] + [name for name, *_ in ERRORS]),
        (Kind.MIG, [name for name, *_ in MEANS]),
        (Kind.GPU_PROCESS, [name for name, *_ in USES]),
        (Kind.GPU, list(NOT_DIVIDED)),
    ],
)
def test_every_name_in_the_small_tables_is_a_metric_of_that_kind(kind, names):
    assert [name for name in names if name not in REAL or REAL[name].kind is not kind] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_host_is_a_metric_of_that_kind(kind):
    machine = Machine(product(kind), 4, 0, NONE)
    for one, topic in topics(machine, cast(machine)[0], 0.0).items():
        for name, cells in topic.cells.items():
            assert REAL[name].kind is one, name
            assert len(cells) == len(topic.entities), name


def test_every_word_that_a_cell_needs_is_known_to_some_product_and_the_other_way_round():
    needed = {one.needs for one in CELLS if one.needs}
    assert needed == frozenset().union(*(one.has for one in PRODUCTS))


@pytest.mark.parametrize("kind", KINDS)
def test_every_supported_cell_is_known_and_every_other_says_why(bench, kind):
    machine = bench(6, kind).at(130.0)
    names = supported(product(kind))
    for reader in machine.readers:
        for frame in machine.frames(reader):
            known = frame.reasons == Reason.KNOWN
            assert (np.isnan(frame.values) == ~known).all()
            assert np.isfinite(frame.values[known]).all()
            assert set(np.unique(frame.reasons)) <= {Reason.KNOWN, Reason.NOT_SUPPORTED}
            if frame.kind is Kind.GPU:
                there = {m.name for m, ok in zip(frame.catalogue, known[:, 0], strict=True) if ok}
                assert there == names & {m.name for m in frame.catalogue}


@pytest.mark.parametrize("kind", ["h100", "rtx4090"])
def test_the_metrics_of_a_frame_are_the_real_ones(bench, kind):
    machine = bench(8, kind).at(3.0)
    for reader in machine.readers:
        for frame in machine.frames(reader):
            assert all(REAL[metric.name] is metric for metric in frame.catalogue)


@pytest.mark.parametrize("kind", KINDS)
def test_all_labels_are_declared_and_gpu_and_host_say_that_they_are_simulated(bench, kind):
    machine = bench(6, kind).at(12.0)
    declared = {(label.kind, label.name) for label in machine.source.labels}
    for reader in machine.readers:
        for frame in machine.frames(reader):
            for entity in frame.entities:
                assert {(frame.kind, name) for name in entity.labels} <= declared
                if frame.kind in {Kind.GPU, Kind.HOST}:
                    assert entity.labels["simulated"] == "yes"


def test_processes_have_all_columns_of_the_real_table():
    assert tuple(CATALOGUE) == tuple(m for m in REAL.values() if m.kind is Kind.PROCESS)


# fmt: off
DIFFERENCES = [
    ("h100", "gpu_sm_active_ratio gpu_nvlink_sent_bytes_total gpu_memory_temperature_celsius",
     "gpu_fan_ratio gpu_retired_pages_pending gpu_power_smoothing"),
    ("b200", "gpu_power_smoothing gpu_power_profiles_available", "gpu_fan_ratio"),
    ("a100", "gpu_nvlink_sent_bytes_total gpu_mig_mode gpu_ecc_mode",
     "gpu_sm_active_ratio gpu_optical_flow_ratio gpu_fan_ratio"),
    ("l40s", "gpu_ecc_mode gpu_encoder_ratio",
     "gpu_nvlink_sent_bytes_total gpu_mig_mode gpu_sm_active_ratio gpu_fan_ratio"),
    ("t4", "gpu_retired_pages_pending gpu_ecc_mode",
     "gpu_remap_pending gpu_nvlink_sent_bytes_total gpu_fan_ratio"),
    ("rtx4090", "gpu_fan_0_rpm gpu_fan_1_ratio gpu_temperature_target_celsius",
     "gpu_ecc_mode gpu_fan_2_rpm gpu_sm_active_ratio gpu_mig_mode"),
    ("gb10", "gpu_power_watts gpu_memory_total_bytes",
     "gpu_power_limit_watts gpu_memory_reserved_bytes gpu_fan_ratio gpu_pcie_width"),
]
# fmt: on


@pytest.mark.parametrize(("kind", "has", "lacks"), DIFFERENCES)
def test_a_product_has_what_it_has_and_lacks_what_it_lacks(kind, has, lacks):
    names = supported(product(kind))
    assert set(has.split()) <= names
    assert not set(lacks.split()) & names


def test_links_are_told_of_products_that_have_them_alone(bench):
    def count(kind):
        machine = bench(2, kind)
        frames = machine.frames(machine.reader("gpu0"))
        return [len(one.entities) for one in frames if one.kind is Kind.NVLINK]

    assert set(count("h100")) == {18}
    assert set(count("a100")) == {12}
    assert count("l40s") == []


def test_a_divided_gpu_has_instances_and_no_utilization_of_its_own(bench):
    machine = bench(2, "h100", script=Script(divided=(Divided(1, "3g.40gb", 2),))).at(20.0)
    frames = machine.frames(machine.reader("gpu1"))
    instances = [one for one in frames if one.kind is Kind.MIG]
    assert [len(one.entities) for one in instances] == [2, 2, 2]
    assert instances[0].entities[0].parent == machine.reader("gpu1").entities[0].id
    assert machine.value("gpu1", "gpu_mig_mode") == 1
    assert np.isnan(machine.value("gpu1", "gpu_utilization_ratio"))
    assert not np.isnan(machine.value("gpu0", "gpu_utilization_ratio"))


def test_a_product_without_mig_is_not_divided(bench):
    machine = bench(1, "l40s", script=Script(divided=(Divided(0),)))
    assert Kind.MIG not in {one.kind for one in machine.frames(machine.reader("gpu0"))}


def test_neither_the_binding_nor_psutil_is_imported():
    code = (
        "import sys, tuimon.sources.simulated as s\n"
        "for r in s.SimulatedSource(2).open():\n"
        "    for c in r.cadences: r.read(c, None)\n"
        "print(sorted({'pynvml', 'psutil', 'tuimon.drivers.nvml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
