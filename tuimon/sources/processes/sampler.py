"""One pass over all processes, at a fifth of what reading every `stat` in C would cost.

1. The CPU clock of every process is asked (0.4 to 1 us, no file): it tells who moved and who ended.
2. The last pid in `/proc/loadavg` tells whether anything was forked; the few new numbers are probed.
3. `stat` (8 to 20 us) is read of those in view, of the others who moved every third second, and of
   the sixtieth part that was not read for longest. So the memory of a process that uses no CPU
   may be 60 passes old; `read_at` says how old it is.
4. Names, command lines and the like are read once, most wanted first and a bounded number a pass.

Where clocks cannot be asked (a tree that is not our own /proc, gVisor, a seccomp filter), /proc is
listed and every `stat` read in each pass: dearer, and CPU time counts in ticks of 10 ms.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import itemgetter
from threading import get_native_id

import numpy as np

from tuimon.drivers import procfs
from tuimon.drivers.procfs import Proc
from tuimon.errors import Reason
from tuimon.model.entity import Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence
from tuimon.sources.processes.columns import NEVER, Columns, Indexes, Process
from tuimon.sources.processes.identity import (
    CGROUP_SIZE,
    COMMAND_SIZE,
    ENVIRON_SIZE,
    Users,
    command_line,
    kernel_name,
    short_name,
    surroundings,
)
from tuimon.sources.processes.table import STAT, STATES
from tuimon.text import safe

CpuClock = Callable[[int], int]
"""Nanoseconds of the clock with this id, as `time.clock_gettime_ns`; OSError if its process ended."""

SWEEP = 60
"""Everybody's `stat` is read at least once in so many passes; /proc is listed as often."""
MOVED_AGE = 2.5
"""Seconds after which `stat` of a process that moved is read again: every third tick of a second."""
REFRESH = 600
"""Everybody's identity is read again once in so many passes; exec() is mostly seen without."""
REFRESH_IN_VIEW = 10.0
"""Seconds after which the identity of a process in view is read again."""
IDENTITIES_AT_FIRST = 600
IDENTITIES = 256
"""Most identities read in one pass: 30 to 50 us each."""

SLACK = 0.05
"""Seconds of CPU time more than its threads had time for, before a process is taken for another."""

_NANOSECONDS = 1_000_000_000 // procfs.TICKS_PER_SECOND
_CODES = {letter: b"%d" % code for letter, code, _ in STATES}
_FIELDS = [field for _, field, _ in STAT]
_USER, _SYSTEM = _FIELDS.index(procfs.USER_TICKS), _FIELDS.index(procfs.SYSTEM_TICKS)
_THREADS = 1 + _FIELDS.index(procfs.THREADS)
_counts = itemgetter(*_FIELDS)


