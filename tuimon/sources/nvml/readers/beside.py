"""The lane beside: PCIe rates of GPUs that have no counter, by a call that blocks for 20 ms."""

from collections.abc import Callable, Sequence

from tuimon.drivers.nvml import Error, Library, call_of, reason_of
from tuimon.errors import ReadError
from tuimon.model.metric import Cadence
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml.gpus import TABLE
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import Cell
from tuimon.sources.nvml.rows import Sampled

ROWS = tuple((one.metric, way) for one in TABLE for way in one.ways if isinstance(way, Sampled))


class BesideReader:
    """Measures what is `Sampled` of the GPUs whose own lanes cannot. A `Reader`.

    It gives no frames: a counter and the time it is from must come from one lane, so each GPU's own
    lane takes the sums from here at its next turn.
    """

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
        self._sums: dict[tuple[str, str], tuple[float, float]] = {}

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        for device in self._devices:
            if device.delegated and device.handle is not None:
                for metric, way in ROWS:
                    device.samples[metric.name] = (self._cell(device, way), self._clock())
        return Reading()

    def close(self) -> None:
        """See `Reader.close`."""
        self._library.leave()

    def _cell(self, device: Device, way: Sampled) -> Cell:
        """Return the sum of a rate over time, grown by the rate of this moment."""
        try:
            rate = call_of(way.function)(device.handle, *way.args)
        except Error as error:
            try:
                return reason_of(error.value)
            except ReadError as lost:  # its own lane says so
                return lost.reason
        key, at = (device.uuid, str(way.args)), self._clock()
        total, before = self._sums.get(key, (0.0, at))
        self._sums[key] = (total + rate * way.scale * max(at - before, 0.0), at)
        return self._sums[key][0]
