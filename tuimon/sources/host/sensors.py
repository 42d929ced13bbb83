"""Sensors of hwmon and batteries: each one an entity, with the limits its chip gives.

Some chips take their time, so sensors have a lane. The processors' own temperature is a register:
the main lane reads it for the host, for one kind may be read at one cadence by one lane only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import Cell, Findings, catalogues, names, number, parsed, text
from tuimon.text import safe
from tuimon.units import Unit

HOST, SENSOR = Kind.HOST, Kind.SENSOR
GAUGE = Type.GAUGE
CELSIUS, RPM, VOLTS, WATTS, RATIO = Unit.CELSIUS, Unit.RPM, Unit.VOLTS, Unit.WATTS, Unit.RATIO
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
CHARGE = ("Unknown", "Charging", "Discharging", "Not charging", "Full")
"""States of a battery, as /sys/class/power_supply/*/status writes them."""

# A row: a metric, the channel, the files that may hold it, what one of it is, and the battery's
# file with its own; Documentation/hwmon/sysfs-interface.rst, ABI/testing/sysfs-class-power.
# fmt: off
TABLE = (
    (Metric("sensor_temperature_celsius",          SENSOR, CELSIUS, GAUGE, "Temp",     "Temperature.",                                     NORMAL, "sensor_temperature_max_celsius", source="/sys/class/hwmon/*/temp*_input"), "temp",  ("input",),            1e-3, "temp",        0.1),
    (Metric("sensor_temperature_max_celsius",      SENSOR, CELSIUS, GAUGE, "Max",      "Temperature that should not be passed.",           SLOW,   source="/sys/class/hwmon/*/temp*_max"),  "temp",  ("max",),              1e-3, "",            0.0),
    (Metric("sensor_temperature_critical_celsius", SENSOR, CELSIUS, GAUGE, "Critical", "Temperature at which the hardware protects itself.", SLOW, source="/sys/class/hwmon/*/temp*_crit"), "temp",  ("crit", "emergency"), 1e-3, "",            0.0),
    (Metric("sensor_fan_rpm",                      SENSOR, RPM,     GAUGE, "Fan",      "Turns of a fan in a minute.",                      NORMAL, "sensor_fan_max_rpm", source="/sys/class/hwmon/*/fan*_input"), "fan", ("input",), 1.0,  "",            0.0),
    (Metric("sensor_fan_min_rpm",                  SENSOR, RPM,     GAUGE, "Fan min",  "Speed below which a fan counts as broken.",        SLOW,   source="/sys/class/hwmon/*/fan*_min"),   "fan",   ("min",),              1.0,  "",            0.0),
    (Metric("sensor_fan_max_rpm",                  SENSOR, RPM,     GAUGE, "Fan max",  "Highest speed of a fan.",                          SLOW,   source="/sys/class/hwmon/*/fan*_max"),   "fan",   ("max",),              1.0,  "",            0.0),
    (Metric("sensor_voltage_volts",                SENSOR, VOLTS,   GAUGE, "Voltage",  "Voltage.",                                         NORMAL, "sensor_voltage_max_volts", source="/sys/class/hwmon/*/in*_input"), "in", ("input",), 1e-3, "voltage_now", 1e-6),
    (Metric("sensor_voltage_min_volts",            SENSOR, VOLTS,   GAUGE, "Min",      "Voltage that should not be fallen below.",         SLOW,   source="/sys/class/hwmon/*/in*_min"),    "in",    ("min",),              1e-3, "",            0.0),
    (Metric("sensor_voltage_max_volts",            SENSOR, VOLTS,   GAUGE, "Max",      "Voltage that should not be passed.",               SLOW,   source="/sys/class/hwmon/*/in*_max"),    "in",    ("max",),              1e-3, "",            0.0),
    (Metric("sensor_power_watts",                  SENSOR, WATTS,   GAUGE, "Power",    "Power: of a battery what it gives or takes.",      NORMAL, "sensor_power_max_watts", source="/sys/class/hwmon/*/power*_average"), "power", ("input", "average"), 1e-6, "power_now", 1e-6),
    (Metric("sensor_power_max_watts",              SENSOR, WATTS,   GAUGE, "Cap",      "Power that should not be passed.",                 SLOW,   source="/sys/class/hwmon/*/power*_cap"), "power", ("cap", "max"),        1e-6, "",            0.0),
    (Metric("sensor_charge_ratio",                 SENSOR, RATIO,   GAUGE, "Charge",   "How full a battery is.",                           NORMAL, "1", source="/sys/class/power_supply/*/capacity"), "", (), 0.0, "capacity", 0.01),
)

STATE = Metric("sensor_charge_state", SENSOR, Unit.STATE, GAUGE, "Battery", "What a battery does.", NORMAL, words=tuple(enumerate(word.lower() for word in CHARGE)), source="/sys/class/power_supply/*/status")
HOTTEST = Metric("host_temperature_celsius", HOST, CELSIUS, GAUGE, "CPU temp", "The hottest processor package, or its hottest sensor.", NORMAL, "host_temperature_max_celsius", source="/sys/class/hwmon/*/temp*_input")
LIMIT = Metric("host_temperature_max_celsius", HOST, CELSIUS, GAUGE, "CPU max", "The lowest temperature at which a processor package slows down.", SLOW, source="/sys/class/hwmon/*/temp*_crit")

LABELS = (
    Label("chip",   SENSOR, "The chip or driver that measures."),
    Label("device", SENSOR, "The device the chip belongs to."),
)
# fmt: on