class Sampler:
    """Keeps the table of live processes true from pass to pass."""

    def __init__(
        self, proc: Proc, clock: Callable[[], float], cpu_clock: CpuClock | None, users: Users
    ) -> None:
        """Read *proc*; without a *cpu_clock* from `stat` alone."""
        self._proc = proc
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._users = users
        self._columns = Columns(proc.boot_time())
        self._passes = 0
        self._passed = clock()
        """When the last pass began."""
        self._pids = (0, 0)
        """The last pid at the pass before the last one, and at the last one."""
        # lxcfs puts a file of its own in this place, whose last pid is not the kernel's.
        self._counts_pids = b" /proc/loadavg " not in proc.whole("self/mounts")

    def sample(self, visible: Iterable[str] = ()) -> Frame:
        """Make one pass; the processes with the ids *visible* are read whatever they do.

        Raises:
            OSError: /proc is not there.
        """
        now = self._clock()
        columns = self._columns
        silent: list[int] = []
        if self._cpu_clock is None:
            self._follow_list(now)
        else:
            silent = self._ask_clocks(self._cpu_clock, abs(now - self._passed))
            self._add(self._candidates(), now)
        in_view = list(_pids(visible))
        self._read(self._due(self._columns_of(in_view), now), now)
        self._identify(self._columns_of(in_view), now)
        self._passes += 1
        self._passed = now
        return columns.frame(now, self._columns_of(silent))

    def _columns_of(self, pids: Iterable[int]) -> list[int]:
        column = self._columns.column
        return [column[pid] for pid in pids if pid in column]

    def _follow_list(self, now: float) -> None:
        """Do without clocks: take in all that /proc lists, and have every `stat` read."""
        columns = self._columns
        pids = self._proc.pids()
        columns.drop(self._columns_of(columns.column.keys() - set(pids)))
        self._add(pids, now)

    def _ask_clocks(self, clock: CpuClock, elapsed: float) -> list[int]:
        """Find who moved and who ended; return the pids of those who live, but without an answer."""
        columns = self._columns
        n = len(columns)
        nanoseconds: list[int] = []
        refused: list[int] = []
        asked = map(clock, columns.clocks)
        while len(nanoseconds) < n:
            try:
                nanoseconds.extend(asked)  # goes on behind the one that raised
            except OSError:
                refused.append(len(nanoseconds))
                nanoseconds.append(0)
        spent = np.array(nanoseconds, np.int64)
        spent[refused] = columns.spent[refused]
        columns.due[:n] |= spent != columns.spent[:n]
        # Less than before, or more than there was time for, is another one with the same number.
        grown = (spent - columns.spent[:n]) / 1e9
        other = (grown < 0) | (grown > elapsed * columns.values[_THREADS, :n] + SLACK)
        columns.read_at[Cadence.NORMAL, :n][other] = -np.inf
        columns.spent[:n] = spent
        silent = [c for c in refused if self._lives(columns.processes[c])]
        pids = [columns.processes[column].pid for column in silent]
        columns.drop([column for column in refused if column not in silent])
        return pids

    def _lives(self, process: Process) -> bool:
        """Ask for a second opinion: a clock may be refused while a thread of many calls exec()."""
        return procfs.start_ticks(process.pid, self._proc) == process.start

    def _candidates(self) -> Iterable[int]:
        """Return the numbers among which processes may be that are not known."""
        before, last = self._pids
        try:
            newest = self._proc.last_pid() if self._counts_pids else 0
        except (OSError, ValueError):
            newest = 0
        self._pids = (last if self._passes else newest, newest)
        if self._passes and newest > 0 and last not in {0, newest}:
            self._doubt(last, newest)
        many = not 0 <= newest - before <= 32 + len(self._columns) // 4
        if many or newest <= 0 or self._passes % SWEEP == 0:
            return self._proc.pids()
        # Numbers of the last pass are probed again: fork() counts before the process can be found.
        # Our own thread's number has a clock like a process's.
        own = get_native_id()
        return (pid for pid in range(before + 1, newest + 1) if pid != own)

    def _doubt(self, last: int, newest: int) -> None:
        """Have `stat` read of all whose number was given away since the last pass.

        Numbers go up from *last* to *newest*, or to their end and on from their start.
        """
        columns = self._columns
        if 0 < newest - last <= len(columns):
            given = self._columns_of(range(last + 1, newest + 1))
        else:
            wrapped = newest < last
            span = range(min(last, newest) + 1, max(last, newest) + 1)
            given = [c for pid, c in columns.column.items() if (pid in span) is not wrapped]
        columns.due[given] = True
        columns.read_at[Cadence.NORMAL, given] = -np.inf

    def _add(self, pids: Iterable[int], now: float) -> None:
        """Take in those of *pids* that are processes and not known."""
        columns, clock, stat = self._columns, self._cpu_clock, self._proc.stat
        added: list[Process] = []
        spent: list[int] = []
        counts: list[list[int]] = []
        for pid in pids:
            if pid in columns.column:
                continue
            try:
                used = clock(procfs.clock_id(pid)) if clock is not None else 0
                comm, fields = procfs.parse_stat(stat(pid))
                row = _row(fields)
            except (OSError, ValueError):
                continue
            added.append(self._process(pid, comm, fields))
            spent.append(used)
            counts.append(row)
        if added:
            self._store(columns.add(added, spent), counts, now)

    def _process(self, pid: int, comm: bytes, fields: list[bytes]) -> Process:
        """Return a process as far as its `stat` tells."""
        start = int(fields[procfs.START_TICKS])
        kernel = bool(int(fields[procfs.FLAGS]) & procfs.KERNEL_THREAD)
        name = safe(comm)
        process = Process(
            pid=pid,
            start=start,
            comm=comm,
            stack=fields[procfs.START_STACK],
            kernel=kernel,
            entity=Entity(f"{pid}-{start}", name, pid, {"pid": str(pid), "comm": name}),
        )
        if kernel:
            process.entity = self._kernel_entity(process)
        return process

    def _kernel_entity(self, process: Process) -> Entity:
        """Describe a thread of the kernel: all is said by its name."""
        process.uid = 0
        self._users.ask({0})
        name = safe(kernel_name(process.comm))
        labels = {"pid": str(process.pid), "comm": name, "user": self._users.name(0)}
        return replace(process.entity, name=f"[{name}]", labels=labels | {"kernel": "yes"})

    def _due(self, in_view: list[int], now: float) -> list[int]:
        """Return the columns whose `stat` is to be read."""
        columns = self._columns
        n = len(columns)
        age = np.abs(now - columns.read_at[Cadence.NORMAL, :n])  # a clock may be set back
        if self._cpu_clock is None:
            return list((age > 0).nonzero()[0].tolist())
        due = columns.due[:n] & (age >= MOVED_AGE)
        due[in_view] = age[in_view] > 0
        part = self._share(SWEEP)
        if part:
            due[np.argpartition(age, n - part)[n - part :]] = True
        return list(due.nonzero()[0].tolist())

    def _share(self, period: int) -> int:
        """Return how many of all processes have their turn now, if each has one in *period* passes."""
        n = len(self._columns)
        return (self._passes + 1) * n // period - self._passes * n // period

    def _read(self, wanted: list[int], now: float) -> None:
        """Read `stat` of the columns *wanted*; see who is another one now, and who has ended."""
        columns, stat = self._columns, self._proc.stat
        read: list[int] = []
        ended: list[int] = []
        counts: list[list[int]] = []
        for column in wanted:
            process = columns.processes[column]
            try:
                comm, fields = procfs.parse_stat(stat(process.pid))
                row = _row(fields)
            except (FileNotFoundError, ProcessLookupError):
                ended.append(column)
                continue
            except (OSError, ValueError) as error:
                barred = isinstance(error, PermissionError)
                columns.lose(column, Reason.NO_PERMISSION if barred else Reason.FAILED, now)
                continue
            if int(fields[procfs.START_TICKS]) != process.start:
                columns.replace(column, self._process(process.pid, comm, fields))
            elif comm != process.comm or fields[procfs.START_STACK] != process.stack:
                process.comm, process.stack = comm, fields[procfs.START_STACK]
                columns.identified[column] = NEVER
            read.append(column)
            counts.append(row)
        if read:
            self._store(np.array(read), counts, now)
        columns.drop(ended)

    def _store(self, columns: Indexes, counts: list[list[int]], now: float) -> None:
        self._columns.put(columns, counts, now)
        if self._cpu_clock is None:
            ticks = [row[_USER] + row[_SYSTEM] for row in counts]
            self._columns.spent[columns] = np.array(ticks) * _NANOSECONDS

    def _identify(self, in_view: list[int], now: float) -> None:
        """Read the identity of those who need it most; tell the names of users that came in."""
        columns = self._columns
        wanted = self._nameless(in_view) + self._outdated(in_view, now)
        for column in wanted:
            process = columns.processes[column]
            if not process.kernel:
                process.uid = self._owner(process.pid)
        self._users.ask({columns.processes[column].uid for column in wanted})
        for column in wanted:
            process = columns.processes[column]
            self._rename(column, self._described(process))
            columns.identified[column] = np.inf if process.kernel else now
        arrived = self._users.arrived()
        for column, process in enumerate(columns.processes if arrived else ()):
            if process.uid in arrived and "user" in process.entity.labels:
                user = {"user": self._users.name(process.uid)}
                labels = {**process.entity.labels, **user}
                self._rename(column, replace(process.entity, labels=labels))

    def _nameless(self, in_view: list[int]) -> list[int]:
        """Return whose identity is not known: those in view first, then who moved, who is busiest."""
        columns = self._columns
        n = len(columns)
        unknown = (columns.identified[:n] == NEVER).nonzero()[0]
        limit = IDENTITIES if self._passes else IDENTITIES_AT_FIRST
        if len(unknown) > limit:
            viewed = np.zeros(n, np.bool_)
            viewed[in_view] = True
            keys = (-columns.spent[unknown], ~columns.due[unknown], ~viewed[unknown])
            unknown = unknown[np.lexsort(keys)[:limit]]
        return list(unknown.tolist())

    def _outdated(self, in_view: list[int], now: float) -> list[int]:
        """Return whose identity is to be read again: those in view often, all others in turn."""
        n = len(self._columns)
        known = self._columns.identified[:n]
        age = np.where(np.isfinite(known), np.abs(now - known), 0.0)
        old = {column for column in in_view if age[column] >= REFRESH_IN_VIEW}
        part = self._share(REFRESH)
        if part:
            turn = np.argpartition(age, n - part)[n - part :]
            old.update(turn[age[turn] > 0].tolist())
        return list(old)

    def _owner(self, pid: int) -> int:
        try:
            return self._proc.owner(pid)
        except OSError:
            return -1

    def _text(self, name: bytes, size: int) -> bytes:
        """Return a file of a process; b"" if we may not see it or the process has ended."""
        try:
            return self._proc.read(name, size)
        except OSError:
            return b""

    def _described(self, process: Process) -> Entity:
        """Return the entity of a process with all that is known of it."""
        if process.kernel:
            return self._kernel_entity(process)
        pid, old = process.pid, process.entity
        cmdline = self._text(b"%d/cmdline" % pid, COMMAND_SIZE)
        labels = {"pid": str(pid), "comm": safe(process.comm)}
        if process.uid >= 0:
            labels["user"] = self._users.name(process.uid)
        # A zombie has no command line any more; what it was is worth more.
        command = command_line(cmdline) or old.labels.get("command", "")
        if command:
            labels["command"] = command
        cgroup = self._text(b"%d/cgroup" % pid, CGROUP_SIZE)
        labels |= surroundings(cgroup, self._text(b"%d/environ" % pid, ENVIRON_SIZE))
        name = short_name(process.comm, cmdline) or command or labels["pid"]
        return replace(old, name=name, labels=labels)

    def _rename(self, column: int, entity: Entity) -> None:
        """Take another entity only if it says something else: a new one costs everybody else."""
        old = self._columns.processes[column].entity
        if entity.name != old.name or entity.labels != old.labels:
            self._columns.rename(column, entity)


def _row(fields: list[bytes]) -> list[int]:
    """Return the counts of `STAT`; fails with ValueError if one is no number."""
    fields[procfs.STATE] = _CODES.get(fields[procfs.STATE], b"0")
    return list(map(int, _counts(fields)))


def _pids(visible: Iterable[str]) -> Iterable[int]:
    """Return the pids that the ids of entities begin with."""
    heads = (entity_id.partition("-")[0] for entity_id in visible)
    return (int(head) for head in heads if head.isdecimal())
