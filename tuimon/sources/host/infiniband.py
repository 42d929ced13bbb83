"""InfiniBand and RoCE ports: state, rate, traffic, errors and congestion."""

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import Cell, Findings, catalogues, names, numa_node, parsed, text
from tuimon.text import safe
from tuimon.units import Unit

PORT = Kind.PORT
GAUGE, COUNTER = Type.GAUGE, Type.COUNTER
BYTES, COUNT, STATE = Unit.BYTES, Unit.COUNT, Unit.STATE
NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW
WORD = 4.0
"""Bytes; the data counters count in words of 32 bit, whatever the number of lanes."""
LOGICAL = ((0, "no change"), (1, "down"), (2, "init"), (3, "armed"), (4, "active"), (5, "defer"))
PHYSICAL = (
    (1, "sleep"),
    (2, "polling"),
    (3, "disabled"),
    (4, "training"),
    (5, "link up"),
    (6, "recovery"),
    (7, "test"),
)
RATE = "port_rate_bytes_per_second"

# A row: a metric, the file below /sys/class/infiniband/*/ports/*, and what one of it is;
# Documentation/ABI/stable/sysfs-class-infiniband. Each file may cost a question to the card's
# firmware, so that errors are read seldom.
# fmt: off
TABLE = (
    (Metric("port_received_bytes_total",        PORT, BYTES, COUNTER, "Received",     "Bytes received.",                                                       NORMAL, RATE, source="counters/port_rcv_data"), "counters/port_rcv_data", WORD),
    (Metric("port_sent_bytes_total",            PORT, BYTES, COUNTER, "Sent",         "Bytes sent.",                                                           NORMAL, RATE, source="counters/port_xmit_data"), "counters/port_xmit_data", WORD),
    (Metric("port_received_packets_total",      PORT, COUNT, COUNTER, "Packets in",   "Packets received.",                                                     NORMAL, source="counters/port_rcv_packets"), "counters/port_rcv_packets", 1.0),
    (Metric("port_sent_packets_total",          PORT, COUNT, COUNTER, "Packets out",  "Packets sent.",                                                         NORMAL, source="counters/port_xmit_packets"), "counters/port_xmit_packets", 1.0),
    (Metric("port_state",                       PORT, STATE, GAUGE,   "State",        "Logical state of the port; traffic needs active.",                      NORMAL, words=LOGICAL, source="state"), "state", 1.0),
    (Metric("port_physical_state",              PORT, STATE, GAUGE,   "Link",         "State of the link itself.",                                             NORMAL, words=PHYSICAL, source="phys_state"), "phys_state", 1.0),
    (Metric(RATE,                               PORT, Unit.BYTES_PER_SECOND, GAUGE, "Rate", "Speed of the link, each way.",                                  NORMAL, source="rate"), "rate", 1e9 / 8),
    (Metric("port_transmit_waits_total",        PORT, COUNT, COUNTER, "Waits",        "Ticks with data to send but no credit to send it: the fabric is congested.", NORMAL, source="counters/port_xmit_wait"), "counters/port_xmit_wait", 1.0),
    (Metric("port_symbol_errors_total",         PORT, COUNT, COUNTER, "Symbols",      "Minor errors on the wire.",                                             SLOW, source="counters/symbol_error"), "counters/symbol_error", 1.0),
    (Metric("port_link_recoveries_total",       PORT, COUNT, COUNTER, "Recoveries",   "Times the link recovered from an error by training again.",             SLOW, source="counters/link_error_recovery"), "counters/link_error_recovery", 1.0),
    (Metric("port_link_downs_total",            PORT, COUNT, COUNTER, "Link downs",   "Times the link could not recover and went down.",                       SLOW, source="counters/link_downed"), "counters/link_downed", 1.0),
    (Metric("port_received_errors_total",       PORT, COUNT, COUNTER, "Errors in",    "Packets received with an error.",                                       SLOW, source="counters/port_rcv_errors"), "counters/port_rcv_errors", 1.0),
    (Metric("port_remote_errors_total",         PORT, COUNT, COUNTER, "Remote errors", "Packets received that another port had marked bad.",                   SLOW, source="counters/port_rcv_remote_physical_errors"), "counters/port_rcv_remote_physical_errors", 1.0),
    (Metric("port_sent_discards_total",         PORT, COUNT, COUNTER, "Discards",     "Packets not sent because the port was down or congested.",              SLOW, source="counters/port_xmit_discards"), "counters/port_xmit_discards", 1.0),
    (Metric("port_integrity_errors_total",      PORT, COUNT, COUNTER, "Integrity",    "Times the local errors passed their threshold.",                        SLOW, source="counters/local_link_integrity_errors"), "counters/local_link_integrity_errors", 1.0),
    (Metric("port_buffer_overruns_total",       PORT, COUNT, COUNTER, "Overruns",     "Times the buffers overran.",                                            SLOW, source="counters/excessive_buffer_overrun_errors"), "counters/excessive_buffer_overrun_errors", 1.0),
    (Metric("port_out_of_sequence_total",       PORT, COUNT, COUNTER, "Sequence",     "Packets that came out of order: something was lost.",                   SLOW, source="hw_counters/out_of_sequence"), "hw_counters/out_of_sequence", 1.0),
    (Metric("port_acknowledge_timeouts_total",  PORT, COUNT, COUNTER, "Ack timeouts", "Times a queue pair waited in vain for an acknowledgement.",             SLOW, source="hw_counters/local_ack_timeout_err"), "hw_counters/local_ack_timeout_err", 1.0),
    (Metric("port_congestion_marks_total",      PORT, COUNT, COUNTER, "ECN marks",    "RoCE packets received with the mark of congestion.",                    SLOW, source="hw_counters/np_ecn_marked_roce_packets"), "hw_counters/np_ecn_marked_roce_packets", 1.0),
    (Metric("port_congestion_sent_total",       PORT, COUNT, COUNTER, "CNP sent",     "Notices of congestion sent to the other end.",                          SLOW, source="hw_counters/np_cnp_sent"), "hw_counters/np_cnp_sent", 1.0),
    (Metric("port_congestion_handled_total",    PORT, COUNT, COUNTER, "CNP handled",  "Notices of congestion at which this end slowed down.",                  SLOW, source="hw_counters/rp_cnp_handled"), "hw_counters/rp_cnp_handled", 1.0),
)

