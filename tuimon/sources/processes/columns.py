"""The live processes as columns of arrays that are kept between passes and copied into frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuimon.drivers import procfs
from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Codes, Floats, Frame
from tuimon.model.metric import Cadence
from tuimon.sources.processes.table import CATALOGUE, STAT

Indexes = npt.NDArray[np.intp]

NEVER = -np.inf
"""Time of an identity that is still to be read."""
_SCALE = np.array([scale for _, _, scale in STAT])
_START = 1 + next(row for row, (_, field, _) in enumerate(STAT) if field == procfs.START_TICKS)


@dataclass(slots=True, eq=False)
class Process:
    """What is remembered of one process and does not fit into an array of numbers."""

    pid: int
    start: int
    """In ticks since boot."""
    comm: bytes
    stack: bytes
    """Address of its stack: another one after exec(); `0` where we may not see it."""
    kernel: bool
    entity: Entity
    uid: int = -1
    """Effective user; -1 while it is not known."""


class Columns:
    """One column a process: row 0 of `values` is `CPU`, the others are those of `STAT`.

    Who goes is replaced by the last column, so that coming and going costs the same among many.
    """

    def __init__(self, boot_time: float) -> None:
        self._boot_time = boot_time
        self._entities: Entities | None = None
        self.processes: list[Process] = []
        self.clocks: list[int] = []
        """Ids of their CPU clocks."""
        self.column: dict[int, int] = {}
        """Column of each pid."""
        self.values: Floats = np.empty((len(CATALOGUE), 0))
        self.reasons: Codes = np.empty((len(CATALOGUE), 0), np.uint8)
        self.read_at: Floats = np.empty((CADENCES, 0))
        self.spent: npt.NDArray[np.int64] = np.empty(0, np.int64)
        """Nanoseconds on the CPU."""
        self.due: npt.NDArray[np.bool_] = np.empty(0, np.bool_)
        """Who moved since its `stat` was read."""
        self.identified: Floats = np.empty(0)
        """When the identity was read; `NEVER` if it is to be, +inf if there is nothing to read."""

    def __len__(self) -> int:
        return len(self.processes)

    def add(self, processes: Sequence[Process], spent: Sequence[int]) -> Indexes:
        """Append processes that used *spent* nanoseconds so far and return their columns."""
        first = len(self.processes)
        for process in processes:
            self.column[process.pid] = len(self.processes)
            self.processes.append(process)
            self.clocks.append(procfs.clock_id(process.pid))
        if len(self.processes) > len(self.spent):
            self._grow(len(self.processes))
        columns = np.arange(first, len(self.processes))
        self.spent[columns] = spent
        self._begin(columns)
        return columns

    def replace(self, column: int, process: Process) -> None:
        """Put a process in the column of the one that had its number."""
        self.processes[column] = process
        self._begin(np.array([column]))

    def _begin(self, columns: Indexes) -> None:
        self.values[:, columns] = np.nan
        self.reasons[:, columns] = Reason.NOT_YET
        self.read_at[:, columns] = np.nan
        self.due[columns] = False
        self.identified[columns] = [
            np.inf if self.processes[column].kernel else NEVER for column in columns
        ]
        self._entities = None

    def drop(self, columns: Sequence[int]) -> None:
        """Take columns out; the last ones move into their places."""
        for column in sorted(columns, reverse=True):
            gone, last = self.processes[column], self.processes.pop()
            del self.column[gone.pid]
            clock = self.clocks.pop()
            if gone is not last:
                self.processes[column], self.clocks[column] = last, clock
                self.column[last.pid] = column
                for array in self._arrays():
                    array[..., column] = array[..., len(self.processes)]
            self._entities = None

    def rename(self, column: int, entity: Entity) -> None:
        """Put another entity with the same id into a column."""
        self.processes[column].entity = entity
        self._entities = None

    def put(self, columns: Indexes, counts: Sequence[Sequence[int]], at: float) -> None:
        """Store what `stat` said.

        Args:
            columns: k columns.
            counts: k rows with the fields of `STAT`, as the kernel counts them.
            at: When it was read.
        """
        cells = np.array(counts, dtype=np.float64).T * _SCALE[:, None]
        self.values[1:, columns] = cells
        self.values[_START, columns] += self._boot_time
        self.reasons[1:, columns] = Reason.KNOWN
        self.read_at[Cadence.NORMAL, columns] = at
        self.due[columns] = False

    def lose(self, column: int, reason: Reason, at: float) -> None:
        """Store that `stat` could not be read."""
        self.values[1:, column] = np.nan
        self.reasons[1:, column] = reason
        self.read_at[Cadence.NORMAL, column] = at
        self.due[column] = False

    def frame(self, at: float, silent: Sequence[int] = ()) -> Frame:
        """Return a copy of all there is; the CPU clocks were read now, but for the *silent* columns."""
        n = len(self.processes)
        np.divide(self.spent[:n], 1e9, out=self.values[0, :n])
        self.reasons[0, :n] = Reason.KNOWN
        self.values[0, silent] = np.nan
        self.reasons[0, silent] = Reason.FAILED
        self.read_at[Cadence.FAST, :n] = at
        if self._entities is None:
            self._entities = Entities([process.entity for process in self.processes])
        return Frame(
            CATALOGUE,
            self._entities,
            self.values[:, :n].copy(),
            self.reasons[:, :n].copy(),
            self.read_at[:, :n].copy(),
        ).sealed()

    def _arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        return self.values, self.reasons, self.read_at, self.spent, self.due, self.identified

    def _grow(self, size: int) -> None:
        room = max(256, size * 5 // 4) - len(self.spent)
        self.values, self.reasons, self.read_at, self.spent, self.due, self.identified = (
            np.concatenate((array, np.zeros((*array.shape[:-1], room), array.dtype)), axis=-1)
            for array in self._arrays()
        )
