"""The vGPUs that run on one GPU of this host."""

from typing import Any

from tuimon.drivers.nvml import Error, call_of, reason_of
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import Cell, frame
from tuimon.sources.nvml.vgpu import CATALOGUES
from tuimon.text import safe

SHARES = ("smUtil", "memUtil", "encUtil", "decUtil")
LABELS = (
    ("uuid", "nvmlVgpuInstanceGetUUID"),
    ("driver", "nvmlVgpuInstanceGetVmDriverVersion"),
)


class Virtual:
    """Reads the vGPUs of one GPU; a GPU that has none is asked again at each inventory."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._missing = False
        self._since = 0
        self._numbers: tuple[int, ...] = ()
        self._entities = NOBODY
        self._shown = False

    @property
    def there(self) -> bool:
        """Whether there is any."""
        return bool(self._numbers)

    def ask_again(self) -> None:
        """Find out anew whether the GPU can be shared."""
        self._missing = False

    def read(self, at: float) -> Frame | None:
        """Return the frame of all vGPUs; None on a GPU that never had one."""
        if self._missing:
            return None
        try:
            numbers = tuple(self._call("nvmlDeviceGetActiveVgpus", self._device.handle))
        except Error as error:
            self._missing = reason_of(error.value) is Reason.NOT_SUPPORTED
            return None
        if numbers != self._numbers:
            self._numbers = numbers
            self._entities = Entities(map(self._entity, numbers))
        self._shown = self._shown or bool(numbers)
        if not self._shown:
            return None
        use = self._use(at)
        cells = [cell for number in numbers for cell in self._cells(number, use)]
        values = [float("nan") if isinstance(one, Reason) else one for one in cells]
        reasons = bytearray(one if isinstance(one, Reason) else 0 for one in cells)
        return frame(
            CATALOGUES[Cadence.NORMAL], self._entities, (values, reasons), Cadence.NORMAL, at
        )

    def _call(self, function: str, *args: object) -> Any:  # noqa: ANN401 -- pynvml's answers
        return call_of(function)(*args)

    def _cells(self, number: int, use: dict[int, tuple[float, ...]] | Reason) -> list[Cell]:
        """Return one cell for each row of the table."""
        used = self._size("nvmlVgpuInstanceGetFbUsage", number)
        kind = self._try("nvmlVgpuInstanceGetType", number)
        total = (
            kind if isinstance(kind, Reason) else self._size("nvmlVgpuTypeGetFramebufferSize", kind)
        )
        if isinstance(use, Reason):
            return [used, total, *[use] * len(SHARES)]
        return [used, total, *use.get(number, (0.0,) * len(SHARES))]

    def _size(self, function: str, number: object) -> Cell:
        found = self._try(function, number)
        return found if isinstance(found, Reason) else float(str(found))

    def _try(self, function: str, number: object) -> object:
        """Return an answer, or the reason why there is none."""
        try:
            return self._call(function, number)
        except Error as error:
            return reason_of(error.value)

    def _use(self, at: float) -> dict[int, tuple[float, ...]] | Reason:
        """Return what each vGPU used of the engines since the last reading, as ratios."""
        since = self._since or max(int(at * 1e6) - 3_000_000, 1)
        try:
            samples = call_of("nvmlDeviceGetVgpuUtilization")(self._device.handle, since)
        except Error as error:
            return {} if not error.value else reason_of(error.value)
        found: dict[int, tuple[float, ...]] = {}
        for one in samples:
            self._since = max(self._since, one.timeStamp)
            found[one.vgpuInstance] = tuple(getattr(one, share).uiVal / 100 for share in SHARES)
        return found

    def _entity(self, number: int) -> Entity:
        labels = {
            label: safe(str(text))
            for label, function in LABELS
            if not isinstance(text := self._try(function, number), Reason)
        }
        kind = self._try("nvmlVgpuInstanceGetType", number)
        name = self._try("nvmlVgpuTypeGetName", kind)
        labels["type"] = "" if isinstance(name, Reason) else safe(str(name))
        machine = self._try("nvmlVgpuInstanceGetVmID", number)
        if isinstance(machine, tuple):
            labels["vm"] = safe(machine[0])
        licensed = self._try("nvmlVgpuInstanceGetLicenseStatus", number)
        if not isinstance(licensed, Reason):
            labels["license"] = "licensed" if licensed else "unlicensed"
        unique = labels.get("uuid") or f"{self._device.uuid}/vgpu{number}"
        return Entity(unique, labels["type"] or f"vGPU {number}", number, labels, self._device.uuid)
