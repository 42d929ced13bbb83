"""The reader of one GPU and all that belongs to it: links, instances, vGPUs, processes."""

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan

from tuimon.drivers.nvml import Library
from tuimon.drivers.procfs import Proc
from tuimon.errors import ReadError, Reason, SourceLost
from tuimon.model.entity import Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml.gpus import CATALOGUES, TABLE
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.instances import Instances
from tuimon.sources.nvml.readers.labels import read_labels, read_topology
from tuimon.sources.nvml.readers.links import Links
from tuimon.sources.nvml.readers.monitor import Monitor
from tuimon.sources.nvml.readers.plan import Cell, Plan, frame
from tuimon.sources.nvml.readers.processes import Processes
from tuimon.sources.nvml.readers.sleep import sleeping
from tuimon.sources.nvml.readers.virtual import Virtual
from tuimon.sources.nvml.rows import Field, Gpm, Sampled, of_cadence

FAST, NORMAL, SLOW, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
MEMORY = {"total": b"MemTotal:", "free": b"MemAvailable:"}
SAMPLED = [row.metric.name for row in TABLE if any(isinstance(w, Sampled) for w in row.ways)]
STALE = 7.0
"""Seconds after which a sample of the lane beside counts no more: two of its turns, and a bit."""
USED, RESERVED = (
    CATALOGUES[FAST].position[f"gpu_memory_{part}_bytes"] for part in ("used", "reserved")
)
FOUND_OUT = frozenset(("memory", "pcie", "topology", "p2p"))
"""Labels that are known from readings, not from an inventory."""
PCIE = {
    Field: "a counter of the board",
    Gpm: "means between two readings",
    Sampled: "samples of 20 ms",
}


