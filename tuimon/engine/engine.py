"""The engine's thread: one tick after the other, never two at once, never waiting for a device."""

import math
import threading
from collections.abc import Callable

from tuimon.engine.feed import Feed
from tuimon.engine.pipeline import Pipeline
from tuimon.errors import UsageError
from tuimon.model.sample import Sample
from tuimon.model.source import NO_INTEREST, Interest
from tuimon.model.state import State

SHORTEST, LONGEST = 0.1, 3600.0
"""Seconds between ticks that are allowed."""
Subscriber = Callable[[State], None]


def checked_interval(seconds: float) -> float:
    """Return *seconds* if they can be an interval.

    Raises:
        UsageError: They cannot.
    """
    if not math.isfinite(seconds) or not SHORTEST <= seconds <= LONGEST:
        raise UsageError(
            f"an interval of {seconds:g} s is not possible: give {SHORTEST:g} to {LONGEST:g} s"
        )
    return seconds


class Engine:
    """Takes samples from a feed and publishes states to whoever subscribed.

    `step` is for callers who keep time themselves; `start` runs a daemon thread that does.
    """

    def __init__(self, feed: Feed, interval: float = 1.0) -> None:
        self.interval = interval
        """Seconds between ticks; may be set at any time and counts from the next tick on."""
        self.interest: Interest = NO_INTEREST
        self.failure: Exception | None = None
        """What ended the thread, if it was not asked to end."""
        self._feed = feed
        self._pipeline = Pipeline()
        self._subscribers: list[Subscriber] = []
        self._recorders: list[Callable[[Sample], None]] = []
        self.on_end: Callable[[], None] = lambda: None
        """Called on the engine's thread when it ends of itself."""
        self.ended = False
        self._stop = False
        self._turn = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call *subscriber* with every new state, on the engine's thread; it must not wait."""
        self._subscribers.append(subscriber)

    def record(self, recorder: Callable[[Sample], None]) -> None:
        """Call *recorder* with every raw sample, on the engine's thread."""
        self._recorders.append(recorder)

    def step(self) -> State | None:
        """Make one tick now; return its state, or None when the feed has ended."""
        sample = self._feed.sample(self.interval, self.interest)
        return None if sample is None else self.advance(sample)

    def advance(self, sample: Sample) -> State:
        """Make a state of a sample and publish it."""
        for recorder in self._recorders:
            recorder(sample)
        state = self._pipeline.advance(
            sample, self.interest, self.interval, replayed=self._feed.replayed
        )
        for subscriber in self._subscribers:
            subscriber(state)
        return state

    def start(self) -> None:
        """Begin to tick in a daemon thread."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """End the thread and the feed; returns within *timeout* seconds whatever a device does."""
        self._stop = True
        self._turn.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self._feed.close()

    def wake(self) -> None:
        """Make the next tick now, as after a change of the interval."""
        self._turn.set()

    def _run(self) -> None:
        try:
            while not self._stop and self.step() is not None:
                self._turn.wait(self._feed.pause(self.interval))
                self._turn.clear()
        except Exception as error:  # noqa: BLE001 -- the top of the thread: the surface is told
            self.failure = error
        self.ended = True
        if not self._stop:
            self.on_end()
