"""Frames, entities, metrics: the nouns keep their promises."""

import math

import numpy as np
import pytest

from tuimon.errors import MARKS, Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.units import Unit


def metric(name, cadence=Cadence.FAST, unit=Unit.COUNT, words=()):
    return Metric(name, Kind.GPU, unit, Type.GAUGE, "T", "Help.", cadence, words=words)


CATALOGUE = Catalogue(
    Kind.GPU,
    [metric("gpu_a"), metric("gpu_b", Cadence.SLOW), metric("gpu_c", Cadence.INVENTORY)],
)
GPUS = Entities([Entity("GPU-0", "H100", 0), Entity("GPU-1", "H100", 1)])


def frame():
    cells = [[1.0, Reason.NOT_SUPPORTED, 3.0], [Reason.TIMEOUT, 5.0, math.nan]]
    return Frame.of_cells(CATALOGUE, GPUS, cells, 100.0)


def test_a_frame_of_cells_is_unknown_exactly_where_it_has_a_reason():
    one = frame()
    assert (np.isnan(one.values) == (one.reasons != Reason.KNOWN)).all()
    assert one.reason("gpu_b", "GPU-0") is Reason.NOT_SUPPORTED
    assert one.reason("gpu_c", "GPU-1") is Reason.FAILED  # a NaN that nobody explained
    assert one.value("gpu_b", "GPU-1") == 5.0


def test_what_is_not_in_a_frame_is_unknown_for_a_reason():
    one = frame()
    assert math.isnan(one.value("gpu_z", "GPU-0"))
    assert math.isnan(one.value("gpu_a", "GPU-9"))
    assert one.reason("gpu_z", "GPU-0") is Reason.NOT_SUPPORTED
    assert one.reason("gpu_a", "GPU-9") is Reason.GONE
    assert np.isnan(one.row("gpu_z")).all()
    assert one.row("gpu_z").shape == (2,)


def test_a_value_knows_its_age():
    one = frame()
    assert one.age("gpu_a", "GPU-0", 130.0) == 30.0
    assert math.isnan(one.age("gpu_z", "GPU-0", 130.0))
    unknown = Frame.unknown(CATALOGUE, GPUS, Reason.NOT_YET)
    assert math.isnan(unknown.age("gpu_a", "GPU-0", 130.0))


def test_only_cadences_of_the_catalogue_are_read():
    assert frame().read_at.shape == (CADENCES, 2)
    read = [cadence for cadence in Cadence if not np.isnan(frame().read_at[cadence]).any()]
    assert read == [Cadence.FAST, Cadence.SLOW, Cadence.INVENTORY]


def test_a_sealed_frame_cannot_be_changed():
    one = frame()
    for array in (one.values, one.reasons, one.read_at):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0


def test_an_unknown_frame_is_open_and_knows_nothing():
    one = Frame.unknown(CATALOGUE, GPUS, Reason.NOT_YET)
    assert np.isnan(one.values).all()
    assert (one.reasons == Reason.NOT_YET).all()
    one.values[0, 0] = 1.0


def test_a_struck_frame_keeps_the_inventory_and_what_is_not_supported():
    struck = frame().struck(Reason.DEVICE_LOST)
    assert struck.value("gpu_c", "GPU-0") == 3.0
    assert struck.reason("gpu_a", "GPU-0") is Reason.DEVICE_LOST
    assert struck.reason("gpu_b", "GPU-0") is Reason.NOT_SUPPORTED
    assert struck.reason("gpu_c", "GPU-1") is Reason.FAILED
    assert (np.isnan(struck.values) == (struck.reasons != Reason.KNOWN)).all()
    assert not struck.values.flags.writeable
    assert frame().value("gpu_a", "GPU-0") == 1.0


def test_a_frame_of_nobody_is_a_frame():
    one = Frame.of_cells(CATALOGUE, NOBODY, (), 1.0)
    assert one.values.shape == (3, 0)
    assert one.struck(Reason.TIMEOUT).kind is Kind.GPU


def test_entities_are_found_by_id():
    assert GPUS.position == {"GPU-0": 0, "GPU-1": 1}
    assert GPUS.get("GPU-1") is GPUS[1]
    assert GPUS.get("GPU-9") is None
    assert [one.id for one in GPUS] == ["GPU-0", "GPU-1"]
    assert len(NOBODY) == 0


def test_entities_are_compared_by_identity():
    assert Entity("a", "a") != Entity("a", "a")
    assert Entities(GPUS.all) != GPUS


def test_labels_cannot_be_changed_by_default():
    with pytest.raises(TypeError):
        Entity("a", "a").labels["x"] = "y"


def test_a_catalogue_finds_its_metrics():
    assert CATALOGUE["gpu_b"].cadence is Cadence.SLOW
    assert "gpu_b" in CATALOGUE
    assert "gpu_z" not in CATALOGUE
    assert CATALOGUE.get("gpu_z") is None
    assert [one.name for one in CATALOGUE.only(Cadence.SLOW)] == ["gpu_b"]


STATE = metric("gpu_s", unit=Unit.STATE, words=((0, "off"), (1, "on")))
FLAGS = metric("gpu_f", unit=Unit.FLAGS, words=((1, "idle"), (4, "hot")))


@pytest.mark.parametrize(
    ("one", "value", "word"),
    [
        (STATE, 1.0, "on"),
        (STATE, 7.0, "7"),
        (STATE, math.nan, ""),
        (STATE, math.inf, "inf"),
        (FLAGS, 0.0, "none"),
        (FLAGS, 5.0, "idle, hot"),
        (FLAGS, math.nan, ""),
        (FLAGS, math.inf, "inf"),
    ],
)
def test_states_and_flags_have_words(one, value, word):
    assert one.word(value) == word


def test_a_flag_without_a_name_is_not_passed_over():
    assert FLAGS.word(20.0) == "hot, 0x10"
    assert FLAGS.word(16.0) == "0x10"


def test_every_reason_has_a_label_and_a_mark_of_at_most_four_cells():
    assert set(MARKS) == set(Reason)
    assert all(len(reason.mark) <= 4 for reason in Reason)
    assert Reason.NOT_SUPPORTED.label == "NotSupported"


def test_the_numbers_of_reasons_and_cadences_are_those_that_recordings_hold():
    assert [reason.name for reason in sorted(Reason)] == [
        "KNOWN",
        "NOT_YET",
        "NOT_SUPPORTED",
        "NO_PERMISSION",
        "DEVICE_LOST",
        "TIMEOUT",
        "FAILED",
        "ASLEEP",
        "HIDDEN",
        "GONE",
    ]
    assert [cadence.name for cadence in sorted(Cadence)] == [
        "FAST",
        "NORMAL",
        "SLOW",
        "INVENTORY",
        "EVENTS",
    ]
