"""The way back from a surface to the rest of the program."""

from collections.abc import AsyncIterator
from typing import Protocol

from tuimon.model.source import Interest
from tuimon.model.state import State


class Session(Protocol):
    """What a surface is handed besides States. Every call returns at once."""

    interval: float
    """Seconds between ticks; may be set while running."""

    def states(self) -> AsyncIterator[State]:
        """Yield the newest state whenever there is one; a slow taker skips, it never lags."""
        ...

    def watch(self, interest: Interest) -> None:
        """Say what is looked at, so that dear things are read only for eyes."""
        ...
