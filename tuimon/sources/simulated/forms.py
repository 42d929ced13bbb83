"""Cells of the host as weighted sums of what moves it, so that counters are integrals of gauges."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import CADENCES, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric
from tuimon.sources.simulated.machine import SIGNALS, SPANS

PLACE = {name: place for place, name in enumerate(SIGNALS)}
NOW, TOTAL = 0, 1
"""Blocks of the pool of `Machine.host`; those of `SPANS` come behind."""


@dataclass(frozen=True, slots=True)
class Form:
    """A weighted sum of signals of one block of the pool, and a constant."""

    block: int = NOW
    weights: Mapping[str, float] = field(default_factory=dict)
    fixed: float = 0.0

    def times(self, factor: float) -> "Form":
        """Return it with all weights and the constant multiplied."""
        weights = {name: weight * factor for name, weight in self.weights.items()}
        return Form(self.block, weights, self.fixed * factor)


Cell = Form | Callable[[float], float] | None
"""A sum, what a function of the simulated time says, or nothing: not supported."""


def total(**weights: float) -> Form:
    """A counter that grows by these weights a second."""
    return Form(TOTAL, weights)


def now(fixed: float = 0.0, **weights: float) -> Form:
    """A gauge, averaged over the last second."""
    return Form(NOW, weights, fixed)


def over(span: float, fixed: float = 0.0, **weights: float) -> Form:
    """A gauge that the kernel averages over *span* seconds."""
    return Form(2 + SPANS.index(span), weights, fixed)


def vector(form: Form) -> Floats:
    """Return float64[c]: the weights in the order of `SIGNALS`."""
    found = np.zeros(len(SIGNALS))
    for name, weight in form.weights.items():
        found[PLACE[name]] += weight
    return found


@dataclass(frozen=True, slots=True)
class Topic:
    """The entities of one kind and their cells: a cell an entity for each metric name."""

    entities: Entities
    cells: Mapping[str, Sequence[Cell]]


class Sheet:
    """The frames of one topic at one cadence."""

    def __init__(self, topic: Topic, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._cadence = catalogue.metrics[0].cadence
        self._entities = topic.entities
        size = (len(catalogue), len(topic.entities))
        width = (2 + len(SPANS)) * len(SIGNALS)
        weights = np.zeros((*size, width))
        self._fixed = np.zeros(size)
        self._reasons = np.full(size, Reason.NOT_SUPPORTED, np.uint8)
        self._told: list[tuple[int, int, Callable[[float], float]]] = []
        for row, metric in enumerate(catalogue):
            for column, cell in enumerate(topic.cells.get(metric.name, ())):
                if cell is None:
                    continue
                self._reasons[row, column] = Reason.KNOWN
                if isinstance(cell, Form):
                    start = cell.block * len(SIGNALS)
                    weights[row, column, start : start + len(SIGNALS)] = vector(cell)
                    self._fixed[row, column] = cell.fixed
                else:
                    self._told.append((row, column, cell))
        flat = weights.reshape(-1, width)
        self._used = np.flatnonzero(flat.any(axis=0))
        self._weights = np.ascontiguousarray(flat[:, self._used])
        self._missing = self._reasons != Reason.KNOWN

    def frame(self, pool: Floats, time: float, at: float) -> Frame:
        """Return the frame at one moment.

        Args:
            pool: What `Machine.host` gives.
            time: Simulated time.
            at: Seconds since the epoch.
        """
        moved = (self._weights @ pool[self._used]).reshape(self._fixed.shape)
        values = self._fixed + moved
        values[self._missing] = math.nan
        for row, column, tell in self._told:
            values[row, column] = tell(time)
        read_at = np.full((CADENCES, len(self._entities)), math.nan)
        read_at[self._cadence] = at
        frame = Frame(self._catalogue, self._entities, values, self._reasons.copy(), read_at)
        return frame.sealed()


def sheets(topics: Mapping[Kind, Topic], metrics: Sequence[Metric]) -> dict[Cadence, list[Sheet]]:
    """Return the sheets of all topics by cadence, for the *metrics* of the real source."""
    found: dict[Cadence, list[Sheet]] = {}
    for kind, topic in topics.items():
        if not len(topic.entities):
            continue
        whole = Catalogue(kind, [one for one in metrics if one.kind is kind])
        for cadence in sorted({one.cadence for one in whole}):
            found.setdefault(cadence, []).append(Sheet(topic, whole.only(cadence)))
    return found
