"""What was measured before: the protocol between the store and everything that looks back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tuimon.model.frame import Floats
from tuimon.model.metric import Kind

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One metric of one entity over time, oldest first; a missing value is NaN, a gap no row."""

    times: Floats
    """float64[k], seconds since the epoch."""
    values: Floats32
    """float32[k] in the metric's base unit."""
    step: float
    """Seconds a row stands for: 0 for single readings, else the width of the mean."""


class History(Protocol):
    """The past of every kept metric, as it was when this view was published."""

    def series(self, kind: Kind, metric: str, entity: str, since: float) -> Series:
        """Return what is known since a moment, from the finest tier that reaches back to it.

        Args:
            kind: Kind of the entity.
            metric: Name of a gauge or of a rate.
            entity: Id of the entity.
            since: Seconds since the epoch.
        """
        ...

    def grid(
        self, kind: Kind, metric: str, entities: Sequence[str], end: float, step: float, count: int
    ) -> Floats32:
        """Return float32[len(entities), count]: means of *count* equal steps that end at *end*.

        A step without a reading is NaN. Made for drawing: one call a panel, not one a series.
        """
        ...
