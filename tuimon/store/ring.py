"""Rings: append-only blocks of rows, the oldest dropped whole."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuimon.model.frame import Floats
from tuimon.model.history import Floats32

Slots = npt.NDArray[np.intp]
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
    """Number of the oldest row that counts; 0 while none was dropped."""
    stop: int
    """One past the newest."""

    def times(self, since: float = -np.inf) -> Floats:
        """Return float64[k]: the times of the rows from *since* on, oldest first."""
        parts = [block.times[lo:hi] for block, lo, hi in self._spans(since)]
        return np.concatenate(parts) if parts else np.empty(0)

    def column(self, metric: int, slots: Slots, since: float = -np.inf) -> Floats32:
        """Return float32[k, s]: one metric of the chosen slots; NaN where a block is narrower."""
        parts: list[Floats32] = []
        for block, lo, hi in self._spans(since):
            wide = block.values[lo:hi, :, metric]
            inside = slots < wide.shape[1]
            if inside.all():
                parts.append(wide[:, slots])
            else:
                part = np.full((hi - lo, len(slots)), np.nan, dtype=np.float32)
                part[:, inside] = wide[:, slots[inside]]
                parts.append(part)
        return np.concatenate(parts) if parts else np.empty((0, len(slots)), dtype=np.float32)

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
        return self._count - self._start

    @property
    def _start(self) -> int:
        """Number of the oldest row that counts and is still there."""
        first = self._blocks[0].first if self._blocks else self._count
        return max(self._count - self._capacity, first)

    @property
    def nbytes(self) -> int:
        """Bytes that the rows take."""
        return sum(block.values.nbytes + block.times.nbytes for block in self._blocks)

    def append(self, at: float, row: Floats32) -> None:
        """Add one row.

        Args:
            at: Seconds since the epoch, not before the last row's.
            row: float32[slots, metrics]; slots that it lacks are NaN.
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

    def rewind(self, at: float) -> None:
        """Drop the rows from a moment on; views keep them."""
        while self._blocks:
            *older, block = self._blocks
            kept = int(np.searchsorted(block.times[: self._count - block.first], at))
            self._count = block.first + kept
            if kept:
                self._blocks = (*older, Block(block.first, block.times.copy(), block.values.copy()))
                return
            self._blocks = tuple(older)

    def view(self) -> RingView:
        """Return the rows so far."""
        return RingView(self._blocks, self._start, self._count)
