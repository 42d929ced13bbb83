"""A frame: all metrics of one kind of entity at one reading."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.metric import Cadence, Catalogue, Kind

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]
CADENCES = len(Cadence)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """m metrics of n entities, with the reason of every missing value.

    A value is NaN exactly where its reason is not `KNOWN`. Counters are raw. The arrays are
    read-only from the moment a frame leaves its reader.
    """

    catalogue: Catalogue
    """The m metrics, in row order."""
    entities: Entities
    """The n entities, in column order."""
    values: Floats
    """float64[m, n] in base units."""
    reasons: Codes
    """uint8[m, n] of `Reason`."""
    read_at: Floats
    """float64[k, n], k cadences: seconds since the epoch of the last try; NaN = never."""

    @property
    def kind(self) -> Kind:
        """The kind of all its entities."""
        return self.catalogue.kind

    @classmethod
    def of_cells(
        cls,
        catalogue: Catalogue,
        entities: Entities,
        columns: Sequence[Sequence[float | Reason]],
        at: float,
    ) -> Self:
        """Build a frame from one sequence of cells an entity.

        Args:
            catalogue: The m metrics.
            entities: The n entities.
            columns: n sequences of m cells; a `Reason` stands for a missing value.
            at: When it was read, seconds since the epoch; stored for the cadences of the catalogue.
        """
        values = np.full((len(catalogue), len(entities)), np.nan)
        reasons = np.zeros(values.shape, dtype=np.uint8)
        for column, cells in enumerate(columns):
            for row, cell in enumerate(cells):
                if isinstance(cell, Reason):
                    reasons[row, column] = cell
                else:
                    values[row, column] = cell
        reasons[np.isnan(values) & (reasons == Reason.KNOWN)] = Reason.FAILED
        read_at = np.full((CADENCES, len(entities)), np.nan)
        for cadence in {metric.cadence for metric in catalogue}:
            read_at[cadence] = at
        return cls(catalogue, entities, values, reasons, read_at).sealed()

    @classmethod
    def unknown(cls, catalogue: Catalogue, entities: Entities, reason: Reason) -> Self:
        """Build a frame in which nothing is known, for one *reason*."""
        shape = (len(catalogue), len(entities))
        values = np.full(shape, np.nan)
        reasons = np.full(shape, reason, dtype=np.uint8)
        return cls(catalogue, entities, values, reasons, np.full((CADENCES, shape[1]), np.nan))

    def sealed(self) -> Self:
        """Return this frame after forbidding any change of its arrays."""
        self.values.flags.writeable = False
        self.reasons.flags.writeable = False
        self.read_at.flags.writeable = False
        return self

    def row(self, name: str) -> Floats:
        """Return float64[n]: one metric of all entities; all NaN if the frame lacks it."""
        position = self.catalogue.position.get(name)
        if position is None:
            return np.full(len(self.entities), np.nan)
        values: Floats = self.values[position]
        return values

    def value(self, name: str, entity_id: str) -> float:
        """Return one value; NaN where it is missing, whatever the cause."""
        row = self.catalogue.position.get(name)
        column = self.entities.position.get(entity_id)
        return float("nan") if row is None or column is None else float(self.values[row, column])

    def reason(self, name: str, entity_id: str) -> Reason:
        """Return why a value is missing, `KNOWN` if it is not."""
        row = self.catalogue.position.get(name)
        column = self.entities.position.get(entity_id)
        if row is None:
            return Reason.NOT_SUPPORTED
        return Reason.GONE if column is None else Reason(self.reasons[row, column])

    def age(self, name: str, entity_id: str, now: float) -> float:
        """Return for how many seconds a value has not been read again; NaN if it never was."""
        column = self.entities.position.get(entity_id)
        if column is None or name not in self.catalogue:
            return float("nan")
        return now - float(self.read_at[self.catalogue[name].cadence, column])

    def struck(self, reason: Reason) -> Self:
        """Return this frame with nothing known but the inventory, for one *reason*.

        What was not supported stays so; what was never read takes the reason too.
        """
        rows = [row for row, m in enumerate(self.catalogue) if m.cadence is not Cadence.INVENTORY]
        values, reasons = self.values.copy(), self.reasons.copy()
        values[rows] = np.nan
        reasons[rows] = np.where(
            reasons[rows] == Reason.NOT_SUPPORTED, np.uint8(Reason.NOT_SUPPORTED), np.uint8(reason)
        )
        return replace(self, values=values, reasons=reasons).sealed()
