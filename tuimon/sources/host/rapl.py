"""Power zones of the processor (RAPL): energy as the hardware counts it.

A zone's counter begins again at `max_energy_range_uj`, every few minutes under load. Only the
reader can know where, so it adds the rounds: the metric is a counter that goes on. A counter that
falls from its lower half, or lands in the upper one, was not full but reset: it begins anew, as any
counter may. Readings more than one round apart lose the rounds between.

The zones are read in the sensors' lane, the packages once more in the main lane for the host: one
kind may be read at one cadence by one lane only.
"""

from dataclasses import dataclass

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Metric, Type
from tuimon.sources.host.part import Cell, Findings, catalogues, names, number, text
from tuimon.text import safe
from tuimon.units import Unit

HOST, RAPL = Kind.HOST, Kind.RAPL
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
WATTS, JOULES = Unit.WATTS, Unit.JOULES
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
MICRO = 1e-6

# fmt: off
ENERGY = Metric("rapl_energy_joules_total",       RAPL, JOULES, COUNTER, "Energy",     "Energy the zone took, since its counter last began at zero.",        NORMAL, "rapl_power_limit_watts", source="/sys/class/powercap/*/energy_uj")
TOTAL = Metric("host_cpu_energy_joules_total",    HOST, JOULES, COUNTER, "CPU energy", "Energy that all processor packages took, memory and board excluded.", NORMAL, source="/sys/class/powercap/*/energy_uj")

# A row: a metric, and the file of the zone.
LIMITS = (
    (Metric("rapl_power_limit_watts",       RAPL, WATTS, GAUGE, "Limit",       "Power the zone may take over a long time.",  SLOW, source="/sys/class/powercap/*/constraint_0_power_limit_uw"), "constraint_0_power_limit_uw"),
    (Metric("rapl_power_short_limit_watts", RAPL, WATTS, GAUGE, "Short limit", "Power the zone may take over a short time.", SLOW, source="/sys/class/powercap/*/constraint_1_power_limit_uw"), "constraint_1_power_limit_uw"),
)
# fmt: on

ZONE_METRICS = (ENERGY, *(row[0] for row in LIMITS))
METRICS = (*ZONE_METRICS, TOTAL)
_CLASS = "sys/class/powercap"


@dataclass(slots=True)
class Odometer:
    """One counter that begins again at `full`."""

    full: float
    last: float = 0.0
    done: float = 0.0
    """What all finished rounds made together."""

    def through(self, raw: float) -> float:
        """Return *raw* with the finished rounds added."""
        if raw < self.last:
            wrapped = self.full > 0 and raw < self.full / 2 <= self.last
            self.done = self.done + self.full if wrapped else 0.0
        self.last = raw
        return self.done + raw


class Zones:
    """The zones that have a counter, and their rounds."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.titles: dict[str, str] = {}
        self._odometers: dict[str, Odometer] = {}
        self.find()

    def find(self) -> bool:
        """Look for zones; return whether there are others than before."""
        zones = [
            zone
            for zone in names(self._tree, _CLASS)
            if ":" in zone and self._tree.exists(f"{_CLASS}/{zone}/energy_uj")
        ]
        if zones == list(self.titles):
            return False
        self.titles = {z: text(self._tree, f"{_CLASS}/{z}/name") or safe(z) for z in zones}
        self._odometers = {z: self._odometers.get(z) or self._odometer(z) for z in zones}
        return True

    def energy(self, zone: str) -> Cell:
        """Return the joules of one zone, rounds included."""
        raw = number(self._tree.once, f"{_CLASS}/{zone}/energy_uj", MICRO)
        return raw if isinstance(raw, Reason) else self._odometers[zone].through(raw)

    def _odometer(self, zone: str) -> Odometer:
        full = number(self._tree.once, f"{_CLASS}/{zone}/max_energy_range_uj", MICRO)
        return Odometer(0.0 if isinstance(full, Reason) else full)


class Rapl:
    """The zones below /sys/class/powercap."""

    metrics = ZONE_METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._catalogues = catalogues(RAPL, ZONE_METRICS)
        self._zones = Zones(tree)
        self._entities = NOBODY
        self._describe()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        columns: list[list[Cell]]
        if cadence is NORMAL:
            columns = [[self._zones.energy(zone)] for zone in self._zones.titles]
        elif cadence is SLOW:
            columns = [
                [number(self._tree.once, f"{_CLASS}/{zone}/{file}", MICRO) for _, file in LIMITS]
                for zone in self._zones.titles
            ]
        else:
            return
        catalogue = self._catalogues[cadence]
        found.frames.append(Frame.of_cells(catalogue, self._entities, columns, found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""
        if self._zones.find():
            self._describe()

    def _describe(self) -> None:
        self._entities = Entities(
            Entity(safe(zone), title, index, parent=safe(_parent(zone)))
            for index, (zone, title) in enumerate(self._zones.titles.items())
        )


class CpuEnergy:
    """The energy of all processor packages, for the HOST entity."""

    metrics = (TOTAL,)

    def __init__(self, tree: Tree) -> None:
        self._zones = Zones(tree)

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is NORMAL:
            found.host[TOTAL.name] = self._sum()

    def rescan(self) -> None:
        """See `Part.rescan`."""
        self._zones.find()

    def _sum(self) -> Cell:
        """Return the sum of the packages; if one is unknown, so is the sum."""
        total = 0.0
        packages = [zone for zone, title in self._zones.titles.items() if _is_package(zone, title)]
        for zone in packages:
            cell = self._zones.energy(zone)
            if isinstance(cell, Reason):
                return cell
            total += cell
        return total if packages else Reason.NOT_SUPPORTED


def _is_package(zone: str, title: str) -> bool:
    """Say whether a zone is a whole processor; intel-rapl-mmio tells of the same ones once more."""
    return zone.startswith("intel-rapl:") and title.startswith("package")


def _parent(zone: str) -> str:
    """Return the zone that holds this one: `intel-rapl:0` of `intel-rapl:0:1`."""
    return zone.rpartition(":")[0] if zone.count(":") > 1 else ""
