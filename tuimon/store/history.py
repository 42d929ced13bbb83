"""The past of every kept metric in three tiers: single readings, then means of 10 s and 60 s."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuimon.model.entity import Entities
from tuimon.model.frame import Floats, Frame
from tuimon.model.history import Floats32, Series
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.store.ring import Ring, RingView, Slots
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
    Kind.PROCESS:   48,
    Kind.CORE:      1024,
    Kind.INTERFACE: 32,
}
# Kept are gauges and rates that are read fast or normally, and these slow ones.
SLOW_KEPT: frozenset[str] = frozenset({
    "filesystem_used_bytes", "filesystem_available_bytes", "filesystem_inodes_used",
    "gpu_ecc_corrected_per_second", "gpu_ecc_uncorrected_per_second",
    "gpu_remapped_rows_correctable", "gpu_remapped_rows_uncorrectable",
})
# Kinds with so many entities or metrics that only these are kept.
ONLY_KEPT: Mapping[Kind, frozenset[str]] = {
    Kind.PROCESS: frozenset({"process_cpu_ratio", "process_memory_bytes",
                             "process_gpu_memory_bytes", "process_gpu_sm_ratio"}),
    Kind.CORE:    frozenset({"core_busy_ratio", "core_frequency_hertz"}),
    Kind.SENSOR:  frozenset({"sensor_temperature_celsius", "sensor_fan_rpm", "sensor_power_watts"}),
    Kind.NVLINK:  frozenset(),
}
# Not kept, though read often: they hardly ever change, or say what another one says too.
NOT_KEPT: frozenset[str] = frozenset({
    "gpu_memory_total_bytes", "gpu_memory_free_bytes", "gpu_memory_reserved_bytes",
    "gpu_encoder_sessions", "gpu_encoder_latency_seconds", "gpu_jpeg_ratio",
    "gpu_optical_flow_ratio",
    "gpu_pcie_generation", "gpu_pcie_lane_transfers_per_second", "gpu_nvlink_active_links",
    "gpu_recovery_action", "gpu_bar1_used_bytes",
    *(f"gpu_fan_{fan}_{unit}" for fan in range(4) for unit in ("ratio", "rpm")),
})
# fmt: on
MOST = 256


def is_kept(metric: Metric) -> bool:
    """Whether the past of a metric is kept in memory; recordings hold everything."""
    if metric.type is Type.COUNTER:
        return False
    if metric.kind in ONLY_KEPT:
        return metric.name in ONLY_KEPT[metric.kind]
    if metric.cadence in {Cadence.FAST, Cadence.NORMAL}:
        return metric.name not in NOT_KEPT
    return metric.name in SLOW_KEPT


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a slot, and since when: older rows of the slot were somebody else's."""

    slot: int
    since: float


