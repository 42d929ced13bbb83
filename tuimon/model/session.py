"""The way back from a surface to the rest of the program."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from tuimon.model.check import Check
from tuimon.model.source import Interest
from tuimon.model.state import State


class Session(Protocol):
    """What a surface is handed besides States. Nothing here waits on the surface's thread."""

    @property
    def interval(self) -> float:
        """Seconds between ticks."""
        ...

    def pace(self, interval: float) -> float:
        """Set the seconds between ticks to the nearest that are possible, and return them."""
        ...

    def states(self) -> AsyncIterator[State]:
        """Yield the newest state whenever there is one; a slow taker skips, it never lags.

        Ends with the session; raises what ended it, if that was an error.
        """
        ...

    def watch(self, interest: Interest) -> None:
        """Say what is looked at, so that dear things are read only for eyes."""
        ...

    async def checks(self) -> Sequence[Check]:
        """Look for everything that the sources need, and tell what is there."""
        ...
