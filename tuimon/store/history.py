"""The past of every kept metric in three tiers: single readings, then means of 10 s and 60 s."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuimon.model.entity import Entities
from tuimon.model.frame import Floats, Frame
from tuimon.model.history import Floats32, Series
from tuimon.model.metric import Cadence, Catalogue, Kind, Type
from tuimon.store.ring import Ring, RingView
from tuimon.store.topk import leaders

# fmt: off
# Seconds a row stands for (0 = the reading itself), rows kept.
TIERS: tuple[tuple[float, int], ...] = (
    (0.0,  3600),
    (10.0, 2160),
    (60.0, 2880),
)
# Most entities a kind keeps the past of; `MOST` where it has no row.
LIMITS: Mapping[Kind, int] = {
    Kind.PROCESS: 48,
    Kind.CORE:    1024,
}
# Which metrics a kind keeps; all gauges and rates but the inventory's where it has no row.
KEPT: Mapping[Kind, frozenset[str]] = {
    Kind.PROCESS: frozenset({"process_cpu_ratio", "process_memory_bytes",
                             "process_gpu_memory_bytes", "process_gpu_sm_ratio"}),
    Kind.CORE:    frozenset({"core_busy_ratio", "core_frequency_hertz"}),
}
# fmt: on
MOST = 256
_Slots = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a slot, and since when: older rows of the slot were somebody else's."""

    slot: int
    since: float


class Shelf:
    """All tiers of one kind. A slot is a column that one entity at a time owns."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._names = KEPT.get(kind, frozenset())
        self._limit = LIMITS.get(kind, MOST)
        self._catalogue: Catalogue | None = None
        self._rows: _Slots = np.empty(0, np.intp)
        self.position: Mapping[str, int] = {}
        self._rings: list[Ring] = []
        self._means: list[_Mean] = []
        self._owners: dict[str, Owner] = {}
        self._last_seen: dict[str, float] = {}
        self._entities: Entities | None = None
        self._columns: _Slots = np.empty(0, np.intp)
        self._slots: _Slots = np.empty(0, np.intp)

    @property
    def nbytes(self) -> int:
        """Bytes that the rings take."""
        return sum(ring.nbytes for ring in self._rings)

    def append(self, at: float, frame: Frame, watched: Iterable[str]) -> None:
        """Add one row of every kept metric of the frame."""
        if frame.catalogue is not self._catalogue:
            self._adopt(frame.catalogue)
        crowded = len(frame.entities) > self._limit
        if crowded or frame.entities is not self._entities:
            self._assign(at, frame.entities, leaders(frame, self._limit, watched))
        row = np.full((len(self._owners), len(self._rows)), np.nan, dtype=np.float32)
        row[self._slots] = frame.values[np.ix_(self._rows, self._columns)].T
        self._rings[0].append(at, row)
        for mean, ring in zip(self._means, self._rings[1:], strict=True):
            mean.add(at, row, ring)

    def _adopt(self, catalogue: Catalogue) -> None:
        """Take over a catalogue; what was kept under another one is dropped."""
        names = [
            metric.name
            for metric in catalogue
            if metric.type is Type.GAUGE
            and metric.cadence is not Cadence.INVENTORY
            and (not self._names or metric.name in self._names)
        ]
        if self._catalogue is None or list(self.position) != names:
            self.position = {name: column for column, name in enumerate(names)}
            self._rings = [Ring(capacity, len(names)) for _, capacity in TIERS]
            self._means = [_Mean(step) for step, _ in TIERS[1:]]
            self._owners = {}
            self._last_seen = {}
        self._rows = np.array([catalogue.position[name] for name in names], np.intp)
        self._catalogue = catalogue
        self._entities = None

    def _assign(self, at: float, entities: Entities, columns: Sequence[int]) -> None:
        """Give each of the entities in *columns* a slot, taking those of the longest unseen."""
        self._entities = entities
        owners, seen = self._owners, self._last_seen
        ids = [entities[column].id for column in columns]
        new = [entity_id for entity_id in ids if entity_id not in owners]
        for entity_id in ids:
            seen[entity_id] = at
        if new:
            owners = dict(owners)  # views hold the old one
            unseen = sorted((when, name) for name, when in seen.items() if when < at)
            for entity_id in new:
                if len(owners) < self._limit:
                    slot = len(owners)
                else:
                    _, loser = unseen.pop(0)
                    del seen[loser]
                    slot = owners.pop(loser).slot
                    for mean in self._means:
                        mean.clear(slot)
                owners[entity_id] = Owner(slot, at)
            self._owners = owners
        self._columns = np.fromiter(columns, np.intp, len(ids))
        self._slots = np.fromiter((owners[one].slot for one in ids), np.intp, len(ids))

    def view(self) -> "ShelfView":
        """Return everything so far."""
        return ShelfView(self.position, self._owners, tuple(ring.view() for ring in self._rings))


class _Mean:
    """Means over steps of equal length, written into a ring as each step ends."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._bucket: float | None = None
        self._sums: Floats = np.zeros((0, 0))
        self._counts: Floats = np.zeros((0, 0))

    def add(self, at: float, row: Floats32, ring: Ring) -> None:
        bucket = math.floor(at / self._step)
        if self._bucket is not None and bucket != self._bucket:
            with np.errstate(invalid="ignore"):
                mean = (self._sums / self._counts).astype(np.float32)  # 0/0 is NaN: nothing known
            ring.append((self._bucket + 0.5) * self._step, mean)
            self._sums = np.zeros(row.shape)
            self._counts = np.zeros(row.shape)
        self._bucket = bucket
        if self._sums.shape != row.shape:
            new = [(0, now - then) for now, then in zip(row.shape, self._sums.shape, strict=True)]
            self._sums = np.pad(self._sums, new)
            self._counts = np.pad(self._counts, new)
        known = ~np.isnan(row)
        self._sums[known] += row[known]
        self._counts += known

    def clear(self, slot: int) -> None:
        """Forget what the last owner of a slot has added to the step."""
        if slot < len(self._sums):
            self._sums[slot] = 0
            self._counts[slot] = 0


