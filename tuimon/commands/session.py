"""The session: what a surface holds of the engine, and nothing else of the program."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from tuimon.engine import Engine
from tuimon.engine.engine import LONGEST, SHORTEST
from tuimon.model.check import Check
from tuimon.model.source import Interest
from tuimon.model.state import State


class LiveSession:
    """See `tuimon.model.session.Session`."""

    def __init__(self, engine: Engine, checks: Callable[[], Sequence[Check]]) -> None:
        self._engine = engine
        self._checks = checks
        self._newest: State | None = None
        self._wake: Callable[[], None] | None = None
        engine.subscribe(self._publish)
        engine.on_end = self._end

    @property
    def interval(self) -> float:
        """See `Session.interval`."""
        return self._engine.interval

    def pace(self, interval: float) -> float:
        """See `Session.pace`."""
        self._engine.interval = min(max(interval, SHORTEST), LONGEST)
        self._engine.wake()
        return self._engine.interval

    def watch(self, interest: Interest) -> None:
        """See `Session.watch`."""
        self._engine.interest = interest

    async def checks(self) -> Sequence[Check]:
        """See `Session.checks`."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Check]] = loop.create_future()

        def look() -> None:
            checks = self._checks()
            loop.call_soon_threadsafe(found.set_result, checks)

        import threading

        # A daemon thread: a check may hang in the driver, and quitting must not wait for it.
        threading.Thread(target=look, name="checks", daemon=True).start()
        return await found

    async def states(self) -> AsyncIterator[State]:
        """See `Session.states`."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ready.set)

        self._wake = wake
        while True:
            ended = self._engine.ended  # read before the state, which is published before it
            state, self._newest = self._newest, None
            if state is not None:
                yield state
            elif ended:
                if self._engine.failure is not None:
                    raise self._engine.failure
                return
            else:
                await ready.wait()
                ready.clear()

    def _publish(self, state: State) -> None:
        self._newest = state
        self._end()

    def _end(self) -> None:
        if self._wake is not None:
            self._wake()
