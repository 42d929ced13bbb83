"""The session: States from the engine's thread, checks from one of their own."""

import asyncio
import threading

import pytest

from tuimon.commands.session import LiveSession
from tuimon.model.check import Check
from tuimon.model.source import Interest


class HandEngine:
    """An engine that publishes what it is told to."""

    def __init__(self):
        self.interval = 1.0
        self.interest = Interest()
        self.failure = None
        self.ended = False
        self.woken = 0
        self.on_end = lambda: None
        self.publish = None

    def subscribe(self, subscriber):
        self.publish = subscriber

    def wake(self):
        self.woken += 1

    def end(self, failure=None):
        self.failure, self.ended = failure, True
        self.on_end()


@pytest.fixture
def engine():
    return HandEngine()


CHECKS = [Check("driver", ok=True, text="it is loaded")]


async def _next(states):
    return await asyncio.wait_for(anext(states), 10)


async def test_a_slow_taker_gets_the_newest_state_only(engine):
    session = LiveSession(engine, lambda: CHECKS)
    engine.publish("one")
    engine.publish("two")
    states = session.states()
    assert await _next(states) == "two"
    threading.Thread(target=engine.publish, args=["three"]).start()
    assert await _next(states) == "three"
    engine.end()
    with pytest.raises(StopAsyncIteration):
        await _next(states)


async def test_the_last_state_is_given_before_the_end(engine):
    session = LiveSession(engine, lambda: CHECKS)
    engine.publish("last")
    engine.end()
    states = session.states()
    assert await _next(states) == "last"
    with pytest.raises(StopAsyncIteration):
        await _next(states)


async def test_what_ended_the_engine_before_anybody_listened_is_raised(engine):
    session = LiveSession(engine, lambda: CHECKS)
    engine.end(RuntimeError("no tick"))
    with pytest.raises(RuntimeError, match="no tick"):
        await _next(session.states())


async def test_what_ended_the_engine_is_raised(engine):
    session = LiveSession(engine, lambda: CHECKS)
    states = session.states()
    threading.Timer(0.05, engine.end, [RuntimeError("no tick")]).start()
    with pytest.raises(RuntimeError, match="no tick"):
        await _next(states)


def test_a_pace_is_kept_within_its_bounds_and_wakes_the_engine(engine):
    session = LiveSession(engine, lambda: CHECKS)
    assert [session.pace(seconds) for seconds in (0.0, 2.0, 1e9)] == [0.1, 2.0, 3600.0]
    assert session.interval == 3600.0
    assert engine.woken == 3


async def test_checks_are_made_in_another_thread(engine):
    seen = []

    def look():
        seen.append(threading.current_thread())
        return CHECKS

    assert await LiveSession(engine, look).checks() == CHECKS
    assert seen[0] is not threading.current_thread()
    assert seen[0].daemon


async def test_checks_that_fail_are_a_check_that_failed(engine):
    def look():
        raise OSError("no /proc")

    (check,) = await asyncio.wait_for(LiveSession(engine, look).checks(), 10)
    assert not check.ok
    assert "no /proc" in check.text


async def test_nobody_need_wait_for_checks_that_hang(engine):
    """The asker is gone when the answer comes: pytest would report an error in loop or thread."""
    gate, done = threading.Event(), threading.Event()

    def look():
        gate.wait(20)
        done.set()
        return CHECKS

    asking = asyncio.ensure_future(LiveSession(engine, look).checks())
    await asyncio.sleep(0)
    asking.cancel()
    failed = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    gate.set()
    await asyncio.to_thread(done.wait, 20)
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not failed


def test_an_answer_after_the_end_of_the_loop_goes_nowhere(engine):
    gate = threading.Event()
    threads = []

    def look():
        threads.append(threading.current_thread())
        gate.wait(20)
        return CHECKS

    async def ask():
        asking = asyncio.ensure_future(LiveSession(engine, look).checks())
        while not threads:
            await asyncio.sleep(0.001)
        asking.cancel()

    asyncio.run(ask())
    gate.set()
    threads[0].join(20)
