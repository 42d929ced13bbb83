"""A simulated machine under a clock that is set by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST, Reader
from tuimon.sources.simulated import NONE, Script, SimulatedSource

START = 1_700_000_000.0


class Bench:
    """A source, its readers and its clock."""

    def __init__(
        self, gpus: int = 8, kind: str = "h100", seed: int = 0, script: Script = NONE
    ) -> None:
        self.now = START
        self.source = SimulatedSource(gpus, kind, seed, lambda: self.now, script)
        self.readers: Sequence[Reader] = self.source.open()

    def at(self, time: float) -> "Bench":
        """Set the clock to a simulated time."""
        self.now = START + time
        return self

    def reader(self, name: str) -> Reader:
        """Return the reader of one lane, such as `gpu0`."""
        return next(one for one in self.readers if one.name == f"simulated/{name}")

    def frames(self, reader: Reader, *cadences: Cadence) -> list[Frame]:
        """Return the frames of one reader at some cadences, all if none is named."""
        found: list[Frame] = []
        for cadence in cadences or reader.cadences:
            found += reader.read(cadence, NO_INTEREST).frames
        return found

    def value(self, lane: str, name: str, column: int = 0) -> float:
        """Return one value now."""
        return float(self.row(lane, name)[column])

    def row(self, lane: str, name: str) -> np.ndarray:
        """Return one metric of all entities of a lane now."""
        kind = next(m.kind for m in self.source.metrics if m.name == name)
        cadence = next(m.cadence for m in self.source.metrics if m.name == name)
        reader = self.reader(lane)
        if kind is Kind.PROCESS:
            cadence = Cadence.FAST
        for frame in self.frames(reader, cadence):
            if frame.kind is kind:
                return frame.row(name)
        raise AssertionError(name)


@pytest.fixture
def bench():
    """Return what makes a bench."""
    return Bench
