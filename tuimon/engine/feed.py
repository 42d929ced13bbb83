"""Where samples come from: the lanes of live sources. Replay is the other feed."""

import random
from collections.abc import Sequence
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
        self, sources: Sequence[Source], clock: Clock, jitter: random.Random | None = None
    ) -> None:
        """Begin to open all sources.

        Args:
            sources: Of two with the same metric of the same entity the first counts.
            clock: Wall and monotonic time.
            jitter: If given, each tick comes at a random phase of its interval, so that a periodic
                load cannot stay in step with the sampling.
        """
        wholes = catalogues(metric for source in sources for metric in source.metrics)
        self._clock = clock
        self._jitter = jitter
        self._done: SimpleQueue[Lane] = SimpleQueue()
        self._joiner = Joiner(wholes)
        self._supervisors = [Supervisor(one, wholes, clock, self._done) for one in sources]
        self._turn = clock.monotonic()
        self._missed = 0

    def pause(self, interval: float) -> float:
        """See `Feed.pause`. A turn that has passed is skipped and counted, never made up for."""
        now = self._clock.monotonic()
        turn = self._turn + interval
        if turn <= now - interval:
            skipped = int((now - turn) // interval)
            self._missed += skipped
            turn += skipped * interval
        self._turn = turn
        phase = self._jitter.random() * interval if self._jitter else 0.0
        return max(turn + phase - now, 0.0)

    def settle(self, timeout: float) -> None:
        """Wait until every source is opened or has failed to, at most *timeout* seconds."""
        import time

        end = self._clock.monotonic() + timeout
        while self._clock.monotonic() < end:
            for supervisor in self._supervisors:
                supervisor.tend()
            if all(supervisor.settled for supervisor in self._supervisors):
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
        for supervisor in self._supervisors:
            supervisor.tend()
        self._await(interval, interest, always)
        now = self._clock.monotonic()
        outcomes = [one for s in self._supervisors for one in s.outcomes(now, max(interval, 1.0))]
        frames = self._joiner.join([outcome.frames for outcome in outcomes])
        events: list[Event] = []
        for supervisor in self._supervisors:
            for lane in supervisor.lanes:
                events += lane.events()
        health = {outcome.health.lane: outcome.health for outcome in outcomes}
        missed, self._missed = self._missed, 0
        return Sample(at, began, frames, tuple(events), health, missed)

    def _await(self, interval: float, interest: Interest, always: frozenset[Cadence]) -> None:
        """Ask every lane, and wait for those that usually answer in time."""
        began = self._clock.monotonic()
        patience = PATIENCE * interval
        waiting = set[Lane]()
        for supervisor in self._supervisors:
            for lane in supervisor.lanes:
                usual = lane.outcome.health.latency
                if lane.ask(began, interest, always) and not usual > patience:
                    waiting.add(lane)
        end = began + patience
        while waiting:
            try:
                waiting.discard(self._done.get(timeout=max(end - self._clock.monotonic(), 0.0)))
            except Empty:
                return

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
