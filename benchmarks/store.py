"""What remembering costs: the rings, one tick of the pipeline, a recording.

    python benchmarks/store.py [--quick]

Nothing is read from this machine: the samples come from the simulated source, its clock moved on by
hand. Times are CPU times of the calling thread, medians a call.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count as count_from
from pathlib import Path

import numpy as np

from tuimon.engine import Live
from tuimon.engine.pipeline import Pipeline
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Sample
from tuimon.model.source import Interest
from tuimon.sources.processes.table import CATALOGUE
from tuimon.sources.simulated import SimulatedSource
from tuimon.store.history import TIERS, Store
from tuimon.store.recording import Writer
from tuimon.units import Unit

BEGAN = 1_700_000_000.0
GPUS, METRICS = 16, 60
CROWD, MOVING, SEEN = 5000, 100, 24
"""Processes, those that use CPU in a second, those that the screen shows."""


def cost(call: Callable[[], object], times: int) -> float:
    """Return the median CPU seconds of a call."""
    spent = []
    for _ in range(times):
        began = time.thread_time_ns()
        call()
        spent.append((time.thread_time_ns() - began) / 1e9)
    return statistics.median(spent)


class Steps:
    """A clock that goes on only when it is told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return BEGAN + self.passed

    def monotonic(self) -> float:
        return self.passed

    def follow(self) -> bool:
        return False


def simulated(count: int) -> Iterator[Sample]:
    """Yield samples of the simulated machine, 8 GPUs and all their metrics, one a second."""
    clock = Steps()
    feed = Live([SimulatedSource(clock=clock.now)], clock)
    while not feed.healthy:
        feed.settle(0.0)
        feed.sample(1.0, always=frozenset(Cadence))
        time.sleep(0.01)
    for _ in range(count):
        clock.passed += 1.0
        yield feed.sample(1.0)
    feed.close()


def rings(times: int) -> None:
    """Fill the rings of 16 GPUs with 60 metrics each, then append and look back."""
    catalogue = Catalogue(
        Kind.GPU,
        (
            Metric(f"gpu_{place}_watts", Kind.GPU, Unit.WATTS, Type.GAUGE, "", "")
            for place in range(METRICS)
        ),
    )
    gpus = Entities(Entity(f"GPU-{place}", "", place) for place in range(GPUS))
    values = np.random.default_rng(1).random((METRICS, GPUS))
    frame = Frame(
        catalogue,
        gpus,
        values,
        np.zeros(values.shape, np.uint8),
        np.full((CADENCES, GPUS), BEGAN),
    ).sealed()
    store = Store()
    longest = max(step for step, _ in TIERS)
    rows = max(count for _, count in TIERS)
    for row in range(rows + 1):  # a step of the longest tier each time: all tiers fill at once
        store.append(BEGAN + row * longest, {Kind.GPU: frame})
    end = BEGAN + rows * longest
    at = count_from(end + 1.0)
    append = cost(lambda: store.append(next(at), {Kind.GPU: frame}), times)
    end += times
    ids = [gpu.id for gpu in gpus]
    print(f"rings of {GPUS} GPUs x {METRICS} metrics, full")
    print(f"  memory                             {store.nbytes / 1e6:9.1f} MB")
    print(f"  append                             {append * 1e6:9.1f} us")
    print(f"  view                               {cost(store.view, times) * 1e6:9.1f} us")
    view = store.view()
    for title, step, count in (("a minute", 1.0, 60), ("an hour", 60.0, 60), ("a day", 600.0, 144)):
        asked = partial(view.grid, Kind.GPU, "gpu_7_watts", ids, end, step, count)
        print(f"  grid of {title:26} {cost(asked, times) * 1e6:9.1f} us")


def crowd(ticks: int) -> Iterator[Frame]:
    """Yield frames of 5,000 processes, some of which use CPU and a few of which come and go."""
    chance = np.random.default_rng(2)
    members = [_process(number) for number in range(CROWD)]
    entities = Entities(members)
    values = chance.integers(0, 10**6, (len(CATALOGUE), CROWD)).astype(np.float64)
    read_at = np.full((CADENCES, CROWD), np.nan)
    for tick in range(ticks):
        values, read_at = values.copy(), read_at.copy()
        values[0, chance.integers(0, CROWD, MOVING)] += chance.random(MOVING)
        read_at[Cadence.FAST] = BEGAN + tick
        read_at[Cadence.NORMAL, :: max(60 - tick, 1)] = BEGAN + tick
        if tick % 2:
            gone = int(chance.integers(CROWD))
            members[gone] = _process(CROWD + tick)
            values[:, gone] = 0.0
            entities = Entities(members)
        yield Frame(CATALOGUE, entities, values, np.zeros(values.shape, np.uint8), read_at).sealed()


def _process(number: int) -> Entity:
    labels = {"pid": str(number), "user": "alice", "command": f"python train.py --rank {number}"}
    return Entity(f"{number}-{number * 977}", "python", number, labels)


def crowded(samples: Sequence[Sample]) -> list[Sample]:
    """Return samples with 5,000 processes in place of theirs."""
    return [
        replace(sample, frames={**sample.frames, Kind.PROCESS: frame})
        for sample, frame in zip(samples, crowd(len(samples)), strict=True)
    ]


def ticks(samples: Sequence[Sample], title: str) -> None:
    """Advance a pipeline by every sample; the second half of them counts."""
    pipeline = Pipeline()
    half = len(samples) // 2
    shown = samples[0].frames[Kind.PROCESS].entities.all[:SEEN]
    interest = Interest(frozenset(one.id for one in shown))
    for sample in samples[:half]:
        pipeline.advance(sample, interest, 1.0)
    rest = samples[half:]
    left = iter(rest)
    spent = cost(lambda: pipeline.advance(next(left), interest, 1.0), len(rest))
    print(f"  {title:34} {spent * 1e3:9.2f} ms")


def recorded(samples: Sequence[Sample], title: str) -> None:
    """Write samples to a file, and say what one of them takes."""
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder, "recording"))
        began = time.thread_time()
        for sample in samples:
            writer.write(sample)
        writer.close()
        spent = (time.thread_time() - began) / len(samples)
        size = writer.written / len(samples)
    print(f"  {title:34} {size:9.0f} bytes {spent * 1e3:6.2f} ms")


def cells(frames: Sequence[Frame]) -> int:
    values: list[Floats] = [frame.values for frame in frames]
    return sum(one.size for one in values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer passes")
    options = parser.parse_args()
    count = 60 if options.quick else 300
    rings(200 if options.quick else 1000)
    few = list(simulated(count))
    many = crowded(few)
    frames = few[-1].frames
    print(f"\na tick of the pipeline, 8 GPUs, {cells(list(frames.values()))} cells of the machine")
    ticks(few, f"{len(frames[Kind.PROCESS].entities)} processes")
    ticks(many, f"{CROWD} processes")
    print("\na recorded sample")
    recorded(few, f"{len(frames[Kind.PROCESS].entities)} processes")
    recorded(many, f"64 of {CROWD} processes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
