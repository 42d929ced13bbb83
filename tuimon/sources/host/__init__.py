"""The host: processors, memory, disks, networks, sensors, and the control group we run in.

A folder of parts: each file is a topic with its table and the class that reads it. Three lanes,
because a file system or a sensor may make its reader wait. A kind is read at one cadence by one
lane only: `Frame.read_at` has one time for both, and rates are made with it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tuimon.drivers.host import addresses
from tuimon.drivers.kernelfs import Tree
from tuimon.errors import ReadError, Reason
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.host import (
    cgroup,
    cores,
    cpu,
    disks,
    filesystems,
    infiniband,
    machine,
    memory,
    network,
    pressure,
    rapl,
    sensors,
)
from tuimon.sources.host.part import Findings, Part, catalogues

PARTS = (
    machine,
    cpu,
    cores,
    memory,
    pressure,
    disks,
    filesystems,
    network,
    infiniband,
    sensors,
    rapl,
    cgroup,
)
"""The files with a table: a new one goes here and into a lane of `HostSource.open`."""
METRICS: tuple[Metric, ...] = tuple(metric for part in PARTS for metric in part.METRICS)
LABELS: tuple[Label, ...] = tuple(label for part in PARTS for label in getattr(part, "LABELS", ()))


class HostReader:
    """The parts of one lane."""

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        tree: Tree,
        host: machine.Machine,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        metrics = [metric for part in parts for metric in part.metrics]
        self.cadences: Sequence[Cadence] = sorted(
            {metric.cadence for metric in metrics} | {Cadence.INVENTORY}
        )
        self._parts = parts
        self._tree = tree
        self._machine = host
        self._clock = clock
        self._catalogues = catalogues(Kind.HOST, metrics)

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        found = Findings(self._clock())
        if cadence is Cadence.INVENTORY:
            self._tree.forget()
            for part in self._parts:
                part.rescan()
        for part in self._parts:
            part.read(cadence, found)
        catalogue = self._catalogues.get(cadence)
        if catalogue is not None:
            cells = [found.host.get(metric.name, Reason.NOT_SUPPORTED) for metric in catalogue]
            found.frames.append(Frame.of_cells(catalogue, self._machine.host, [cells], found.at))
        return Reading(tuple(found.frames))

    def close(self) -> None:
        """See `Reader.close`."""
        self._tree.close()


class HostSource:
    """The machine we run on, or a tree of files like its own."""

    name = "host"
    metrics: Sequence[Metric] = METRICS
    labels: Sequence[Label] = LABELS

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock

    def open(self) -> Sequence[HostReader]:
        """See `Source.open`."""
        host = machine.Machine(tree := Tree(self._root))
        if not tree.exists("proc/stat"):
            raise ReadError(
                Reason.NOT_SUPPORTED,
                f"there is no {tree.root}proc/stat: the host source needs Linux",
            )
        slow, mounts = Tree(self._root), Tree(self._root)
        return (
            HostReader("host", _main_parts(tree, host, self._addresses()), tree, host, self._clock),
            HostReader(
                "host/sensors",
                (cores.Cores(slow, host), sensors.Sensors(slow), rapl.Rapl(slow)),
                slow,
                host,
                self._clock,
            ),
            HostReader(
                "host/filesystems", (filesystems.Filesystems(mounts),), mounts, host, self._clock
            ),
        )

    def _addresses(self) -> Callable[[], Mapping[str, str]]:
        """Return who knows IP addresses: of a tree of files nobody does."""
        return addresses if self._root == Path("/") else dict


def _main_parts(
    tree: Tree, host: machine.Machine, who: Callable[[], Mapping[str, str]]
) -> tuple[Part, ...]:
    return (
        host,
        cpu.Cpu(tree, host),
        memory.Memory(tree),
        pressure.Pressure(tree),
        disks.Disks(tree),
        network.Network(tree, who),
        infiniband.InfiniBand(tree),
        sensors.CpuTemperature(tree),
        rapl.CpuEnergy(tree),
        cgroup.Cgroup(tree),
    )
