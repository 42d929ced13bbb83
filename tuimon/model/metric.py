"""What is measured: kinds of entities, metrics, and the catalogue of a kind."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Self

from tuimon.units import Unit


class Kind(StrEnum):
    """Of what a metric speaks. The text begins the metric's name."""

    HOST = "host"
    CORE = "core"
    DISK = "disk"
    FILESYSTEM = "filesystem"
    INTERFACE = "interface"
    PORT = "port"
    """An InfiniBand port."""
    SENSOR = "sensor"
    RAPL = "rapl"
    """A power zone of the host's processor."""
    CGROUP = "cgroup"
    """The control group that tuimon itself runs in."""
    GPU = "gpu"
    NVLINK = "nvlink"
    MIG = "mig"
    VGPU = "vgpu"
    GPU_PROCESS = "gpu_process"
    """One process on one GPU, as the driver tells it."""
    PROCESS = "process"


class Type(StrEnum):
    """How a metric behaves over time."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """Only grows until it is reset; its name ends in `_total`. Rates are made in store/rates.py."""


class Cadence(IntEnum):
    """How often a metric is read: what costs most is read least. An index of `Frame.read_at`."""

    FAST = 0
    NORMAL = 1
    SLOW = 2
    INVENTORY = 3
    EVENTS = 4
    """Pushed by the device, fetched every tick."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that can be measured, under its Prometheus name and in its base unit."""

    name: str
    kind: Kind
    unit: Unit
    type: Type
    title: str
    """A few cells for a heading."""
    help: str
    """One sentence: what it is, and what it is not."""
    cadence: Cadence = Cadence.FAST
    upto: str = ""
    """The metric of the same kind that bounds this one, or a number as text ("1")."""
    words: tuple[tuple[int, str], ...] = ()
    """Names of the states, or of the bits of a mask."""
    source: str = ""
    """Where it is read: the call, the field id or the file."""

    def __hash__(self) -> int:
        """Names are unique, and hashing every field would cost more than what hangs on it."""
        return hash(self.name)

    def word(self, value: float) -> str:
        """Return the name of a state, or the names of the bits set, joined by commas."""
        if math.isnan(value):
            return ""
        if math.isinf(value):
            return f"{value:g}"
        if self.unit is Unit.FLAGS:
            return self._flags(int(value))
        return dict(self.words).get(int(value), f"{value:g}")

    def _flags(self, bits: int) -> str:
        """Return the names of the bits, then those without a name as a number."""
        names = [name for bit, name in self.words if bits & bit]
        for bit, _ in self.words:
            bits &= ~bit
        return ", ".join([*names, f"{bits:#x}"] if bits else names) or "none"


class Catalogue:
    """The metrics of one kind in a fixed order. Shared by reference and compared by identity."""

    __slots__ = ("kind", "metrics", "position")

    def __init__(self, kind: Kind, metrics: Iterable[Metric]) -> None:
        self.kind = kind
        self.metrics = tuple(metrics)
        self.position = {metric.name: row for row, metric in enumerate(self.metrics)}

    def __len__(self) -> int:
        return len(self.metrics)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)

    def __contains__(self, name: object) -> bool:
        return name in self.position

    def __getitem__(self, name: str) -> Metric:
        return self.metrics[self.position[name]]

    def get(self, name: str) -> Metric | None:
        """Return the metric called *name*, if it is here."""
        row = self.position.get(name)
        return None if row is None else self.metrics[row]

    def only(self, cadence: Cadence) -> Self:
        """Return the catalogue of the metrics with this cadence."""
        return type(self)(self.kind, (m for m in self.metrics if m.cadence is cadence))

    def __repr__(self) -> str:
        return f"Catalogue({self.kind.value}, {len(self)} metrics)"


@dataclass(frozen=True, slots=True)
class Label:
    """A text that entities of a kind carry, such as a driver version."""

    name: str
    kind: Kind
    help: str
    secret: bool = field(default=False)
    """Left out of a bug report."""