@dataclass(frozen=True, slots=True, eq=False)
class ShelfView:
    """The past of one kind, frozen."""

    position: Mapping[str, int]
    owners: Mapping[str, Owner]
    tiers: tuple[RingView, ...]


class HistoryView:
    """The past of all kinds, frozen; see `tuimon.model.history.History`."""

    def __init__(self, shelves: Mapping[Kind, ShelfView]) -> None:
        self._shelves = shelves

    def series(self, kind: Kind, metric: str, entity: str, since: float) -> Series:
        """See `History.series`."""
        shelf = self._shelves.get(kind)
        owner = shelf.owners.get(entity) if shelf else None
        if shelf is None or owner is None or metric not in shelf.position:
            return Series(np.empty(0), np.empty(0, np.float32), 0.0)
        tier, step = self._tier(shelf, since)
        begin = max(since, owner.since)
        times = tier.times(begin)
        column = tier.column(shelf.position[metric], np.array([owner.slot]), begin)
        return Series(times, column[:, 0] if len(times) else np.empty(0, np.float32), step)

    def grid(
        self, kind: Kind, metric: str, entities: Sequence[str], end: float, step: float, count: int
    ) -> Floats32:
        """See `History.grid`."""
        out = np.full((len(entities), count), np.nan, dtype=np.float32)
        shelf = self._shelves.get(kind)
        if shelf is None or metric not in shelf.position:
            return out
        known = [row for row, one in enumerate(entities) if one in shelf.owners]
        owners = [shelf.owners[entities[row]] for row in known]
        begin = end - step * count
        tier, _ = self._tier(shelf, begin)
        times = tier.times(begin)
        if not known or not len(times):
            return out
        slots = np.array([owner.slot for owner in owners])
        values = tier.column(shelf.position[metric], slots, begin).T
        since = np.array([owner.since for owner in owners])
        values[times[None, :] < since[:, None]] = np.nan
        out[known] = _binned(values, np.ceil((times - begin) / step).astype(np.intp) - 1, count)
        return out

    @staticmethod
    def _tier(shelf: ShelfView, since: float) -> tuple[RingView, float]:
        """Return the finest tier that reaches back to *since*, else the longest, and its step."""
        best = 0
        for index, tier in enumerate(shelf.tiers):
            if tier.oldest <= since or tier.start == 0:
                return tier, TIERS[index][0]
            if tier.oldest < shelf.tiers[best].oldest:
                best = index
        return shelf.tiers[best], TIERS[best][0]


def _binned(values: Floats32, bins: npt.NDArray[np.intp], count: int) -> Floats32:
    """Return float32[n, count]: the means of float32[n, k] by bin, NaN for an empty bin."""
    inside = (bins >= 0) & (bins < count)
    values, bins = values[:, inside], bins[inside]
    known = ~np.isnan(values)
    flat = bins[None, :] + count * np.arange(len(values))[:, None]
    size = count * len(values)
    sums = np.bincount(flat[known], values[known], size)
    with np.errstate(invalid="ignore"):
        means = sums / np.bincount(flat[known], minlength=size)
    result: Floats32 = means.reshape(len(values), count).astype(np.float32)
    return result


class Store:
    """Rings for every kind. The engine's thread appends; everybody else is given views."""

    def __init__(self) -> None:
        self._shelves: dict[Kind, Shelf] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that all rings take."""
        return sum(shelf.nbytes for shelf in self._shelves.values())

    def append(self, at: float, frames: Mapping[Kind, Frame], watched: Iterable[str] = ()) -> None:
        """Add what was measured at one instant.

        Args:
            at: Seconds since the epoch.
            frames: Frames with rates.
            watched: Ids of processes that are looked at, so that theirs is kept before others'.
        """
        for kind, frame in frames.items():
            if kind is Kind.GPU_PROCESS:
                continue  # joined into the processes
            if kind not in self._shelves:
                self._shelves[kind] = Shelf(kind)
            self._shelves[kind].append(at, frame, watched)

    def view(self) -> HistoryView:
        """Return the past as of now."""
        return HistoryView({kind: shelf.view() for kind, shelf in self._shelves.items()})
