"""The clock of the engine: wall time that does not jump between ticks unnoticed."""

import time
from typing import Protocol

JUMP = 1.0
"""Seconds by which the wall clock must leave us before we follow it."""


class Clock(Protocol):
    """What the engine asks for the time. Handed in, so that tests stand still."""

    def now(self) -> float:
        """Return seconds since the epoch; called from any thread."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump, sleep of the machine included."""
        ...

    def follow(self) -> bool:
        """Follow the wall clock if it was set; return whether it was."""
        ...


class SteadyClock:
    """Wall time carried on by the monotonic clock, so that a rate never divides by a jump."""

    def __init__(self) -> None:
        self._offset = time.time() - self.monotonic()

    def now(self) -> float:
        """See `Clock.now`."""
        return self.monotonic() + self._offset

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def follow(self) -> bool:
        """See `Clock.follow`."""
        offset = time.time() - self.monotonic()
        if abs(offset - self._offset) < JUMP:
            return False
        self._offset = offset
        return True
