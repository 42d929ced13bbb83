"""From a sample to a state: the same steps for live, simulated and replayed samples."""

import os
import time
from collections import deque
from functools import cache

from tuimon.engine.join import ProcessJoiner
from tuimon.model.metric import Kind
from tuimon.model.sample import Event, Sample
from tuimon.model.source import Interest
from tuimon.model.state import Cost, State
from tuimon.store.history import Store
from tuimon.store.rates import Rates

EVENTS_KEPT = 1000
CLOCK_TOLERANCE = 1.0
"""Seconds by which the two clocks of a sample may disagree about a step before rates start anew."""


class Pipeline:
    """Turns samples into states, one after the other, on one thread."""

    def __init__(self) -> None:
        self.store = Store()
        self._rates = Rates()
        self._joiner = ProcessJoiner()
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._last: Sample | None = None
        self._meter = CostMeter()
        self._tick = 0

    def advance(
        self, sample: Sample, interest: Interest, interval: float, *, replayed: bool = False
    ) -> State:
        """Add a sample to the past and return the state that it makes."""
        began = time.perf_counter()
        self._heed_jumps(sample)
        frames = {kind: self._rates.extend(frame) for kind, frame in sample.frames.items()}
        if (processes := frames.get(Kind.PROCESS)) is not None:
            frames[Kind.PROCESS] = self._joiner.join(processes, frames.get(Kind.GPU_PROCESS))
        self.store.append(sample.at, frames, interest.processes)
        self._events.extend(sample.events)
        self._last = sample
        self._tick += 1
        return State(
            sample=sample,
            frames=frames,
            history=self.store.view(),
            events=tuple(self._events),
            cost=self._meter.read(time.perf_counter() - began),
            interval=interval,
            tick=self._tick,
            replayed=replayed,
        )

    def _heed_jumps(self, sample: Sample) -> None:
        if self._last is None:
            return
        wall = sample.at - self._last.at
        steady = sample.monotonic - self._last.monotonic
        if abs(wall - steady) > CLOCK_TOLERANCE:
            self._rates.forget()


class CostMeter:
    """What this process takes: processor, memory, and the time of a tick."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._at = time.monotonic()
        self._page = os.sysconf("SC_PAGESIZE")

    def read(self, tick: float) -> Cost:
        """Return the cost since the last call."""
        cpu, at = time.process_time(), time.monotonic()
        ratio = (cpu - self._cpu) / (at - self._at) if at - self._at > 0.01 else float("nan")
        self._cpu, self._at = cpu, at
        resident = int(os.pread(_statm(), 64, 0).split()[1]) * self._page
        return Cost(ratio, float(resident), tick)


@cache
def _statm() -> int:
    """Return the descriptor of our own statm, which stays open as long as the program."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
