"""A simulated machine: GPUs, host and processes, through the same engine as hardware.

Its metrics are those of the real sources' tables. All that it says follows from seed and time, so
that two runs with the same seed and clock say the same.
"""

import time
from collections.abc import Callable, Sequence

from tuimon.model.metric import Label, Metric
from tuimon.model.source import Reader
from tuimon.sources.host import HostSource
from tuimon.sources.nvml import NvmlSource
from tuimon.sources.processes import ProcessSource
from tuimon.sources.simulated.cast import cast
from tuimon.sources.simulated.gpus import GpuReader
from tuimon.sources.simulated.host import HostReader
from tuimon.sources.simulated.identity import LABELS as OWN_LABELS
from tuimon.sources.simulated.kinds import checked_number, product
from tuimon.sources.simulated.machine import Machine
from tuimon.sources.simulated.processes import ProcessReader
from tuimon.sources.simulated.script import DEFAULT, NONE, Script

__all__ = ["DEFAULT", "NONE", "Script", "SimulatedSource"]


class SimulatedSource:
    """A machine that is not there. A `Source`."""

    name = "simulated"
    metrics: Sequence[Metric] = (
        *NvmlSource.metrics,
        *HostSource.metrics,
        *ProcessSource.metrics,
    )
    labels: Sequence[Label] = (
        *NvmlSource.labels,
        *HostSource.labels,
        *ProcessSource.labels,
        *OWN_LABELS,
    )

    def __init__(
        self,
        gpus: int = 8,
        kind: str = "h100",
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        script: Script = DEFAULT,
        start: float | None = None,
    ) -> None:
        """Describe the machine; nothing is computed before it is read.

        Args:
            gpus: How many, 1 to 16.
            kind: Their product, one of `kinds.PRODUCTS`.
            seed: What all chance begins with.
            clock: Seconds since the epoch.
            script: What goes wrong.
            start: When its simulated time began, seconds since the epoch, if not now: then the
                training job begins, heat is low, and the machine has been up for days. The first
                reading computes all seconds since then.

        Raises:
            UsageError: There is no such kind, or there cannot be as many.
        """
        self._product = product(kind)
        self._gpus = checked_number(gpus)
        self._seed = seed
        self._clock = clock
        self._script = script
        self._start = clock() if start is None else start
        self._readers: tuple[Reader, ...] = ()

    def open(self) -> Sequence[Reader]:
        """See `Source.open`."""
        self.release()
        machine = Machine(self._product, self._gpus, self._seed, self._script)
        processes, on_gpus = cast(machine)
        start, clock = self._start, self._clock
        self._readers = (
            *(GpuReader(machine, gpu, on_gpus[gpu], start, clock) for gpu in range(self._gpus)),
            HostReader(machine, processes, start, clock),
            ProcessReader(machine, processes, start, clock),
        )
        return self._readers

    def release(self) -> None:
        """Let readings that hang come back at once; any thread may call it."""
        for reader in self._readers:
            reader.close()
