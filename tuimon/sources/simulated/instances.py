"""The MIG instances of a simulated GPU, if its script divides it."""

import math

import numpy as np

from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.sources.nvml import METRICS
from tuimon.sources.simulated.cells import Glance
from tuimon.sources.simulated.kinds import GIB, MIB
from tuimon.sources.simulated.machine import DRIVER_SHARE, QUANTITIES, STATES, Machine
from tuimon.sources.simulated.noise import mixed

MEMORY = 2 * len(QUANTITIES) + STATES.index("memory")
SLICES = 7
CATALOGUES = {
    cadence: Catalogue(
        Kind.MIG, [one for one in METRICS if one.kind is Kind.MIG and one.cadence is cadence]
    )
    for cadence in (Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY)
}

# fmt: off
# The means that Hopper and later tell of an instance: a metric, a quantity of its GPU, a factor.
MEANS: tuple[tuple[str, str, float], ...] = (
    ("mig_utilization_ratio",   "busy",   1.0),
    ("mig_sm_active_ratio",     "sm",     1.0),
    ("mig_sm_occupancy_ratio",  "sm",     0.41),
    ("mig_tensor_active_ratio", "tensor", 1.0),
    ("mig_dram_active_ratio",   "dram",   1.0),
    ("mig_fp64_active_ratio",   "busy",   0.0),
    ("mig_fp32_active_ratio",   "sm",     0.11),
    ("mig_fp16_active_ratio",   "sm",     0.05),
)
# fmt: on


class Instances:
    """The instances of one GPU, all alike; false if there are none."""

    def __init__(self, machine: Machine, gpu: int, entity: Entity) -> None:
        division = next((one for one in machine.script.divided if one.gpu == gpu), None)
        if division is None or "mig" not in machine.product.has:
            self._entities = Entities()
            self._constants: dict[str, float] = {}
            return
        slices = int(division.profile.partition("g.")[0])
        memory = float(division.profile.partition(".")[2].removesuffix("gb")) * GIB
        memory = min(memory, machine.product.usable_bytes / division.count)
        self._share = 1.0 / division.count
        self._constants = {
            "mig_memory_total_bytes": memory,
            "mig_memory_reserved_bytes": 16 * MIB,
            "mig_multiprocessors": float(slices * (machine.product.cores // 128 // SLICES)),
            "mig_gpu_slices": float(slices),
            "mig_compute_slices": float(slices),
            "mig_copy_engines": float(slices),
            "mig_decoders": float(slices),
            "mig_encoders": 0.0,
            "mig_jpeg_engines": float(slices),
            "mig_optical_flow_engines": 0.0,
        }
        self._entities = Entities(
            _entity(machine, entity, division.profile, place) for place in range(division.count)
        )

    def __bool__(self) -> bool:
        return len(self._entities) > 0

    def frame(self, cadence: Cadence, glance: Glance, at: float) -> Frame | None:
        """Return the frame of a cadence; None where there is nothing to say."""
        catalogue = CATALOGUES.get(cadence)
        if catalogue is None or not self:
            return None
        cells = self._cells(glance)
        values = np.full((len(catalogue), len(self._entities)), math.nan)
        for row, metric in enumerate(catalogue):
            values[row] = cells.get(metric.name, math.nan)
        reasons = np.where(np.isnan(values), np.uint8(Reason.NOT_SUPPORTED), np.uint8(0))
        read_at = np.full((CADENCES, len(self._entities)), math.nan)
        read_at[cadence] = at
        return Frame(catalogue, self._entities, values, reasons, read_at).sealed()

    def _cells(self, glance: Glance) -> dict[str, float]:
        total = self._constants["mig_memory_total_bytes"]
        free = total - self._constants["mig_memory_reserved_bytes"]
        used = min((glance.pool[MEMORY] + DRIVER_SHARE) * self._share, free)
        cells = {"mig_memory_used_bytes": used, "mig_memory_free_bytes": free - used}
        if "gpm" in glance.product.has:
            for name, quantity, factor in MEANS:
                cells[name] = float(glance.pool[QUANTITIES.index(quantity)]) * factor
        return self._constants | cells


def _entity(machine: Machine, gpu: Entity, profile: str, place: int) -> Entity:
    number = mixed(machine.seed * 65537 + gpu.index * 16 + place)
    name = f"MIG-{number:016x}"
    labels = {
        "uuid": name,
        "profile": profile,
        "gpu_instance": str(place + 1),
        "compute_instance": "0",
    }
    return Entity(name, f"GPU {gpu.index} {profile}", place, labels, gpu.id)
