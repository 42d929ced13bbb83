"""The processes on a simulated GPU, as its driver tells them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.sources.nvml import METRICS
from tuimon.sources.simulated.cells import Glance
from tuimon.sources.simulated.kinds import MIB
from tuimon.sources.simulated.machine import QUANTITIES, STATES

MEMORY = 2 * len(QUANTITIES) + STATES.index("memory")
PAGE = 2 * MIB
CATALOGUES = {
    cadence: Catalogue(
        Kind.GPU_PROCESS,
        [one for one in METRICS if one.kind is Kind.GPU_PROCESS and one.cadence is cadence],
    )
    for cadence in (Cadence.FAST, Cadence.NORMAL)
}

# fmt: off
# A metric, and the quantity of the GPU that is shared out, with a factor. Adding one is one row.
USES: tuple[tuple[str, str, float], ...] = (
    ("gpu_process_sm_ratio",                 "busy", 1.0),
    ("gpu_process_memory_utilization_ratio", "dram", 0.9),
    ("gpu_process_encoder_ratio",            "busy", 0.0),
    ("gpu_process_decoder_ratio",            "busy", 0.0),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Occupant:
    """A process on a GPU."""

    process: str
    """Id of its own entity."""
    pid: int
    name: str
    memory: float = 1.0
    """Share of the memory that all processes on the GPU hold; the first takes what is left."""
    use: float = 1.0
    """Share of the GPU's work that is its."""


class Occupants:
    """The processes on one GPU; the same ones all the time."""

    def __init__(self, occupants: Sequence[Occupant], gpu: Entity) -> None:
        self._memory = np.array([one.memory for one in occupants])
        self._use = np.array([one.use for one in occupants])
        self._entities = Entities(
            Entity(
                f"{one.process}@{gpu.id}",
                one.name,
                one.pid,
                {
                    "pid": str(one.pid),
                    "process": one.process,
                    "type": "C",
                    "gpu": str(gpu.index),
                },
                gpu.id,
            )
            for one in occupants
        )

    def frame(self, cadence: Cadence, glance: Glance, at: float) -> Frame | None:
        """Return the frame of a cadence; None where there is nothing to say."""
        catalogue = CATALOGUES.get(cadence)
        if catalogue is None or not len(self._entities):
            return None
        values = np.full((len(catalogue), len(self._entities)), math.nan)
        for row, metric in enumerate(catalogue):
            values[row] = self._row(metric.name, glance)
        read_at = np.full((CADENCES, len(self._entities)), math.nan)
        read_at[cadence] = at
        reasons = np.zeros(values.shape, np.uint8)
        return Frame(catalogue, self._entities, values, reasons, read_at).sealed()

    def _row(self, name: str, glance: Glance) -> Floats:
        if name == "gpu_process_memory_bytes":
            held = np.floor(self._memory * (glance.pool[MEMORY] / PAGE)) * PAGE
            held[0] += glance.pool[MEMORY] - held.sum()
            return np.asarray(held, np.float64)
        quantity, factor = next((q, f) for metric, q, f in USES if metric == name)
        whole = min(float(glance.pool[QUANTITIES.index(quantity)]) * factor, 1.0)
        shares: Floats = np.round(self._use * whole, 2)
        return shares
