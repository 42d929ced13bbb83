"""Where samples come from: the lanes of live sources. Replay is the other feed."""

import math
import random
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from tuimon.engine.board import Joiner, catalogues
from tuimon.engine.clock import Clock
from tuimon.engine.lane import Lane
from tuimon.engine.supervisor import Supervisor
from tuimon.model.metric import Cadence
from tuimon.model.sample import Event, Sample, Status
from tuimon.model.source import NO_INTEREST, Interest, Source

PATIENCE = 0.5
"""Share of the interval for which a tick waits for lanes that are as quick as usual."""
MOST_PATIENCE = 1.0
"""Seconds that a tick waits at most, however long the interval."""
EARLY, EARLY_TICKS = 0.2, 3
"""Seconds between the first ticks, and how many of them."""
QUICK = 0.010
"""Seconds within which a lane's last answer came, so that it is asked in turn."""
NEVER = frozenset[Cadence]()


class Feed(Protocol):
    """Gives one sample after the other to the engine, on the engine's thread."""

    replayed: bool
    """Whether the samples are from a recording."""

    def pause(self, interval: float) -> float:
        """Return seconds to wait before the next sample."""
        ...

    def sample(self, interval: float, interest: Interest) -> Sample | None:
        """Return the next sample; None when there will be no more."""
        ...

    def close(self) -> None:
        """Give back what is held; must not wait for a device."""
        ...


class Live:
    """Samples of live sources, each reader in a lane of its own."""

    replayed = False

    def __init__(
        self,
        sources: Sequence[Source],
        clock: Clock,
        jitter: random.Random | None = None,
        early: int = EARLY_TICKS,
    ) -> None:
        """Begin to open all sources.

        Args:
            sources: Of two with the same metric of the same entity the first counts.
            clock: Wall and monotonic time.
            jitter: If given, each tick comes at a random phase of its interval, so that a periodic
                load cannot stay in step with the sampling.
            early: How many of the first ticks come quickly.
        """
        wholes = catalogues(metric for source in sources for metric in source.metrics)
        self._clock = clock
        self._jitter = jitter
        self._done: SimpleQueue[Lane] = SimpleQueue()
        self._joiner = Joiner(wholes)
        self._supervisors = [Supervisor(one, wholes, clock, self._done) for one in sources]
        self._turn = math.nan
        """Monotonic time of the tick that is next or under way; NaN before the first."""
        self._missed = 0
        self._early = early

    def pause(self, interval: float) -> float:
        """See `Feed.pause`. A turn that has passed is skipped and counted, never made up for.

        The first ticks come quickly, so that what opens a moment later is shown a moment later.
        """
        now = self._clock.monotonic()
        if self._early and interval > EARLY:
            self._early -= 1
            self._turn = now + EARLY
            return EARLY
        last = now if math.isnan(self._turn) else self._turn
        turn = min(last + interval, now + interval)  # the interval may have become shorter
        if turn <= now - interval:
            skipped = int((now - turn) // interval)
            self._missed += skipped
            turn += skipped * interval
        self._turn = turn
        phase = self._jitter.random() * interval if self._jitter else 0.0
        return max(turn + phase - now, 0.0)

    def settle(self, timeout: float) -> None:
        """Wait until every source is opened or has failed to, at most *timeout* real seconds."""
        self._wait(timeout, lambda: all(one.settled for one in self._supervisors))

    def answered(self, timeout: float) -> None:
        """Wait until every lane has answered once, at most *timeout* real seconds."""
        lanes = [lane for supervisor in self._supervisors for lane in supervisor.lanes]
        self._wait(timeout, lambda: not any(lane.busy for lane in lanes))

    def _wait(self, timeout: float, done: Callable[[], bool]) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for supervisor in self._supervisors:
                supervisor.tend()
            if done():
                return
            time.sleep(0.002)

    def sample(
        self, interval: float, interest: Interest = NO_INTEREST, always: frozenset[Cadence] = NEVER
    ) -> Sample:
        """See `Feed.sample`.

        Args:
            interval: Seconds between ticks: bounds how long is waited, and when a lane is late.
            interest: What is looked at.
            always: Cadences to read now whether due or not.
        """
        self._clock.follow()
        at, began = self._clock.now(), self._clock.monotonic()
        if math.isnan(self._turn):
            self._turn = began
        for supervisor in self._supervisors:
            supervisor.tend()
        self._await(interval, interest, always)
        now = self._clock.monotonic()
        outcomes = [one for s in self._supervisors for one in s.outcomes(now, max(interval, 1.0))]
        frames = self._joiner.join([outcome.frames for outcome in outcomes])
        events: list[Event] = []
        for supervisor in self._supervisors:
            events += supervisor.events()
        health = {outcome.health.lane: outcome.health for outcome in outcomes}
        missed, self._missed = self._missed, 0
        return Sample(at, began, frames, tuple(events), health, missed)

    def _await(self, interval: float, interest: Interest, always: frozenset[Cadence]) -> None:
        """Ask every lane, and wait for those that usually answer in time.

        Quick lanes are asked one after the other: at once they would only take turns at the
        interpreter, which costs more than what they do. Slow ones are asked first and all together.
        """
        began = self._clock.monotonic()
        end = began + min(PATIENCE * interval, MOST_PATIENCE)
        for _ in range(self._done.qsize()):
            self._done.get()  # who answered after the last tick had gone on
        lanes = [lane for supervisor in self._supervisors for lane in supervisor.lanes]
        usual = {lane: lane.outcome.health.latency for lane in lanes}
        quick = [lane for lane in lanes if usual[lane] < QUICK]
        waiting = set[Lane]()
        for lane in lanes:
            asked = not usual[lane] < QUICK and lane.ask(began, interest, always)
            if asked and not usual[lane] > end - began:
                waiting.add(lane)
        for lane in quick:
            if lane.ask(began, interest, always):
                waiting.add(lane)
                self._collect(waiting, min(self._clock.monotonic() + QUICK, end), lane)
        self._collect(waiting, end)

    def _collect(self, waiting: set[Lane], until: float, wanted: Lane | None = None) -> None:
        """Wait for all of *waiting*, or for the one that is *wanted*, until a monotonic time."""
        while waiting if wanted is None else wanted in waiting:
            try:
                lane = self._done.get(timeout=max(until - self._clock.monotonic(), 0.0))
            except Empty:
                return
            if not lane.busy:  # else this is its late answer to an earlier tick
                waiting.discard(lane)

    @property
    def healthy(self) -> bool:
        """Whether every lane is well."""
        now = self._clock.monotonic()
        outcomes = [one for s in self._supervisors for one in s.outcomes(now, 1.0)]
        return all(outcome.health.status is Status.OK for outcome in outcomes)

    def close(self) -> None:
        """See `Feed.close`."""
        for supervisor in self._supervisors:
            supervisor.close()