class Shelf:
    """All tiers of one kind. A slot is a column that one entity at a time owns."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._limit = LIMITS.get(kind, MOST)
        self._catalogue: Catalogue | None = None
        self._rows: Slots = np.empty(0, np.intp)
        self.position: Mapping[str, int] = {}
        self._rings: list[Ring] = []
        self._means: list[_Mean] = []
        self._owners: dict[str, Owner] = {}
        self._last_seen: dict[str, float] = {}
        self._entities: Entities | None = None
        self._columns: Slots = np.empty(0, np.intp)
        self._slots: Slots = np.empty(0, np.intp)
        self._at = -math.inf

    @property
    def nbytes(self) -> int:
        """Bytes that the rings take."""
        return sum(ring.nbytes for ring in self._rings)

    def append(self, at: float, frame: Frame, watched: Iterable[str]) -> None:
        """Add one row of every kept metric of the frame."""
        if frame.catalogue is not self._catalogue:
            self._adopt(frame.catalogue)
        if not self.position:
            return
        if at < self._at:
            self._rewind(at)
        self._at = at
        crowded = len(frame.entities) > self._limit
        if crowded or frame.entities is not self._entities:
            self._assign(at, frame.entities, leaders(frame, self._limit, watched))
        row = np.full((len(self._owners), len(self._rows)), np.nan, dtype=np.float32)
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            row[self._slots] = frame.values[np.ix_(self._rows, self._columns)].T
        self._rings[0].append(at, row)
        for mean, ring in zip(self._means, self._rings[1:], strict=True):
            mean.add(at, row, ring)

    def _adopt(self, catalogue: Catalogue) -> None:
        """Take over a catalogue; what was kept under another one is dropped."""
        names = [metric.name for metric in catalogue if is_kept(metric)]
        if self._catalogue is None or list(self.position) != names:
            self.position = {name: column for column, name in enumerate(names)}
            self._rings = [Ring(capacity, len(names)) for _, capacity in TIERS]
            self._means = [_Mean(step) for step, _ in TIERS[1:]]
            self._owners = {}
            self._last_seen = {}
        self._rows = np.array([catalogue.position[name] for name in names], np.intp)
        self._catalogue = catalogue
        self._entities = None

    def _rewind(self, at: float) -> None:
        """Drop what is ahead of a clock that was set back, as nothing could be found by time."""
        self._rings[0].rewind(at)
        for mean, ring in zip(self._means, self._rings[1:], strict=True):
            ring.rewind(mean.restart(at))
        self._owners = {
            name: Owner(owner.slot, min(owner.since, at)) for name, owner in self._owners.items()
        }
        self._last_seen = {name: min(when, at) for name, when in self._last_seen.items()}

    def _assign(self, at: float, entities: Entities, columns: Sequence[int]) -> None:
        """Give each of the entities in *columns* a slot, taking those of the longest unseen."""
        self._entities = entities
        owners, seen = self._owners, self._last_seen
        ids = [entities[column].id for column in columns]
        new = [entity_id for entity_id in dict.fromkeys(ids) if entity_id not in owners]
        for entity_id in ids:
            seen[entity_id] = at
        if new:
            owners = dict(owners)  # views hold the old one
            here = set(ids)
            unseen = sorted((when, name) for name, when in seen.items() if name not in here)
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
        with np.errstate(invalid="ignore"):  # infinities may cancel out
            self._sums[known] += row[known]
        self._counts += known

    def restart(self, at: float) -> float:
        """Drop the step under way, and return where the step begins that holds a moment."""
        self._bucket = None
        self._sums[:] = 0
        self._counts[:] = 0
        return math.floor(at / self._step) * self._step

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
        out[known] = _binned(values, times, begin, step, count)
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


def _binned(values: Floats32, times: Floats, begin: float, step: float, count: int) -> Floats32:
    """Return float32[n, count]: the means of float32[n, k] by step, NaN for a step without any.

    A reading stands for the time since the one before, so a step between two readings that are no
    further apart than usual takes the last one's value: that is no gap.
    """
    usual = float(np.median(np.diff(times))) if len(times) > 1 else step
    bins = np.floor((times - usual / 2 - begin) / step).astype(np.intp)
    inside = (bins >= 0) & (bins < count)
    values, times, bins = values[:, inside], times[inside], bins[inside]
    known = ~np.isnan(values)
    flat = bins[None, :] + count * np.arange(len(values))[:, None]
    size = count * len(values)
    sums = np.bincount(flat[known], values[known], size)
    with np.errstate(invalid="ignore"):
        means = sums / np.bincount(flat[known], minlength=size)
    result: Floats32 = means.reshape(len(values), count).astype(np.float32)
    close = np.diff(times) < 1.5 * usual + step
    for row in np.flatnonzero((np.diff(bins) > 1) & close):
        result[:, bins[row] + 1 : bins[row + 1]] = result[:, [bins[row]]]
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
                if not len(frame.entities):
                    continue  # such as ports on a machine without InfiniBand
                self._shelves[kind] = Shelf(kind)
            self._shelves[kind].append(at, frame, watched)

    def view(self) -> HistoryView:
        """Return the past as of now."""
        return HistoryView({kind: shelf.view() for kind, shelf in self._shelves.items()})
