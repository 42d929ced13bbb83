"""Disks, file systems and networks of the simulated host."""

from dataclasses import dataclass

from tuimon.model.entity import Entities, Entity
from tuimon.model.metric import Kind
from tuimon.sources.simulated.forms import Cell, Form, Topic, now, total
from tuimon.sources.simulated.kinds import GIB
from tuimon.sources.simulated.loads import CHECKPOINT_AT, CHECKPOINT_EVERY, CHECKPOINT_FOR
from tuimon.sources.simulated.machine import Machine
from tuimon.sources.simulated.script import DATA, FILLING, DiskFull

TIB = 1024 * GIB
READ_SIZE, WRITE_SIZE = 131072.0, 524288.0
READ_SPEED, WRITE_SPEED = 6.6e9, 4.4e9
"""Bytes a second that make a disk busy all the time."""
READ_TIME, WRITE_TIME = 9e-5, 3e-5
"""Seconds of one read and one write."""
CHECKPOINT_SPEED = 3.0e9
"""Bytes a second that a checkpoint is written with."""
CHECKPOINTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk, and what is read and written."""

    entity: Entity
    size: float
    read: Form
    written: Form

    @property
    def reads(self) -> Form:
        """Reads completed."""
        return self.read.times(1.0 / READ_SIZE)

    @property
    def writes(self) -> Form:
        """Writes completed."""
        return self.written.times(1.0 / WRITE_SIZE)


# fmt: off
# Name, model, bytes, what is read and written a second. Adding a disk is one row.
DISKS: tuple[tuple[str, str, float, Form, Form], ...] = (
    ("nvme0n1", "SAMSUNG MZ1L21T9HCLS-00A07", 1.75 * TIB, total(one=4e4, serve=2e5),     total(one=1.8e6, noise3=2e6)),
    ("nvme1n1", "KIOXIA KCM6DRUL3T84",        3.5 * TIB,  total(load=1.5e9, starved=4.5e9), total(one=1e4, checkpoint=CHECKPOINT_SPEED, filling=FILLING)),
)
# Mount, device, type, bytes, bytes used when the simulated time begins, inodes and those used.
MOUNTS: tuple[tuple[str, str, str, float, float, float, float], ...] = (
    ("/",        "/dev/nvme0n1p2", "ext4",  1.7 * TIB,  0.41 * TIB, 1.14e8, 2.1e6),
    ("/boot",    "/dev/nvme0n1p1", "ext4",  1.9 * GIB,  0.4 * GIB,  1.3e5,  320.0),
    (DATA,       "/dev/nvme1n1",   "xfs",   3.5 * TIB,  3.2 * TIB,  3.7e8,  4.4e5),
    ("/dev/shm", "tmpfs",          "tmpfs", 0.0,        6.5 * GIB,  1e7,    88.0),  # noqa: S108 -- a name to show
    ("/home",    "store:/home",    "nfs4",  40 * TIB,   31.4 * TIB, 4e9,    6.1e7),
)
# Name, type, physical, received and sent a second.
INTERFACES: tuple[tuple[str, str, bool, Form, Form], ...] = (
    ("lo",      "loopback", False, total(one=4e4, serve=2.4e7, load=2e5), total(one=4e4, serve=2.4e7, load=2e5)),
    ("ens8f0",  "ethernet", True,  total(one=2e5, serve=5e6),   total(one=3e5, serve=1.4e7)),
    ("docker0", "bridge",   False, total(serve=5e6),            total(serve=1.4e7)),
)
# fmt: on
PORT_RECEIVED = {"one": 3e3, "load": 1.1e8, "starved": 2e8}
PORT_SENT = {"one": 3e3, "load": 2e7, "checkpoint": 4.6e8}
PACKET = 2048.0


def disks() -> list[Disk]:
    """Return the disks; all hosts have the same."""
    found = []
    for place, (name, model, size, read, written) in enumerate(DISKS):
        labels = {"model": model, "type": "nvme", "numa_node": "0"}
        found.append(Disk(Entity(name, name, place, labels), size, read, written))
    return found


def flows(drives: list[Disk]) -> dict[Kind, Topic]:
    """Return the topic of the disks."""
    cells: dict[str, list[Cell]] = {}
    for one in drives:
        for name, cell in _disk(one).items():
            cells.setdefault(name, []).append(cell)
    return {Kind.DISK: Topic(Entities(one.entity for one in drives), cells)}


def _disk(one: Disk) -> dict[str, Cell]:
    reading, writing = one.reads.times(READ_TIME), one.writes.times(WRITE_TIME)
    queue = {**reading.weights}
    for name, weight in writing.weights.items():
        queue[name] = queue.get(name, 0.0) + weight
    busy = {
        name: one.read.weights.get(name, 0.0) / READ_SPEED
        + one.written.weights.get(name, 0.0) / WRITE_SPEED
        for name in queue
    }
    return {
        "disk_read_bytes_total": one.read,
        "disk_written_bytes_total": one.written,
        "disk_reads_total": one.reads,
        "disk_writes_total": one.writes,
        "disk_busy_seconds_total": total(**busy),
        "disk_read_seconds_total": reading,
        "disk_write_seconds_total": writing,
        "disk_queue_seconds_total": total(**queue),
        "disk_in_flight": now(queue.pop("one", 0.0), **queue),
        "disk_merged_reads_total": one.reads.times(0.02),
        "disk_merged_writes_total": one.writes.times(0.3),
        "disk_discards_total": total(one=0.001),
        "disk_discarded_bytes_total": total(one=4e3),
        "disk_flushes_total": total(one=0.2),
        "disk_flush_seconds_total": total(one=2e-4),
        "disk_size_bytes": now(one.size),
    }


def filesystems(machine: Machine) -> Topic:
    """Return the mounted file systems: checkpoints fill one, the script may fill any."""
    cells: dict[str, list[Cell]] = {}
    entities = []
    for place, (mount, device, sort, own, used, inodes, files) in enumerate(MOUNTS):
        options = {"type": sort, "mount": mount, "device": device, "options": "rw,relatime"}
        entities.append(Entity(mount, mount, place, options))
        size = own or machine.chassis.memory_bytes / 2
        for name, cell in _mount(machine, mount, size, used, inodes, files).items():
            cells.setdefault(name, []).append(cell)
    return Topic(Entities(entities), cells)


def _mount(
    machine: Machine, mount: str, size: float, used: float, inodes: float, files: float
) -> dict[str, Cell]:
    script = machine.script
    faults = [one for one in script.faults if isinstance(one, DiskFull) and one.mount == mount]

    def held(time: float) -> float:
        level = used
        if mount == DATA:
            done = max(time - CHECKPOINT_AT - CHECKPOINT_FOR, -1.0) // CHECKPOINT_EVERY + 1
            level += done % CHECKPOINTS_KEPT * CHECKPOINT_SPEED * CHECKPOINT_FOR
        level += FILLING * sum(max(script.elapsed(fault, time), 0.0) for fault in faults)
        return min(level, size)

    return {
        "filesystem_size_bytes": now(size),
        "filesystem_used_bytes": held,
        "filesystem_available_bytes": lambda time: size - held(time),
        "filesystem_inodes": now(inodes),
        "filesystem_inodes_used": now(files),
        "filesystem_read_only": now(0.0),
    }


def interfaces(machine: Machine) -> Topic:
    """Return the network interfaces."""
    speed = machine.chassis.network * 1e9 / 8
    cells: dict[str, list[Cell]] = {}
    entities = []
    for place, (name, sort, physical, received, sent) in enumerate(INTERFACES):
        labels = {"type": sort} | ({"physical": "yes", "numa_node": "0"} if physical else {})
        entities.append(Entity(name, name, place, labels))
        mine: dict[str, Cell] = {
            "interface_received_bytes_total": received,
            "interface_sent_bytes_total": sent,
            "interface_received_packets_total": received.times(1 / 1400),
            "interface_sent_packets_total": sent.times(1 / 1400),
            "interface_received_errors_total": total(),
            "interface_sent_errors_total": total(),
            "interface_received_drops_total": total(one=0.002) if physical else total(),
            "interface_sent_drops_total": total(),
            "interface_received_overruns_total": total(),
            "interface_received_multicasts_total": total(one=0.1),
            "interface_state": now(0.0 if sort == "loopback" else 6.0),
            "interface_speed_bytes_per_second": now(speed) if physical else None,
            "interface_mtu_bytes": now(65536.0 if sort == "loopback" else 1500.0),
            "interface_carrier_changes_total": total() if sort == "loopback" else now(2.0),
        }
        for metric, cell in mine.items():
            cells.setdefault(metric, []).append(cell)
    return Topic(Entities(entities), cells)


ERRORS = (
    "transmit_waits",
    "symbol_errors",
    "link_recoveries",
    "link_downs",
    "received_errors",
    "remote_errors",
    "sent_discards",
    "integrity_errors",
    "buffer_overruns",
    "out_of_sequence",
    "acknowledge_timeouts",
)


def ports(machine: Machine) -> Topic:
    """Return the InfiniBand ports; congestion marks are those of RoCE alone."""
    host = machine.chassis
    received, sent = total(**PORT_RECEIVED), total(**PORT_SENT)
    mine: dict[str, Cell] = {
        "port_received_bytes_total": received,
        "port_sent_bytes_total": sent,
        "port_received_packets_total": received.times(1 / PACKET),
        "port_sent_packets_total": sent.times(1 / PACKET),
        "port_state": now(4.0),
        "port_physical_state": now(5.0),
        "port_rate_bytes_per_second": now(400e9 / 8),
        **{f"port_{name}_total": total() for name in ERRORS},
    }
    labels = {"link_layer": "InfiniBand", "speed": "400 Gb/sec (4X NDR)", "firmware": "28.42.1000"}
    names = [f"mlx5_{place}/1" for place in range(host.ports)]
    entities = [
        Entity(name, name, place, {**labels, "numa_node": str(place * host.packages // len(names))})
        for place, name in enumerate(names)
    ]
    cells = {name: [cell] * len(names) for name, cell in mine.items()}
    return Topic(Entities(entities), cells)
