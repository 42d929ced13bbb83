"""Rings: append-only blocks of rows, the oldest dropped whole."""

from dataclasses import dataclass

import numpy as np

from tuimon.model.frame import Floats
from tuimon.model.history import Floats32

BLOCK = 60
"""Rows a block. Memory is allocated a block at a time, and freed a block at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Up to `BLOCK` rows of one width. Rows below the published count never change."""

    first: int
    """Number of its first row since the ring began."""
    times: Floats
    """float64[BLOCK]"""
    values: Floats32
    """float32[BLOCK, slots, metrics]"""


@dataclass(frozen=True, slots=True, eq=False)
class RingView:
    """The rows of a ring as they were when the view was made. It stays true for ever."""

    blocks: tuple[Block, ...]
    start: int
    """Number of the oldest row that counts."""
    stop: int
    """One past the newest."""

    def times(self, since: float = -np.inf) -> Floats:
        """Return float64[k]: the times of the rows from *since* on, oldest first."""
        parts = [block.times[lo:hi] for block, lo, hi in self._spans(since)]
        return np.concatenate(parts) if parts else np.empty(0)

    def column(self, metric: int, slots: slice | Floats, since: float = -np.inf) -> Floats32:
        """Return float32[k, s]: one metric of the chosen slots; NaN where a block is narrower."""
        parts: list[Floats32] = []
        for block, lo, hi in self._spans(since):
            wide = block.values[lo:hi, :, metric]
            chosen = np.arange(wide.shape[1])[slots] if isinstance(slots, slice) else slots
            inside = chosen < wide.shape[1]
            if inside.all():
                parts.append(wide[:, chosen])
            else:
                part = np.full((hi - lo, len(chosen)), np.nan, dtype=np.float32)
                part[:, inside] = wide[:, chosen[inside]]
                parts.append(part)
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)

    @property
    def oldest(self) -> float:
        """Time of the oldest row; infinite when there is none."""
        for block, lo, _ in self._spans(-np.inf):
            return float(block.times[lo])
        return float("inf")

    def _spans(self, since: float) -> list[tuple[Block, int, int]]:
        """Return the blocks with rows from *since* on, each with its first and last such row."""
        spans: list[tuple[Block, int, int]] = []
        for block in reversed(self.blocks):
            lo = max(self.start - block.first, 0)
            hi = min(self.stop - block.first, BLOCK)
            if hi <= lo:
                continue
            if block.times[lo] < since:
                lo += int(np.searchsorted(block.times[lo:hi], since))
                if hi > lo:
                    spans.append((block, lo, hi))
                break
            spans.append((block, lo, hi))
        spans.reverse()
        return spans


class Ring:
    """The newest *capacity* rows of slots x metrics. One thread appends; all may hold views."""

    def __init__(self, capacity: int, metrics: int) -> None:
        self._capacity = capacity
        self._metrics = metrics
        self._blocks: tuple[Block, ...] = ()
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._capacity)

    @property
    def nbytes(self) -> int:
        """Bytes that the rows take."""
        return sum(block.values.nbytes + block.times.nbytes for block in self._blocks)

    def append(self, at: float, row: Floats32) -> None:
        """Add one row.

        Args:
            at: Seconds since the epoch, not before the last row's.
            row: float32[slots, metrics]; a new block begins where the number of slots changes.
        """
        block = self._blocks[-1] if self._blocks else None
        if block is None or self._count - block.first >= BLOCK:
            block = self._grow(self._count, row.shape[0])
        elif block.values.shape[1] < row.shape[0]:
            block = self._widen(block, row.shape[0])
        here = self._count - block.first
        block.times[here] = at
        block.values[here, : row.shape[0]] = row
        block.values[here, row.shape[0] :] = np.nan
        self._count += 1

    def _grow(self, first: int, slots: int) -> Block:
        block = Block(first, np.empty(BLOCK), np.empty((BLOCK, slots, self._metrics), np.float32))
        oldest = self._count - self._capacity
        kept = tuple(one for one in self._blocks if one.first + BLOCK > oldest)
        self._blocks = (*kept, block)
        return block

    def _widen(self, block: Block, slots: int) -> Block:
        """Replace the newest block by a wider copy; views keep the narrow one."""
        values = np.full((BLOCK, slots, self._metrics), np.nan, dtype=np.float32)
        values[:, : block.values.shape[1]] = block.values
        wide = Block(block.first, block.times.copy(), values)
        self._blocks = (*self._blocks[:-1], wide)
        return wide

    def view(self) -> RingView:
        """Return the rows so far."""
        return RingView(self._blocks, max(self._count - self._capacity, 0), self._count)
