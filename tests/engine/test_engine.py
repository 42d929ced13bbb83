"""The engine: samples in, states out, one tick after the other."""

import math
import threading
import time

import pytest

from tuimon.engine import Engine, SteadyClock
from tuimon.engine import clock as clock_module
from tuimon.engine.engine import LONGEST, SHORTEST, checked_interval
from tuimon.engine.feed import Live
from tuimon.errors import UsageError
from tuimon.model.metric import Kind
from tuimon.model.sample import Sample, Status
from tuimon.model.source import Interest


class FakeFeed:
    """Gives so many empty samples; a pause ends when the test says so."""

    replayed = False

    def __init__(self, count: float = math.inf, pause: float = 0.0) -> None:
        self.left = count
        self.length = pause
        self.asked: list[tuple[float, Interest]] = []
        self.closed = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def pause(self, interval: float) -> float:
        return self.length

    def sample(self, interval: float, interest: Interest) -> Sample | None:
        self.asked.append((interval, interest))
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        if self.left <= 0:
            return None
        self.left -= 1
        return Sample(float(len(self.asked)), float(len(self.asked)), {})

    def close(self) -> None:
        self.closed += 1


def ended(engine):
    assert engine._thread is not None
    engine._thread.join(5)
    return not engine._thread.is_alive()


@pytest.mark.parametrize("seconds", [SHORTEST, 1.0, LONGEST])
def test_an_interval_within_its_bounds_is_taken(seconds):
    assert checked_interval(seconds) == seconds


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.05, 4000.0, math.nan, math.inf])
def test_an_impossible_interval_is_misuse(seconds):
    with pytest.raises(UsageError, match="is not possible"):
        checked_interval(seconds)


def test_a_step_gives_its_state_to_everybody_who_subscribed():
    engine, first, second = Engine(FakeFeed(2)), [], []
    engine.subscribe(first.append)
    engine.subscribe(second.append)
    states = [engine.step(), engine.step()]
    assert first == second == states
    assert [state.tick for state in states] == [1, 2]
    assert engine.step() is None


def test_a_recorder_is_given_the_raw_sample_before_the_state_is_made():
    engine, order = Engine(FakeFeed(1)), []
    engine.subscribe(lambda state: order.append(("state", state.sample)))
    engine.record(lambda sample: order.append(("sample", sample)))
    state = engine.step()
    assert order == [("sample", state.sample), ("state", state.sample)]


def test_what_is_looked_at_and_the_interval_reach_the_feed():
    feed = FakeFeed()
    engine = Engine(feed, 2.0)
    engine.step()
    engine.interest = Interest(frozenset(["1-1"]))
    engine.interval = 5.0
    engine.step()
    assert feed.asked[0][0] == 2.0
    assert feed.asked[1] == (5.0, engine.interest)


def test_the_thread_ends_with_the_feed_and_tells():
    feed, ends, ticks = FakeFeed(5), [], []
    engine = Engine(feed)
    engine.subscribe(ticks.append)
    engine.on_end = lambda: ends.append(len(ticks))
    engine.start()
    assert ended(engine)
    assert ends == [5]
    assert engine.ended
    assert engine.failure is None


def test_a_failure_ends_the_thread_and_is_kept():
    feed = FakeFeed()
    feed.error = RuntimeError("oh")
    engine, ends = Engine(feed), []
    engine.on_end = lambda: ends.append(engine.failure)
    engine.start()
    assert ended(engine)
    assert ends == [feed.error]


def test_a_subscriber_that_fails_ends_the_engine_aloud():
    engine = Engine(FakeFeed())

    def broken(state):
        raise KeyError("surface")

    engine.subscribe(broken)
    engine.start()
    assert ended(engine)
    assert isinstance(engine.failure, KeyError)


def test_an_engine_that_is_stopped_ends_at_once_and_closes_its_feed():
    feed, ends = FakeFeed(pause=3600.0), []
    engine = Engine(feed)
    engine.on_end = lambda: ends.append(True)
    engine.start()
    began = time.monotonic()
    engine.stop(timeout=5.0)
    assert time.monotonic() - began < 4
    assert ended(engine)
    assert feed.closed == 1
    assert ends == []  # it was asked to


def test_stopping_does_not_wait_for_a_feed_that_hangs():
    feed = FakeFeed()
    feed.gate.clear()
    engine = Engine(feed)
    engine.start()
    engine.stop(timeout=0.01)
    assert feed.closed == 1
    feed.gate.set()
    assert ended(engine)


def test_an_engine_that_never_began_can_be_stopped():
    feed = FakeFeed()
    Engine(feed).stop()
    assert feed.closed == 1


def test_waking_makes_the_next_tick_now():
    feed, second = FakeFeed(pause=3600.0), threading.Event()
    engine = Engine(feed)
    engine.subscribe(lambda state: second.set() if state.tick == 2 else None)
    engine.start()
    while not feed.asked:
        time.sleep(0.0005)
    engine.wake()
    assert second.wait(5)
    engine.stop()


def test_the_engine_goes_on_while_a_device_hangs(clock, readers, source):
    made = readers(2)
    feed = Live([source(*made)], clock)
    feed.settle(5)
    engine = Engine(feed, 0.4)
    engine.step()
    made[0].gate.clear()
    began = time.monotonic()
    for _ in range(5):
        clock.move(1.0)
        made[1].value += 1
        state = engine.step()
    assert time.monotonic() - began < 5 * 0.4
    assert state.frames[Kind.GPU].value("gpu_power_watts", "GPU-1") == made[1].value
    assert [health.status for health in state.health.values()] == [Status.LATE, Status.OK]
    made[0].gate.set()
    engine.stop()


def test_rates_of_a_live_device_use_the_times_of_its_own_readings(clock, readers, source):
    (reader,) = readers(1)
    feed = Live([source(reader)], clock)
    feed.settle(5)
    engine = Engine(feed, 5.0)
    for energy in (0.0, 900.0):
        reader.value = energy
        state = engine.step()
        clock.move(3.0)
    assert state.frames[Kind.GPU].value("gpu_energy_watts", "GPU-0") == pytest.approx(300.0)
    engine.stop()


def test_the_clock_is_steady_until_it_was_set(monkeypatch):
    wall, steady = [5000.0], [100.0]
    monkeypatch.setattr(clock_module.time, "time", lambda: wall[0])
    monkeypatch.setattr(clock_module.time, "clock_gettime", lambda _: steady[0])
    clock = SteadyClock()
    assert clock.now() == 5000.0
    wall[0], steady[0] = 5010.4, 110.0  # drift of less than a second
    assert not clock.follow()
    assert clock.now() == 5010.0
    wall[0] = 9000.0
    assert clock.now() == 5010.0  # not before somebody follows
    assert clock.follow()
    assert clock.now() == 9000.0
    assert not clock.follow()
