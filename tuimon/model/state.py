"""A state: everything a surface may show at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass

from tuimon.model.entity import NOBODY, Entities
from tuimon.model.frame import Frame
from tuimon.model.history import History
from tuimon.model.metric import Kind
from tuimon.model.sample import Event, Health, Sample


@dataclass(frozen=True, slots=True)
class Cost:
    """What tuimon itself takes."""

    cpu_ratio: float
    """CPU seconds a second since the last tick, all threads; NaN at the first."""
    memory_bytes: float
    """Resident memory."""
    tick_seconds: float
    """Wall time from the sample to this state; waiting for devices is not in it."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One frozen value a tick; never changed after it is published."""

    sample: Sample
    """What the sources said, raw."""
    frames: Mapping[Kind, Frame]
    """The sample's frames with the rate of every counter added, and processes joined."""
    history: History
    events: tuple[Event, ...]
    """The newest events, oldest first; not only those of this tick."""
    cost: Cost
    interval: float
    """Seconds between ticks, as asked for."""
    tick: int
    """Number of this state since the start."""
    replayed: bool = False
    """From a recording, so that nothing here is now."""

    @property
    def at(self) -> float:
        """When the tick began, seconds since the epoch."""
        return self.sample.at

    @property
    def health(self) -> Mapping[str, Health]:
        """How each lane is."""
        return self.sample.health

    def entities(self, kind: Kind) -> Entities:
        """Return the entities of a kind; none if nothing gave any."""
        frame = self.frames.get(kind)
        return NOBODY if frame is None else frame.entities
