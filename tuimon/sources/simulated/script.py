"""What goes wrong on a simulated machine, and when: a script of faults.

Times are seconds since the simulated machine began. Effects on power, heat and load set in at whole
seconds; what a reader does, as to hang, is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

FOREVER = float("inf")
DATA = "/data"
FILLING = 1.4e9
"""Bytes a second that are written to a file system that fills up."""


@dataclass(frozen=True, slots=True)
class Overheated:
    """The cooling of a GPU is blocked: it gets hot, and its clocks are lowered for that."""

    gpu: int
    since: float
    until: float
    resistance: float = 3.0
    """How many times as hard it is to get the heat away."""


@dataclass(frozen=True, slots=True)
class PowerLimited:
    """Somebody has set a lower power limit, or the clock of one GPU lags for another reason."""

    gpu: int
    since: float
    until: float
    share: float = 0.6
    """Of the default limit."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A GPU falls off the bus; it is back after `until`."""

    gpu: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Hung:
    """Reading a GPU does not return before `until`."""

    gpu: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Slow:
    """Every reading of a GPU takes `wait` seconds."""

    gpu: int
    since: float
    until: float
    wait: float = 0.3


@dataclass(frozen=True, slots=True)
class Xid:
    """The driver reports an error by its number."""

    gpu: int
    since: float
    code: int
    until: float = FOREVER


@dataclass(frozen=True, slots=True)
class EccErrors:
    """Memory errors, and rows that wait for a reset until `until`."""

    gpu: int
    since: float
    until: float = FOREVER
    corrected: int = 0
    uncorrected: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class PcieDowntrained:
    """The PCIe link of a GPU has fewer and slower lanes."""

    gpu: int
    since: float
    until: float
    generation: int = 1
    width: int = 8


@dataclass(frozen=True, slots=True)
class LinkErrors:
    """An NVLink sends packets again and again."""

    gpu: int
    since: float
    until: float
    link: int = 0
    rate: float = 40.0
    """Errors a second."""


@dataclass(frozen=True, slots=True)
class FanStuck:
    """The first fan of a GPU stands still."""

    gpu: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class MemoryLeak:
    """The first process on a GPU takes more and more of its memory, and gives it back at the end."""

    gpu: int
    since: float
    until: float
    rate: float = 128e6
    """Bytes a second."""


@dataclass(frozen=True, slots=True)
class LoaderStarved:
    """Training waits for its data: loaders and disk are at their limits."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class CollectiveHung:
    """Training hangs in a collective: kernels spin, nothing is computed."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class DiskFull:
    """A file system fills up, and somebody tidies up at the end."""

    since: float
    until: float
    mount: str = DATA
    """That of the data has a disk, which is seen to write."""


Fault = (
    Overheated
    | PowerLimited
    | Lost
    | Hung
    | Slow
    | Xid
    | EccErrors
    | PcieDowntrained
    | LinkErrors
    | FanStuck
    | MemoryLeak
    | LoaderStarved
    | CollectiveHung
    | DiskFull
)


@dataclass(frozen=True, slots=True)
class Divided:
    """A GPU that is divided into MIG instances for all time."""

    gpu: int
    profile: str = "3g.40gb"
    count: int = 2


@dataclass(frozen=True, slots=True)
class Script:
    """Faults, and after how many seconds they begin again; a period of 0 is once."""

    faults: tuple[Fault, ...] = ()
    period: float = 0.0
    divided: tuple[Divided, ...] = ()

    def of_gpus(self, count: int) -> "Script":
        """Return the script without the faults of GPUs that are not there."""
        faults = tuple(one for one in self.faults if getattr(one, "gpu", 0) < count)
        return replace(
            self, faults=faults, divided=tuple(one for one in self.divided if one.gpu < count)
        )

    def of_gpu(self, gpu: int) -> tuple[Fault, ...]:
        """Return the faults of one GPU."""
        return tuple(one for one in self.faults if getattr(one, "gpu", -1) == gpu)

    def elapsed(self, fault: Fault, time: float) -> float:
        """Return for how many seconds a fault has lasted at *time*; below 0 while it does not."""
        local = time % self.period if self.period else time
        return local - fault.since if fault.since <= local < fault.until else -1.0

    def active(self, time: float) -> Iterator[Fault]:
        """Yield the faults that last at *time*."""
        return (one for one in self.faults if self.elapsed(one, time) >= 0)

    def count(self, fault: Fault, time: float) -> int:
        """Return how often a fault has begun up to *time*."""
        if time < fault.since:
            return 0
        return int((time - fault.since) // self.period) + 1 if self.period else 1

    def seconds(self, fault: Fault, time: float) -> float:
        """Return for how many seconds in all a fault has lasted up to *time*."""
        whole = fault.until - fault.since
        begun = self.count(fault, time)
        if not begun:
            return 0.0
        last = time - fault.since - (begun - 1) * self.period
        return min(last, whole) + (whole * (begun - 1) if begun > 1 else 0.0)

    def begins(self, fault: Fault, after: float, upto: float) -> list[float]:
        """Return the times in (after, upto] at which a fault begins."""
        counted = range(self.count(fault, after), self.count(fault, upto))
        return [fault.since + number * self.period for number in counted]


NONE = Script()
"""Nothing goes wrong."""

# What a demonstration shows; a machine with fewer GPUs lacks those of the others.
DEFAULT = Script(
    faults=(
        Overheated(0, 20, 80),
        DiskFull(25, 225),
        LoaderStarved(45, 70),
        EccErrors(2, 60, 235, corrected=14, uncorrected=1, rows=1),
        Xid(2, 60, 94),
        Xid(2, 61, 63),
        PcieDowntrained(3, 75, 135),
        Hung(5, 90, 99),
        MemoryLeak(6, 40, 170, 192e6),
        FanStuck(0, 105, 160),
        PowerLimited(1, 115, 150),
        LinkErrors(2, 120, 150),
        CollectiveHung(155, 172),
        Lost(7, 180, 204),
        Xid(7, 180, 79),
    ),
    period=240.0,
)