LABELS = (
    Label("link_layer", PORT, "InfiniBand or Ethernet (RoCE)."),
    Label("speed",      PORT, "The rate with lanes and generation, as the kernel writes it."),
    Label("firmware",   PORT, "Firmware version of the card."),
    Label("board",      PORT, "Board id of the card."),
    Label("interface",  PORT, "The network interfaces of the same card."),
    Label("numa_node",  PORT, "The NUMA node of the card."),
)
# fmt: on

METRICS = tuple(row[0] for row in TABLE)
_CLASS = "sys/class/infiniband"


def leading(text: bytes) -> float:
    """Return the number that a file begins with: `4: ACTIVE`, `400 Gb/sec (4X NDR)`, `17`."""
    return float(text.split()[0].rstrip(b":"))


class InfiniBand:
    """The ports below /sys/class/infiniband."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._catalogues = catalogues(PORT, METRICS)
        self._folders: list[str] = []
        self._entities = NOBODY
        self.rescan()

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        catalogue = self._catalogues.get(cadence)
        if catalogue is None:
            return
        rows = [(file, scale) for metric, file, scale in TABLE if metric.cadence is cadence]
        columns = [[self._cell(f"{folder}/{f}", s) for f, s in rows] for folder in self._folders]
        found.frames.append(Frame.of_cells(catalogue, self._entities, columns, found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""
        folders = [
            f"{_CLASS}/{device}/ports/{port}"
            for device in names(self._tree, _CLASS)
            for port in names(self._tree, f"{_CLASS}/{device}/ports")
        ]
        entities = [self._entity(index, folder) for index, folder in enumerate(folders)]
        if folders != self._folders or [e.labels for e in entities] != [
            e.labels for e in self._entities
        ]:
            self._folders, self._entities = folders, Entities(entities)

    def _cell(self, path: str, scale: float) -> Cell:
        value = parsed(self._tree.read, path, leading)
        return value if isinstance(value, Reason) else value * scale

    def _entity(self, index: int, folder: str) -> Entity:
        _, _, _, device, _, port = folder.split("/")
        card = f"{_CLASS}/{device}"
        labels = {
            "link_layer": text(self._tree, f"{folder}/link_layer"),
            "speed": text(self._tree, f"{folder}/rate"),
            "firmware": text(self._tree, f"{card}/fw_ver"),
            "board": text(self._tree, f"{card}/board_id"),
            "interface": safe(" ".join(names(self._tree, f"{card}/device/net"))),
            "numa_node": numa_node(self._tree, f"{card}/device"),
        }
        name = safe(f"{device}/{port}")
        return Entity(name, name, index, {k: v for k, v in labels.items() if v})
