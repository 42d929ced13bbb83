"""A plan: how a set of rows is read from one device, with what it lacks left out."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from tuimon.drivers.nvml import INVALID_ARGUMENT, UNKNOWN_NUMBERS, Error, Handle, call_of, reason_of
from tuimon.drivers.nvml_batches import Fields
from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue
from tuimon.sources.nvml.rows import Call, Field, Gpm, Own, Row, Sampled, Way
from tuimon.units import Unit

Cell = float | Reason
Owns = Mapping[str, Callable[[], Cell]]
"""By metric: what gives the cell of a row whose way is `Own`."""
Values = tuple[list[float], bytearray]
"""Number and `Reason` of each row; NaN exactly where the reason is not `KNOWN`."""

NAN = float("nan")
UNSUPPORTED = int(Reason.NOT_SUPPORTED)
_Pick = tuple[int, Callable[[Any], float] | None, float]
"""Position of the row, how to get its number out of the answer, and the scale."""


class Plan:
    """Reads rows from one device. What is not supported is not asked again before `forget`.

    Every row has its ways; one that is not supported is given up for the next one.
    """

    def __init__(self, rows: Sequence[Row], alive: Callable[[Handle], object]) -> None:
        """Prepare to read.

        Args:
            rows: What to read, in the order of the cells.
            alive: Raises when a handle is void; asked when NVML calls an argument invalid.
        """
        self._rows = tuple(rows)
        self._alive = alive
        self.forget()

    def forget(self) -> None:
        """Ask for everything again, as at each inventory."""
        self._way = [0] * len(self._rows)
        self._compile()

    @property
    def delegated(self) -> frozenset[str]:
        """Names of the metrics that only the lane beside can measure on this device."""
        return self._delegated

    def way(self, name: str) -> Way | None:
        """Return how a metric is read on this device; None if it is not."""
        for row, way in zip(self._rows, self._way, strict=True):
            if row.metric.name == name and way < len(row.ways):
                return row.ways[way]
        return None

    def read(self, handle: Handle, owns: Owns, monitor: Mapping[int, Cell]) -> Values:
        """Read all rows.

        Args:
            handle: The device.
            owns: What gives the cells that have another shape.
            monitor: Values of the performance monitor by metric id; sums in place of rates for
                the rows that are counters.

        Raises:
            ReadError: The device is lost.
            SourceLost: NVML must be initialised again.
        """
        while True:
            values, reasons, doubtful = self._once(handle, owns, monitor)
            if doubtful:
                self._alive(handle)
            if not self._give_up(reasons):
                return values, reasons

    def _once(
        self, handle: Handle, owns: Owns, monitor: Mapping[int, Cell]
    ) -> tuple[list[float], bytearray, bool]:
        """Make every call once; whether NVML called an argument invalid comes with the cells."""
        values, reasons, doubtful = self._blank.copy(), bytearray(self._known), False
        for function, args, picks in self._calls:
            try:
                answer = function(handle, *args)
            except Error as error:
                reason = reason_of(error.value)
                doubtful = doubtful or error.value == INVALID_ARGUMENT
                for position, _, _ in picks:
                    reasons[position] = reason
                continue
            for position, get, scale in picks:
                number = answer if get is None else get(answer)
                if number in UNKNOWN_NUMBERS:
                    reasons[position] = UNSUPPORTED
                else:
                    values[position] = number * scale
        if self._fields is not None:
            doubtful = self._fetch(handle, values, reasons) or doubtful
        for position, cell in self._given(owns, monitor):
            if isinstance(cell, Reason):
                reasons[position] = cell
            else:
                values[position] = cell
        return values, reasons, doubtful

    def _fetch(self, handle: Handle, values: list[float], reasons: bytearray) -> bool:
        """Fetch the batch of fields; return whether NVML called the whole call invalid."""
        assert self._fields is not None  # noqa: S101 -- for the type checker
        try:
            codes, numbers = self._fields.read(handle)
        except Error as error:
            reason = reason_of(error.value)
            for position, _, _ in self._field_cells:
                reasons[position] = reason
            return bool(error.value == INVALID_ARGUMENT)
        for (position, scale, signed), code, number in zip(
            self._field_cells, codes, numbers, strict=True
        ):
            if code:
                reasons[position] = reason_of(code)
            elif signed:
                values[position] = (number - 2**32 if number >= 2**31 else number) * scale
            elif number in UNKNOWN_NUMBERS:
                reasons[position] = UNSUPPORTED
            else:
                values[position] = number * scale
        return False

    def _given(self, owns: Owns, monitor: Mapping[int, Cell]) -> list[tuple[int, Cell]]:
        """Return the cells that do not come from a call of this plan."""
        cells: list[tuple[int, Cell]] = []
        for position, way in self._others:
            if isinstance(way, Gpm):
                cell = monitor.get(way.id, Reason.NOT_SUPPORTED)
                cells.append((position, cell if isinstance(cell, Reason) else cell * way.scale))
            else:
                give = owns.get(self._rows[position].metric.name)
                cells.append((position, give() if give else Reason.NOT_SUPPORTED))
        return cells

    def _give_up(self, reasons: bytearray) -> bool:
        """Go on to the next way of rows that are not supported; return whether there is one."""
        again = changed = False
        for position, row in enumerate(self._rows):
            if reasons[position] == UNSUPPORTED and self._way[position] < len(row.ways):
                self._way[position] += 1
                changed = True
                again = again or self._way[position] < len(row.ways)
        if changed:
            self._compile()
        return again

    def _compile(self) -> None:
        """Group the rows by the calls that answer them."""
        calls: dict[tuple[str, tuple[int, ...]], list[_Pick]] = {}
        fields: list[tuple[int, int]] = []
        self._field_cells: list[tuple[int, float, bool]] = []
        self._others: list[tuple[int, Gpm | Own | Sampled]] = []
        delegated: set[str] = set()
        self._blank = [NAN] * len(self._rows)
        self._known = bytearray(len(self._rows))
        for position, row in enumerate(self._rows):
            way = row.ways[self._way[position]] if self._way[position] < len(row.ways) else None
            if way is None:
                self._known[position] = UNSUPPORTED
            elif isinstance(way, Call):
                calls.setdefault((way.function, way.args), []).append(
                    (position, _getter(way.pick), way.scale)
                )
            elif isinstance(way, Field):
                fields.append((way.id, way.scope))
                signed = row.metric.unit is Unit.CELSIUS
                self._field_cells.append((position, way.scale, signed))
            else:
                if isinstance(way, Sampled):
                    delegated.add(row.metric.name)
                self._others.append((position, way))
        self._calls = [(call_of(name), a, picks) for (name, a), picks in calls.items()]
        self._fields = Fields(fields) if fields else None
        self._delegated = frozenset(delegated)


def _getter(pick: str | int | None) -> Callable[[Any], float] | None:
    if pick is None:
        return None
    return attrgetter(pick) if isinstance(pick, str) else itemgetter(pick)


def frame(
    catalogue: Catalogue, entities: Entities, cells: Values, cadence: Cadence, at: float
) -> Frame:
    """Build a frame of one reading.

    Args:
        catalogue: m metrics.
        entities: n entities.
        cells: n times m of them: all metrics of the first entity, then of the next.
        cadence: At which it was read.
        at: When, seconds since the epoch.
    """
    shape = (len(entities), len(catalogue))
    values = np.array(cells[0], np.float64).reshape(shape).T
    reasons = np.frombuffer(bytes(cells[1]), np.uint8).reshape(shape).T
    read_at = np.full((CADENCES, len(entities)), NAN)
    read_at[cadence] = at
    return Frame(catalogue, entities, values, reasons, read_at).sealed()
