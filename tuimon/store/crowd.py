"""The crowd of processes, cut down to those that are worth recording."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuimon.model.entity import Entities
from tuimon.model.frame import Floats, Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.store.rates import rate_of
from tuimon.store.topk import leaders
from tuimon.units import Unit

_CPU = Metric(
    "process_cpu_seconds_total", Kind.PROCESS, Unit.SECONDS, Type.COUNTER, "CPU", "CPU time."
)
_RANKING = Catalogue(
    Kind.PROCESS,
    (
        rate_of(_CPU),
        Metric("process_memory_bytes", Kind.PROCESS, Unit.BYTES, Type.GAUGE, "Memory", "In RAM."),
    ),
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The CPU time of every process at a moment."""

    entities: Entities
    seconds: Floats


class Crowd:
    """Chooses processes by `leaders`, whose ranks ask for rates that a raw frame does not have.

    In place of the CPU rate it ranks by the CPU time since the mark before the last one, or in all
    before there is a mark: longer than one tick, so that few come and go by chance.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._marks: deque[_Mark] = deque(maxlen=2)
        self._last: Frame | None = None
        self._chosen = Entities()

    def mark(self) -> None:
        """Count CPU time from the last sample on, once the next mark is set."""
        if self._last is not None:
            seconds = self._last.row(_CPU.name)
            self._marks.append(_Mark(self._last.entities, seconds))

    def restricted(self, frames: Mapping[Kind, Frame]) -> Mapping[Kind, Frame]:
        """Return the frames with at most the chosen count of processes, and all that use a GPU."""
        frame = frames.get(Kind.PROCESS)
        self._last = frame
        if frame is None or len(frame.entities) <= self._count:
            return frames
        on_gpus = frames.get(Kind.GPU_PROCESS)
        users = {
            one.labels.get("process", one.id) for one in (on_gpus.entities if on_gpus else ())
        } & frame.entities.position.keys()
        columns = leaders(self._ranked(frame), max(self._count, len(users)), users)
        members = tuple(frame.entities[column] for column in columns)
        if members != self._chosen.all:
            self._chosen = Entities(members)
        chosen = Frame(
            frame.catalogue,
            self._chosen,
            frame.values[:, columns],
            frame.reasons[:, columns],
            frame.read_at[:, columns],
        ).sealed()
        return {**frames, Kind.PROCESS: chosen}

    def _ranked(self, frame: Frame) -> Frame:
        """Return a frame with the rows that `leaders` looks at."""
        used = frame.row(_CPU.name) - self._before(frame.entities)
        values = np.stack((used, frame.row("process_memory_bytes")))
        reasons = np.zeros(values.shape, np.uint8)
        return Frame(_RANKING, frame.entities, values, reasons, frame.read_at)

    def _before(self, entities: Entities) -> Floats:
        """Return float64[n]: the CPU time at the older mark, 0 for who was not there."""
        if not self._marks:
            return np.zeros(len(entities))
        mark = self._marks[0]
        if mark.entities is entities:
            return np.nan_to_num(mark.seconds)
        position = mark.entities.position
        columns = np.fromiter(
            (position.get(one.id, -1) for one in entities), np.intp, len(entities)
        )
        seconds: Floats = np.append(mark.seconds, 0.0)[columns]  # -1 is the 0 at the end
        return np.nan_to_num(seconds)
