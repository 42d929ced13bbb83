"""GPU processes joined to the processes of the host, by pid and start time."""

from functools import lru_cache

import numpy as np

from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Codes, Floats, Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.units import Unit

_B, _R, _N = Unit.BYTES, Unit.RATIO, Unit.COUNT
_G, _P = Type.GAUGE, Kind.PROCESS
# Adding a row is all it takes: the metric, and the metric of a GPU process that is summed for it.
# fmt: off
TABLE: tuple[tuple[Metric, str], ...] = (
    (Metric("process_gpus",                         _P, _N, _G, "GPUs",  "GPUs that the process has a context on."), ""),
    (Metric("process_gpu_memory_bytes",             _P, _B, _G, "GMEM",  "Memory of the process on all GPUs."), "gpu_process_memory_bytes"),
    (Metric("process_gpu_sm_ratio",                 _P, _R, _G, "SM",    "Share of time its kernels ran, summed over GPUs: 1 is one GPU."), "gpu_process_sm_ratio"),
    (Metric("process_gpu_memory_utilization_ratio", _P, _R, _G, "GMBW",  "Share of time it used GPU memory, summed over GPUs."), "gpu_process_memory_utilization_ratio"),
    (Metric("process_gpu_encoder_ratio",            _P, _R, _G, "ENC",   "Share of the video encoders it used, summed over GPUs."), "gpu_process_encoder_ratio"),
    (Metric("process_gpu_decoder_ratio",            _P, _R, _G, "DEC",   "Share of the video decoders it used, summed over GPUs."), "gpu_process_decoder_ratio"),
)
# fmt: on
METRICS = tuple(metric for metric, _ in TABLE)


@lru_cache(maxsize=64)
def _extended(catalogue: Catalogue) -> Catalogue:
    return Catalogue(catalogue.kind, (*catalogue.metrics, *METRICS))


class ProcessJoiner:
    """Adds GPU columns to the process frame, and the GPU processes that /proc does not show."""

    def __init__(self) -> None:
        self._key: tuple[Entities, Entities] | None = None
        self._entities = Entities()
        self._columns = np.empty(0, np.intp)

    def join(self, processes: Frame, on_gpus: Frame | None) -> Frame:
        """Return the process frame with the rows of `TABLE`.

        A process without a context on any GPU has no such values: NotSupported. A GPU process of
        another pid namespace is a row of its own, all else of it Hidden.
        """
        catalogue = _extended(processes.catalogue)
        extra = 0
        if on_gpus is not None:
            self._plan(processes.entities, on_gpus.entities)
            extra = len(self._entities) - len(processes.entities)
        entities = self._entities if on_gpus is not None else processes.entities
        shape = (len(TABLE), len(entities))
        values = np.full(shape, np.nan)
        reasons = np.full(shape, Reason.NOT_SUPPORTED, np.uint8)
        if on_gpus is not None and len(on_gpus.entities):
            for row, (_, name) in enumerate(TABLE):
                self._sum(on_gpus, name, values[row], reasons[row])
        if extra:
            pad = ((0, 0), (0, extra))
            own = np.pad(processes.values, pad, constant_values=np.nan)
            why = np.pad(processes.reasons, pad, constant_values=Reason.HIDDEN)
            read_at = np.pad(processes.read_at, pad, constant_values=np.nan)
        else:
            own, why, read_at = processes.values, processes.reasons, processes.read_at
        return Frame(
            catalogue,
            entities,
            np.concatenate((own, values)),
            np.concatenate((why, reasons)),
            read_at,
        ).sealed()

    def _plan(self, processes: Entities, on_gpus: Entities) -> None:
        """Find the column of each GPU process; the hidden ones are put behind the others."""
        if self._key is not None and self._key[0] is processes and self._key[1] is on_gpus:
            return
        self._key = (processes, on_gpus)
        position = processes.position
        hidden: dict[str, Entity] = {}
        columns: list[int] = []
        for one in on_gpus:
            process = one.labels.get("process", one.id)
            column = position.get(process)
            if column is None:
                hidden.setdefault(process, Entity(process, one.name, one.index, one.labels))
                column = len(processes) + list(hidden).index(process)
            columns.append(column)
        self._columns = np.array(columns, np.intp)
        self._entities = Entities((*processes.all, *hidden.values())) if hidden else processes

    def _sum(self, on_gpus: Frame, name: str, values: Floats, reasons: Codes) -> None:
        """Sum one metric of GPU processes into the row of their processes.

        Args:
            on_gpus: Frame of GPU processes.
            name: Its metric; empty to count them.
            values: float64[n], NaN so far; written.
            reasons: uint8[n]; written.
        """
        parts = on_gpus.row(name) if name else np.ones(len(on_gpus.entities))
        missing = np.isnan(parts)
        known = self._columns[~missing]
        values[known] = 0.0
        np.add.at(values, known, parts[~missing])
        reasons[known] = Reason.KNOWN
        if missing.any() and name:
            row = on_gpus.catalogue.position.get(name)
            lost = self._columns[missing]
            values[lost] = np.nan  # a part of the sum is not known, so the sum is not
            reasons[lost] = Reason.NOT_SUPPORTED if row is None else on_gpus.reasons[row][missing]
