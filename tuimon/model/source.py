"""What a source is: the protocol between the engine and whatever is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tuimon.model.entity import Entity
from tuimon.model.metric import Cadence, Kind, Label, Metric
from tuimon.model.sample import Reading


@dataclass(frozen=True, slots=True)
class Interest:
    """What somebody looks at, so that dear things are read for eyes only."""

    processes: frozenset[str] = frozenset()
    """Entity ids of the processes in view: their rows are read every tick."""


NO_INTEREST = Interest()


class Reader(Protocol):
    """Reads one device. It lives in one lane, whose thread alone calls it; it may block there.

    The metrics of one entity at one cadence come from one reader: they share the time they were
    read at, and a rate needs the time of its own counter.
    """

    name: str
    """The lane's name: `source`, or `source/device`."""
    cadences: Sequence[Cadence]
    """At which cadences it wants to be read; several that are due are read in this order."""

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """Read what is due at *cadence*.

        A frame holds any subset of the kind's metrics; what it leaves out keeps its last value and
        its age. One bad cell is NaN with its reason.

        Raises:
            ReadError: The whole device failed; the engine asks again after a pause.
            SourceLost: All readers of the source are void; the engine opens the source again.
        """
        ...

    def close(self) -> None:
        """Give back what is held. Called from the lane's thread, once."""
        ...


@runtime_checkable
class StandingIn(Protocol):
    """A reader that can say whom it will speak of before the device has answered at all.

    So a device that hangs or is lost from the start is shown as such, and is not just absent.
    """

    stands_for: tuple[Kind, Entity]
    """The entity to show until the first reading, under an id that it will not keep."""


class Source(Protocol):
    """A kind of thing to read from: the driver, the kernel, a server, a file, or nothing."""

    name: str
    """A noun, as `--source` and health use it."""
    metrics: Sequence[Metric]
    """Every metric that it may give: its table."""
    labels: Sequence[Label]
    """Every text that its entities may carry."""

    def open(self) -> Sequence[Reader]:
        """Find the devices and return a reader for each. May block; called in a thread of its own.

        Raises:
            ReadError: There is nothing to read now; the sentence says why and what to do.
                `NOT_SUPPORTED` says that the machine lacks it, and is asked rarely.
            UsageError: The user asked for a device that is not there; the program ends with it.
        """
        ...
