"""One GPU of the library: its handle, its entity, and what the other lanes may know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuimon.drivers.nvml import INVALID_ARGUMENT, LOST, Error, Handle, call_of, reason_of, words_of
from tuimon.errors import ReadError, Reason, SourceLost
from tuimon.model.entity import Entities, Entity
from tuimon.text import safe

PCI = Path("sys/bus/pci/devices")
UNNAMED = "NVIDIA GPU"


@dataclass(slots=True)
class Device:
    """One GPU. Its own lane attaches it and alone changes it but for `samples`; others look."""

    index: int
    root: Path = Path("/")
    uuid: str = ""
    bus_id: str = ""
    """PCI address as the kernel spells it: `0000:18:00.0`."""
    handle: Handle | None = None
    """None until attached, and while lost."""
    delegated: frozenset[str] = frozenset()
    """Metrics that the lane beside is to measure."""
    samples: dict[str, tuple[float | Reason, float]] = field(default_factory=dict)
    """The rates that the lane beside has measured, and when; it replaces each entry whole."""
    sleepy: bool = False
    """Whether the kernel may suspend it, as of the last inventory."""
    entities: Entities = field(default_factory=Entities)

    @property
    def entity(self) -> Entity:
        """The GPU as an entity; there once it was attached."""
        return self.entities[0]

    def attach(self) -> Handle:
        """Return the handle, after getting it anew if it is not there.

        Raises:
            ReadError: The GPU does not answer.
            SourceLost: NVML must be initialised again.
        """
        if self.handle is not None:
            return self.handle
        self.look()
        if self.asleep():
            raise ReadError(
                Reason.ASLEEP, f"GPU {self.index} is suspended; tuimon does not wake it"
            )
        try:
            handle = self._find()
            if not self.uuid:
                self.uuid = safe(call_of("nvmlDeviceGetUUID")(handle))
            if not self.bus_id:
                self.bus_id = bus_id(handle)
                self.look()
        except Error as error:
            reason = reason_of(error.value)
            raise ReadError(reason, f"GPU {self.index}: {words_of(error.value)}") from None
        self._name(handle)
        self.handle = handle
        return handle

    def ask_again(self) -> None:
        """Ask again for a name that was not told, and see whether the GPU may sleep."""
        self.look()
        if self.entity.name == UNNAMED:
            self._name(self.handle)

    def lose(self) -> None:
        """Drop the handle, so that the next try gets a new one."""
        self.handle = None

    def check(self, handle: Handle) -> None:
        """Raise if the handle is void.

        Raises:
            SourceLost: It is: the library was shut down or the driver reloaded behind it.
        """
        try:
            call_of("nvmlDeviceGetUUID")(handle)
        except Error as error:
            if error.value == INVALID_ARGUMENT:
                text = f"GPU {self.index}: its handle is void; NVML is initialised again"
                raise SourceLost(Reason.DEVICE_LOST, text) from None
            reason_of(error.value)

    def relabel(self, labels: Mapping[str, str]) -> None:
        """Give the entity these labels; a new one only if they differ."""
        entity = self.entity
        if entity.labels != labels:
            self.entities = Entities([Entity(entity.id, entity.name, entity.index, labels)])

    def asleep(self) -> bool:
        """Return whether the kernel has suspended the GPU, which asking it would wake."""
        return self.sleepy and suspended(self.root, self.bus_id)

    def look(self) -> None:
        """See whether the kernel may suspend it: else nobody needs to look before each reading."""
        self.sleepy = bool(self.bus_id) and may_sleep(self.root, self.bus_id)

    def _name(self, handle: Handle) -> None:
        """Give the entity its name: the one from before, or any, if the GPU does not tell it."""
        try:
            name = safe(call_of("nvmlDeviceGetName")(handle))
        except Error:  # what matters fails again at the next call
            name = self.entity.name if len(self.entities) else UNNAMED
        if not len(self.entities) or self.entity.name != name or self.entity.id != self.uuid:
            self.entities = Entities([Entity(self.uuid, name, self.index)])

    def _find(self) -> Handle:
        """Return a handle by what is known of the GPU: its UUID, its address or its index."""
        if not self.uuid and not self.bus_id:
            return call_of("nvmlDeviceGetHandleByIndex")(self.index)
        if self.uuid:
            try:
                return call_of("nvmlDeviceGetHandleByUUID")(self.uuid.encode())
            except Error as error:
                if error.value in LOST or not self.bus_id:
                    raise
        address = self.bus_id.encode()
        return call_of("nvmlDeviceGetHandleByPciBusId")(address)


def bus_id(handle: Handle) -> str:
    """Return the PCI address of a GPU as the kernel spells it; "" where it has none."""
    try:
        info: Any = call_of("nvmlDeviceGetPciInfo_v3")(handle)
    except Error:
        return ""
    text = safe(info.busId).lower()
    domain, _, rest = text.partition(":")
    return f"{domain[-4:]}:{rest}" if rest else text


def suspended(root: Path, address: str) -> bool:
    """Return whether the kernel has suspended the PCI device at *address*."""
    try:
        return (root / PCI / address / "power/runtime_status").read_bytes().strip() == b"suspended"
    except OSError:
        return False


def may_sleep(root: Path, address: str) -> bool:
    """Return whether the kernel is allowed to suspend the PCI device at *address*."""
    try:
        return (root / PCI / address / "power/control").read_bytes().strip() == b"auto"
    except OSError:
        return False


def nvidia_addresses(root: Path) -> list[str]:
    """Return the PCI addresses of all NVIDIA GPUs, in the order of NVML's indexes."""
    found = []
    for folder in sorted((root / PCI).glob("*")):
        try:
            vendor = (folder / "vendor").read_bytes().strip()
            kind = (folder / "class").read_bytes().strip()
        except OSError:
            continue
        if vendor == b"0x10de" and kind.startswith((b"0x0300", b"0x0302")):
            found.append(folder.name)
    return found
