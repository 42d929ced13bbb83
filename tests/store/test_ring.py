"""Rings: the newest rows, and views that stay true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.store.ring import BLOCK, Ring


def filled(ring, count, slots=1, start=0):
    """Append *count* rows at the seconds from *start*; each holds its second."""
    for tick in range(start, start + count):
        ring.append(float(tick), np.full((slots, 1), tick, np.float32))
    return ring


def seen(view, slot=0, since=-np.inf):
    times = view.times(since)
    column = view.column(0, np.array([slot]), since)
    assert len(times) == len(column)
    return list(times), list(column[:, 0])


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 500])
def test_a_ring_holds_its_newest_rows_and_no_more(count):
    ring = filled(Ring(150, 1), count)
    expected = [float(tick) for tick in range(max(count - 150, 0), count)]
    assert seen(ring.view()) == (expected, expected)
    assert len(ring) == len(expected)


def test_a_view_stays_true_while_the_ring_grows_and_wraps():
    ring = filled(Ring(100, 1), 90)
    view = ring.view()
    before = seen(view)
    filled(ring, 1000, start=90)
    assert seen(view) == before


def test_a_view_stays_true_while_the_ring_widens():
    ring = filled(Ring(100, 1), 30)
    view = ring.view()
    before = seen(view)
    ring.append(30.0, np.array([[7.0], [8.0]], np.float32))
    assert seen(view) == before
    times, column = seen(ring.view(), slot=1)
    assert len(times) == 31
    assert np.isnan(column[:-1]).all()
    assert column[-1] == 8


def test_a_slot_that_a_view_does_not_know_is_not_known():
    view = filled(Ring(100, 1), 3).view()
    assert np.isnan(view.column(0, np.array([5]))).all()


def test_a_narrow_row_leaves_the_rest_unknown():
    ring = Ring(10, 1)
    ring.append(0.0, np.array([[1.0], [2.0]], np.float32))
    ring.append(1.0, np.array([[3.0]], np.float32))
    assert np.isnan(seen(ring.view(), slot=1)[1][1])


def test_what_a_view_gives_is_the_takers_own():
    ring = filled(Ring(10, 1), 3)
    view = ring.view()
    view.times()[:] = -1
    view.column(0, np.array([0]))[:] = -1
    assert seen(view) == ([0, 1, 2], [0, 1, 2])


def test_memory_grows_with_what_is_filled():
    ring = Ring(3600, 60)
    filled_rows = []
    for tick in range(3600):
        ring.append(float(tick), np.zeros((4, 60), np.float32))
        filled_rows.append(ring.nbytes)
    one = BLOCK * (4 * 60 * 4 + 8)
    assert filled_rows[0] == one
    assert filled_rows[1799] == 30 * one
    assert filled_rows[-1] == 60 * one


def test_memory_does_not_grow_behind_the_capacity():
    ring = filled(Ring(2 * BLOCK, 1), 2 * BLOCK)
    filled(ring, 10_000, start=2 * BLOCK)
    assert ring.nbytes <= 3 * BLOCK * (4 + 8)


@pytest.mark.parametrize("at", [-1.0, 0.0, 59.0, 60.0, 61.5, 170.0, 999.0])
def test_a_ring_set_back_drops_what_is_ahead_and_its_views_do_not(at):
    ring = filled(Ring(100, 1), 170)
    view = ring.view()
    before = seen(view)
    ring.rewind(at)
    left = [float(tick) for tick in range(170) if tick < at]
    times = seen(ring.view())[0]
    assert times == left[len(left) - len(times) :]
    assert len(times) == min(len(left), 100)
    ring.append(at, np.full((1, 1), -5, np.float32))
    assert seen(view) == before
    assert seen(ring.view())[1][-1] == -5


def test_a_ring_set_back_still_knows_that_it_has_dropped_rows():
    ring = filled(Ring(100, 1), 400)
    ring.rewind(320.0)
    assert ring.view().start > 0
    ring.rewind(0.0)
    assert ring.view().start > 0
    assert ring.view().oldest == np.inf


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 4)), max_size=6),
    st.integers(-5, 400),
)
def test_any_filling_equals_a_plain_list(capacity, parts, since):
    ring, plain, slots = Ring(capacity, 1), [], 0
    for count, width in parts:
        slots = max(slots, width)
        for _ in range(count):
            tick = len(plain)
            ring.append(float(tick), np.full((slots, 1), tick, np.float32))
            plain.append((float(tick), slots))
    kept = [one for one in plain[-capacity:] if one[0] >= since]
    view = ring.view()
    for slot in range(4):
        times, column = seen(view, slot, since)
        assert times == [at for at, _ in kept]
        expected = [at if slot < width else np.nan for at, width in kept]
        assert np.array_equal(column, expected, equal_nan=True)
