"""History: three tiers, slots that change hands, views that stay true."""

import math
from itertools import pairwise
from statistics import fmean, median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.history import History
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.store import history
from tuimon.store.history import LIMITS, ONLY_KEPT, TIERS, Store
from tuimon.units import Unit

T0 = 1_760_000_040.0  # a whole number of minutes, so that steps begin at it
LOAD = "disk_load_ratio"


def gauge(name, kind, cadence=Cadence.FAST, unit=Unit.RATIO):
    return Metric(name, kind, unit, Type.GAUGE, "T", "Help.", cadence)


def catalogue(kind, *names):
    return Catalogue(kind, [gauge(name, kind) for name in names])


DISK = catalogue(Kind.DISK, LOAD)
EVERYBODY = {name: Entity(name, name) for name in "abcdef"}


def frame(cells, at=0.0, names=DISK):
    """Return a frame of one row: entity name to value."""
    entities = Entities(EVERYBODY.setdefault(name, Entity(name, name)) for name in cells)
    return Frame.of_cells(names, entities, [[value] * len(names) for value in cells.values()], at)


def put(store, at, cells, names=DISK):
    store.append(T0 + at, {names.kind: frame(cells, T0 + at, names)})


def series(store, entity, since=-math.inf, metric=LOAD, kind=Kind.DISK):
    found = store.view().series(kind, metric, entity, T0 + since)
    return list(found.times - T0), [float(value) for value in found.values], found.step


@pytest.fixture
def short(monkeypatch):
    """Tiers so short that they wrap within a test."""
    monkeypatch.setattr(history, "TIERS", ((0.0, 20), (10.0, 12), (60.0, 5)))


def test_the_view_is_a_history():
    view: History = Store().view()
    assert len(view.series(Kind.GPU, "gpu_power_watts", "x", 0.0).times) == 0
    assert np.isnan(view.grid(Kind.GPU, "gpu_power_watts", ["x"], T0, 1.0, 3)).all()


def test_a_series_is_what_was_appended():
    store = Store()
    for at in range(5):
        put(store, at, {"a": at / 4, "b": math.nan if at == 2 else 1.0})
    assert series(store, "a") == ([0, 1, 2, 3, 4], [0, 0.25, 0.5, 0.75, 1], 0.0)
    assert series(store, "a", since=2.5)[0] == [3, 4]
    assert math.isnan(series(store, "b")[1][2])


@pytest.mark.parametrize(
    ("kind", "metric", "entity"),
    [(Kind.DISK, LOAD, "z"), (Kind.DISK, "disk_other", "a"), (Kind.GPU, LOAD, "a")],
)
def test_what_was_never_measured_has_an_empty_series(kind, metric, entity):
    store = Store()
    put(store, 0, {"a": 1.0})
    found = store.view().series(kind, metric, entity, T0)
    assert (len(found.times), len(found.values)) == (0, 0)
    assert np.isnan(store.view().grid(kind, metric, [entity], T0, 1.0, 4)).all()


def test_counters_and_the_inventory_have_no_past():
    kind = Kind.DISK
    names = Catalogue(
        kind,
        [
            gauge(LOAD, kind),
            gauge("disk_size_bytes", kind, Cadence.INVENTORY),
            Metric("disk_reads_total", kind, Unit.COUNT, Type.COUNTER, "R", "Reads."),
        ],
    )
    store = Store()
    put(store, 0, {"a": 1.0}, names)
    assert set(store._shelves[kind].position) == {LOAD}


def test_of_processes_only_what_is_drawn_is_kept_and_gpu_processes_are_theirs():
    store = Store()
    put(store, 0, {"a": 1.0}, catalogue(Kind.PROCESS, "process_threads", "process_cpu_ratio"))
    put(store, 0, {"a": 1.0}, catalogue(Kind.GPU_PROCESS, "gpu_process_memory_bytes"))
    assert set(store._shelves) == {Kind.PROCESS}
    assert set(store._shelves[Kind.PROCESS].position) == {"process_cpu_ratio"}
    for kind, names in ONLY_KEPT.items():
        assert all(name.startswith(f"{kind.value}_") for name in names)


