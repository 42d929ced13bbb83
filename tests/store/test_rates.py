"""Rates: a counter's difference by the time between its own readings, once and only here."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.store.rates import Rates, extended, rate_of
from tuimon.units import Unit


def counter(name, cadence=Cadence.FAST, unit=Unit.COUNT):
    return Metric(name, Kind.HOST, unit, Type.COUNTER, "T", "Help.", cadence)


FAST, SLOW = "host_switches_total", "host_sent_bytes_total"
CATALOGUE = Catalogue(
    Kind.HOST,
    [
        counter(FAST),
        Metric("host_load", Kind.HOST, Unit.COUNT, Type.GAUGE, "Load", "Help."),
        counter(SLOW, Cadence.NORMAL, Unit.BYTES),
    ],
)
FAST_RATE, SLOW_RATE = "host_switches_per_second", "host_sent_bytes_per_second"
A, B, C = (Entity(name, name) for name in "abc")
ONE = Entities([A])


def frame(fast, slow=0.0, *, at=0.0, slow_at=0.0, entities=ONE, catalogue=CATALOGUE):
    n = len(entities)
    values = np.array([np.broadcast_to(one, n) for one in (fast, 1.0, slow)], float)
    reasons = np.where(np.isnan(values), np.uint8(Reason.TIMEOUT), np.uint8(0))
    read_at = np.full((CADENCES, n), np.nan)
    read_at[Cadence.FAST], read_at[Cadence.NORMAL] = at, slow_at
    return Frame(catalogue, entities, values, reasons, read_at).sealed()


@pytest.mark.parametrize(
    ("name", "unit", "rate", "rate_unit"),
    [
        ("host_busy_seconds_total", Unit.SECONDS, "host_busy_ratio", Unit.RATIO),
        ("gpu_energy_joules_total", Unit.JOULES, "gpu_energy_watts", Unit.WATTS),
        ("disk_read_bytes_total", Unit.BYTES, "disk_read_bytes_per_second", Unit.BYTES_PER_SECOND),
        ("disk_reads_total", Unit.COUNT, "disk_reads_per_second", Unit.PER_SECOND),
    ],
)
def test_a_rate_is_a_gauge_named_and_measured_after_its_counter(name, unit, rate, rate_unit):
    made = rate_of(counter(name, Cadence.SLOW, unit))
    assert (made.name, made.unit, made.type) == (rate, rate_unit, Type.GAUGE)
    assert made.cadence is Cadence.SLOW


def test_what_is_no_counter_has_no_rate():
    with pytest.raises(ValueError, match="no counter"):
        rate_of(counter("host_load"))


def test_the_catalogue_grows_by_its_rates_once():
    plan = extended(CATALOGUE)
    assert [one.name for one in plan.catalogue][3:] == [FAST_RATE, SLOW_RATE]
    assert extended(CATALOGUE) is plan


def test_a_rate_is_the_difference_by_the_time_between_the_readings():
    rates = Rates()
    rates.extend(frame(100, at=10.0))
    grown = rates.extend(frame(130, at=12.5))
    assert grown.value(FAST_RATE, "a") == pytest.approx(12.0)
    assert grown.value(FAST, "a") == 130


def test_the_first_reading_has_no_rate_yet():
    first = Rates().extend(frame(100, at=10.0))
    assert math.isnan(first.value(FAST_RATE, "a"))
    assert first.reason(FAST_RATE, "a") is Reason.NOT_YET


def test_a_counter_that_was_reset_has_no_rate_until_the_next_reading():
    rates = Rates()
    rates.extend(frame(100, at=1.0))
    assert rates.extend(frame(5, at=2.0)).reason(FAST_RATE, "a") is Reason.NOT_YET
    assert rates.extend(frame(9, at=3.0)).value(FAST_RATE, "a") == pytest.approx(4.0)


def test_a_counter_that_was_not_read_again_keeps_its_rate():
    rates = Rates()
    rates.extend(frame(0, 0, at=0.0, slow_at=0.0))
    rates.extend(frame(0, 30, at=3.0, slow_at=3.0))
    for at in (4.0, 5.0):
        assert rates.extend(frame(0, 30, at=at, slow_at=3.0)).value(SLOW_RATE, "a") == 10.0
    later = rates.extend(frame(0, 90, at=6.0, slow_at=6.0))
    assert later.value(SLOW_RATE, "a") == pytest.approx(20.0)


def test_a_failed_read_leaves_no_rate_but_its_reason():
    rates = Rates()
    rates.extend(frame(1, at=1.0))
    rates.extend(frame(2, at=2.0))
    failed = rates.extend(frame(math.nan, at=3.0))
    assert math.isnan(failed.value(FAST_RATE, "a"))
    assert failed.reason(FAST_RATE, "a") is Reason.TIMEOUT
    assert rates.extend(frame(9, at=4.0)).reason(FAST_RATE, "a") is Reason.NOT_YET
    assert rates.extend(frame(10, at=5.0)).value(FAST_RATE, "a") == pytest.approx(1.0)


def test_entities_that_come_and_go_keep_their_own_rates():
    rates = Rates()
    rates.extend(frame([10, 20], at=1.0, entities=Entities([A, B])))
    grown = rates.extend(frame([7, 25], at=2.0, entities=Entities([C, B])))
    assert grown.value(FAST_RATE, "b") == pytest.approx(5.0)
    assert grown.reason(FAST_RATE, "c") is Reason.NOT_YET
    again = rates.extend(frame([28, 11, 9], at=3.0, entities=Entities([B, A, C])))
    assert again.value(FAST_RATE, "b") == pytest.approx(3.0)
    assert again.value(FAST_RATE, "c") == pytest.approx(2.0)
    assert again.reason(FAST_RATE, "a") is Reason.NOT_YET  # it had gone


def test_nobody_and_then_somebody_is_no_trouble():
    rates = Rates()
    rates.extend(frame([], at=1.0, entities=Entities()))
    assert rates.extend(frame(1, at=2.0)).reason(FAST_RATE, "a") is Reason.NOT_YET


def test_another_catalogue_starts_anew():
    rates = Rates()
    rates.extend(frame(1, at=1.0))
    twin = Catalogue(Kind.HOST, CATALOGUE.metrics)
    assert rates.extend(frame(2, at=2.0, catalogue=twin)).reason(FAST_RATE, "a") is Reason.NOT_YET


def rates_across_a_jump(*reads, rate=10.0):
    """Return the rates of readings behind a jump: pairs of the true time and the stamp."""
    rates = Rates()
    rates.extend(frame(80, at=8.0))
    rates.extend(frame(90, at=9.0))
    rates.forget()
    grown = [rates.extend(frame(true * rate, at=told)) for true, told in reads]
    return [one.value(FAST_RATE, "a") for one in grown]


@pytest.mark.parametrize("step", [3600.0, -3600.0, 2.0, -2.0])
@pytest.mark.parametrize("late", [0, 1, 2], ids=["none", "first", "in flight"])
def test_no_rate_is_made_across_a_jump_of_the_clock(step, late):
    """The sample that saw it may hold a reading of the old clock, and one more may be under way."""
    times = [10.0, 10.4, 12.0, 13.0, 14.0, 15.0]
    reads = [(at, at if number < late else at + step) for number, at in enumerate(times)]
    found = rates_across_a_jump(*reads)
    assert all(math.isnan(rate) or rate == pytest.approx(10.0) for rate in found)
    assert found[-3:] == pytest.approx([10.0] * 3)


def test_who_is_new_behind_a_jump_has_no_rate_across_it_either():
    rates = Rates()
    rates.extend(frame(90, at=9.0))
    rates.forget()
    rates.extend(frame(100, at=3610.0))
    both = Entities([A, B])
    rates.extend(frame([110, 1000], at=10.4, entities=both))
    found = rates.extend(frame([120, 2000], at=3612.0, entities=both))
    assert found.reason(FAST_RATE, "b") is Reason.NOT_YET


def test_a_counter_that_is_read_seldom_makes_no_rate_across_a_jump_either():
    rates = Rates()
    rates.extend(frame(0, 0, at=0.0, slow_at=0.0))
    rates.extend(frame(0, 30, at=3.0, slow_at=3.0))
    rates.forget()
    kept = rates.extend(frame(0, 30, at=3604.0, slow_at=3.0))
    assert kept.value(SLOW_RATE, "a") == pytest.approx(10.0)  # it was right when it was made
    kept = rates.extend(frame(0, 30, at=3605.0, slow_at=3.0))
    assert kept.value(SLOW_RATE, "a") == pytest.approx(10.0)
    for at in (5.9, 3609.0):  # the first was under way when the clock was set
        found = rates.extend(frame(0, at * 10, at=3609.0, slow_at=at))
        assert found.reason(SLOW_RATE, "a") is Reason.NOT_YET
    later = rates.extend(frame(0, 36120, at=3612.0, slow_at=3612.0))
    assert later.value(SLOW_RATE, "a") == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("upto", "rate", "told"),
    [("1", 1.0002, 1.0), ("1", 1.019, 1.0), ("1", 1.05, 1.05), ("1", 0.99, 0.99), ("", 1.01, 1.01)],
)
def test_a_share_is_not_above_one_by_the_jitter_of_timers(upto, rate, told):
    busy = "host_busy_seconds_total"
    metric = Metric(busy, Kind.HOST, Unit.SECONDS, Type.COUNTER, "T", "Help.", upto=upto)
    catalogue = Catalogue(Kind.HOST, [metric])
    rates = Rates()
    rates.extend(Frame.of_cells(catalogue, ONE, [[0.0]], 10.0))
    grown = rates.extend(Frame.of_cells(catalogue, ONE, [[rate]], 11.0))
    assert grown.value("host_busy_ratio", "a") == pytest.approx(told)


def test_what_leaves_cannot_be_changed_and_what_came_is_left_alone():
    rates = Rates()
    raw = frame(1, at=1.0)
    grown = rates.extend(raw)
    assert raw.values.shape == (3, 1)
    with pytest.raises(ValueError, match="read-only"):
        grown.values[0, 0] = 2


def test_a_frame_without_counters_passes_as_it_is():
    gauges = Catalogue(Kind.HOST, [CATALOGUE["host_load"]])
    raw = Frame.of_cells(gauges, ONE, [[1.0]], 1.0)
    assert Rates().extend(raw) is raw


CELLS = st.one_of(st.none(), st.integers(0, 1000))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), CELLS, max_size=4), min_size=2, max_size=8)
)
def test_rates_equal_a_plain_slow_version(ticks):
    rates, everybody = Rates(), {name: Entity(name, name) for name in "abcd"}
    last: dict[str, int | None] = {}
    for at, cells in enumerate(ticks):
        entities = Entities(everybody[name] for name in cells)
        counts = [math.nan if count is None else count for count in cells.values()]
        grown = rates.extend(frame(counts, at=float(at), entities=entities))
        for name, count in cells.items():
            before = last.get(name)
            known = count is not None and before is not None and count >= before
            value = grown.value(FAST_RATE, name)
            assert value == count - before if known else math.isnan(value)
        assert (np.isnan(grown.values) == (grown.reasons != Reason.KNOWN)).all()
        last = dict(cells)
