"""The simulated host: its reader, and the cells of host, cores and packages."""

from collections.abc import Callable, Sequence

import numpy as np

from tuimon.model.entity import Entities, Entity
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Reading
from tuimon.model.source import Interest
from tuimon.sources.host import METRICS
from tuimon.sources.simulated.cast import Process, demand
from tuimon.sources.simulated.forms import Cell, Form, Topic, now, over, sheets, total
from tuimon.sources.simulated.gpus import NOTE
from tuimon.sources.simulated.identity import SIMULATED, host_name
from tuimon.sources.simulated.kinds import GIB, MEGA
from tuimon.sources.simulated.machine import UPTIME, Machine
from tuimon.sources.simulated.noise import chance
from tuimon.sources.simulated.storage import Disk, disks, filesystems, flows, interfaces, ports

Cells = dict[str, Cell]
INTERRUPTS, WAITING = 0.03, 0.001
"""Of the CPU time that processes use, and of all: soft interrupts."""

# fmt: off
# Share of time in which some, or all, tasks wait. Adding one is one row.
PRESSURE: tuple[tuple[str, dict[str, float]], ...] = (
    ("cpu_some",    {"load": 0.010, "starved": 0.34, "noise0": 0.01}),
    ("cpu_full",    {}),
    ("memory_some", {"checkpoint": 0.004}),
    ("memory_full", {"checkpoint": 0.001}),
    ("io_some",     {"load": 0.012, "starved": 0.58, "checkpoint": 0.38, "noise1": 0.004}),
    ("io_full",     {"load": 0.004, "starved": 0.41, "checkpoint": 0.22}),
    ("irq_full",    {"load": 0.001}),
)
# Of all memory: a metric of /proc/meminfo. What is used is added up from the processes.
MEMORY: tuple[tuple[str, Form], ...] = (
    ("host_memory_buffers_bytes",            now(0.002)),
    ("host_memory_cached_bytes",             over(60.0, 0.34, load=0.02, checkpoint=0.08)),
    ("host_memory_shared_bytes",             now(0.012, load=0.02)),
    ("host_memory_mapped_bytes",             now(0.015)),
    ("host_memory_active_bytes",             over(60.0, 0.16, load=0.04)),
    ("host_memory_inactive_bytes",           over(60.0, 0.29, checkpoint=0.05)),
    ("host_memory_unevictable_bytes",        now(0.001)),
    ("host_memory_locked_bytes",             now(0.001)),
    ("host_memory_dirty_bytes",              over(10.0, 0.0001, checkpoint=0.03)),
    ("host_memory_writeback_bytes",          over(10.0, 0.0, checkpoint=0.004)),
    ("host_memory_slab_bytes",               now(0.012)),
    ("host_memory_slab_reclaimable_bytes",   now(0.008)),
    ("host_memory_slab_unreclaimable_bytes", now(0.004)),
    ("host_memory_kernel_stack_bytes",       now(0.0001)),
    ("host_memory_page_tables_bytes",        now(0.001)),
    ("host_memory_committed_bytes",          now(0.41, load=0.05)),
    ("host_memory_commit_limit_bytes",       now(0.5)),
    ("host_memory_anonymous_huge_bytes",     now(0.03)),
    ("host_memory_hugetlb_bytes",            now(0.0)),
)
# Counts a second, and gauges, that nothing else moves.
OTHERS: tuple[tuple[str, Form], ...] = (
    ("host_context_switches_total",       total(one=9e3, load=6e4, serve=3e4, starved=9e4)),
    ("host_interrupts_total",             total(one=5e3, load=3e4, serve=2e4)),
    ("host_softirqs_total",               total(one=3e3, load=1.4e4, serve=1.1e4)),
    ("host_forks_total",                  total(one=1.4, noise2=3.0)),
    ("host_processes_blocked",            now(0.0, starved=9.0, checkpoint=4.0)),
    ("host_page_in_bytes_total",          total(one=1e5, load=1.5e9, starved=4.5e9)),
    ("host_page_out_bytes_total",         total(one=2e6, checkpoint=3.0e9, filling=1.4e9)),
    ("host_page_faults_total",            total(one=2e3, load=4e4)),
    ("host_major_page_faults_total",      total(one=0.01, starved=20.0)),
    ("host_swap_in_bytes_total",          total()),
    ("host_swap_out_bytes_total",         total()),
    ("host_file_refaults_total",          total(starved=900.0)),
    ("host_compaction_stalls_total",      total(starved=0.2)),
    ("host_numa_hits_total",              total(one=8e3, load=9e4)),
    ("host_numa_misses_total",            total(one=2.0, load=60.0)),
    ("host_oom_kills_total",              total()),
    ("host_tcp_connections",              now(42.0, serve=160.0)),
    ("host_tcp_opens_total",              total(one=0.4, serve=2.0)),
    ("host_tcp_accepts_total",            total(one=0.3, serve=30.0)),
    ("host_tcp_failed_opens_total",       total(one=0.001)),
    ("host_tcp_resets_total",             total(one=0.002)),
    ("host_tcp_received_segments_total",  total(one=300.0, serve=9e3)),
    ("host_tcp_sent_segments_total",      total(one=300.0, serve=1.1e4)),
    ("host_tcp_retransmits_total",        total(one=0.01, serve=0.4)),
    ("host_tcp_received_errors_total",    total()),
    ("host_udp_receive_buffer_errors_total", total()),
    ("host_tcp_listen_overflows_total",   total()),
    ("host_tcp_timeouts_total",           total(one=0.004)),
    ("host_sockets",                      now(612.0, serve=170.0)),
    ("host_tcp_time_wait",                now(12.0, serve=60.0)),
    ("host_tcp_orphans",                  now(0.0)),
    ("host_hugepages",                    now(0.0)),
    ("host_hugepages_free",               now(0.0)),
    ("host_hugepages_reserved",           now(0.0)),
    ("host_hugepage_size_bytes",          now(2097152.0)),
    ("host_swap_total_bytes",             now(8 * GIB)),
    ("host_swap_used_bytes",              now(0.0)),
    ("host_swap_free_bytes",              now(8 * GIB)),
    ("host_swap_cached_bytes",            now(0.0)),
    ("host_temperature_celsius",          over(60.0, 44.0, load=9.0, starved=16.0, serve=4.0)),
    ("host_temperature_max_celsius",      now(100.0)),
)
# Power of one processor package, and of its memory, in watts.
PACKAGE, DRAM = {"one": 118.0, "load": 55.0, "serve": 24.0, "starved": 95.0}, {"one": 21.0, "load": 9.0}
# fmt: on


