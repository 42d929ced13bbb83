"""What the parts of the host source share: cells, formulas, and counters that stay steady."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import ReadError, Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric
from tuimon.text import cells, safe

Cell = float | Reason
"""A value, or why there is none."""

A = TypeVar("A")
T = TypeVar("T")
K = TypeVar("K", str, bytes)


@dataclass(slots=True)
class Findings:
    """What the parts of a reader found at one reading."""

    at: float
    """Seconds since the epoch."""
    host: dict[str, Cell] = field(default_factory=dict)
    """Cells of the one HOST entity by metric name; the reader makes its frame of them."""
    frames: list[Frame] = field(default_factory=list)
    """Frames of every other kind."""


class Part(Protocol):
    """One topic of the host with its table. Belongs to one reader; never raises."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """Its table."""
        ...

    def read(self, cadence: Cadence, found: Findings) -> None:
        """Add what is due at *cadence* to *found*."""
        ...

    def rescan(self) -> None:
        """Look again for what comes and goes; called before an INVENTORY read."""
        ...


def parsed(read: Callable[[str], bytes], path: str, parse: Callable[[bytes], T]) -> T | Reason:
    """Return a parsed file, or why there is none; what cannot be parsed is `FAILED`."""
    try:
        text = read(path)
    except ReadError as error:
        return error.reason
    return understood(text, parse)


def understood(read: A | Reason, parse: Callable[[A], T]) -> T | Reason:
    """Return what *parse* makes of what was read; a reason stays, nonsense is `FAILED`."""
    if isinstance(read, Reason):
        return read
    try:
        return parse(read)
    except (ValueError, IndexError, KeyError, OverflowError, ZeroDivisionError):
        return Reason.FAILED


def number(read: Callable[[str], bytes], path: str, scale: float = 1.0) -> Cell:
    """Return the number that a file holds, in base units, or why there is none."""
    return parsed(read, path, lambda text: int(text) * scale)


def text(tree: Tree, path: str, default: str = "") -> str:
    """Return a one-line file as safe text; *default* where it gives none."""
    try:
        return safe(tree.once(path).strip(b" \n\0")) or default
    except ReadError:
        return default


def identity(name: str) -> str:
    """Return an id for a name: itself if it is safe, else escaped as in /proc/mounts.

    Names that look the same once they are safe have ids of their own.
    """
    if "\\" not in name and safe(name) == name:
        return name
    kept = (char != "\\" and safe(char) == char and cells(char) for char in name)
    return "".join(
        char if keep else "".join(f"\\{byte:03o}" for byte in char.encode(errors="surrogateescape"))
        for char, keep in zip(name, kept, strict=True)
    )


def names(tree: Tree, path: str) -> list[str]:
    """Return the sorted names in a folder; none where it cannot be read."""
    try:
        return tree.names(path)
    except ReadError:
        return []


def cpu_list(text: str) -> list[int]:
    """Return the CPUs of the kernel's list format, `0-3,8`; none where it is no such list."""
    found: list[int] = []
    for span in text.split(","):
        first, _, last = span.strip().partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.extend(range(int(first), int(last or first) + 1))
    return found


def terms(formula: str) -> tuple[tuple[str, int], ...]:
    """Return names and signs of a sum such as `MemTotal -MemAvailable`."""
    return tuple((name.lstrip("-"), -1 if name.startswith("-") else 1) for name in formula.split())


def evaluate(formula: Iterable[tuple[K, float]], found: Mapping[K, float]) -> Cell:
    """Return a sum of what was found; `NOT_SUPPORTED` where the kernel does not tell a term."""
    total = 0.0
    for name, weight in formula:
        value = found.get(name)
        if value is None:
            return Reason.NOT_SUPPORTED
        total += weight * value
    return total


def catalogues(kind: Kind, metrics: Iterable[Metric]) -> dict[Cadence, Catalogue]:
    """Return the catalogue of *kind* for each cadence that has metrics of it."""
    mine = Catalogue(kind, (metric for metric in metrics if metric.kind is kind))
    return {cadence: mine.only(cadence) for cadence in sorted({m.cadence for m in mine})}


def lost(catalogue: Catalogue, entities: Entities, reason: Reason, at: float) -> Frame:
    """Return a frame of entities whose common file gave nothing, for one reason."""
    return Frame.of_cells(catalogue, entities, [[reason] * len(catalogue)] * len(entities), at)


class Steady:
    """Counters that add up a changing set, made to go on where they were when the set changes.

    Without it a core that goes offline or a disk with a past that is plugged in would look like
    seconds or terabytes within one tick. What happened between the two readings is lost.
    """

    __slots__ = ("_last", "_members", "_offset")

    def __init__(self) -> None:
        self._members: object = None
        self._last: Floats | None = None
        self._offset: Floats | float = 0.0

    def through(self, members: object, totals: Floats) -> Floats:
        """Return *totals*, shifted so that a change of *members* makes no jump."""
        if self._last is not None and members != self._members:
            self._offset = np.where(np.isnan(self._last), 0.0, self._last - totals)
        self._members = members
        self._last = totals + self._offset
        return self._last


def numa_node(tree: Tree, device: str) -> str:
    """Return the NUMA node a device hangs on; "" where it has none or the machine is one node."""
    for folder in (device, f"{device}/device"):  # an NVMe namespace's device is its controller
        node = text(tree, f"{folder}/numa_node")
        if node:
            return "" if node.startswith("-") else node
    return ""
