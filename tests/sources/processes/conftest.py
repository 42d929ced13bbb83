"""A machine of made-up processes, given to the sampler below its own code."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tuimon.drivers.procfs import Proc
from tuimon.sources.processes.identity import Users
from tuimon.sources.processes.sampler import Sampler

BOOT = 1_000_000


@dataclass
class Fake:
    comm: bytes = b"python3"
    start: int = 100
    ticks: int = 0
    nanoseconds: int = 0
    state: bytes = b"S"
    parent: int = 1
    flags: int = 0
    pages: int = 10
    stack: int = 0
    uid: int = 0
    cmdline: bytes = b"python3\0train.py\0"
    cgroup: bytes = b"0::/user.slice\n"
    environ: bytes = b"HOME=/\0"
    listed: bool = True
    errors: dict = field(default_factory=dict)


class Machine(Proc):
    """A proc file system in memory, with clocks; counts what is read of it."""

    def __init__(self):
        super().__init__(Path("/nowhere"))
        self.processes: dict[int, Fake] = {}
        self.now = 2_000_000.0
        self.last = 0
        self.reads: list[bytes] = []
        self.lists = 0
        self.asked = 0
        self.names = {0: "root", 1000: "ada"}
        self.mounts = b""

    def add(self, pid, **values):
        self.processes[pid] = Fake(**values)
        self.last = pid
        return self.processes[pid]

    def tick(self, sampler, visible=(), seconds=1.0):
        """Let time pass and make a pass; `reads` holds what it read."""
        self.now += seconds
        self.reads.clear()
        return sampler.sample(visible)

    def settle(self, sampler):
        """Make passes until nothing is owed to anybody."""
        for _ in range(4):
            self.tick(sampler)

    def run(self, pid, nanoseconds):
        self.processes[pid].nanoseconds += nanoseconds

    def clock(self, clock_id):
        self.asked += 1
        process = self.processes.get(~(clock_id >> 3))
        if process is None:
            raise OSError(22, "Invalid argument")
        return process.nanoseconds

    def pids(self):
        self.lists += 1
        return [pid for pid, one in self.processes.items() if one.listed]

    def last_pid(self):
        return self.last

    def owner(self, pid):
        return self._one(pid).uid

    def whole(self, name):
        return {"stat": b"cpu 1\nbtime %d\n" % BOOT, "self/mounts": self.mounts}.get(name, b"")

    def read(self, name, size):
        self.reads.append(name)
        head, _, file = name.partition(b"/")
        one = self._one(int(head))
        if file.decode() in one.errors:
            error = one.errors[file.decode()]
            if isinstance(error, bytes):
                return error
            raise error
        if file == b"stat":
            return self._stat(int(head), one)
        if file == b"status":
            return b"Name:\tx\nTgid:\t%b\n" % head
        return getattr(one, file.decode())[:size]

    def count(self, file):
        return sum(name.endswith(file) for name in self.reads)

    def _one(self, pid):
        if pid not in self.processes:
            raise FileNotFoundError(2, "No such file or directory")
        return self.processes[pid]

    def _stat(self, pid, one):
        return (
            b"%d (%b) %b %d 0 0 0 -1 %d 11 0 3 0 %d 0 0 0 20 -5 4 0 %d 4096 %d 1 1 1 %d"
            + b" 0" * 10
            + b" 2 0 0\n"
        ) % (
            pid,
            one.comm,
            one.state,
            one.parent,
            one.flags,
            one.ticks,
            one.start,
            one.pages,
            one.stack,
        )


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def sampler(machine):
    """A sampler by the clocks of the machine."""
    users = Users(machine.names.__getitem__)
    yield Sampler(machine, lambda: machine.now, machine.clock, users)
    users.close()
