"""Replay: a recording as a feed, so that it goes through the same engine as hardware does."""

import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tuimon.errors import RecordingError, UsageError
from tuimon.model.sample import Sample
from tuimon.model.source import Interest
from tuimon.store.recording import Reader
from tuimon.text import safe

LONGEST_GAP = 60.0
"""Seconds; where the recording pauses for longer, or its clock jumps, one interval is waited."""


class Replay:
    """The samples of a recording, at the pace at which they came. See `tuimon.engine.feed.Feed`."""

    replayed = True

    def __init__(
        self, path: Path, speed: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open a recording.

        Args:
            path: The file.
            speed: How many times faster than it was; 0 does not pause at all.
            clock: Monotonic seconds.

        Raises:
            RecordingError: There is nothing in it that can be replayed.
            UsageError: There is no such speed.
        """
        if not math.isfinite(speed) or speed < 0:
            raise UsageError(f"a replay {speed:g} times as fast is not possible: give 0 or more")
        self._path = path
        self._speed = speed
        self._clock = clock
        self._reader = Reader(path)
        self._samples = self._reader.samples()
        self._current: Sample | None = None
        self._due = math.nan
        try:
            self._next = next(self._samples, None)
        except RecordingError:
            self.close()
            raise
        if self._next is None:
            self.close()
            raise RecordingError(f"{safe(str(path))} holds no sample")

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time in it, seconds since the epoch."""
        return self._reader.span

    @property
    def damaged(self) -> int:
        """How many stretches of the recording could not be read so far."""
        return self._reader.damaged

    def pause(self, interval: float) -> float:
        """Return seconds until the next sample is due: the gap that was recorded, by the speed.

        The time that the last sample took is made up for, as long as it is less than a gap.
        """
        if not self._speed or self._current is None or self._next is None:
            return 0.0
        gap = self._next.monotonic - self._current.monotonic
        if not 0 <= gap <= LONGEST_GAP:
            gap = interval
        gap /= self._speed
        now = self._clock()
        due = self._due + gap
        self._due = due if now - gap <= due <= now + gap else now + gap
        return max(self._due - now, 0.0)

    def sample(self, interval: float, interest: Interest) -> Sample | None:
        """Return the next sample, None behind the last; what is asked for changes nothing."""
        self._current = self._next
        if self._current is None:
            return None
        self._next = next(self._samples, None)
        if math.isnan(self._due):
            self._due = self._clock()
        return self._current

    def seek(self, at: float) -> None:
        """Go on with the first sample from *at* on.

        Raises:
            UsageError: The recording has nothing at that time.
        """
        self._within(at)
        self._samples = self._reader.samples(since=at)
        self._current, self._next = None, next(self._samples, None)
        self._due = math.nan

    def until(self, at: float) -> Iterator[Sample]:
        """Yield what is left up to and with the moment *at*.

        A caller hands all of them to one engine, so that the rates and the past of the last one
        are right.

        Raises:
            UsageError: The recording has nothing at that time.
        """
        self._within(at)
        return self._until(at)

    def _until(self, at: float) -> Iterator[Sample]:
        while self._next is not None and self._next.at <= at:
            self._current, self._next = self._next, next(self._samples, None)
            yield self._current

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _within(self, at: float) -> None:
        first, last = self.span
        if not first <= at <= last:
            raise UsageError(
                f"{safe(str(self._path))} holds nothing of {_date(at)}:"
                f" it goes from {_date(math.ceil(first))} to {_date(last)}"
            )


def _date(at: float) -> str:
    """Return a time as people here write it, with its offset from UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s"
