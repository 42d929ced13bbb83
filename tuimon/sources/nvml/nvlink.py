"""The table of NVLink metrics: one entity a link, all links and metrics in one batch of fields."""

from functools import partial

from tuimon.model.metric import Cadence, Kind, Label
from tuimon.sources.nvml import words
from tuimon.sources.nvml.rows import KIB, MEGA, Call, Field, Row, catalogues, row
from tuimon.units import Unit

NORMAL, SLOW, INVENTORY = Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
BYTES, COUNT, STATE = Unit.BYTES, Unit.COUNT, Unit.STATE

link = partial(row, Kind.NVLINK)
CALL = "nvmlDeviceGetNvLinkErrorCounter"  # DL counters of nvmlNvLinkErrorCounter_t; up to NVLink 4
LINK = -1
"""Stands for the number of the link in the rows below."""

# fmt: off
# Adding a row is all it takes. Field ids as in nvml.h of nvidia-ml-py 13.615; NVLink 5 counts by 201 to 222.
TABLE: tuple[Row, ...] = (
    link("nvlink_state",                          STATE, NORMAL,    "State",    "Whether the link is up.", Field(165, LINK), Call("nvmlDeviceGetNvLinkState", (LINK,)), words=words.LINK_STATES),
    link("nvlink_sent_bytes_total",               BYTES, NORMAL,    "Sent",     "Bytes of data sent.", Field(138, LINK, KIB), Field(202, LINK)),
    link("nvlink_received_bytes_total",           BYTES, NORMAL,    "Received", "Bytes of data received.", Field(139, LINK, KIB), Field(204, LINK)),
    link("nvlink_sent_raw_bytes_total",           BYTES, SLOW,      "Raw sent", "Bytes sent, protocol included.", Field(140, LINK, KIB)),
    link("nvlink_received_raw_bytes_total",       BYTES, SLOW,      "Raw recv", "Bytes received, protocol included.", Field(141, LINK, KIB)),
    link("nvlink_version",                        COUNT, INVENTORY, "Version",  "NVLink version, as NVML numbers it.", Field(166, LINK), Call("nvmlDeviceGetNvLinkVersion", (LINK,))),
    link("nvlink_speed_bytes_per_second",         Unit.BYTES_PER_SECOND, INVENTORY, "Speed", "Most bytes a second in each direction.", Field(164, LINK, MEGA)),
    link("nvlink_replay_errors_total",            COUNT, SLOW,      "Replays",  "Packets that had to be sent again.", Call(CALL, (LINK, 0))),
    link("nvlink_recovery_errors_total",          COUNT, SLOW,      "Recovers", "Recoveries of the link.", Call(CALL, (LINK, 1)), Field(215, LINK)),
    link("nvlink_crc_flit_errors_total",          COUNT, SLOW,      "CRC flit", "Checksum errors in flow control units.", Call(CALL, (LINK, 2))),
    link("nvlink_crc_data_errors_total",          COUNT, SLOW,      "CRC data", "Checksum errors in data.", Call(CALL, (LINK, 3))),
    link("nvlink_ecc_data_errors_total",          COUNT, SLOW,      "ECC data", "Memory errors in the link's buffers.", Call(CALL, (LINK, 4))),
    link("nvlink_malformed_packets_total",        COUNT, SLOW,      "Malformed", "Malformed packets received.", Field(206, LINK)),
    link("nvlink_buffer_overruns_total",          COUNT, SLOW,      "Overruns", "Packets dropped because a buffer was full.", Field(207, LINK)),
    link("nvlink_receive_errors_total",           COUNT, SLOW,      "Rx err",   "Packets received with an error.", Field(208, LINK)),
    link("nvlink_receive_remote_errors_total",    COUNT, SLOW,      "Rx rem err", "Packets that the other side had marked as bad.", Field(209, LINK)),
    link("nvlink_receive_general_errors_total",   COUNT, SLOW,      "Rx gen err", "Other errors in receiving.", Field(210, LINK)),
    link("nvlink_integrity_errors_total",         COUNT, SLOW,      "Integrity", "Times the local link's error threshold was passed.", Field(211, LINK)),
    link("nvlink_send_discards_total",            COUNT, SLOW,      "Discards", "Packets discarded instead of sent.", Field(212, LINK)),
    link("nvlink_recoveries_succeeded_total",     COUNT, SLOW,      "Recov ok", "Recoveries that succeeded.", Field(213, LINK)),
    link("nvlink_recoveries_failed_total",        COUNT, SLOW,      "Recov bad", "Recoveries that failed.", Field(214, LINK)),
    link("nvlink_effective_errors_total",         COUNT, SLOW,      "Effective", "Errors left after forward error correction.", Field(219, LINK)),
    link("nvlink_symbol_errors_total",            COUNT, SLOW,      "Symbol",   "Symbol errors.", Field(221, LINK)),
)

LABELS: tuple[Label, ...] = (
    Label("link",   Kind.NVLINK, "Number of the link on its GPU."),
    Label("remote", Kind.NVLINK, "PCI address of what is at the other end."),
    Label("peer",   Kind.NVLINK, "Whether that is a GPU, a switch or a processor."),
)
# fmt: on
CATALOGUES = catalogues(TABLE)