class HostReader:
    """Host, cores, disks, file systems, networks, ports, sensors and power zones, in one lane."""

    name = "simulated/host"
    cadences: Sequence[Cadence] = (Cadence.FAST, Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY)

    def __init__(
        self,
        machine: Machine,
        processes: Sequence[Process],
        start: float,
        clock: Callable[[], float],
    ) -> None:
        """Describe it; *start* is when the simulated time began, seconds since the epoch."""
        self._machine = machine
        self._start = start
        self._clock = clock
        self._sheets = sheets(topics(machine, processes, start), METRICS)

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        at = self._clock()
        time = at - self._start
        pool = self._machine.host(time)
        found = [sheet.frame(pool, time, at) for sheet in self._sheets.get(cadence, ())]
        return Reading(tuple(found), note=NOTE)

    def close(self) -> None:
        """See `Reader.close`."""


def topics(machine: Machine, processes: Sequence[Process], start: float) -> dict[Kind, Topic]:
    """Return what there is of each kind."""
    whole = demand(list(processes)).times(1.0 / machine.chassis.cpus)
    drives = disks()
    return {
        Kind.HOST: Topic(
            Entities([_entity(machine)]),
            {
                name: [cell]
                for name, cell in _host(machine, whole, processes, drives, start).items()
            },
        ),
        Kind.CORE: _cores(machine, whole),
        Kind.RAPL: _rapl(machine),
        Kind.SENSOR: _sensors(machine),
        **flows(drives),
        Kind.FILESYSTEM: filesystems(machine),
        Kind.INTERFACE: interfaces(machine),
        Kind.PORT: ports(machine),
    }


def _entity(machine: Machine) -> Entity:
    host = machine.chassis
    name = host_name(machine)
    labels = {
        "hostname": name,
        "kernel": "6.8.0-85-generic",
        "distribution": "Ubuntu 24.04.3 LTS",
        "architecture": host.architecture,
        "machine": host.machine,
        "cpu_model": host.cpu,
        "governor": host.governor,
        **SIMULATED,
    }
    return Entity(name, name, 0, labels)


