"""The source `nvml`: finds the GPUs and gives a reader for each."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Label, Metric
from tuimon.model.source import Reader
from tuimon.sources.nvml import gpus, mig, nvlink, processes, vgpu
from tuimon.sources.nvml.choice import Known, choose, visible

if TYPE_CHECKING:
    from tuimon.drivers.nvml import Library
    from tuimon.sources.nvml.readers.device import Device

TABLES = (gpus, nvlink, mig, vgpu, processes)
METRICS: tuple[Metric, ...] = tuple(row.metric for table in TABLES for row in table.TABLE)
LABELS: tuple[Label, ...] = tuple(label for table in TABLES for label in table.LABELS)

# fmt: off
# What to say when NVML cannot be initialised, by its code.
ADVICE: dict[int, tuple[Reason, str]] = {
    4:  (Reason.NO_PERMISSION, "NVML may not be used: may this user read /dev/nvidiactl?"),
    9:  (Reason.NOT_SUPPORTED, "the NVIDIA driver is not loaded; run: sudo modprobe nvidia"),
    12: (Reason.NOT_SUPPORTED, "there is no libnvidia-ml.so.1: no NVIDIA driver is installed, or the container was started without --gpus"),
    18: (Reason.FAILED,        "the NVIDIA driver and its library differ in version, as after an upgrade; reboot, or reload the driver and start tuimon again"),
}
# fmt: on


class NvmlSource:
    """The GPUs that NVML tells of. A `Source`."""

    name = "nvml"
    metrics: Sequence[Metric] = METRICS
    labels: Sequence[Label] = LABELS

    def __init__(
        self,
        select: Sequence[str] = (),
        *,
        cuda_visible: bool = False,
        clock: Callable[[], float] = time.time,
        root: Path = Path("/"),
        environ: Mapping[str, str] | None = None,
        library: str = "",
    ) -> None:
        """Describe the source; nothing is loaded before `open`.

        Args:
            select: Indexes, UUIDs or their beginnings, PCI addresses; empty for all GPUs.
            cuda_visible: Only the GPUs that CUDA_VISIBLE_DEVICES leaves.
            clock: Seconds since the epoch.
            root: Above /proc and /sys.
            environ: The environment.
            library: Path of the library, if not the system's.
        """
        self._select = tuple(select)
        self._cuda_visible = cuda_visible
        self._clock = clock
        self._root = root
        self._environ = environ if environ is not None else {}
        self._path = library
        self._library: Library | None = None
        self._was_open = False

    def open(self) -> Sequence[Reader]:
        """See `Source.open`. Initialises NVML anew if it was open.

        Raises:
            ReadError: There is no driver, no library or no GPU.
            UsageError: The selection names no GPU.
        """
        from tuimon.sources.nvml.readers.device import Device, nvidia_addresses, suspended
        from tuimon.sources.nvml.readers.sleep import SleepReader

        if self._library is not None:
            self._library.shutdown()
            self._library = None
        addresses = nvidia_addresses(self._root)
        asleep = [address for address in addresses if suspended(self._root, address)]
        if asleep and asleep == addresses:  # initialising NVML alone may wake them
            known = [Known(index, bus_id=address) for index, address in enumerate(addresses)]
            devices = [Device(one.index, self._root, bus_id=one.bus_id) for one in known]
            chosen = choose(self._select, known) if self._select else range(len(devices))
            return [SleepReader(devices[index], self._clock) for index in chosen]
        self._library = self._initialise()
        try:
            devices = self._devices(addresses if asleep else [])
        except BaseException:
            self._library.shutdown()
            raise
        self._was_open = True
        return self._readers(self._library, devices)

    def _initialise(self) -> "Library":
        from tuimon.drivers.nvml import Error, Library, words_of

        try:
            return Library(self._path)
        except Error as error:
            reason, text = ADVICE.get(
                error.value, (Reason.FAILED, f"NVML cannot be initialised: {words_of(error.value)}")
            )
            if self._was_open and reason is Reason.NOT_SUPPORTED:
                reason = Reason.FAILED  # it was here, so it is asked often, not rarely
            raise ReadError(reason, text) from None

    def _devices(self, addresses: Sequence[str]) -> "list[Device]":
        """Return the chosen GPUs.

        Args:
            addresses: PCI addresses of all GPUs if one of them sleeps: then none is asked by its
                index, which would wake the others.
        """
        from tuimon.drivers.nvml import Error, call_of, reason_of, words_of
        from tuimon.sources.nvml.readers.device import Device

        try:
            number = int(call_of("nvmlDeviceGetCount")())
        except Error as error:
            raise ReadError(reason_of(error.value), f"NVML: {words_of(error.value)}") from None
        if not number:
            text = "the NVIDIA driver is loaded but has no GPU; run: tuimon doctor"
            raise ReadError(Reason.NOT_SUPPORTED, text)
        devices = [Device(index, self._root) for index in range(number)]
        if len(addresses) == number:
            for device, address in zip(devices, addresses, strict=True):
                device.bus_id = address
                device.look()
        chosen = self._chosen(devices)
        return [devices[index] for index in chosen]

    def _chosen(self, devices: "Sequence[Device]") -> list[int]:
        """Return the indexes that were selected; asks the GPUs only if they are named otherwise."""
        indexes = [Known(device.index) for device in devices]
        if not self._cuda_visible and all(selector.strip().isdigit() for selector in self._select):
            return choose(self._select, indexes) if self._select else list(range(len(devices)))
        known, mig_parents = _identities(devices)
        select = list(self._select)
        if self._cuda_visible:
            allowed = choose(visible(self._environ, known, mig_parents), known)
            known = [one for one in known if one.index in allowed]
            select = select or [str(index) for index in allowed]
        return choose(select, known)

    def _readers(self, library: "Library", devices: "Sequence[Device]") -> list[Reader]:
        from tuimon.sources.nvml.readers.beside import BesideReader
        from tuimon.sources.nvml.readers.events import EventReader
        from tuimon.sources.nvml.readers.gpu import GpuReader

        readers: list[Reader] = [
            GpuReader(library, device, devices, self._clock) for device in devices
        ]
        if devices:
            readers.append(EventReader(library, devices, self._clock))
            readers += [BesideReader(library, device, self._clock) for device in devices]
        for _ in readers:
            library.join()
        return readers


def _identities(devices: "Sequence[Device]") -> tuple[list[Known], dict[str, str]]:
    """Return what each GPU is known by, and the GPU of each MIG instance; a lost GPU by its index."""
    from tuimon.drivers.nvml import Error, call_of

    known: list[Known] = []
    parents: dict[str, str] = {}
    for device in devices:
        try:
            device.attach()
        except ReadError:
            known.append(Known(device.index, device.uuid, device.bus_id))
            continue
        known.append(Known(device.index, device.uuid, device.bus_id, device.entity.name))
        for place in range(7):
            try:
                get = call_of("nvmlDeviceGetMigDeviceHandleByIndex")
                uuid = call_of("nvmlDeviceGetUUID")(get(device.handle, place))
            except Error:
                break
            parents[uuid] = device.uuid
        device.lose()
    return known, parents