SENSOR_METRICS = (*(row[0] for row in TABLE), STATE)
METRICS = (*SENSOR_METRICS, HOTTEST, LIMIT)
_CHANNEL = re.compile(r"(temp|fan|in|power)(\d+)_(?:input|average)")
_CPU_CHIPS = frozenset(
    {"coretemp", "k10temp", "zenpower", "fam15h_power", "cpu_thermal", "soc_thermal"}
)
_PACKAGE = ("Package id", "Tctl", "Tdie", "Physical id")
_SANE = (-100.0, 200.0)
"""Limits outside were never set: NVMe drives say 65262 °C."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One channel of a chip, or a battery."""

    entity: Entity
    files: Mapping[str, tuple[str, float]]
    """Path and scale by the name of the metric."""
    status: str = ""
    """Path of a battery's state."""
    rank: int = 0
    """2 for a processor package, 1 for another sensor of a processor."""


def channels(tree: Tree) -> list[Sensor]:
    """Return every channel of every chip that can be read."""
    found: list[Sensor] = []
    for chip in names(tree, "sys/class/hwmon"):
        folder = f"sys/class/hwmon/{chip}"
        files = set(names(tree, folder))
        here = {match.groups() for match in map(_CHANNEL.fullmatch, files) if match}
        for channel, place in sorted(here, key=lambda c: (c[0], int(c[1]))):
            found.append(_channel(tree, folder, files, channel, place, len(found)))
    return found


def _channel(
    tree: Tree, folder: str, files: set[str], channel: str, place: str, index: int
) -> Sensor:
    chip = text(tree, f"{folder}/name", folder.rpartition("/")[2])
    device = safe(tree.target(f"{folder}/device") or folder.rpartition("/")[2])
    title = text(tree, f"{folder}/{channel}{place}_label", f"{channel}{place}")
    known: dict[str, tuple[str, float]] = {}
    for metric, mine, endings, scale, _, _ in TABLE:
        held = [e for e in endings if mine == channel and f"{channel}{place}_{e}" in files]
        if held:
            known[metric.name] = (f"{folder}/{channel}{place}_{held[0]}", scale)
    rank = 0
    if chip in _CPU_CHIPS and channel == "temp":
        rank = 2 if title.startswith(_PACKAGE) else 1
    entity = Entity(
        f"{chip}-{device}/{channel}{place}",
        f"{chip} {title}",
        index,
        {"chip": chip, "device": device},
    )
    return Sensor(entity, known, rank=rank)


class Sensors:
    """/sys/class/hwmon and /sys/class/power_supply."""

    metrics = SENSOR_METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._catalogues = catalogues(SENSOR, SENSOR_METRICS)
        self._sensors: list[Sensor] = []
        self._entities = NOBODY
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        catalogue = self._catalogues.get(cadence)
        if catalogue is None:
            return
        columns = [[self._cell(s, metric.name) for metric in catalogue] for s in self._sensors]
        found.frames.append(Frame.of_cells(catalogue, self._entities, columns, found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""
        sensors = [*channels(self._tree), *self._batteries()]
        if [s.files for s in sensors] != [s.files for s in self._sensors]:
            self._sensors = sensors
            self._entities = Entities(sensor.entity for sensor in sensors)

    def _cell(self, sensor: Sensor, name: str) -> Cell:
        if name == STATE.name:
            return self._state(sensor)
        if name not in sensor.files:
            return Reason.NOT_SUPPORTED
        cell = number(self._tree.once, *sensor.files[name])
        if name.startswith("sensor_temperature_") and not isinstance(cell, Reason):
            return cell if _SANE[0] < cell < _SANE[1] else Reason.NOT_SUPPORTED
        return cell

    def _state(self, sensor: Sensor) -> Cell:
        if not sensor.status:
            return Reason.NOT_SUPPORTED
        return parsed(
            self._tree.once,
            sensor.status,
            lambda word: float(CHARGE.index(word.strip().decode())),
        )

    def _batteries(self) -> list[Sensor]:
        found: list[Sensor] = []
        for supply in names(self._tree, "sys/class/power_supply"):
            folder = f"sys/class/power_supply/{supply}"
            if text(self._tree, f"{folder}/type") != "Battery":
                continue
            files = {
                metric.name: (f"{folder}/{file}", scale)
                for metric, _, _, _, file, scale in TABLE
                if file and self._tree.exists(f"{folder}/{file}")
            }
            labels = {"chip": "battery", "device": text(self._tree, f"{folder}/model_name")}
            entity = Entity(f"battery/{safe(supply)}", safe(supply), -1, labels)
            found.append(Sensor(entity, files, f"{folder}/status"))
        return found


class CpuTemperature:
    """The temperature of the processors, for the HOST entity."""

    metrics = (HOTTEST, LIMIT)

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._sensors: list[Sensor] = []
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is NORMAL:
            found.host[HOTTEST.name] = self._extreme("sensor_temperature_celsius", max)
        elif cadence is SLOW:
            found.host[LIMIT.name] = self._extreme("sensor_temperature_critical_celsius", min)

    def rescan(self) -> None:
        """See `Part.rescan`."""
        sensors = [sensor for sensor in channels(self._tree) if sensor.rank]
        highest = max((sensor.rank for sensor in sensors), default=0)
        self._sensors = [sensor for sensor in sensors if sensor.rank == highest]

    def _extreme(self, name: str, pick: Callable[[list[float]], float]) -> Cell:
        """Return the extreme of what the sensors say, or why none of them says anything."""
        cells = [
            number(self._tree.once, *sensor.files[name])
            for sensor in self._sensors
            if name in sensor.files
        ]
        known = [cell for cell in cells if not isinstance(cell, Reason)]
        if known:
            return pick(known)
        return cells[0] if cells else Reason.NOT_SUPPORTED