def test_a_view_never_changes_whatever_is_appended_later(short):
    store = Store()
    for at in range(15):
        put(store, at, {"a": at})
    view = store.view()
    one = view.series(Kind.DISK, LOAD, "a", -math.inf)
    grid = view.grid(Kind.DISK, LOAD, ["a", "b"], T0 + 15, 1.0, 15)
    for at in range(15, 400):
        put(store, at, {"a": -1, "b": -1} if at % 2 else {"b": -2, "c": 0, "a": -3})
    again = view.series(Kind.DISK, LOAD, "a", -math.inf)
    assert np.array_equal(one.times, again.times)
    assert np.array_equal(one.values, again.values)
    assert np.array_equal(
        grid, view.grid(Kind.DISK, LOAD, ["a", "b"], T0 + 15, 1.0, 15), equal_nan=True
    )


def test_the_finest_tier_that_reaches_back_is_taken(short):
    store = Store()
    for at in range(600):
        put(store, at, {"a": 1.0})
    steps = [series(store, "a", since)[2] for since in (590, 581, 500, 490, 350, 0)]
    assert steps == [0.0, 0.0, 10.0, 10.0, 60.0, 60.0]


def test_while_nothing_was_dropped_the_single_readings_reach_back_to_everything(short):
    store = Store()
    for at in range(18):
        put(store, at, {"a": 1.0})
    assert series(store, "a", -1e6)[2] == 0.0


CELLS = st.dictionaries(
    st.sampled_from("abc"), st.one_of(st.just(math.nan), st.floats(-8, 8, width=16)), max_size=3
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.5, 1, 1, 3, 9, 70]), CELLS), max_size=60))
def test_the_means_of_each_tier_equal_a_plain_slow_version(ticks):
    store, at, readings = Store(), 0.0, []
    for wait, cells in ticks:
        at += wait
        put(store, at, cells)
        if cells or readings:  # the past of a kind begins with its first entity
            readings.append((at, cells))
    shelf = store._shelves.get(Kind.DISK)
    for ring, (step, _) in zip(shelf._rings[1:] if shelf else (), TIERS[1:], strict=False):
        steps = sorted({math.floor(at / step) for at, _ in readings})[:-1]  # the last goes on
        view = ring.view()
        assert list(view.times() - T0) == [(one + 0.5) * step for one in steps]
        for name, owner in shelf._owners.items():
            column = view.column(0, np.array([owner.slot]))[:, 0]
            for found, one in zip(column, steps, strict=True):
                of_step = [cells for at, cells in readings if math.floor(at / step) == one]
                known = [c[name] for c in of_step if name in c and not math.isnan(c[name])]
                expected = np.float32(fmean(known)) if known else np.nan
                assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_an_entity_that_comes_back_has_a_hole_and_its_past():
    store = Store()
    for at, cells in enumerate([{"a": 1.0}, {"b": 5.0}, {"a": 3.0}]):
        put(store, at, cells)
    times, values, _ = series(store, "a")
    assert times == [0, 1, 2]
    assert values[0] == 1.0
    assert math.isnan(values[1])
    assert values[2] == 3.0


def test_a_slot_that_changes_hands_shows_nothing_of_its_last_owner(monkeypatch, short):
    monkeypatch.setattr(history, "LIMITS", {Kind.DISK: 2})
    store = Store()
    for at in range(100):
        put(store, at, {"a": 1.0, "b": 2.0})
    put(store, 100, {"b": 2.0, "c": 3.0})
    put(store, 101, {"b": 2.0, "c": 3.0})
    assert series(store, "a")[0] == []
    assert series(store, "c", 99)[:2] == ([100, 101], [3.0, 3.0])
    for at in range(102, 131):
        put(store, at, {"b": 2.0, "c": 3.0})
    assert series(store, "c", 40)[:2] == ([105, 115, 125], [3.0, 3.0, 3.0])
    grid = store.view().grid(Kind.DISK, LOAD, ["c", "b"], T0 + 130, 10.0, 10)
    assert set(grid[0][~np.isnan(grid[0])]) == {3.0}
    assert set(grid[1][~np.isnan(grid[1])]) == {2.0}


def test_the_longest_unseen_loses_its_slot(monkeypatch):
    monkeypatch.setattr(history, "LIMITS", {Kind.DISK: 3})
    store = Store()
    for at, cells in enumerate(["abc", "bc", "b", "bd"]):
        put(store, at, dict.fromkeys(cells, 1.0))
    assert set(store._shelves[Kind.DISK]._owners) == {"b", "c", "d"}


