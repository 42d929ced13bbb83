"""A sample: what every source said at one instant, raw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tuimon.model.frame import Frame
from tuimon.model.metric import Kind


class Status(StrEnum):
    """How a lane is. Only `OK` is healthy; unknown is not."""

    OPENING = "opening"
    OK = "ok"
    LATE = "late"
    """Its last call has not come back."""
    FAILED = "failed"
    """Its last call came back with an error; it is asked again after a pause."""
    ABSENT = "absent"
    """There is no such thing on this machine; looked for again now and then."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one lane of one source is, apart from what it measured."""

    lane: str
    """`source` or `source/device`."""
    status: Status
    text: str = ""
    """What is wrong and what to do, in one sentence; empty when all is well."""
    since: float = 0.0
    """When this status began, seconds since the epoch."""
    latency: float = float("nan")
    """Seconds the last completed reading took."""
    cpu: float = 0.0
    """CPU seconds the lane has used since it began."""
    reads: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment: an XID, a MIG change."""

    at: float
    """Seconds since the epoch."""
    kind: Kind
    entity: str
    """Id of the entity it happened to."""
    name: str
    """For example `xid`, `mig_config_changed`."""
    code: int = 0
    """The XID's number, or the bits of the event."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader gives at one call."""

    frames: tuple[Frame, ...] = ()
    events: tuple[Event, ...] = ()
    note: str = ""
    """What cannot be seen though all is well, in one sentence: the text of a healthy lane."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """All frames of one instant. This is what is recorded."""

    at: float
    """Seconds since the epoch, when the tick began."""
    monotonic: float
    """The same instant on the clock that never jumps; rates use the frames' own times."""
    frames: Mapping[Kind, Frame]
    events: tuple[Event, ...] = ()
    health: Mapping[str, Health] = field(default_factory=dict)
    missed: int = 0
    """Ticks that were skipped before this one."""
