"""CPU time of a pass of the host source, per lane and cadence, beside psutil for the same numbers.

Run: python benchmarks/host_pass.py [passes]. The first table is this machine, the second a made-up
one with 128 cores, 8 InfiniBand ports, 16 disks and 32 interfaces as plain files: its cost is that
of our own code, since the kernel's share of writing such files is missing.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil

from tuimon.model.source import NO_INTEREST
from tuimon.sources.host import HostSource


def cost(call, passes: int) -> float:
    """Return the least CPU time of one call in milliseconds, over five rounds."""
    call()
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        for _ in range(passes):
            call()
        best = min(best, (time.thread_time() - start) / passes)
    return best * 1e3


def psutil_fast() -> None:
    """What psutil is asked for the numbers of our fast pass."""
    psutil.cpu_times(percpu=True)
    psutil.cpu_times()
    psutil.cpu_stats()
    psutil.getloadavg()
    psutil.virtual_memory()
    psutil.swap_memory()


def psutil_normal() -> None:
    """What psutil has of the numbers of our normal pass."""
    psutil.disk_io_counters(perdisk=True, nowrap=False)
    psutil.net_io_counters(pernic=True, nowrap=False)
    psutil.net_if_stats()


def write(root: Path, path: str, text: str) -> None:
    """Write one made-up file."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def build(root: Path, cores: int = 128) -> None:
    """Write the files of a large machine; what is no different from here is copied."""
    row = "123456 2345 34567 9876543 4321 0 1234 0 0 0"
    lines = [f"cpu  {row}", *(f"cpu{n} {row}" for n in range(cores))]
    lines += ["intr 987654321 " + "0 " * 2000, "ctxt 99999999", "btime 1700000000"]
    lines += [
        "processes 7777777",
        "procs_running 9",
        "procs_blocked 0",
        "softirq 55555 " + "1 " * 10,
    ]
    write(root, "proc/stat", "\n".join(lines) + "\n")
    write(root, "sys/devices/system/cpu/online", f"0-{cores - 1}\n")
    small = ("loadavg", "meminfo", "vmstat", "uptime")
    for path in (*small, "net/snmp", "net/netstat", "net/sockstat"):
        write(root, f"proc/{path}", Path("/proc", path).read_text())
    for name in ("cpu", "memory", "io"):
        means = "avg10=0.00 avg60=0.00 avg300=0.00 total=1"
        write(root, f"proc/pressure/{name}", f"some {means}\nfull {means}\n")
    disks = [f"nvme{n}n1" for n in range(16)]
    numbers = " ".join(["123456"] * 17)
    write(root, "proc/diskstats", "".join(f" 259 {n} {d} {numbers}\n" for n, d in enumerate(disks)))
    for disk in disks:
        write(root, f"sys/block/{disk}/device/model", "Disk\n")
    links = [f"eth{n}" for n in range(32)]
    head = "Inter-|\n face |\n"
    write(root, "proc/net/dev", head + "".join(f"{n}: " + "123456 " * 16 + "\n" for n in links))
    for link in links:
        write(root, f"sys/class/net/{link}/operstate", "up\n")
    for n in range(8):
        port = f"sys/class/infiniband/mlx5_{n}/ports/1"
        write(root, f"{port}/state", "4: ACTIVE\n")
        write(root, f"{port}/phys_state", "5: LinkUp\n")
        write(root, f"{port}/rate", "400 Gb/sec (4X NDR)\n")
        for name in ("xmit_data", "rcv_data", "xmit_packets", "rcv_packets", "xmit_wait"):
            write(root, f"{port}/counters/port_{name}", "123456789\n")
    for n in range(cores):
        write(root, f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_cur_freq", "2000000\n")
    for n in range(20):
        for place in range(1, 9):
            write(root, f"sys/class/hwmon/hwmon{n}/temp{place}_input", "50000\n")


def table(title: str, root: Path, passes: int) -> None:
    """Print one row a lane and cadence."""
    print(title)
    for reader in HostSource(root).open():
        for cadence in reader.cadences:
            spent = cost(lambda r=reader, c=cadence: r.read(c, NO_INTEREST), passes)
            print(f"  {reader.name:<18} {cadence.name.lower():<10} {spent:8.3f} ms")
        reader.close()


def main() -> None:
    """Print all tables."""
    passes = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    table(f"this machine, {psutil.cpu_count()} cores", Path("/"), passes)
    print(f"  {'psutil':<18} {'fast':<10} {cost(psutil_fast, passes):8.3f} ms")
    print(f"  {'psutil':<18} {'normal':<10} {cost(psutil_normal, passes):8.3f} ms")
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        table("a made-up machine, 128 cores", Path(folder), passes)


if __name__ == "__main__":
    main()
