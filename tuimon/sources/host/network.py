"""Network interfaces, and TCP of the host.

The host's sums are of interfaces with hardware behind them (a `device` link in sysfs): loopback,
bridges, bonds, VLANs and the host's ends of containers would count the same bytes again. Where
nothing has hardware, as in a container, every interface but loopback counts.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import (
    Cell,
    Findings,
    Steady,
    catalogues,
    identity,
    lost,
    numa_node,
    number,
    parsed,
    text,
)
from tuimon.text import safe
from tuimon.units import Unit

HOST, INTERFACE = Kind.HOST, Kind.INTERFACE
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
BYTES, COUNT = Unit.BYTES, Unit.COUNT
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
STATES = ("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")
"""RFC 2863 states in the order of the kernel's IF_OPER_ numbers, as sysfs writes them."""
SPEED = "interface_speed_bytes_per_second"

# A row: a metric, and its column in /proc/net/dev.
# fmt: off
TABLE = (
    (Metric("interface_received_bytes_total",      INTERFACE, BYTES, COUNTER, "Received",    "Bytes received.",                                                   NORMAL, SPEED, source="/proc/net/dev"), 0),
    (Metric("interface_sent_bytes_total",          INTERFACE, BYTES, COUNTER, "Sent",        "Bytes sent.",                                                       NORMAL, SPEED, source="/proc/net/dev"), 8),
    (Metric("interface_received_packets_total",    INTERFACE, COUNT, COUNTER, "Packets in",  "Packets received.",                                                 NORMAL, source="/proc/net/dev"), 1),
    (Metric("interface_sent_packets_total",        INTERFACE, COUNT, COUNTER, "Packets out", "Packets sent.",                                                     NORMAL, source="/proc/net/dev"), 9),
    (Metric("interface_received_errors_total",     INTERFACE, COUNT, COUNTER, "Errors in",   "Packets received with an error.",                                   NORMAL, source="/proc/net/dev"), 2),
    (Metric("interface_sent_errors_total",         INTERFACE, COUNT, COUNTER, "Errors out",  "Packets that could not be sent for an error.",                      NORMAL, source="/proc/net/dev"), 10),
    (Metric("interface_received_drops_total",      INTERFACE, COUNT, COUNTER, "Drops in",    "Good packets received and dropped, mostly for lack of room.",       NORMAL, source="/proc/net/dev"), 3),
    (Metric("interface_sent_drops_total",          INTERFACE, COUNT, COUNTER, "Drops out",   "Packets dropped on their way out, mostly for lack of room.",        NORMAL, source="/proc/net/dev"), 11),
    (Metric("interface_received_overruns_total",   INTERFACE, COUNT, COUNTER, "Overruns",    "Packets lost because the hardware's queue was full.",               NORMAL, source="/proc/net/dev"), 4),
    (Metric("interface_received_multicasts_total", INTERFACE, COUNT, COUNTER, "Multicast",   "Multicast packets received.",                                       NORMAL, source="/proc/net/dev"), 7),
)

STATE = Metric("interface_state", INTERFACE, Unit.STATE, GAUGE, "State", "Whether the interface can carry packets; many virtual ones stay unknown.", NORMAL, words=tuple(enumerate(STATES)), source="/sys/class/net/*/operstate")

# A row: a metric, the file below /sys/class/net/*, and what one of it is.
LINK = (
    (Metric(SPEED,                             INTERFACE, Unit.BYTES_PER_SECOND, GAUGE, "Speed", "Speed agreed with the other end, each way.", SLOW, source="/sys/class/net/*/speed"), "speed", 1e6 / 8),
    (Metric("interface_mtu_bytes",             INTERFACE, BYTES, GAUGE,   "MTU",        "Largest packet.",                        SLOW, source="/sys/class/net/*/mtu"), "mtu", 1.0),
    (Metric("interface_carrier_changes_total", INTERFACE, COUNT, COUNTER, "Link flaps", "Times the link went up or down.",        SLOW, source="/sys/class/net/*/carrier_changes"), "carrier_changes", 1.0),
)

