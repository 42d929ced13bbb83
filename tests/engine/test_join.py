"""GPU processes joined to processes: sums, and those that /proc does not show."""

import math

import numpy as np
import pytest

from tuimon.engine.join import METRICS, ProcessJoiner
from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.units import Unit


def catalogue(kind, *names):
    return Catalogue(kind, [Metric(one, kind, Unit.COUNT, Type.GAUGE, "", "") for one in names])


PROCESS = catalogue(Kind.PROCESS, "process_cpu_ratio")
ON_GPU = catalogue(Kind.GPU_PROCESS, "gpu_process_memory_bytes", "gpu_process_sm_ratio")
MEMORY, SM, GPUS = "process_gpu_memory_bytes", "process_gpu_sm_ratio", "process_gpus"


def processes(*ids):
    entities = Entities(Entity(one, one) for one in ids)
    return Frame.of_cells(PROCESS, entities, [[0.5]] * len(ids), 1.0)


def on_gpus(*cells):
    """Return a frame of (GPU, process, memory, share) rows."""
    entities = Entities(
        Entity(f"{gpu}/{pid}", f"name of {pid}", labels={"process": pid}, parent=gpu)
        for gpu, pid, *_ in cells
    )
    return Frame.of_cells(ON_GPU, entities, [cell[2:] for cell in cells], 1.0)


def consistent(frame):
    return bool((np.isnan(frame.values) == (frame.reasons != Reason.KNOWN)).all())


def test_what_a_process_has_on_all_gpus_is_summed():
    joined = ProcessJoiner().join(
        processes("1-1", "2-2"), on_gpus(("A", "2-2", 10.0, 0.25), ("B", "2-2", 5.0, 0.5))
    )
    assert joined.value(MEMORY, "2-2") == 15.0
    assert joined.value(SM, "2-2") == 0.75
    assert joined.value(GPUS, "2-2") == 2.0
    assert joined.value("process_cpu_ratio", "2-2") == 0.5
    assert consistent(joined)


def test_a_process_without_a_gpu_has_no_such_values():
    joined = ProcessJoiner().join(processes("1-1", "2-2"), on_gpus(("A", "2-2", 10.0, 0.25)))
    assert math.isnan(joined.value(MEMORY, "1-1"))
    assert joined.reason(MEMORY, "1-1") is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("nothing", [None, on_gpus()])
def test_without_gpu_processes_the_columns_are_there_all_the_same(nothing):
    joined = ProcessJoiner().join(processes("1-1"), nothing)
    assert all(metric.name in joined.catalogue for metric in METRICS)
    assert joined.reason(GPUS, "1-1") is Reason.NOT_SUPPORTED
    assert consistent(joined)


def test_a_sum_with_an_unknown_part_is_unknown_for_the_same_reason():
    cells = on_gpus(("A", "1-1", 10.0, 0.25), ("B", "1-1", Reason.NO_PERMISSION, 0.5))
    joined = ProcessJoiner().join(processes("1-1"), cells)
    assert math.isnan(joined.value(MEMORY, "1-1"))
    assert joined.reason(MEMORY, "1-1") is Reason.NO_PERMISSION
    assert joined.value(SM, "1-1") == 0.75
    assert consistent(joined)


def test_a_metric_that_the_driver_does_not_give_is_not_supported():
    joined = ProcessJoiner().join(processes("1-1"), on_gpus(("A", "1-1", 10.0, 0.25)))
    assert joined.reason("process_gpu_encoder_ratio", "1-1") is Reason.NOT_SUPPORTED


def test_a_process_of_another_namespace_is_a_row_of_its_own():
    cells = on_gpus(("A", "9-9", 10.0, 0.25), ("B", "9-9", 1.0, 0.0), ("A", "8-8", 2.0, 0.0))
    joined = ProcessJoiner().join(processes("1-1"), cells)
    assert [one.id for one in joined.entities] == ["1-1", "9-9", "8-8"]
    assert joined.value(MEMORY, "9-9") == 11.0
    assert joined.reason("process_cpu_ratio", "9-9") is Reason.HIDDEN
    assert joined.entities[1].name == "name of 9-9"
    assert consistent(joined)


def test_a_process_that_is_no_longer_hidden_is_one_row():
    joiner = ProcessJoiner()
    joiner.join(processes("1-1"), on_gpus(("A", "9-9", 10.0, 0.25)))
    joined = joiner.join(processes("1-1", "9-9"), on_gpus(("A", "9-9", 10.0, 0.25)))
    assert [one.id for one in joined.entities] == ["1-1", "9-9"]
    assert joined.value("process_cpu_ratio", "9-9") == 0.5


def test_the_entities_are_one_object_while_nobody_comes_or_goes():
    joiner, host, gpus = ProcessJoiner(), processes("1-1"), on_gpus(("A", "9-9", 1.0, 0.0))
    assert joiner.join(host, gpus).entities is joiner.join(host, gpus).entities
    assert joiner.join(host, gpus).catalogue is joiner.join(host, None).catalogue
    assert joiner.join(host, on_gpus(("A", "1-1", 1.0, 0.0))).entities is host.entities


def test_the_frames_that_came_are_left_alone():
    host, gpus = processes("1-1"), on_gpus(("A", "1-1", 1.0, 0.0))
    joined = ProcessJoiner().join(host, gpus)
    assert host.values.shape == (1, 1)
    with pytest.raises(ValueError, match="read-only"):
        joined.values[0, 0] = 1
