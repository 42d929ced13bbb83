"""A made-up machine: files like those of /proc and /sys below a temporary folder."""

import os
from pathlib import Path

import pytest

from tuimon.drivers.kernelfs import Tree
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST
from tuimon.sources.host import HostSource
from tuimon.sources.host.part import Findings

MEMINFO = """\
MemTotal:       1000 kB
MemFree:         200 kB
MemAvailable:    600 kB
Buffers:          10 kB
Cached:          300 kB
SwapCached:        5 kB
SwapTotal:       500 kB
SwapFree:        400 kB
Shmem:            50 kB
HugePages_Total:       3
Hugepagesize:       2048 kB
"""
VMSTAT = "nr_free_pages 7\npgpgin 3\npswpin 4\npswpout 5\npgfault 100\npgmajfault 9\noom_kill 2\n"
PRESSURE = """\
some avg10=12.50 avg60=1.00 avg300=0.10 total=3000000
full avg10=2.00 avg60=0.50 avg300=0.05 total=1000000
"""
SNMP = "Tcp: ActiveOpens CurrEstab RetransSegs\nTcp: 5 3 7\nUdp: RcvbufErrors\nUdp: 1\n"
NET = """\
Inter-|   Receive   |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop
    lo:   50 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0
  eth0: 1000 10 1 2 3 0 0 4 2000 20 5 6 0 0 0 0
   br0: 900 9 0 0 0 0 0 0 1900 19 0 0 0 0 0 0
"""
DISKSTATS = """\
   7       0 loop0 9 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 259       0 nvme0n1 100 10 2000 300 50 5 4000 600 3 700 900 1 2 16 4 8 250
 259       1 nvme0n1p1 90 10 1900 300 50 5 4000 600 0 700 900 0 0 0 0 0 0
   8       0 sda 10 0 8 20 0 0 0 0 0 30 40
 253       0 dm-0 60 0 1000 10 0 0 0 0 0 10 10 0 0 0 0 0 0
"""


class Fake:
    """Writes the files of a machine, and reads it as tuimon does."""

    def __init__(self, root: Path):
        self.root = root
        self.now = 1000.0

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def files(self, folder: str, **texts: object) -> None:
        for name, text in texts.items():
            self.write(f"{folder}/{name}", f"{text}\n")

    def link(self, path: str, target: str) -> None:
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(target)

    def stat(self, cpus: int, ticks: int = 0, first: str = "cpu") -> None:
        """Each CPU: user 10 more than ticks of which 4 are a guest's, and so on."""
        row = [10 + ticks, 20, 30, 40, 50, 60, 70, 80, 4, 5]
        total = " ".join(str(cpus * n) for n in row)
        lines = [f"{first}  {total}"]
        lines += [f"cpu{n} {' '.join(map(str, row))}" for n in range(cpus)]
        lines += ["intr 1234 1 2 3", "ctxt 99", "btime 500", "processes 77"]
        lines += ["procs_running 3", "procs_blocked 1", "softirq 55 1 2"]
        self.write("proc/stat", "\n".join(lines) + "\n")
        self.write("sys/devices/system/cpu/online", f"0-{cpus - 1}\n")

    def machine(self, cpus: int = 2) -> None:
        """A whole machine of ordinary parts."""
        self.stat(cpus)
        for n in range(cpus):
            folder = f"sys/devices/system/cpu/cpu{n}"
            half = n * 2 // cpus
            self.files(f"{folder}/topology", physical_package_id=half, core_id=n // 2)
            self.files(f"{folder}/cpufreq", scaling_cur_freq=2_000_000 + n)
            self.files(f"{folder}/cpufreq", cpuinfo_max_freq=3_000_000)
        self.write("sys/devices/system/node/node0/cpulist", f"0-{cpus - 1}\n")
        self.write("proc/loadavg", "0.50 1.25 2.00 3/456 789\n")
        self.write("proc/uptime", "321.5 600.0\n")
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/vmstat", VMSTAT)
        for name in ("cpu", "memory", "io"):
            self.write(f"proc/pressure/{name}", PRESSURE)
        self.write("proc/net/snmp", SNMP)
        self.write("proc/net/netstat", "TcpExt: ListenOverflows TCPTimeouts\nTcpExt: 1 2\n")
        self.write("proc/net/sockstat", "sockets: used 12\nTCP: inuse 1 orphan 0 tw 6\n")
        self.write("proc/sys/kernel/hostname", "node7\n")
        self.disks()
        self.network()

    def disks(self) -> None:
        self.write("proc/diskstats", DISKSTATS)
        for disk in ("loop0", "nvme0n1", "sda", "dm-0"):
            self.files(f"sys/block/{disk}", size=2048)
        for disk in ("nvme0n1", "sda"):
            self.files(f"sys/block/{disk}/device", model=f"Model of {disk}", numa_node=1)
        self.files("sys/block/sda/queue", rotational=1)
        self.files("sys/block/dm-0/dm", name="vg-root")

    def network(self) -> None:
        self.write("proc/net/dev", NET)
        self.files("sys/class/net/lo", operstate="unknown", type=772, mtu=65536)
        self.files("sys/class/net/eth0", operstate="up", type=1, mtu=9000, speed=100000)
        self.files("sys/class/net/eth0/device", numa_node=0)
        self.link("sys/class/net/eth0/master", "../br0")
        self.files("sys/class/net/br0", operstate="down", uevent="DEVTYPE=bridge", speed=-1)

    def reader(self, lane: str = "host"):
        source = HostSource(self.root, lambda: self.now)
        return next(reader for reader in source.open() if reader.name == lane)

    def read(self, lane: str = "host", cadence: Cadence = Cadence.FAST) -> dict[Kind, Frame]:
        return by_kind(self.reader(lane), cadence)

    def part(self, part, cadence: Cadence) -> Findings:
        found = Findings(self.now)
        part.read(cadence, found)
        return found

    @property
    def tree(self) -> Tree:
        return Tree(self.root)


def by_kind(reader, cadence: Cadence) -> dict[Kind, Frame]:
    return {frame.kind: frame for frame in reader.read(cadence, NO_INTEREST).frames}


@pytest.fixture
def fake(tmp_path) -> Fake:
    return Fake(tmp_path)


@pytest.fixture
def frames():
    """Return the frames of one reading by kind."""
    return by_kind


@pytest.fixture
def denied(monkeypatch):
    """Return a function that makes the files of some paths unreadable, also for root."""
    real = os.open

    def deny(*parts: str) -> None:
        def refuse(path, *rest, **more):
            if any(part in str(path) for part in parts):
                raise PermissionError(13, "Permission denied")
            return real(path, *rest, **more)

        monkeypatch.setattr(os, "open", refuse)

    return deny
