"""Readers of simulated GPUs: one a GPU, like those of NVML."""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuimon.errors import ReadError, Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import CADENCES, Codes, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.model.sample import Event, Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml import METRICS
from tuimon.sources.simulated.cells import CELLS, NOT_DIVIDED, Fixed, Glance, Taken, Told
from tuimon.sources.simulated.identity import gpu_entity
from tuimon.sources.simulated.instances import Instances
from tuimon.sources.simulated.kinds import Product
from tuimon.sources.simulated.links import Links
from tuimon.sources.simulated.machine import Machine
from tuimon.sources.simulated.occupants import Occupant, Occupants
from tuimon.sources.simulated.script import Hung, Lost, Slow, Xid

NOTE = "This is a simulated machine, nothing here is hardware."
POLL = 0.05
"""Seconds after which a hung reader looks at its clock again."""
FAST, NORMAL, SLOW, INVENTORY, EVENTS = (
    Cadence.FAST,
    Cadence.NORMAL,
    Cadence.SLOW,
    Cadence.INVENTORY,
    Cadence.EVENTS,
)
CATALOGUES = {
    cadence: Catalogue(
        Kind.GPU, [one for one in METRICS if one.kind is Kind.GPU and one.cadence is cadence]
    )
    for cadence in (FAST, NORMAL, SLOW, INVENTORY)
}


@dataclass(slots=True, eq=False)
class Sheet:
    """The cells of one cadence of one GPU: what is fixed filled in, the rest prepared."""

    catalogue: Catalogue
    values: Floats
    """float64[m], NaN where something is to be put in, or nothing is supported."""
    reasons: Codes
    """uint8[m]"""
    rows: npt.NDArray[np.intp]
    """Rows of k cells that are taken from the pool."""
    places: npt.NDArray[np.intp]
    factors: Floats
    added: Floats
    grained: npt.NDArray[np.intp]
    """Which of the k are rounded."""
    grains: Floats
    told: tuple[tuple[int, Callable[[Glance], float]], ...]

    def frame(self, entities: Entities, glance: Glance, at: float) -> Frame:
        """Return the frame at this moment."""
        values = self.values.copy()
        taken = glance.pool[self.places] * self.factors + self.added
        taken[self.grained] = np.round(taken[self.grained] / self.grains) * self.grains
        values[self.rows] = taken
        for row, tell in self.told:
            values[row] = tell(glance)
        cadence = self.catalogue.metrics[0].cadence
        read_at = np.full((CADENCES, 1), math.nan)
        read_at[cadence] = at
        return Frame(
            self.catalogue, entities, values[:, None], self.reasons[:, None], read_at
        ).sealed()


def sheet(catalogue: Catalogue, product: Product, hidden: Iterable[str], processes: int) -> Sheet:
    """Prepare the cells of one cadence.

    Args:
        catalogue: The metrics of the real source at that cadence.
        product: What it is.
        hidden: Metrics that this GPU does not tell though the product could.
        processes: How many there are on the GPU.
    """
    size = len(catalogue)
    values, reasons = np.full(size, math.nan), np.full(size, Reason.NOT_SUPPORTED, np.uint8)
    taken: list[tuple[int, Taken]] = []
    told: list[tuple[int, Callable[[Glance], float]]] = []
    for cell in CELLS:
        row = catalogue.position.get(cell.metric)
        if row is None or cell.metric in hidden or (cell.needs and cell.needs not in product.has):
            continue
        reasons[row] = Reason.KNOWN
        match cell.way:
            case Fixed():
                values[row] = cell.way.of(product)
            case Taken():
                taken.append((row, cell.way))
            case Told():
                told.append((row, cell.way.of))
    if "gpu_processes" in catalogue:
        row = catalogue.position["gpu_processes"]
        values[row], reasons[row] = processes, Reason.KNOWN
    return Sheet(
        catalogue,
        values,
        reasons,
        np.array([row for row, _ in taken], np.intp),
        np.array([way.place for _, way in taken], np.intp),
        np.array([way.factor for _, way in taken]),
        np.array([way.add(product) if way.add else 0.0 for _, way in taken]),
        np.array([k for k, (_, way) in enumerate(taken) if way.grain], np.intp),
        np.array([way.grain for _, way in taken if way.grain]),
        tuple(told),
    )