def _host(
    machine: Machine,
    whole: Form,
    processes: Sequence[Process],
    drives: Sequence[Disk],
    start: float,
) -> Cells:
    """Return the cells of the one HOST entity."""
    number = float(machine.chassis.cpus)
    cells: Cells = _times("host_cpu", whole, 1.0)
    cells |= dict(OTHERS)
    cells |= _memory(machine, processes)
    running = {name: weight * number for name, weight in whole.weights.items()}
    running["starved"] = running.get("starved", 0.0) + 12.0
    fixed = running.pop("one", 0.0)
    for span, name in ((60.0, "host_load1"), (300.0, "host_load5"), (900.0, "host_load15")):
        cells[name] = over(span, fixed, **running)
    cells["host_processes_running"] = now(fixed, **running)
    for name, shares in PRESSURE:
        cells |= _pressure(name, shares)
    for direction in ("read", "written"):
        parts = [getattr(one, direction) for one in drives]
        cells[f"host_disk_{direction}_bytes_total"] = _added(parts)
    cells["host_disk_reads_total"] = _added([one.reads for one in drives])
    cells["host_disk_writes_total"] = _added([one.writes for one in drives])
    return cells | _machine(machine, processes, start)


def _machine(machine: Machine, processes: Sequence[Process], start: float) -> Cells:
    """Return what there is rather than what it does, and the network's sums."""
    host = machine.chassis
    packages = [total(**PACKAGE) for _ in range(host.packages)]
    return {
        "host_received_bytes_total": total(one=2e5, serve=5e6),
        "host_sent_bytes_total": total(one=3e5, serve=1.4e7),
        "host_network_errors_total": total(),
        "host_network_drops_total": total(one=0.002),
        "host_cores": now(float(host.cpus)),
        "host_threads": now(float(sum(one.threads for one in processes))),
        "host_processes": now(float(len(processes))),
        "host_boot_time_seconds": now(start - UPTIME),
        "host_uptime_seconds": lambda time: UPTIME + time,
        "host_numa_nodes": now(float(host.packages)),
        "host_cpu_packages": now(float(host.packages)),
        "host_physical_cores": now(float(host.cpus // host.threads)),
        "host_cpu_energy_joules_total": _added(packages) if host.architecture == "x86_64" else None,
    }


def _added(parts: Sequence[Form]) -> Form:
    """Return the sum of counters."""
    weights: dict[str, float] = {}
    for part in parts:
        for name, weight in part.weights.items():
            weights[name] = weights.get(name, 0.0) + weight
    return total(**weights)


def _times(start: str, whole: Form, weight: float) -> Cells:
    """Return CPU times that add up to the time that passes.

    Args:
        start: Of the names.
        whole: Share of all CPUs that processes use, as a counter.
        weight: How busy this CPU is, of the mean.
    """
    used = whole.times(weight)
    soft = _added([used.times(INTERRUPTS), total(one=WAITING)])
    busy = _added([used.times(1.0 - INTERRUPTS), soft])
    wait = total(checkpoint=0.02, starved=0.05, load=0.001)
    idle = _added([total(one=1.0), busy.times(-1.0), wait.times(-1.0)])
    return {
        f"{start}_busy_seconds_total": busy,
        f"{start}_user_seconds_total": used.times(0.85),
        f"{start}_nice_seconds_total": total(),
        f"{start}_system_seconds_total": used.times(1.0 - INTERRUPTS - 0.85),
        f"{start}_idle_seconds_total": idle,
        f"{start}_iowait_seconds_total": wait,
        f"{start}_irq_seconds_total": total(),
        f"{start}_softirq_seconds_total": soft,
        f"{start}_steal_seconds_total": total(),
        f"{start}_guest_seconds_total": total(),
    }


def _pressure(name: str, shares: dict[str, float]) -> Cells:
    start = f"host_pressure_{name}"
    return {
        f"{start}_ratio": over(10.0, **shares),
        f"{start}_avg60_ratio": over(60.0, **shares),
        f"{start}_avg300_ratio": over(300.0, **shares),
        f"{start}_stall_seconds_total": total(**shares),
    }


def _memory(machine: Machine, processes: Sequence[Process]) -> Cells:
    whole = machine.chassis.memory_bytes
    programs = sum(one.memory for one in processes) * 0.85
    used = over(10.0, 0.03 * whole + programs, load=0.02 * whole, starved=0.03 * whole)
    cells: Cells = {name: form.times(whole) for name, form in MEMORY}
    free = over(60.0, 0.97 * whole - programs - 0.35 * whole, load=-0.04 * whole)
    moved = dict.fromkeys(("load", "starved", "checkpoint"), 0.0)
    free = Form(free.block, {**moved, **free.weights, "checkpoint": -0.08 * whole}, free.fixed)
    return cells | {
        "host_memory_total_bytes": now(whole),
        "host_memory_used_bytes": used,
        "host_memory_available_bytes": Form(
            used.block, used.times(-1.0).weights, whole - used.fixed
        ),
        "host_memory_free_bytes": free,
        "host_memory_anonymous_bytes": now(programs),
    }


def _cores(machine: Machine, whole: Form) -> Topic:
    host, number = machine.chassis, machine.chassis.cpus
    most = sum(max(weight, 0.0) for weight in whole.weights.values())
    spread = min(0.75, max(0.9 / most - 1.0, 0.0))
    shares = np.array([chance(machine.seed, 51, cpu) for cpu in range(number)])
    shares = 1.0 + spread * (2.0 * shares - 1.0)
    shares /= shares.mean()
    shares = 1.0 + (shares - 1.0) * min(1.0, spread / max(shares.max() - 1.0, 1e-9))
    each = number // host.threads
    entities: list[Entity] = []
    cells: dict[str, list[Cell]] = {}
    for cpu, share in enumerate(shares.tolist()):
        core = cpu % each
        package = core * host.packages // each
        labels = {"package": str(package), "core": str(core), "numa_node": str(package)}
        entities.append(Entity(f"cpu{cpu}", str(cpu), cpu, labels))
        peak = host.clock * MEGA
        mine = _times("core", whole, share) | {
            "core_frequency_hertz": now(peak * 0.72, load=peak * 0.12 * share),
            "core_throttles_total": total(),
            "core_frequency_max_hertz": now(peak),
            "core_frequency_min_hertz": now(800 * MEGA),
            "core_temperature_celsius": over(60.0, 40.0, load=8.0 * share, starved=14.0 * share),
        }
        for name, cell in mine.items():
            cells.setdefault(name, []).append(cell)
    return Topic(Entities(entities), cells)


def _rapl(machine: Machine) -> Topic:
    host = machine.chassis
    entities: list[Entity] = []
    energy: list[Form] = []
    if host.architecture == "x86_64":
        for package in range(host.packages):
            zone = f"intel-rapl:{package}"
            entities.append(Entity(zone, f"package-{package}", len(entities)))
            entities.append(Entity(f"{zone}:0", "dram", len(entities), parent=zone))
            energy += [total(**PACKAGE), total(**DRAM)]
    limits = [now(350.0) if "package" in one.name else None for one in entities]
    return Topic(
        Entities(entities),
        {
            "rapl_energy_joules_total": energy,
            "rapl_power_limit_watts": limits,
            "rapl_power_short_limit_watts": limits,
        },
    )


def _sensors(machine: Machine) -> Topic:
    host = machine.chassis
    rows: list[tuple[str, str, str, Form, float]] = [
        (
            "coretemp",
            f"coretemp.{package}",
            f"Package id {package}",
            over(60.0, 44.0 - 2.0 * package, load=9.0, starved=16.0, serve=4.0),
            100.0,
        )
        for package in range(host.packages)
    ]
    rows += [
        ("nvme", one.entity.id, "Composite", over(60.0, 38.0, checkpoint=30.0, starved=18.0), 82.0)
        for one in disks()
    ]
    entities = Entities(
        Entity(f"{chip}-{device}/temp1", f"{chip} {title}", place, {"chip": chip, "device": device})
        for place, (chip, device, title, _, _) in enumerate(rows)
    )
    return Topic(
        entities,
        {
            "sensor_temperature_celsius": [form for *_, form, _ in rows],
            "sensor_temperature_max_celsius": [now(most - 5.0) for *_, most in rows],
            "sensor_temperature_critical_celsius": [now(most) for *_, most in rows],
        },
    )
