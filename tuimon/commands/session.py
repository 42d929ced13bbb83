"""The session: what a surface holds of the engine, and nothing else of the program."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from tuimon.engine import Engine
from tuimon.engine.engine import LONGEST, SHORTEST
from tuimon.model.check import Check
from tuimon.model.source import Interest
from tuimon.model.state import State
from tuimon.text import safe


class LiveSession:
    """See `tuimon.model.session.Session`."""

    def __init__(self, engine: Engine, checks: Callable[[], Sequence[Check]]) -> None:
        self._engine = engine
        self._checks = checks
        self._newest: deque[State] = deque(maxlen=1)
        """At most one; a deque, since taking it must not lose what comes at that moment."""
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

        def answer(checks: Sequence[Check]) -> None:
            if not found.done():  # else nobody waits for it any more
                found.set_result(checks)

        def look() -> None:
            try:
                checks = self._checks()
            except Exception as error:  # noqa: BLE001 -- the top of the thread: it is a check too
                text = safe(f"{type(error).__name__}: {error}")
                checks = [Check("checks", ok=False, text=text)]
            with suppress(RuntimeError):  # the loop is closed: we are leaving
                loop.call_soon_threadsafe(answer, checks)

        import threading

        # A daemon thread: a check may hang in the driver, and quitting must not wait for it.
        threading.Thread(target=look, name="checks", daemon=True).start()
        return await found

    async def states(self) -> AsyncIterator[State]:
        """See `Session.states`."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: we are leaving
                loop.call_soon_threadsafe(ready.set)

        self._wake = wake
        while True:
            ended = self._engine.ended  # read before the state, which is published before it
            if self._newest:
                yield self._newest.popleft()
            elif ended:
                if self._engine.failure is not None:
                    raise self._engine.failure
                return
            else:
                await ready.wait()
                ready.clear()

    def _publish(self, state: State) -> None:
        self._newest.append(state)
        self._end()

    def _end(self) -> None:
        if self._wake is not None:
            self._wake()
