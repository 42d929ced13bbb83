"""The table of GPU process metrics: one entity for each process on each GPU."""

from functools import partial

from tuimon.model.metric import Cadence, Kind, Label
from tuimon.sources.nvml.rows import Own, Row, catalogues, row
from tuimon.units import Unit

FAST, NORMAL = Cadence.FAST, Cadence.NORMAL
BYTES, RATIO = Unit.BYTES, Unit.RATIO
LIST, USE = "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetProcessUtilization"

process = partial(row, Kind.GPU_PROCESS)

# fmt: off
# The reader fills these rows in this order; a new one is to be filled in readers/processes.py.
TABLE: tuple[Row, ...] = (
    process("gpu_process_memory_bytes",             BYTES, FAST,   "GPU mem", "Memory that the process holds on the GPU; not known inside of some virtual machines.", Own(f"{LIST}.usedGpuMemory")),
    process("gpu_process_sm_ratio",                 RATIO, NORMAL, "SM",      "Share of time in which its kernels ran, sampled by the driver.", Own(f"{USE}.smUtil"), upto="1"),
    process("gpu_process_memory_utilization_ratio", RATIO, NORMAL, "Mem ctl", "Share of time in which it read or wrote device memory.", Own(f"{USE}.memUtil"), upto="1"),
    process("gpu_process_encoder_ratio",            RATIO, NORMAL, "Encoder", "Its use of the video encoders.", Own(f"{USE}.encUtil"), upto="1"),
    process("gpu_process_decoder_ratio",            RATIO, NORMAL, "Decoder", "Its use of the video decoders.", Own(f"{USE}.decUtil"), upto="1"),
)

LABELS: tuple[Label, ...] = (
    Label("pid",     Kind.GPU_PROCESS, "Process id, as the driver tells it: that of the host."),
    Label("process", Kind.GPU_PROCESS, "Id of the process's own entity: pid and start time, or `pid-?` if /proc does not show it."),
    Label("type",    Kind.GPU_PROCESS, "C computes, G draws, M computes through MPS; joined by +."),
    Label("gpu",     Kind.GPU_PROCESS, "Index of the GPU."),
    Label("mig",     Kind.GPU_PROCESS, "GPU instance and compute instance, as `1/0`, on a divided GPU."),
)
# fmt: on
CATALOGUES = catalogues(TABLE)
