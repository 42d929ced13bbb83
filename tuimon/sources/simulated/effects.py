"""What the script does to power, heat and load in one second."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tuimon.model.frame import Floats
from tuimon.sources.simulated.kinds import Product
from tuimon.sources.simulated.script import (
    DATA,
    CollectiveHung,
    DiskFull,
    FanStuck,
    Fault,
    LoaderStarved,
    Lost,
    MemoryLeak,
    Overheated,
    PcieDowntrained,
    PowerLimited,
    Script,
)

STUCK_FAN = 1.7
"""How many times as hard it is to get the heat away while one of two fans stands still."""


@dataclass(slots=True)
class Effects:
    """What differs from a machine in order; arrays are float64[n] of n GPUs."""

    cooling: Floats
    """Factor on the resistance to heat."""
    limit: Floats
    """Factor on the power limit."""
    pcie: Floats
    """Factor on the bandwidth of PCIe."""
    leak: Floats
    """Bytes of device memory."""
    alive: Floats
    """0 for a GPU that is lost."""
    starved: bool = False
    hung: bool = False
    filling: bool = False
    """Somebody writes until the disk of the data is full."""

    @classmethod
    def of(cls, script: Script, time: float, count: int, product: Product) -> Self:
        """Return the effects at *time* on *count* GPUs."""
        cooling, limit, pcie, alive = np.ones((4, count))
        one = cls(cooling, limit, pcie, np.zeros(count), alive)
        for fault in script.active(time):
            one.add(fault, script.elapsed(fault, time), product)
        return one

    def add(self, fault: Fault, elapsed: float, product: Product) -> None:
        """Add one fault that has lasted for *elapsed* seconds."""
        match fault:
            case Overheated():
                self.cooling[fault.gpu] *= fault.resistance
            case FanStuck() if product.fans:
                self.cooling[fault.gpu] *= STUCK_FAN
            case PowerLimited() if "cap" in product.has:
                self.limit[fault.gpu] = max(fault.share, product.power_min / product.power)
            case PcieDowntrained():
                lanes = fault.width / 16 * 2.0 ** (fault.generation - product.pcie)
                self.pcie[fault.gpu] = min(lanes, 1.0)
            case MemoryLeak():
                self.leak[fault.gpu] += fault.rate * elapsed
            case Lost():
                self.alive[fault.gpu] = 0.0
            case LoaderStarved():
                self.starved = True
            case CollectiveHung():
                self.hung = True
            case DiskFull() if fault.mount == DATA:
                self.filling = True
            case _:
                pass  # only what a reader tells
