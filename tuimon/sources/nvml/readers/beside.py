"""The lane beside: PCIe rates of a GPU that has no counter, by a call that blocks for 20 ms."""

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
    """Measures what is `Sampled` of one GPU, while its own lane cannot. A `Reader`.

    It gives no frames: a counter and the time it is from must come from one lane, so the GPU's own
    lane takes the rates from here at its next turn, and sums them over its own time.
    """

    cadences: Sequence[Cadence] = (Cadence.NORMAL,)

    def __init__(self, library: Library, device: Device, clock: Callable[[], float]) -> None:
        """Prepare to read.

        Args:
            library: Joined; it is left when the reader is closed.
            device: The GPU; one that hangs costs no other one's lane.
            clock: Seconds since the epoch.
        """
        self.name = f"nvml/{device.index}/pcie"
        self._library = library
        self._device = device
        self._clock = clock

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        device = self._device
        if device.delegated and device.handle is not None and not device.asleep():
            for metric, way in ROWS:
                rate = self._rate(way)
                device.samples[metric.name] = (rate, self._clock())
        return Reading()

    def close(self) -> None:
        """See `Reader.close`."""
        self._library.leave()

    def _rate(self, way: Sampled) -> Cell:
        """Return the rate of this moment."""
        try:
            return float(call_of(way.function)(self._device.handle, *way.args) * way.scale)
        except Error as error:
            try:
                return reason_of(error.value)
            except ReadError as lost:  # its own lane says so
                return lost.reason
