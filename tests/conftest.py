"""Builders that tests of several rooms share: a State of a simulated machine, at a fixed moment."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tuimon.engine import Engine, Live
from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Health, Sample, Status
from tuimon.model.state import Cost, State
from tuimon.sources.simulated import NONE, Script, SimulatedSource

T0 = 1_790_000_000.0
PATIENT = 20.0
"""Interval that the engine is told, so that it waits for a lane however busy the machine is."""


class HandClock:
    """Wall and monotonic time that stand still until they are moved."""

    def __init__(self) -> None:
        self.wall = T0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.wall - T0 + 1000.0

    def follow(self) -> bool:
        return False


@cache
def _states(gpus: int, kind: str, seconds: int, script: Script, seed: int) -> tuple[State, ...]:
    clock = HandClock()
    feed = Live([SimulatedSource(gpus, kind, seed, clock.now, script)], clock)
    engine = Engine(feed, PATIENT)
    feed.settle(60)
    states = []
    for _ in range(seconds):
        clock.wall += 1.0
        state = engine.step()
        assert state is not None
        states.append(steadied(state))
    engine.stop()
    return tuple(states)


def steadied(state: State) -> State:
    """Return a state whose own cost and interval do not depend on the machine that tests run on."""
    health = {lane: replace(one, latency=0.0004, cpu=0.01) for lane, one in state.health.items()}
    return replace(
        state,
        sample=replace(state.sample, health=health),
        cost=Cost(0.012, 60 * 2.0**20, 0.004),
        interval=1.0,
    )


class Machine:
    """Makes States of simulated machines; those that were made before are given again."""

    def states(
        self,
        gpus: int = 8,
        seconds: int = 40,
        kind: str = "h100",
        script: Script = NONE,
        seed: int = 1,
    ) -> tuple[State, ...]:
        return _states(gpus, kind, seconds, script, seed)

    def state(self, gpus: int = 8, **more: object) -> State:
        return self.states(gpus, **more)[-1]  # type: ignore[arg-type]

    @staticmethod
    def without(state: State, *kinds: Kind) -> State:
        """Return a state that lacks some kinds of entities."""
        left = {kind: frame for kind, frame in state.frames.items() if kind not in kinds}
        return replace(state, frames=left)

    @staticmethod
    def missing(state: State, kind: Kind, reason: Reason, *columns: int) -> State:
        """Return a state in which nothing but the inventory is known of some entities."""
        frame = state.frames[kind]
        where = list(columns) or list(range(len(frame.entities)))
        rows = [at for at, m in enumerate(frame.catalogue) if m.cadence is not Cadence.INVENTORY]
        values, reasons = frame.values.copy(), frame.reasons.copy()
        values[np.ix_(rows, where)] = np.nan
        reasons[np.ix_(rows, where)] = reason
        struck = replace(frame, values=values, reasons=reasons).sealed()
        return replace(state, frames={**state.frames, kind: struck})

    @staticmethod
    def changed(state: State, kind: Kind, name: str, value: float, column: int = 0) -> State:
        """Return a state with another value of one metric; NaN is a value that failed."""
        frame = state.frames[kind]
        values, reasons = frame.values.copy(), frame.reasons.copy()
        row = frame.catalogue.position[name]
        values[row, column] = value
        reasons[row, column] = Reason.FAILED if np.isnan(value) else Reason.KNOWN
        fresh = replace(frame, values=values, reasons=reasons).sealed()
        return replace(state, frames={**state.frames, kind: fresh})

    @staticmethod
    def renamed(state: State, name: str, *kinds: Kind) -> State:
        """Return a state in which everything of some kinds has one name, and all its labels too."""
        frames = dict(state.frames)
        for kind in kinds:
            frame = frames[kind]
            named = Entities(
                replace(one, name=name, labels=dict.fromkeys(one.labels, name))
                for one in frame.entities
            )
            frames[kind] = replace(frame, entities=named)
        return replace(state, frames=frames)

    @staticmethod
    def labelled(state: State, kind: Kind, **labels: str) -> State:
        """Return a state in which every entity of a kind has more labels."""
        frame = state.frames[kind]
        told = Entities(replace(one, labels={**one.labels, **labels}) for one in frame.entities)
        return replace(state, frames={**state.frames, kind: replace(frame, entities=told)})

    @staticmethod
    def ailing(state: State, lane: str, status: Status, text: str) -> State:
        """Return a state in which one lane is not well."""
        health = {**state.health, lane: Health(lane, status, text, state.at)}
        return replace(state, sample=replace(state.sample, health=health))

    @staticmethod
    def empty(state: State) -> State:
        """Return the state before anything was read."""
        sample: Sample = replace(state.sample, frames={}, health={})
        return replace(state, sample=sample, frames={}, cost=Cost(float("nan"), 0.0, 0.0))

    @staticmethod
    def frame(state: State, kind: Kind) -> Frame:
        return state.frames[kind]


@pytest.fixture(scope="session")
def machine() -> Machine:
    return Machine()


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Put this process into UTC, for pictures with a clock in them."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a skipped test has failed, unless it needs a GPU: there it is known what is there."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("TUIMON_CI") == "1" and report.skipped and "gpu" not in item.keywords:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
