"""The processes on one GPU: memory every tick, use of the engines now and then."""

from math import isnan

from tuimon.drivers.nvml import UNKNOWN_NUMBERS, Error, reason_of
from tuimon.drivers.nvml_batches import ProcessList, ProcessUse
from tuimon.drivers.procfs import Proc
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence
from tuimon.sources.nvml.processes import CATALOGUES
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import NAN, frame
from tuimon.sources.nvml.readers.seen import Seen
from tuimon.text import safe

FAST, NORMAL = Cadence.FAST, Cadence.NORMAL
WHOLE = 0xFFFFFFFF
"""The instance of a process on a GPU that is not divided."""
WINDOW = 3_000_000
"""Microseconds of samples to take at the first reading of use."""
MEMORY, USE = CATALOGUES[FAST], CATALOGUES[NORMAL]
# fmt: off
LISTS = (
    ("C", ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")),
    ("G", ("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")),
    ("M", ("nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2")),
)
# fmt: on
COMPUTE = "C"
UNNAMED_BYTES = 2.0**30
"""More than this in use without any process is worth a word."""
_Found = dict[int, tuple[str, float, tuple[tuple[int, int], ...]]]
"""By pid: types, bytes (NaN if not known), instances."""


class Processes:
    """Reads the processes on one GPU."""

    def __init__(self, device: Device, proc: Proc) -> None:
        self._device = device
        self._proc = proc
        self._lists = [(letter, ProcessList(names)) for letter, names in LISTS]
        self._missing: dict[str, Reason] = {}
        """By list: why there is none on this device."""
        self._failed: dict[str, Reason] = {}
        """By list: why there was none just now."""
        self._last: dict[str, list[tuple[int, int, int, int]]] = {}
        self._use = ProcessUse()
        self._use_missing = Reason.KNOWN
        self._since = 0
        self._seen = Seen(proc)
        self._starts: dict[int, int | None] = {}
        self._key: tuple[tuple[int, str, tuple[tuple[int, int], ...], int | None], ...] = ()
        self.entities = NOBODY
        self.in_use = 0.0
        """Bytes of the GPU's memory that processes must hold, as of the last fast reading."""

    def ask_again(self) -> None:
        """Ask anew for what was not supported."""
        self._missing.clear()
        self._use_missing = Reason.KNOWN

    @property
    def count(self) -> float | Reason:
        """How many there are, or why that is not known: one list that failed is enough."""
        if self._failed:
            return next(iter(self._failed.values()))
        return self._missing.get(COMPUTE, float(len(self.entities)))

    @property
    def note(self) -> str:
        """What cannot be seen of them, in a sentence; "" if all can be seen."""
        if self.count == 0 and self.in_use > UNNAMED_BYTES:
            return (
                f"{self.in_use / 2**30:.0f} GiB are in use, and the driver names no process: "
                "run in the host's pid namespace, or ask as root"
            )
        return self._seen.note(self._starts)

    def read_memory(self, at: float) -> Frame | None:
        """List the processes; return their memory, None where there never were any.

        Those of a list that fails are kept from the last time, and their memory is not known.
        """
        found = self._list()
        silent = {one[0]: why for letter, why in self._failed.items() for one in self._last[letter]}
        before = self.entities
        self._name(found)
        if not found and not len(before):
            return None
        values = [found[key[0]][1] for key in self._key]
        reasons = bytearray(
            silent.get(key[0], Reason.NOT_SUPPORTED) if isnan(value) else 0
            for key, value in zip(self._key, values, strict=True)
        )
        return frame(MEMORY, self.entities, (values, reasons), FAST, at)

    def read_use(self, at: float) -> Frame | None:
        """Return the use of the engines by the processes of the last list.

        A process of which the driver has no sample since the last reading did not use any.
        """
        self._starts = {pid: self._start(pid) for pid in self._starts}  # a pid may be taken again
        if not len(self.entities):
            return None
        if self._since == 0:
            self._since = max(int(at * 1e6) - WINDOW, 1)
        size = len(USE) * len(self.entities)
        reason = self._use_missing
        samples: dict[int, list[tuple[int, ...]]] = {}
        if reason is Reason.KNOWN:
            try:
                for pid, when, *shares in self._use.read(self._device.handle, self._since):
                    samples.setdefault(pid, []).append(tuple(shares))
                    self._since = max(self._since, when)
            except Error as error:
                reason = reason_of(error.value)
                if reason is Reason.NOT_SUPPORTED:
                    self._use_missing = reason
        if reason is not Reason.KNOWN:
            cells = [NAN] * size, bytearray([reason]) * size
            return frame(USE, self.entities, cells, NORMAL, at)
        values = [share for key in self._key for share in _mean(samples.get(key[0], []))]
        return frame(USE, self.entities, (values, bytearray(size)), NORMAL, at)

    def _list(self) -> _Found:
        """Return all processes, those of several lists or instances as one."""
        found: _Found = {}
        for letter, source in self._lists:
            for pid, size, instance, compute in self._one_list(letter, source):
                known = NAN if size in UNKNOWN_NUMBERS else float(size)
                where = () if instance == WHOLE else ((instance, compute),)
                if pid not in found:
                    found[pid] = letter, known, where
                    continue
                types, held, places = found[pid]
                if letter in types:  # the same context list: another instance
                    found[pid] = types, held + known, (*places, *where)
                else:  # the same memory, told by another list
                    found[pid] = f"{types}+{letter}", known if isnan(held) else held, places
        return found

    def _one_list(self, letter: str, source: ProcessList) -> list[tuple[int, int, int, int]]:
        """Return a list; where it fails, the last one without the bytes."""
        self._failed.pop(letter, None)
        if letter in self._missing:
            return []
        try:
            self._last[letter] = source.read(self._device.handle)
        except Error as error:
            reason = reason_of(error.value)
            if reason is Reason.NOT_SUPPORTED:
                self._missing[letter] = reason
                return []
            self._failed[letter] = reason
            unknown = min(UNKNOWN_NUMBERS)
            self._last[letter] = [(one[0], unknown, *one[2:]) for one in self._last.get(letter, [])]
        return self._last[letter]

    def _name(self, found: _Found) -> None:
        """Make new entities if other processes are there than at the last list."""
        if self._starts.keys() != found.keys():
            self._seen.keep(found)
            self._starts = {pid: self._starts.get(pid) or self._start(pid) for pid in found}
        key = tuple(
            (pid, types, places, self._starts[pid]) for pid, (types, _, places) in found.items()
        )
        if key != self._key:
            self._key = key
            self.entities = Entities(map(self._entity, *zip(*key, strict=True))) if key else NOBODY

    def _entity(
        self, pid: int, types: str, places: tuple[tuple[int, int], ...], start: int | None
    ) -> Entity:
        process = f"{pid}-{'?' if start is None else start}"
        labels = {
            "pid": str(pid),
            "process": process,
            "type": types,
            "gpu": str(self._device.index),
        }
        if places:
            labels["mig"] = " ".join(f"{gpu}/{compute}" for gpu, compute in sorted(set(places)))
        uuid = self._device.uuid
        name = f"pid {pid}" if start is None else self._command(pid)  # else it is another's
        return Entity(f"{process}@{uuid}", name, pid, labels, parent=uuid)

    def _start(self, pid: int) -> int | None:
        return self._seen.start(pid)

    def _command(self, pid: int) -> str:
        """Return the name of a process; its pid where /proc does not show it."""
        try:
            return safe(self._proc.read(b"%d/comm" % pid, 64).strip()) or f"pid {pid}"
        except OSError:
            return f"pid {pid}"


def _mean(samples: list[tuple[int, ...]]) -> tuple[float, ...]:
    """Return the means of some samples, per cent as ratios; nothing used if there is none."""
    if not samples:
        return (0.0,) * len(USE)
    return tuple(sum(column) / len(samples) / 100 for column in zip(*samples, strict=True))
