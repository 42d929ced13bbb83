"""Values as text: a number and its unit, or the mark of the reason why there is none."""

import math

from tuimon.errors import Reason
from tuimon.model.frame import Frame
from tuimon.model.metric import Metric
from tuimon.surfaces.frames.row import Span
from tuimon.units import Unit, show


class Column:
    """All metrics of one entity, for drawing: a value, its text, its reason."""

    __slots__ = ("_column", "_frame", "entity")

    def __init__(self, frame: Frame, column: int) -> None:
        self._frame = frame
        self._column = column
        self.entity = frame.entities[column]

    def value(self, name: str) -> float:
        """Return a value, NaN where it is missing."""
        row = self._frame.catalogue.position.get(name)
        return math.nan if row is None else float(self._frame.values[row, self._column])

    def reason(self, name: str) -> Reason:
        """Return why a value is missing."""
        row = self._frame.catalogue.position.get(name)
        if row is None:
            return Reason.NOT_SUPPORTED
        return Reason(int(self._frame.reasons[row, self._column]))

    def metric(self, name: str) -> Metric | None:
        """Return the row of the catalogue."""
        return self._frame.catalogue.get(name)

    def first(self, *names: str) -> str:
        """Return the first of *names* that is known here, else the first of all."""
        return next((name for name in names if not math.isnan(self.value(name))), names[0])

    def ratio(self, name: str, bound: str) -> float:
        """Return one metric as a share of another; NaN where that cannot be told."""
        value, limit = self.value(name), self.value(bound)
        return value / limit if limit else math.nan

    def supported(self, name: str) -> bool:
        """Whether this entity has such a thing at all, known now or not."""
        return self.reason(name) is not Reason.NOT_SUPPORTED

    def text(self, name: str) -> str:
        """Return a value as short text, or the mark of its reason."""
        value = self.value(name)
        if math.isnan(value):
            return self.reason(name).mark
        metric = self.metric(name)
        if metric is not None and metric.words:
            return metric.word(value)
        return show(value, metric.unit if metric else Unit.COUNT)

    def span(self, name: str, style: str = "value") -> Span:
        """Return the text and its style; what is missing is drawn as unknown."""
        return self.text(name), "unknown" if math.isnan(self.value(name)) else style


def graded(value: float, warn: float, bad: float, style: str = "value") -> str:
    """Return the style for a value that is worse when it is larger."""
    if math.isnan(value):
        return "unknown"
    if not math.isnan(bad) and value >= bad:
        return "bad"
    return "warn" if not math.isnan(warn) and value >= warn else style


def marked(text: str, style: str) -> str:
    """Return a text with the mark of what is bad: colour is never the only sign."""
    return f"{text}!" if style == "bad" else text