class GpuReader:
    """One simulated GPU. `close` may be called by any thread: it ends what hangs."""

    cadences: Sequence[Cadence] = (EVENTS, FAST, NORMAL, SLOW, INVENTORY)

    def __init__(
        self,
        machine: Machine,
        gpu: int,
        occupants: Sequence[Occupant],
        start: float,
        clock: Callable[[], float],
    ) -> None:
        """Describe one GPU.

        Args:
            machine: What it is a part of.
            gpu: Its index.
            occupants: The processes on it.
            start: When the simulated time began, seconds since the epoch.
            clock: Seconds since the epoch.
        """
        self.name = f"simulated/gpu{gpu}"
        self.entities = Entities([gpu_entity(machine, gpu)])
        self._machine = machine
        self._gpu = gpu
        self._start = start
        self._clock = clock
        self._closed = threading.Event()
        self._faults = machine.script.of_gpu(gpu)
        entity = self.entities[0]
        self._instances = Instances(machine, gpu, entity)
        hidden = NOT_DIVIDED if self._instances else ()
        self._sheets = {
            cadence: sheet(catalogue, machine.product, hidden, len(occupants))
            for cadence, catalogue in CATALOGUES.items()
        }
        self._links = Links(machine.product, entity)
        self._occupants = Occupants(occupants, entity)
        self._told_until = clock() - start

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        at = self._clock()
        if cadence is EVENTS:
            return Reading(events=self._events(at - self._start), note=NOTE)
        self._suffer()
        at = self._clock()
        time = at - self._start
        machine, gpu = self._machine, self._gpu
        pool = machine.gpu(time, gpu)
        glance = Glance(machine.product, machine.script, machine.roles[gpu], gpu, time, pool)
        found: list[Frame | None] = [self._sheets[cadence].frame(self.entities, glance, at)]
        found.append(self._links.frame(cadence, glance, at))
        found.append(self._occupants.frame(cadence, glance, at))
        found.append(self._instances.frame(cadence, glance, at))
        return Reading(tuple(one for one in found if one is not None), note=NOTE)

    def close(self) -> None:
        """See `Reader.close`."""
        self._closed.set()

    def _suffer(self) -> None:
        """Do what the script says of this GPU: hang, take long, or be lost.

        Raises:
            ReadError: It is lost.
        """
        script = self._machine.script
        for fault in self._faults:
            match fault:
                case Hung():
                    while script.elapsed(fault, self._clock() - self._start) >= 0:
                        if self._closed.wait(POLL):
                            return
                case Slow() if script.elapsed(fault, self._clock() - self._start) >= 0:
                    self._closed.wait(fault.wait)
                case Lost() if script.elapsed(fault, self._clock() - self._start) >= 0:
                    text = f"GPU {self._gpu} has fallen off the bus (simulated)"
                    raise ReadError(Reason.DEVICE_LOST, text)
                case _:
                    pass

    def _events(self, time: float) -> tuple[Event, ...]:
        """Return the XIDs since the last call, oldest first."""
        after, self._told_until = self._told_until, max(time, self._told_until)
        found = [
            Event(self._start + begin, Kind.GPU, self.entities[0].id, "xid", fault.code)
            for fault in self._faults
            if isinstance(fault, Xid)
            for begin in self._machine.script.begins(fault, after, time)
        ]
        return tuple(sorted(found, key=lambda event: event.at))


def supported(product: Product) -> frozenset[str]:
    """Return the names of the GPU metrics that a product gives."""
    names = {one.metric for one in CELLS if not one.needs or one.needs in product.has}
    return frozenset(names | {"gpu_processes"})