class GpuReader:
    """Reads one GPU. A `Reader`."""

    cadences: Sequence[Cadence] = (INVENTORY, SLOW, FAST, NORMAL)

    def __init__(
        self,
        library: Library,
        device: Device,
        peers: Sequence[Device],
        clock: Callable[[], float],
    ) -> None:
        """Prepare to read; asks nothing of the GPU, which may hang.

        Args:
            library: Joined; it is left when the reader is closed.
            device: The GPU; this reader alone changes it.
            peers: All GPUs of the source, for the topology.
            clock: Seconds since the epoch.
        """
        self.name = f"nvml/{device.index}"
        self.stands_for = (Kind.GPU, Entity(self.name, "NVIDIA GPU", device.index))
        self._library = library
        self._device = device
        self._peers = peers
        self._clock = clock
        self._proc = Proc(device.root / "proc")
        self._processes = Processes(device, self._proc)
        self._links = Links(device)
        self._instances = Instances(device)
        self._virtual = Virtual(device)
        self._monitor = Monitor(of_cadence(TABLE, NORMAL))
        self._plans: dict[Cadence, Plan] = {}
        self._labels: dict[str, str] = {}
        self._attached_peers = -1
        self._memory: dict[str, Cell] = {}
        self._sums: dict[str, float] = {}
        self._summed_at: dict[str, float] = {}
        self._at = 0.0
        self._owns: dict[str, Callable[[], Cell]] = {
            "gpu_processes": lambda: self._processes.count,
            "gpu_nvlink_active_links": lambda: self._links.active,
            "gpu_memory_total_bytes": lambda: self._host_memory("total"),
            "gpu_memory_free_bytes": lambda: self._host_memory("free"),
            "gpu_memory_used_bytes": lambda: self._host_memory("used"),
            **{name: partial(self._sampled, name) for name in SAMPLED},
        }

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        at = self._at = self._clock()
        if self._device.asleep():
            return Reading((sleeping(self._device, cadence, at),))
        try:
            self._device.attach()
            frames = self._frames(cadence, at)
        except SourceLost:
            raise
        except ReadError as error:
            if error.reason is not Reason.DEVICE_LOST:
                raise
            self._device.lose()
            raise ReadError(error.reason, f"GPU {self._device.index}: {error}") from None
        shown = tuple(one for one in frames if one is not None)
        return Reading(shown, note=self._processes.note)

    def close(self) -> None:
        """See `Reader.close`."""
        self._monitor.close()
        self._instances.close()
        self._device.lose()
        self._library.leave()

    def _frames(self, cadence: Cadence, at: float) -> list[Frame | None]:
        """Read what is due; the GPU itself comes last, because it counts the others."""
        frames: list[Frame | None] = []
        if cadence is INVENTORY:
            self._ask_again()
        if cadence is FAST:
            frames.append(self._processes.read_memory(at))
        else:
            frames.append(self._links.read(cadence, at))
        if cadence is NORMAL:
            frames += [self._processes.read_use(at), self._virtual.read(at)]
        frames.append(self._instances.read(cadence, at))
        cells = self._read(cadence, at)
        self._relabel(cadence)
        frames.append(frame(CATALOGUES[cadence], self._device.entities, cells, cadence, at))
        return frames

    def _read(self, cadence: Cadence, at: float) -> tuple[list[float], bytearray]:
        """Read the rows of the GPU itself."""
        plan = self._plans.get(cadence)
        if plan is None:
            rows = of_cadence(TABLE, cadence)
            plan = self._plans[cadence] = Plan(rows, self._device.check)
        self._memory.clear()
        handle = self._device.handle
        found = self._monitor.read(handle, at) if cadence is NORMAL else {}
        cells = plan.read(handle, self._owns, found)
        if cadence is NORMAL:
            self._device.delegated = plan.delegated
        elif cadence is FAST:
            own = bool(self._memory) or self._virtual.there  # the host's, or that of vGPUs
            used, reserved = cells[0][USED], cells[0][RESERVED]
            self._processes.in_use = 0.0 if own else used - (0.0 if isnan(reserved) else reserved)
        return cells

    def _ask_again(self) -> None:
        """Forget what was not supported: a mode may have been changed."""
        self._device.ask_again()
        for plan in self._plans.values():
            plan.forget()
        for part in (self._processes, self._monitor, self._virtual):
            part.ask_again()
        found = {name: text for name, text in self._labels.items() if name in FOUND_OUT}
        self._labels = read_labels(self._device) | found
        self._attached_peers = -1

    def _relabel(self, cadence: Cadence) -> None:
        """Bring the labels up to date that depend on what was read, or on the other lanes."""
        if cadence is FAST and "memory" not in self._labels and self._memory:
            self._labels["memory"] = "shared with the host"
        elif cadence is NORMAL:
            text = PCIE.get(type(self._plans[NORMAL].way("gpu_pcie_sent_bytes_total")), "")
            if text:
                self._labels["pcie"] = text
            attached = sum(peer.handle is not None for peer in self._peers)
            if attached != self._attached_peers:
                self._attached_peers = attached
                args = (self._device, self._peers, self._links.entities)
                self._labels |= read_topology(*args, self._links.active)
        self._device.relabel(self._labels)

    def _sampled(self, name: str) -> Cell:
        """Return the sum of what the lane beside has measured, over the time of this lane."""
        rate, measured = self._device.samples.get(name, (Reason.NOT_YET, self._at))
        span = self._at - self._summed_at.get(name, self._at)
        self._summed_at[name] = self._at
        if self._at - measured > STALE:
            return Reason.TIMEOUT
        if isinstance(rate, Reason):
            return rate
        self._sums[name] = self._sums.get(name, 0.0) + rate * max(span, 0.0)
        return self._sums[name]

    def _host_memory(self, part: str) -> Cell:
        """Return a part of the host's memory, for a GPU that has none of its own."""
        if not self._memory:
            try:
                text = self._proc.read(b"meminfo", 4096)
                lines = {line.split()[0]: line.split()[1] for line in text.splitlines() if line}
                sizes = {name: float(lines[key]) * 1024 for name, key in MEMORY.items()}
                self._memory |= sizes
                self._memory["used"] = sizes["total"] - sizes["free"]
            except (OSError, KeyError, ValueError, IndexError):
                return Reason.NOT_SUPPORTED
        return self._memory[part]
