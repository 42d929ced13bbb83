"""The reader of simulated processes."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.processes import ProcessSource
from tuimon.sources.simulated.cast import VISITORS, Process, Visitor, identify
from tuimon.sources.simulated.forms import TOTAL, vector
from tuimon.sources.simulated.gpus import NOTE
from tuimon.sources.simulated.kinds import MIB
from tuimon.sources.simulated.machine import SIGNALS, UPTIME, USUAL, Machine
from tuimon.sources.simulated.noise import noise

CATALOGUE = Catalogue(Kind.PROCESS, ProcessSource.metrics)
RUNNING, SLEEPING, WAITING, RESTING = 1.0, 2.0, 3.0, 7.0
"""Numbers of the states in sources/processes/table.py."""
FIRST_VISITOR = 3_100_000
"""Their pids are far above those of the others."""
Rows = dict[str, Floats]


class ProcessReader:
    """All processes of the simulated machine."""

    name = "simulated/processes"
    cadences: Sequence[Cadence] = (Cadence.FAST,)

    def __init__(
        self,
        machine: Machine,
        processes: Sequence[Process],
        start: float,
        clock: Callable[[], float],
    ) -> None:
        """Describe them; *start* is when the simulated time began, seconds since the epoch."""
        self._machine = machine
        self._start = start
        self._clock = clock
        self._entities = [one.entity for one in processes]
        self._shown: tuple[tuple[int, ...], Entities] | None = None
        self._weights = np.stack([vector(one.cpu) for one in processes])
        began = np.array([one.began for one in processes])
        self._began = began
        self._before = self._weights @ np.array(USUAL) * (UPTIME + began)
        """CPU seconds that are not theirs: of the time before they were there."""
        self._kernel = np.array([one.kernel for one in processes])
        self._fixed = {
            "process_memory_bytes": np.array([one.memory for one in processes]),
            "process_threads": np.array([float(one.threads) for one in processes]),
            "process_nice": np.array([float(one.nice) for one in processes]),
            "process_parent": np.array([float(one.parent) for one in processes]),
        }
        self._pids = np.array([one.pid for one in processes], np.int64)

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`; every frame holds the whole catalogue."""
        if cadence is not Cadence.FAST:
            return Reading(note=NOTE)
        at = self._clock()
        time = at - self._start
        rows = self._staying(time)
        visitors = _visits(time)
        if visitors:
            coming = _coming(visitors, time, self._start)
            rows = {name: np.concatenate((row, coming[name])) for name, row in rows.items()}
        entities = self._named(visitors)
        values = np.stack([rows[metric.name] for metric in CATALOGUE])
        read_at = np.full((CADENCES, len(entities)), math.nan)
        read_at[[Cadence.FAST, Cadence.NORMAL]] = at
        reasons = np.zeros(values.shape, np.uint8)
        return Reading((Frame(CATALOGUE, entities, values, reasons, read_at).sealed(),), note=NOTE)

    def close(self) -> None:
        """See `Reader.close`."""

    def _staying(self, time: float) -> Rows:
        """Return the rows of those that stay."""
        pool = self._machine.host(time)
        width = len(SIGNALS)
        spent = self._weights @ pool[TOTAL * width : (TOTAL + 1) * width] - self._before
        busy = self._weights @ pool[:width]
        memory = self._fixed["process_memory_bytes"]
        nap = np.where(self._kernel, RESTING, SLEEPING)
        state = np.where(busy > 0.45, RUNNING, np.where(busy > 0.38, WAITING, nap))
        moves = noise(self._machine.seed, 41, self._pids * 4099 + int(time / 3))
        return self._fixed | {
            "process_cpu_seconds_total": spent,
            "process_state": state,
            "process_virtual_bytes": memory * 6.0,
            "process_priority": 20.0 + self._fixed["process_nice"],
            "process_start_seconds": self._start + self._began,
            "process_processor": np.floor(moves * self._machine.chassis.cpus),
            **_of_cpu(spent, memory),
        }

    def _named(self, visitors: Sequence[tuple[int, int]]) -> Entities:
        """Return the entities; the same object while nobody comes or goes."""
        key = tuple(place * 10**6 + visit for place, visit in visitors)
        if self._shown is None or self._shown[0] != key:
            guests = [_visitor(VISITORS[place], place, visit) for place, visit in visitors]
            self._shown = key, Entities([*self._entities, *guests])
        return self._shown[1]


def _visits(time: float) -> list[tuple[int, int]]:
    """Return who of `VISITORS` is there at *time*, and for which time it is."""
    found = []
    for place, one in enumerate(VISITORS):
        visit, age = divmod(time - one.after, one.every)
        if visit >= 0 and age < one.lasts:
            found.append((place, int(visit)))
    return found


def _visitor(one: Visitor, place: int, visit: int) -> Entity:
    pid = _pid(place, visit)
    began = one.after + visit * one.every
    labels = {"pid": str(pid), "user": one.user, "command": one.command, "comm": one.comm}
    return Entity(identify(pid, began), one.comm, pid, labels)


def _pid(place: int, visit: int) -> int:
    return FIRST_VISITOR + (visit * len(VISITORS) + place) * 7 % 900_000


def _coming(visitors: Sequence[tuple[int, int]], time: float, start: float) -> Rows:
    """Return the rows of those that come and go."""
    rows = [VISITORS[place] for place, _ in visitors]
    began = np.array([VISITORS[p].after + visit * VISITORS[p].every for p, visit in visitors])
    spent = np.array([one.cpu for one in rows]) * (time - began)
    memory = np.array([one.memory * MIB for one in rows])
    alike = np.ones(len(rows))
    return {
        "process_cpu_seconds_total": spent,
        "process_state": RUNNING * alike,
        "process_memory_bytes": memory,
        "process_virtual_bytes": memory * 6.0,
        "process_threads": alike,
        "process_nice": 0.0 * alike,
        "process_priority": 20.0 * alike,
        "process_parent": alike,
        "process_start_seconds": start + began,
        "process_processor": 3.0 * alike,
        **_of_cpu(spent, memory),
    }


def _of_cpu(spent: Floats, memory: Floats) -> Rows:
    """Return the rows that follow from CPU time: its parts to one tick, and page faults."""
    return {
        "process_user_seconds_total": np.floor(spent * 86.0) / 100.0,
        "process_system_seconds_total": np.floor(spent * 14.0) / 100.0,
        "process_minor_faults_total": np.floor(memory / 4096.0 + spent * 900.0),
        "process_major_faults_total": np.floor(memory / (1 << 28)),
    }