# A row: a metric of the host, and the metric whose sum it is.
SUMS = (
    (Metric("host_received_bytes_total",  HOST, BYTES, COUNTER, "Received",    "Bytes received by all physical interfaces.",              NORMAL, source="/proc/net/dev"), "interface_received_bytes_total"),
    (Metric("host_sent_bytes_total",      HOST, BYTES, COUNTER, "Sent",        "Bytes sent by all physical interfaces.",                  NORMAL, source="/proc/net/dev"), "interface_sent_bytes_total"),
    (Metric("host_network_errors_total",  HOST, COUNT, COUNTER, "Net errors",  "Packets received with an error, all physical interfaces.", NORMAL, source="/proc/net/dev"), "interface_received_errors_total"),
    (Metric("host_network_drops_total",   HOST, COUNT, COUNTER, "Net drops",   "Good packets received and dropped, all physical interfaces.", NORMAL, source="/proc/net/dev"), "interface_received_drops_total"),
)

# A row: a metric, the file below /proc/net, the line, and the word.
PROTOCOLS = (
    (Metric("host_tcp_connections",                   HOST, COUNT, GAUGE,   "TCP",          "TCP connections that are established or half closed.",              NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"CurrEstab"),
    (Metric("host_tcp_opens_total",                   HOST, COUNT, COUNTER, "TCP opens",    "TCP connections opened from here.",                                 NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"ActiveOpens"),
    (Metric("host_tcp_accepts_total",                 HOST, COUNT, COUNTER, "TCP accepts",  "TCP connections opened from elsewhere.",                            NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"PassiveOpens"),
    (Metric("host_tcp_failed_opens_total",            HOST, COUNT, COUNTER, "TCP failed",   "TCP connections that could not be opened.",                         NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"AttemptFails"),
    (Metric("host_tcp_resets_total",                  HOST, COUNT, COUNTER, "TCP resets",   "TCP connections that ended by a reset.",                            NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"EstabResets"),
    (Metric("host_tcp_received_segments_total",       HOST, COUNT, COUNTER, "TCP in",       "TCP segments received.",                                            NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"InSegs"),
    (Metric("host_tcp_sent_segments_total",           HOST, COUNT, COUNTER, "TCP out",      "TCP segments sent, without those sent again.",                      NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"OutSegs"),
    (Metric("host_tcp_retransmits_total",             HOST, COUNT, COUNTER, "TCP resent",   "TCP segments sent again.",                                          NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"RetransSegs"),
    (Metric("host_tcp_received_errors_total",         HOST, COUNT, COUNTER, "TCP errors",   "TCP segments received with an error.",                              NORMAL, source="/proc/net/snmp"), "snmp", b"Tcp", b"InErrs"),
    (Metric("host_udp_receive_buffer_errors_total",   HOST, COUNT, COUNTER, "UDP overruns", "UDP packets dropped because the program's buffer was full.",        NORMAL, source="/proc/net/snmp"), "snmp", b"Udp", b"RcvbufErrors"),
    (Metric("host_tcp_listen_overflows_total",        HOST, COUNT, COUNTER, "Listen full",  "Connections refused because a program accepted too slowly.",        NORMAL, source="/proc/net/netstat"), "netstat", b"TcpExt", b"ListenOverflows"),
    (Metric("host_tcp_timeouts_total",                HOST, COUNT, COUNTER, "TCP timeouts", "Retransmission timers that ran out.",                               NORMAL, source="/proc/net/netstat"), "netstat", b"TcpExt", b"TCPTimeouts"),
    (Metric("host_sockets",                           HOST, COUNT, GAUGE,   "Sockets",      "Sockets in use.",                                                   NORMAL, source="/proc/net/sockstat"), "sockstat", b"sockets", b"used"),
    (Metric("host_tcp_time_wait",                     HOST, COUNT, GAUGE,   "Time wait",    "TCP connections that are closed and waited out.",                   NORMAL, source="/proc/net/sockstat"), "sockstat", b"TCP", b"tw"),
    (Metric("host_tcp_orphans",                       HOST, COUNT, GAUGE,   "TCP orphans",  "TCP connections that belong to no program any more.",               NORMAL, source="/proc/net/sockstat"), "sockstat", b"TCP", b"orphan"),
)

LABELS = (
    Label("type",      INTERFACE, "ethernet, infiniband, loopback, or the kernel's word for a virtual one."),
    Label("physical",  INTERFACE, "yes where hardware is behind it: these make up the host's sums."),
    Label("master",    INTERFACE, "The bond or bridge it belongs to."),
    Label("numa_node", INTERFACE, "The NUMA node it is attached to."),
    Label("address",   INTERFACE, "Its hardware address.", secret=True),
    Label("addresses", INTERFACE, "Its IP addresses.", secret=True),
)
# fmt: on

METRICS = (
    *(row[0] for row in TABLE),
    STATE,
    *(row[0] for row in LINK),
    *(row[0] for row in SUMS),
    *(row[0] for row in PROTOCOLS),
)
# ARPHRD_ numbers of linux/if_arp.h.
_TYPES = {"1": "ethernet", "32": "infiniband", "772": "loopback"}
_LOOPBACK = "loopback"


def net_dev(text: bytes) -> dict[str, list[int]]:
    """Return the numbers of each interface of /proc/net/dev; a broken line is left out."""
    found: dict[str, list[int]] = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.rpartition(b":")
        try:
            numbers = [int(word) for word in rest.split()]
        except ValueError:
            continue
        if name and len(numbers) >= 12:
            found[name.strip().decode("utf-8", "surrogateescape")] = numbers
    if not found and text.strip():
        raise ValueError(text[:40])
    return found


def headed(text: bytes) -> dict[tuple[bytes, bytes], float]:
    """Return the numbers of /proc/net/snmp or netstat: a line of words, then a line of numbers."""
    found: dict[tuple[bytes, bytes], float] = {}
    lines = text.splitlines()
    for heads, numbers in zip(lines[::2], lines[1::2], strict=False):
        who, *words = heads.split()
        for word, value in zip(words, numbers.split()[1:], strict=False):
            found[who.rstrip(b":"), word] = float(int(value))
    if not found:
        raise ValueError(text[:40])
    return found


def paired(text: bytes) -> dict[tuple[bytes, bytes], float]:
    """Return the numbers of /proc/net/sockstat: a name, then word and number in turn."""
    found: dict[tuple[bytes, bytes], float] = {}
    for line in text.splitlines():
        who, *words = line.split()
        for word, value in zip(words[::2], words[1::2], strict=False):
            found[who.rstrip(b":"), word] = float(int(value))
    if not found:
        raise ValueError(text[:40])
    return found


_PARSERS = {"snmp": headed, "netstat": headed, "sockstat": paired}


class Network:
    """Interfaces of /proc/net/dev and /sys/class/net, and the counters of TCP and UDP."""

    metrics = METRICS

    def __init__(self, tree: Tree, addresses: Callable[[], Mapping[str, str]]) -> None:
        self._tree = tree
        self._addresses = addresses
        self._catalogues = catalogues(INTERFACE, METRICS)
        self._steady = Steady()
        self._seen: tuple[str, ...] = ()
        self._counted: frozenset[str] = frozenset()
        self._entities = NOBODY

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is NORMAL:
            self._traffic(found)
            self._protocols(found.host)
        elif cadence is SLOW:
            columns = [self._link(name) for name in self._seen]
            found.frames.append(
                Frame.of_cells(self._catalogues[SLOW], self._entities, columns, found.at)
            )

    def rescan(self) -> None:
        """See `Part.rescan`."""
        if self._seen:
            self._find(self._seen)

    def _traffic(self, found: Findings) -> None:
        table = parsed(self._tree.read, "proc/net/dev", net_dev)
        if isinstance(table, Reason):
            found.host.update(dict.fromkeys((metric.name for metric, _ in SUMS), table))
            found.frames.append(lost(self._catalogues[NORMAL], self._entities, table, found.at))
            return
        if tuple(table) != self._seen:
            self._find(tuple(table))
        columns = [
            [*(float(numbers[column]) for _, column in TABLE), self._state(name)]
            for name, numbers in table.items()
        ]
        frame = Frame.of_cells(self._catalogues[NORMAL], self._entities, columns, found.at)
        found.frames.append(frame)
        found.host.update(self._sums(frame))

    def _sums(self, frame: Frame) -> dict[str, Cell]:
        if not self._counted:
            return dict.fromkeys((metric.name for metric, _ in SUMS), Reason.NOT_SUPPORTED)
        mine = [column for column, name in enumerate(self._seen) if name in self._counted]
        totals = np.array([frame.row(name)[mine].sum() for _, name in SUMS])
        totals = self._steady.through(self._counted, totals)
        return {metric.name: float(total) for (metric, _), total in zip(SUMS, totals, strict=True)}

    def _state(self, name: str) -> Cell:
        return parsed(
            self._tree.once,
            f"sys/class/net/{name}/operstate",
            lambda word: float(STATES.index(word.strip().decode())),
        )

    def _link(self, name: str) -> list[Cell]:
        """Return the cells of `LINK`; the kernel refuses or says -1 where there is no speed."""
        cells: list[Cell] = []
        for metric, file, scale in LINK:
            cell = number(self._tree.once, f"sys/class/net/{name}/{file}", scale)
            if metric.name == SPEED and (cell is Reason.FAILED or cell <= 0):
                cell = Reason.NOT_SUPPORTED
            cells.append(cell)
        return cells

    def _protocols(self, host: dict[str, Cell]) -> None:
        files = {
            file: parsed(self._tree.read, f"proc/net/{file}", parse)
            for file, parse in _PARSERS.items()
        }
        for metric, file, who, word in PROTOCOLS:
            table = files[file]
            host[metric.name] = (
                table if isinstance(table, Reason) else table.get((who, word), Reason.NOT_SUPPORTED)
            )

    def _find(self, seen: tuple[str, ...]) -> None:
        """Describe the interfaces, and choose those that the host's sums count."""
        addresses = self._addresses()
        entities = [
            self._entity(index, name, addresses.get(name, "")) for index, name in enumerate(seen)
        ]
        physical = {n for n, e in zip(seen, entities, strict=True) if "physical" in e.labels}
        others = {
            n for n, e in zip(seen, entities, strict=True) if e.labels.get("type") != _LOOPBACK
        }
        self._counted = frozenset(physical or others)
        if seen != self._seen or [e.labels for e in entities] != [e.labels for e in self._entities]:
            self._seen, self._entities = seen, Entities(entities)

    def _entity(self, index: int, name: str, addresses: str) -> Entity:
        folder = f"sys/class/net/{name}"
        physical = self._tree.exists(f"{folder}/device")
        labels = {
            "type": self._type(name, folder),
            "physical": "yes" if physical else "",
            "master": safe(self._tree.target(f"{folder}/master")),
            "numa_node": numa_node(self._tree, f"{folder}/device") if physical else "",
            "address": text(self._tree, f"{folder}/address"),
            "addresses": addresses,
        }
        return Entity(identity(name), safe(name), index, {k: v for k, v in labels.items() if v})

    def _type(self, name: str, folder: str) -> str:
        described = parsed(self._tree.once, f"{folder}/uevent", bytes.splitlines)
        for line in [] if isinstance(described, Reason) else described:
            if line.startswith(b"DEVTYPE="):
                return safe(line[8:])
        if name == "lo":
            return _LOOPBACK
        return _TYPES.get(text(self._tree, f"{folder}/type"), "virtual")
