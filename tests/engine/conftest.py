"""A clock that is moved by hand, and readers that answer, fail or hang when they are told to."""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import pytest

from tuimon.engine.board import catalogues
from tuimon.engine.lane import Lane
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Event, Reading
from tuimon.model.source import NO_INTEREST
from tuimon.units import Unit

T0 = 1_760_000_000.0
FAST, NORMAL, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY


def gpu(name, unit, kind=Type.GAUGE, cadence=FAST):
    return Metric(name, Kind.GPU, unit, kind, "Title", "Help.", cadence)


METRICS = (
    gpu("gpu_power_watts", Unit.WATTS),
    gpu("gpu_energy_joules_total", Unit.JOULES, Type.COUNTER),
    gpu("gpu_pcie_bytes_total", Unit.BYTES, Type.COUNTER, NORMAL),
    gpu("gpu_memory_bytes", Unit.BYTES, Type.GAUGE, INVENTORY),
)
WHOLE = Catalogue(Kind.GPU, METRICS)
PARTS = {cadence: WHOLE.only(cadence) for cadence in (FAST, NORMAL, INVENTORY)}


class HandClock:
    """Wall and monotonic time that stand still until they are moved."""

    def __init__(self) -> None:
        self.wall = T0
        self.steady = 1000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def follow(self) -> bool:
        return False

    def move(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class FakeReader:
    """One GPU: each read gives `value`, raises `error`, or waits while `gate` is closed."""

    cadences: Sequence[Cadence] = (FAST, NORMAL, INVENTORY)

    def __init__(self, clock: HandClock, name: str = "nvml/0", gpu: str = "GPU-0") -> None:
        self.name = name
        self.clock = clock
        self.entities = Entities([Entity(gpu, "H100", int(gpu.rpartition("-")[2]))])
        self.value = 1.0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[Cadence] = []
        self.events: tuple[Event, ...] = ()
        self.closed: list[str] = []

    def read(self, cadence: Cadence, interest: object) -> Reading:
        self.asked.append(cadence)
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        names = PARTS[cadence]
        column = [[self.value] * len(names)]
        frame = Frame.of_cells(names, self.entities, column, self.clock.now())
        events, self.events = self.events, ()
        return Reading((frame,), events)

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)


class FakeSource:
    """Opens to the readers it was given, or raises."""

    metrics = METRICS
    labels = ()

    def __init__(self, *readers: FakeReader, name: str = "nvml") -> None:
        self.name = name
        self.readers = readers
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.opened = 0

    def open(self) -> Sequence[FakeReader]:
        self.opened += 1
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return self.readers


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def reader(clock: HandClock) -> FakeReader:
    return FakeReader(clock)


@pytest.fixture
def readers(clock: HandClock) -> Callable[[int], list[FakeReader]]:
    """Return a maker of readers of as many GPUs, whose gates open at the end."""
    return lambda count: [FakeReader(clock, f"nvml/{i}", f"GPU-{i}") for i in range(count)]


@pytest.fixture
def source() -> type[FakeSource]:
    return FakeSource


class HandLane:
    """A lane whose answers are waited for."""

    def __init__(self, reader: FakeReader, clock: HandClock) -> None:
        self.done: SimpleQueue[Lane] = SimpleQueue()
        self.clock = clock
        self.lane = Lane(reader, catalogues(METRICS), clock, self.done)

    def ask(self, always: frozenset[Cadence] = frozenset()) -> bool:
        return self.lane.ask(self.clock.monotonic(), NO_INTEREST, always)

    def answer(self) -> None:
        assert self.done.get(timeout=5) is self.lane

    def turn(self, seconds: float = 0.0) -> Frame | None:
        """Move the clock, ask, wait for the answer, and return the GPU frame."""
        self.clock.move(seconds)
        assert self.ask()
        self.answer()
        return self.frame

    @property
    def frame(self) -> Frame | None:
        return self.lane.outcome.frames.get(Kind.GPU)


@pytest.fixture
def hand(reader: FakeReader, clock: HandClock):
    """Return a lane of `reader`, driven by hand."""
    made = HandLane(reader, clock)
    yield made
    reader.gate.set()
    made.lane.close()
    made.lane.join(5)
