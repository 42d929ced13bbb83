"""The lane beside: PCIe rates of GPUs that have no counter, by a call that blocks for 20 ms."""

from collections.abc import Callable, Sequence

from tuimon.drivers.nvml import Error, Library, call_of, reason_of
from tuimon.errors import ReadError, Reason
from tuimon.model.entity import NOBODY, Entities
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml.gpus import TABLE
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import Cell, frame
from tuimon.sources.nvml.rows import Sampled

ROWS = tuple((one.metric, way) for one in TABLE for way in one.ways if isinstance(way, Sampled))
CATALOGUE = Catalogue(Kind.GPU, [metric for metric, _ in ROWS])


class BesideReader:
    """Reads the rows `Sampled` of all GPUs whose own lanes have delegated them. A `Reader`."""

    cadences: Sequence[Cadence] = (Cadence.NORMAL,)
    name = "nvml/pcie"

    def __init__(
        self, library: Library, devices: Sequence[Device], clock: Callable[[], float]
    ) -> None:
        """Prepare to read.

        Args:
            library: Joined; it is left when the reader is closed.
            devices: All GPUs of the source.
            clock: Seconds since the epoch.
        """
        self._library = library
        self._devices = devices
        self._clock = clock
        self._entities = NOBODY
        self._sums: dict[tuple[str, str], float] = {}
        self._at = clock()

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        at = self._clock()
        span, self._at = max(at - self._at, 0.0), at
        asked = [one for one in self._devices if one.delegated and one.handle is not None]
        cells = [self._cell(device, *row, span) for device in asked for row in ROWS]
        if not asked and not len(self._entities):
            return Reading()
        if [one.entity for one in asked] != list(self._entities):
            self._entities = Entities(one.entity for one in asked)
        values = [float("nan") if isinstance(one, Reason) else one for one in cells]
        reasons = bytearray(one if isinstance(one, Reason) else 0 for one in cells)
        return Reading((frame(CATALOGUE, self._entities, (values, reasons), cadence, at),))

    def close(self) -> None:
        """See `Reader.close`."""
        self._library.leave()

    def _cell(self, device: Device, metric: object, way: Sampled, span: float) -> Cell:
        """Return the sum of a rate over time, grown by the rate of this moment."""
        try:
            rate = call_of(way.function)(device.handle, *way.args)
        except Error as error:
            try:
                return reason_of(error.value)
            except ReadError as lost:  # its own lane says so
                return lost.reason
        key = (device.uuid, str(way.args))
        self._sums[key] = self._sums.get(key, 0.0) + rate * way.scale * span
        return self._sums[key]
