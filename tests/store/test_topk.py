"""Which processes are worth keeping."""

import numpy as np

from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.store.topk import RANKS, leaders
from tuimon.units import Unit


def processes(count, kind=Kind.PROCESS, **ranks):
    """Return *count* processes, all idle but for the values of `ranks` by column."""
    catalogue = Catalogue(kind, [Metric(n, kind, Unit.COUNT, Type.GAUGE, "", "") for n in RANKS])
    values = np.zeros((len(RANKS), count))
    for name, cells in ranks.items():
        row = RANKS.index(f"process_{name}")
        for column, value in cells.items():
            values[row, column] = value
    entities = Entities(Entity(f"{pid}-1", "p", pid) for pid in range(count))
    zeros = np.zeros(values.shape, np.uint8)
    return Frame(catalogue, entities, values, zeros, np.zeros((CADENCES, count)))


def test_few_are_kept_whole_and_in_order():
    assert leaders(processes(5), 5) == [0, 1, 2, 3, 4]


def test_those_that_are_watched_come_first():
    frame = processes(100, cpu_ratio=dict.fromkeys(range(50), 1.0))
    assert {90, 99} <= set(leaders(frame, 4, ["90-1", "99-1", "gone-1"]))


def test_each_rank_gets_its_places():
    frame = processes(
        100,
        gpu_memory_bytes={90: 1.0, 91: 2.0},
        cpu_ratio={column: column / 100 for column in range(50)},
        memory_bytes={column: float(column) for column in range(50, 80)},
    )
    chosen = leaders(frame, 16)
    assert len(chosen) == 16
    assert {90, 91, 49, 48, 79, 78} <= set(chosen)
    assert chosen == sorted(set(chosen))


def test_nobody_is_chosen_for_nothing():
    assert leaders(processes(100, cpu_ratio={7: 0.5}), 16) == [7]


def test_an_unknown_value_is_no_rank():
    frame = processes(100, cpu_ratio={3: np.nan, 4: 0.1}, memory_bytes={3: np.nan})
    assert leaders(frame, 8) == [4]


def test_there_are_never_more_than_asked_for():
    ones = dict.fromkeys(range(200), 1.0)
    busy = processes(200, cpu_ratio=ones, memory_bytes=ones)
    for count in (0, 1, 2, 3, 7, 199):
        assert len(leaders(busy, count, ["5-1", "6-1", "7-1"])) == count


def test_kinds_without_ranks_keep_their_first():
    assert leaders(processes(9, Kind.CORE), 3) == [0, 1, 2]