def test_a_view_made_before_a_slot_changed_hands_still_knows_its_owner(monkeypatch):
    monkeypatch.setattr(history, "LIMITS", {Kind.DISK: 1})
    store = Store()
    put(store, 0, {"a": 1.0})
    view = store.view()
    put(store, 1, {"b": 2.0})
    assert list(view.series(Kind.DISK, LOAD, "a", 0.0).values) == [1.0]
    assert len(view.series(Kind.DISK, LOAD, "b", 0.0).values) == 0


def test_processes_beyond_the_limit_are_the_least(monkeypatch):
    monkeypatch.setattr(history, "LIMITS", {Kind.PROCESS: 4})
    store, names = Store(), catalogue(Kind.PROCESS, "process_cpu_ratio", "process_memory_bytes")
    for at in range(20):  # who matters changes at every tick
        put(store, at, {str(pid): (pid * 7 + at * 13) % 50 + 1.0 for pid in range(50)}, names)
    shelf = store._shelves[Kind.PROCESS]
    assert len(shelf._owners) == len(shelf._last_seen) == 4
    assert sorted(owner.slot for owner in shelf._owners.values()) == [0, 1, 2, 3]


def test_watched_processes_are_kept_before_others(monkeypatch):
    monkeypatch.setattr(history, "LIMITS", {Kind.PROCESS: 4})
    store, names = Store(), catalogue(Kind.PROCESS, "process_cpu_ratio")
    busy = frame({str(pid): float(pid) for pid in range(50)}, T0, names)
    store.append(T0, {Kind.PROCESS: busy}, watched=["0"])
    assert "0" in store._shelves[Kind.PROCESS]._owners


def test_two_crowds_at_the_same_moment_are_no_trouble(monkeypatch):
    monkeypatch.setattr(history, "LIMITS", {Kind.DISK: 2})
    store = Store()
    for cells in ("ab", "cd", "ef"):
        put(store, 0, dict.fromkeys(cells, 1.0))
    assert set(store._shelves[Kind.DISK]._owners) == {"e", "f"}


def test_an_entity_that_is_there_twice_has_one_slot():
    store = Store()
    twice = Entities([EVERYBODY["a"], EVERYBODY["a"]])
    for at in range(3):
        one = Frame.of_cells(DISK, twice, [[1.0], [1.0]], T0 + at)
        store.append(T0 + at, {Kind.DISK: one})
    assert series(store, "a")[1] == [1.0, 1.0, 1.0]


def test_a_clock_that_was_set_back_drops_what_is_ahead_of_it(short):
    store = Store()
    for at in range(100):
        put(store, at, {"a": at})
    view = store.view()
    put(store, 95.5, {"a": -1.0})
    times, values, _ = series(store, "a", 90)
    assert times == [90, 91, 92, 93, 94, 95, 95.5]
    assert values[-1] == -1.0
    assert list(view.series(Kind.DISK, LOAD, "a", T0 + 90).times - T0) == list(range(90, 100))
    for at in range(96, 130):
        put(store, at, {"a": -1.0})
    for _, ring in zip(TIERS, store._shelves[Kind.DISK]._rings, strict=True):
        assert (np.diff(ring.view().times()) > 0).all()


def test_a_clock_that_was_set_back_far_starts_the_past_anew(short):
    store = Store()
    for at in range(100):
        put(store, at, {"a": at, "b": 1})
    put(store, -50_000, {"a": 7.0, "c": 8.0})
    assert series(store, "a")[:2] == ([-50_000], [7.0])
    assert series(store, "c")[:2] == ([-50_000], [8.0])


def test_the_same_metrics_in_another_catalogue_go_on():
    store = Store()
    put(store, 0, {"a": 1.0})
    put(store, 1, {"a": 2.0}, Catalogue(Kind.DISK, DISK.metrics))
    assert series(store, "a")[1] == [1.0, 2.0]


def test_other_metrics_start_the_past_of_their_kind_anew():
    store = Store()
    put(store, 0, {"a": 1.0})
    view = store.view()
    put(store, 1, {"a": 2.0}, catalogue(Kind.DISK, "disk_other_ratio"))
    assert series(store, "a")[0] == []
    assert series(store, "a", metric="disk_other_ratio")[1] == [2.0]
    assert list(view.series(Kind.DISK, LOAD, "a", 0.0).values) == [1.0]


def test_what_float32_cannot_hold_is_infinite_and_no_warning():
    store = Store()
    for at, value in enumerate([1e300, -1e300, math.inf]):
        put(store, at, {"a": value})
    put(store, 11, {"a": 0.0})
    assert series(store, "a")[1] == [math.inf, -math.inf, math.inf, 0.0]


