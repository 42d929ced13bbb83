"""GPUs that the kernel has suspended: shown, never asked, because asking would wake them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tuimon.errors import Reason, SourceLost
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml.gpus import CATALOGUES
from tuimon.sources.nvml.readers.device import Device, suspended
from tuimon.text import safe

INFORMATION = "proc/driver/nvidia/gpus"


def sleeping(device: Device, cadence: Cadence, at: float) -> Frame:
    """Return the frame of a suspended GPU: its name and no number."""
    if not len(device.entities):
        model, uuid = _known(device.root, device.bus_id)
        labels = {"bus_id": device.bus_id}
        device.entities = Entities([Entity(uuid or device.bus_id, model, device.index, labels)])
    rows = CATALOGUES[cadence]
    shape = (len(rows), 1)
    read_at = np.full((CADENCES, 1), np.nan)
    read_at[cadence] = at
    reasons = np.full(shape, Reason.ASLEEP, np.uint8)
    return Frame(rows, device.entities, np.full(shape, np.nan), reasons, read_at).sealed()


def _known(root: Path, address: str) -> tuple[str, str]:
    """Return the model and UUID that the kernel module knows without asking the GPU."""
    try:
        text = (root / INFORMATION / address / "information").read_text("utf-8", "replace")
    except OSError:
        return "NVIDIA GPU", ""
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    uuid = safe(lines.get("GPU UUID", "").strip())
    return safe(lines.get("Model", "NVIDIA GPU").strip()), "" if "?" in uuid else uuid


class SleepReader:
    """Shows a suspended GPU while NVML is not even initialised. A `Reader`."""

    cadences: Sequence[Cadence] = (
        Cadence.INVENTORY,
        Cadence.SLOW,
        Cadence.FAST,
        Cadence.NORMAL,
    )

    def __init__(self, device: Device, clock: Callable[[], float]) -> None:
        self.name = f"nvml/{device.index}"
        self._device = device
        self._clock = clock

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        if not suspended(self._device.root, self._device.bus_id):
            text = f"GPU {self._device.index} is awake; NVML is initialised now"
            raise SourceLost(Reason.NOT_YET, text)
        return Reading((sleeping(self._device, cadence, self._clock()),))

    def close(self) -> None:
        """See `Reader.close`."""
