"""The MIG instances of one GPU."""

from dataclasses import dataclass

from tuimon.drivers.nvml import ABSENT, Error, Handle, call_of, reason_of
from tuimon.errors import ReadError, Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence
from tuimon.sources.nvml.mig import CATALOGUES, TABLE
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.monitor import Monitor
from tuimon.sources.nvml.readers.plan import NAN, Plan, Values, frame
from tuimon.sources.nvml.rows import of_cadence
from tuimon.text import safe

CADENCES = (Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY)


class GoneError(ReadError):
    """An instance was taken away."""


@dataclass(slots=True)
class Instance:
    """One MIG instance."""

    handle: Handle
    entity: Entity
    monitor: Monitor
    plans: dict[Cadence, Plan]
    place: int = 0
    struck: Reason = Reason.KNOWN
    """Why nothing is known of it now."""


class Instances:
    """Reads the instances of one GPU; which there are is asked at every normal reading."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._instances: dict[str, Instance] = {}
        self._entities = NOBODY
        self._shown = False
        self._most: int | None = None

    def read(self, cadence: Cadence, at: float) -> Frame | None:
        """Return the frame of a cadence; None on a GPU that never was divided."""
        if cadence not in CADENCES:
            return None
        if cadence is Cadence.INVENTORY:
            self._most = None
        if cadence is not Cadence.FAST:
            self._find()
        if not self._shown:
            return None
        values: list[float] = []
        reasons = bytearray()
        for one in self._entities:
            cells = self._cells(self._instances[one.id], cadence, at)
            values += cells[0]
            reasons += cells[1]
        cells = (values, reasons)
        return frame(CATALOGUES[cadence], self._entities, cells, cadence, at)

    def close(self) -> None:
        """Give back what the instances hold."""
        for one in self._instances.values():
            one.monitor.close()
        self._instances.clear()

    def _cells(self, one: Instance, cadence: Cadence, at: float) -> Values:
        if cadence is Cadence.INVENTORY:
            one.monitor.ask_again()
            for plan in one.plans.values():
                plan.forget()
        if one.struck:
            return _unknown(cadence, one.struck)
        try:
            found = one.monitor.read(self._device.handle, at) if cadence is Cadence.NORMAL else {}
            return one.plans[cadence].read(one.handle, {}, found)
        except GoneError:
            return _unknown(cadence, Reason.GONE)

    def _find(self) -> None:
        """See which instances there are; keep those that stay, and those that do not answer."""
        number = self._number()
        if isinstance(number, Reason):
            for one in self._instances.values():
                one.struck = number
            return
        found, silent = self._places(number)
        for uuid, one in self._instances.items():
            if uuid not in found and one.place in silent:
                one.struck = silent[one.place]
                found[uuid] = one
        for uuid, gone in self._instances.items():
            if uuid not in found:
                gone.monitor.close()
        found = dict(sorted(found.items(), key=lambda item: item[1].place))
        if list(found) != [one.id for one in self._entities]:
            self._entities = Entities(one.entity for one in found.values())
        self._instances = found
        self._shown = self._shown or bool(found)

    def _places(self, number: int) -> tuple[dict[str, Instance], dict[int, Reason]]:
        """Return the instances that answer, and why the places do not that may have one."""
        found: dict[str, Instance] = {}
        silent: dict[int, Reason] = {}
        for place in range(number):
            try:
                handle = call_of("nvmlDeviceGetMigDeviceHandleByIndex")(self._device.handle, place)
                uuid = safe(call_of("nvmlDeviceGetUUID")(handle))
            except Error as error:
                if error.value not in ABSENT:
                    silent[place] = reason_of(error.value)
                continue
            one = self._instances.get(uuid) or self._instance(handle, uuid, place)
            one.handle, one.place, one.struck = handle, place, Reason.KNOWN
            found[uuid] = one
        return found, silent

    def _number(self) -> int | Reason:
        """Return how many places for instances there are; 0 while the GPU is not divided.

        Returns:
            The number, or why it cannot be told now.
        """
        try:
            if self._most is None:
                most = call_of("nvmlDeviceGetMaxMigDeviceCount")
                self._most = int(most(self._device.handle))
            if not self._most:
                return 0
            mode, _ = call_of("nvmlDeviceGetMigMode")(self._device.handle)
        except Error as error:
            reason = reason_of(error.value)
            if reason is not Reason.NOT_SUPPORTED and error.value not in ABSENT:
                return reason
            self._most = 0
            return 0
        return self._most if mode else 0

    def _instance(self, handle: Handle, uuid: str, place: int) -> Instance:
        gpu = self._number_of("nvmlDeviceGetGpuInstanceId", handle)
        compute = self._number_of("nvmlDeviceGetComputeInstanceId", handle)
        profile = self._profile(handle)
        labels = {"uuid": uuid, "profile": profile} if profile else {"uuid": uuid}
        if gpu is not None:
            labels["gpu_instance"] = str(gpu)
        if compute is not None:
            labels["compute_instance"] = str(compute)
        entity = Entity(
            uuid, f"GPU {self._device.index} {profile or 'MIG'}", place, labels, self._device.uuid
        )
        plans = {one: Plan(of_cadence(TABLE, one), self._alive) for one in CADENCES}
        return Instance(handle, entity, Monitor(TABLE, gpu), plans)

    def _profile(self, handle: Handle) -> str:
        """Return the profile, which is the end of its name; "" if that is not told."""
        try:
            return safe(call_of("nvmlDeviceGetName")(handle)).rpartition("MIG ")[2]
        except Error as error:
            reason_of(error.value)
            return ""

    def _number_of(self, function: str, handle: Handle) -> int | None:
        try:
            return int(call_of(function)(handle))
        except Error as error:
            reason_of(error.value)
            return None

    def _alive(self, handle: Handle) -> None:
        try:
            call_of("nvmlDeviceGetUUID")(handle)
        except Error as error:
            if error.value in ABSENT:
                raise GoneError(Reason.GONE) from None
            reason_of(error.value)


def _unknown(cadence: Cadence, reason: Reason) -> Values:
    """Return the cells of an instance of which nothing is known."""
    size = len(CATALOGUES[cadence])
    return [NAN] * size, bytearray([reason]) * size
