"""Boards: readings of several cadences and several lanes become one frame a kind."""

import math

import numpy as np
import pytest

from tuimon.engine.board import Board, Joiner, catalogues
from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.units import Unit


def metric(name, cadence=Cadence.FAST, kind=Kind.GPU):
    return Metric(name, kind, Unit.COUNT, Type.GAUGE, name, "Help.", cadence)


METRICS = (metric("gpu_a"), metric("gpu_b", Cadence.NORMAL), metric("gpu_c", Cadence.INVENTORY))
WHOLES = catalogues(METRICS)
A, B, C = (Catalogue(Kind.GPU, [one]) for one in METRICS)
ALL = Catalogue(Kind.GPU, reversed(METRICS))
ONE, TWO = Entity("GPU-1", "H100", 1), Entity("GPU-2", "H100", 2)


def part(catalogue, value, *entities, at=1.0):
    entities = Entities(entities or (ONE,))
    return Frame.of_cells(catalogue, entities, [[value] * len(catalogue)] * len(entities), at)


def consistent(frame):
    return bool((np.isnan(frame.values) == (frame.reasons != Reason.KNOWN)).all())


def test_of_two_metrics_of_one_name_the_first_counts():
    twin = metric("gpu_a", Cadence.SLOW)
    assert catalogues([*METRICS, twin])[Kind.GPU]["gpu_a"] is METRICS[0]


def test_what_a_reading_leaves_out_keeps_its_value_and_its_age():
    board = Board(WHOLES)
    board.put(part(B, 5.0, at=1.0))
    board.put(part(A, 7.0, at=4.0))
    frame = board.frames()[Kind.GPU]
    assert frame.catalogue is WHOLES[Kind.GPU]
    assert (frame.value("gpu_a", "GPU-1"), frame.value("gpu_b", "GPU-1")) == (7.0, 5.0)
    assert frame.age("gpu_b", "GPU-1", 5.0) == 4.0
    assert frame.reason("gpu_c", "GPU-1") is Reason.NOT_YET
    assert consistent(frame)


def test_a_frame_that_was_handed_out_never_changes():
    board = Board(WHOLES)
    board.put(part(A, 1.0))
    before = board.frames()[Kind.GPU]
    kept = before.values.copy()
    board.put(part(A, 2.0))
    board.put(part(B, 2.0, ONE, TWO))
    board.strike(Reason.TIMEOUT)
    assert np.array_equal(before.values, kept, equal_nan=True)
    for array in (before.values, before.reasons, before.read_at):
        assert not array.flags.writeable


def test_rows_in_another_order_find_their_places():
    board = Board(WHOLES)
    board.put(Frame.of_cells(ALL, Entities([ONE]), [[3.0, 2.0, 1.0]], 1.0))
    frame = board.frames()[Kind.GPU]
    assert [frame.value(one.name, "GPU-1") for one in METRICS] == [1.0, 2.0, 3.0]


def test_entities_that_come_and_go_keep_what_is_known_of_them():
    board = Board(WHOLES)
    board.put(part(B, 5.0, ONE, TWO))
    board.put(part(A, 1.0, TWO))
    assert [one.id for one in board.frames()[Kind.GPU].entities] == ["GPU-2"]
    board.put(part(A, 1.0, Entity("GPU-3", "H100"), TWO))
    frame = board.frames()[Kind.GPU]
    assert frame.value("gpu_b", "GPU-2") == 5.0
    assert frame.reason("gpu_b", "GPU-3") is Reason.NOT_YET
    assert frame.reason("gpu_b", "GPU-1") is Reason.GONE
    assert consistent(frame)


def test_a_strike_leaves_the_inventory_and_what_is_not_supported():
    board = Board(WHOLES)
    board.put(part(C, 9.0))
    board.put(part(A, Reason.NOT_SUPPORTED))
    board.put(part(B, 4.0))
    board.strike(Reason.TIMEOUT)
    frame = board.frames()[Kind.GPU]
    reasons = [frame.reason(one.name, "GPU-1") for one in METRICS]
    assert reasons == [Reason.NOT_SUPPORTED, Reason.TIMEOUT, Reason.KNOWN]
    assert frame.value("gpu_c", "GPU-1") == 9.0
    assert consistent(frame)


def boards(*frames):
    made = []
    for frame in frames:
        board = Board(WHOLES)
        board.put(frame)
        made.append(board.frames())
    return made


def test_lanes_of_one_kind_lie_side_by_side_in_order_of_index():
    frame = Joiner(WHOLES).join(boards(part(A, 2.0, TWO), part(A, 1.0, ONE)))[Kind.GPU]
    assert [one.id for one in frame.entities] == ["GPU-1", "GPU-2"]
    assert list(frame.row("gpu_a")) == [1.0, 2.0]
    assert consistent(frame)


def test_a_single_lane_passes_as_it_is():
    (only,) = boards(part(A, 1.0))
    assert Joiner(WHOLES).join([only])[Kind.GPU] is only[Kind.GPU]


def test_on_the_same_metric_of_the_same_entity_the_first_lane_wins():
    first, second = part(A, 1.0), part(A, 2.0)
    joined = Joiner(WHOLES).join(boards(first, second))[Kind.GPU]
    assert joined.value("gpu_a", "GPU-1") == 1.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_known_value_counts_before_any_reason(order):
    both = boards(part(A, Reason.NOT_SUPPORTED), part(A, 2.0))
    joined = Joiner(WHOLES).join([both[one] for one in order])[Kind.GPU]
    assert joined.value("gpu_a", "GPU-1") == 2.0
    assert joined.reason("gpu_a", "GPU-1") is Reason.KNOWN


def test_a_lane_that_was_struck_takes_nothing_from_a_lane_of_the_same_entity():
    struck, well = boards(part(A, 1.0), part(B, 2.0))
    struck = {kind: frame.struck(Reason.TIMEOUT) for kind, frame in struck.items()}
    joined = Joiner(WHOLES).join([struck, well])[Kind.GPU]
    assert joined.reason("gpu_a", "GPU-1") is Reason.TIMEOUT
    assert joined.value("gpu_b", "GPU-1") == 2.0
    assert consistent(joined)


def test_of_two_reasons_the_first_lane_wins():
    both = boards(part(A, Reason.ASLEEP), part(A, Reason.HIDDEN))
    joined = Joiner(WHOLES).join(both)[Kind.GPU]
    assert joined.reason("gpu_a", "GPU-1") is Reason.ASLEEP


def test_the_entities_are_one_object_while_nobody_comes_or_goes():
    joiner = Joiner(WHOLES)
    first, second = boards(part(A, 1.0, ONE), part(A, 2.0, TWO))
    before = joiner.join([first, second])[Kind.GPU].entities
    assert joiner.join([first, second])[Kind.GPU].entities is before
    (other,) = boards(part(A, 2.0, Entity("GPU-3", "H100", 3)))
    assert joiner.join([first, other])[Kind.GPU].entities is not before


def test_ages_of_lanes_of_one_entity_are_the_youngest():
    joined = Joiner(WHOLES).join(boards(part(A, 1.0, at=3.0), part(B, 1.0, at=5.0)))[Kind.GPU]
    assert joined.age("gpu_a", "GPU-1", 6.0) == 3.0
    assert joined.age("gpu_b", "GPU-1", 6.0) == 1.0
    assert math.isnan(joined.age("gpu_c", "GPU-1", 6.0))
