"""Reads the NVLinks of a GPU."""

from collections.abc import Callable
from typing import Any

from tuimon.drivers.nvml import ABSENT, Error, call_of, reason_of
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.nvml.nvlink import CATALOGUES, LINK, TABLE
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import Cell, Plan, frame
from tuimon.sources.nvml.rows import Call, Field, Row, of_cadence, row
from tuimon.text import safe
from tuimon.units import Unit

NORMAL, SLOW, INVENTORY = Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
MOST_LINKS = 72
"""NVML's field ids and counters know of links 0 to 71."""
PEERS = {0: "GPU", 1: "NPU", 2: "switch"}  # nvmlIntNvLinkDeviceType_t
NUMBER = row(Kind.NVLINK, "nvlink_links", Unit.COUNT, INVENTORY, "", "", Field(91))


def _address(info: Any) -> str:  # noqa: ANN401 -- pynvml's struct
    return safe(info.busId)


def _peer(kind: int) -> str:
    return PEERS.get(kind, "")


ENDS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("remote", "nvmlDeviceGetNvLinkRemotePciInfo", _address),
    ("peer", "nvmlDeviceGetNvLinkRemoteDeviceType", _peer),
)
"""Labels that tell of the other end, the calls that give them, and how they are spelt."""


class Links:
    """Reads the links of one GPU. The number of links is asked at each inventory."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.entities = NOBODY
        self._plans: dict[Cadence, Plan] = {}
        self._counted = False
        self.active: Cell = Reason.NOT_YET
        """Links that are up, as of the last normal reading; not known if that of any is not."""

    def read(self, cadence: Cadence, at: float) -> Frame | None:
        """Return the frame of a cadence; None on a GPU without links."""
        if cadence is INVENTORY or not self._counted:
            self._count()
        plan = self._plans.get(cadence)
        if plan is None:
            return None
        metrics = CATALOGUES[cadence]
        cells = plan.read(self._device.handle, {}, {})
        if cadence is NORMAL:
            unknown = next(filter(None, cells[1][:: len(metrics)]), 0)
            up = float(cells[0][:: len(metrics)].count(1.0))
            self.active = Reason(unknown) if unknown else up
        return frame(metrics, self.entities, cells, cadence, at)

    def _count(self) -> None:
        """See which links there are, and prepare to read them."""
        number = self._number()
        self._counted = not isinstance(number, Reason)
        if isinstance(number, Reason):  # it may pass: those that were there stay
            if not self._plans:
                self.active = number
            return
        numbers = range(min(number, MOST_LINKS))
        if not numbers:
            self.entities, self._plans, self.active = NOBODY, {}, Reason.NOT_SUPPORTED
            return
        found = [self._entity(number) for number in numbers]
        same = [(one.id, one.labels) for one in found]
        if same != [(one.id, one.labels) for one in self.entities]:
            self.entities = Entities(found)
        for cadence in (NORMAL, SLOW, INVENTORY):
            rows = [_of_link(one, n) for n in numbers for one in of_cadence(TABLE, cadence)]
            self._plans[cadence] = Plan(rows, self._device.check)

    def _number(self) -> int | Reason:
        """Return how many links the GPU has, by the field or by asking for each.

        Returns:
            The number, or why it cannot be told now.
        """
        plan = Plan([NUMBER], self._device.check)
        values, reasons = plan.read(self._device.handle, {}, {})
        if not reasons[0]:
            return int(values[0])
        state = call_of("nvmlDeviceGetNvLinkState")
        for number in range(MOST_LINKS):
            try:
                state(self._device.handle, number)
            except Error as error:
                return number if error.value in ABSENT else reason_of(error.value)
        return MOST_LINKS

    def _entity(self, number: int) -> Entity:
        labels = {"link": str(number)}
        for label, function, spell in ENDS:
            try:
                text = spell(call_of(function)(self._device.handle, number))
            except Error:
                continue
            if text:
                labels[label] = text
        gpu = self._device.entity
        name = f"GPU {self._device.index} link {number}"
        return Entity(f"{gpu.id}/nvlink{number}", name, number, labels, parent=gpu.id)


def _of_link(one: Row, number: int) -> Row:
    """Return a row of the table for one link."""
    ways = tuple(
        Field(way.id, number, way.scale)
        if isinstance(way, Field)
        else Call(
            way.function, tuple(number if a == LINK else a for a in way.args), way.pick, way.scale
        )
        for way in one.ways
        if isinstance(way, Field | Call)
    )
    return Row(one.metric, ways)
