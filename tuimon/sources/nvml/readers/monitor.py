"""The GPU performance monitor of one GPU or MIG instance: means between two samples."""

from collections.abc import Sequence
from math import isnan

from tuimon.drivers.nvml import Error, Handle, reason_of
from tuimon.drivers.nvml_batches import Gpm as Samples
from tuimon.drivers.nvml_batches import gpm_supported
from tuimon.errors import Reason
from tuimon.model.metric import Type
from tuimon.sources.nvml.readers.plan import Cell
from tuimon.sources.nvml.rows import Gpm, Row


class Monitor:
    """Reads every metric of the rows that have a way `Gpm`, supported or not: one call gives all."""

    def __init__(self, rows: Sequence[Row], instance: int | None = None) -> None:
        """Prepare to read.

        Args:
            rows: Those of the table; others than by `Gpm` do not matter.
            instance: GPU instance of a MIG device, whose handle is that of its parent.
        """
        ways = [(one.metric, way) for one in rows for way in one.ways if isinstance(way, Gpm)]
        self._ids = tuple(way.id for _, way in ways)
        self._summed = {way.id for metric, way in ways if metric.type is Type.COUNTER}
        self._instance = instance
        self._sums: dict[int, float] = dict.fromkeys(self._summed, 0.0)
        self._samples: Samples | None = None
        self._supported: bool | None = None
        self._at = 0.0

    def ask_again(self) -> None:
        """Find out anew whether the device has a monitor."""
        self._supported = None

    def read(self, handle: Handle, at: float) -> dict[int, Cell]:
        """Return the cell of each metric; empty where there is no monitor.

        Metrics of counters are summed over the time between the samples: a rate times its time.

        Args:
            handle: The GPU; of a MIG instance, its parent.
            at: Seconds since the epoch.
        """
        if self._supported is None:
            self._supported = gpm_supported(handle)
        if not self._supported or not self._ids:
            return {}
        try:
            if self._samples is None:
                self._samples = Samples(self._ids, self._instance)
            found = self._samples.read(handle)
        except Error as error:
            return dict.fromkeys(self._ids, reason_of(error.value))
        span, self._at = at - self._at, at
        if found is None:
            return dict.fromkeys(self._ids, Reason.NOT_YET)
        return {
            number: self._cell(number, code, value, span)
            for number, (code, value) in zip(self._ids, found, strict=True)
        }

    def close(self) -> None:
        """Give the samples back."""
        if self._samples is not None:
            self._samples.close()
            self._samples = None

    def _cell(self, number: int, code: int, value: float, span: float) -> Cell:
        if code:
            return reason_of(code)
        if isnan(value):  # two samples too close to each other
            return self._sums.get(number, Reason.NOT_YET)
        if number not in self._summed:
            return value
        self._sums[number] += value * max(span, 0.0)
        return self._sums[number]