def test_sixteen_gpus_of_sixty_metrics_take_less_than_35_megabytes():
    names = catalogue(Kind.GPU, *(f"gpu_metric_{row}" for row in range(60)))
    gpus = Entities(Entity(f"GPU-{i}", "GPU", i) for i in range(16))
    store, taken = Store(), []
    for minute in range(3700):  # a tick a minute fills every tier
        at = T0 + 60.0 * minute
        store.append(at, {Kind.GPU: Frame.of_cells(names, gpus, (), at)})
        taken.append(store.nbytes)
    rings = store._shelves[Kind.GPU]._rings
    assert [len(ring) for ring in rings] == [rows for _, rows in TIERS]
    assert max(taken) < 35e6
    assert taken[0] < max(taken) / 100
    assert taken[600] < max(taken) / 4


def test_ten_thousand_entities_that_live_shortly_do_not_grow_memory():
    store, taken = Store(), []
    for batch in range(200):
        cells = {f"veth{batch}-{i}": 1.0 for i in range(50)}
        entities = Entities(Entity(name, name) for name in cells)
        at = T0 + 60 * batch
        store.append(at, {Kind.DISK: Frame.of_cells(DISK, entities, [[1.0]] * 50, at)})
        taken.append(store.nbytes)
    shelf = store._shelves[Kind.DISK]
    assert len(shelf._owners) == len(shelf._last_seen) == history.MOST
    widest = max(block.values.shape[1] for ring in shelf._rings for block in ring.view().blocks)
    assert widest == history.MOST
    assert LIMITS[Kind.PROCESS] <= history.MOST


def slow_grid(times, values, end, step, count):
    """Do what `History.grid` promises, one reading after the other."""
    begin = end - step * count
    readings = [(at, one) for at, one in zip(times, values, strict=True) if at >= begin]
    waits = [after[0] - before[0] for before, after in pairwise(readings)]
    usual = median(waits) if waits else step
    steps = [[] for _ in range(count)]
    where = [math.floor((at - usual / 2 - begin) / step) for at, _ in readings]
    for (_, one), place in zip(readings, where, strict=True):
        if 0 <= place < count and not math.isnan(one):
            steps[place].append(one)
    means = [fmean(one) if one else math.nan for one in steps]
    for here, there, wait in zip(where, where[1:], waits, strict=False):
        if here >= 0 and there < count and wait < 1.5 * usual + step:
            means[here + 1 : there] = [means[here]] * (there - here - 1)
    return means


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1.0, 1.0, 1.25, 0.875, 5.0]),
            st.one_of(st.just(math.nan), st.floats(-8, 8, width=16)),
        ),
        max_size=60,
    ),
    st.sampled_from([-3.0, 0.0, 0.3, 7.7]),
    st.sampled_from([0.4, 1.0, 2.5, 7.0]),
    st.integers(1, 40),
)
def test_the_grid_equals_a_plain_slow_version(ticks, ahead, step, count):
    store, at, times, values = Store(), 0.0, [], []
    for wait, value in ticks:
        at += wait
        put(store, at, {"a": value})
        times.append(T0 + at)
        values.append(float(np.float32(value)))
    end = T0 + at + ahead
    found = store.view().grid(Kind.DISK, LOAD, ["z", "a"], end, step, count)
    assert np.isnan(found[0]).all()
    expected = slow_grid(times, values, end, step, count)
    assert found[1] == pytest.approx(expected, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("step", [0.3, 0.5, 1.0, 1.7, 10.0])
def test_a_steady_series_has_no_gap_at_any_step(step):
    store, rng = Store(), np.random.default_rng(3)
    for tick in range(200):
        put(store, tick + rng.uniform(-0.05, 0.05), {"a": 1.0})
    grid = store.view().grid(Kind.DISK, LOAD, ["a"], T0 + 199, step, int(150 / step))
    missing = np.isnan(grid[0])
    edge = math.ceil(1 / step) + 1  # both ends wait for a reading beyond them
    assert not missing[edge:-edge].any()


def test_a_gap_in_the_readings_is_a_gap_in_the_grid():
    store = Store()
    for tick in [*range(20), *range(40, 60)]:
        put(store, tick, {"a": 1.0})
    grid = store.view().grid(Kind.DISK, LOAD, ["a"], T0 + 60, 1.0, 60)
    assert np.isnan(grid[0][22:38]).all()
    assert not np.isnan(grid[0][:19]).any()
