"""Clocks, temperatures and throttling of each core: what costs a file a core, in the slow lane."""

import re

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.machine import Machine
from tuimon.sources.host.part import Cell, Findings, catalogues, names, number, text
from tuimon.units import Unit

CORE = Kind.CORE
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
HERTZ = Unit.HERTZ
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW

# A row: a metric, the file below /sys/devices/system/cpu/cpu*, and what one of it is.
# fmt: off
TABLE = (
    (Metric("core_frequency_hertz",     CORE, HERTZ, GAUGE, "Clock",     "Clock of the core, as the governor or the hardware tells.", NORMAL, "core_frequency_max_hertz", source="cpufreq/scaling_cur_freq"), "cpufreq/scaling_cur_freq", 1e3),
    (Metric("core_throttles_total",     CORE, Unit.COUNT, COUNTER, "Throttled", "Times the core slowed down for its temperature.",    NORMAL, source="thermal_throttle/core_throttle_count"), "thermal_throttle/core_throttle_count", 1.0),
    (Metric("core_frequency_max_hertz", CORE, HERTZ, GAUGE, "Max clock", "Highest clock of the core, boost included.",                SLOW,   source="cpufreq/cpuinfo_max_freq"), "cpufreq/cpuinfo_max_freq", 1e3),
    (Metric("core_frequency_min_hertz", CORE, HERTZ, GAUGE, "Min clock", "Lowest clock of the core.",                                 SLOW,   source="cpufreq/cpuinfo_min_freq"), "cpufreq/cpuinfo_min_freq", 1e3),
)

TEMPERATURE = Metric("core_temperature_celsius", CORE, Unit.CELSIUS, GAUGE, "Temp", "Temperature of the physical core; hardware threads share it.", NORMAL, source="/sys/class/hwmon/*/temp*_input")

LABELS = (
    Label("package",   CORE, "The processor package it is in."),
    Label("core",      CORE, "The physical core; hardware threads of one core share the number."),
    Label("numa_node", CORE, "The NUMA node it belongs to."),
    Label("type",      CORE, "performance or efficiency, where the processor has both."),
)
# fmt: on

METRICS = (*(row[0] for row in TABLE), TEMPERATURE)
_FOLDER = "sys/devices/system/cpu"
_CORE = re.compile(r"Core (\d+)")


class Cores:
    """Files of each core below /sys/devices/system/cpu, and the temperatures of coretemp."""

    metrics = METRICS

    def __init__(self, tree: Tree, machine: Machine) -> None:
        self._tree = tree
        self._machine = machine
        self._catalogues = catalogues(CORE, METRICS)
        self._temperatures: dict[tuple[str, str], str] = {}
        self._lacking: set[str] = set()
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        catalogue = self._catalogues.get(cadence)
        if catalogue is None:
            return
        cpus, entities = self._machine.online(self._tree)
        rows = [(metric, file, scale) for metric, file, scale in TABLE if metric.cadence is cadence]
        columns: list[list[Cell]] = []
        for cpu, entity in zip(cpus, entities, strict=True):
            cells = [self._cell(cpu, file, scale) for _, file, scale in rows]
            if cadence is NORMAL:
                labels = entity.labels
                cells.append(self._temperature(labels.get("package", ""), labels.get("core", "")))
            columns.append(cells)
        found.frames.append(Frame.of_cells(catalogue, entities, columns, found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""
        self._lacking.clear()
        self._temperatures.clear()
        for chip in names(self._tree, "sys/class/hwmon"):
            folder = f"sys/class/hwmon/{chip}"
            if text(self._tree, f"{folder}/name") == "coretemp":
                self._find(folder)

    def _find(self, folder: str) -> None:
        """Remember where the temperature of each core of one package is."""
        package = self._tree.target(f"{folder}/device").rpartition(".")[2] or "0"
        for file in names(self._tree, folder):
            if file.startswith("temp") and file.endswith("_label"):
                match = _CORE.fullmatch(text(self._tree, f"{folder}/{file}"))
                if match:
                    path = f"{folder}/{file.removesuffix('_label')}_input"
                    self._temperatures[package, match[1]] = path

    def _cell(self, cpu: int, file: str, scale: float) -> Cell:
        """Return a number of a core; a file that the first core lacks, none has."""
        if file in self._lacking:
            return Reason.NOT_SUPPORTED
        cell = number(self._tree.once, f"{_FOLDER}/cpu{cpu}/{file}", scale)
        if cell is Reason.NOT_SUPPORTED and cpu == 0:
            self._lacking.add(file)
        return cell

    def _temperature(self, package: str, core: str) -> Cell:
        path = self._temperatures.get((package, core))
        return number(self._tree.once, path, 1e-3) if path else Reason.NOT_SUPPORTED
