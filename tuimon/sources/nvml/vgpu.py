"""The table of vGPU metrics: one entity a virtual GPU that runs on a GPU of this host."""

from functools import partial

from tuimon.model.metric import Cadence, Kind, Label
from tuimon.sources.nvml.rows import Call, Own, Row, catalogues, row
from tuimon.units import Unit

NORMAL = Cadence.NORMAL
BYTES, RATIO = Unit.BYTES, Unit.RATIO
USE = "nvmlDeviceGetVgpuUtilization"

vgpu = partial(row, Kind.VGPU)

# fmt: off
# Adding a row is all it takes; those by `Own` are members of the samples that USE gives of all at once.
TABLE: tuple[Row, ...] = (
    vgpu("vgpu_memory_used_bytes",        BYTES, NORMAL, "Mem",       "Frame buffer that the virtual machine uses.", Call("nvmlVgpuInstanceGetFbUsage"), upto="vgpu_memory_total_bytes"),
    vgpu("vgpu_memory_total_bytes",       BYTES, NORMAL, "Mem total", "Frame buffer of the vGPU's type.", Own("nvmlVgpuTypeGetFramebufferSize")),
    vgpu("vgpu_sm_ratio",                 RATIO, NORMAL, "SM",        "Share of time in which its kernels ran.", Own(f"{USE}.smUtil"), upto="1"),
    vgpu("vgpu_memory_utilization_ratio", RATIO, NORMAL, "Mem ctl",   "Share of time in which it read or wrote memory.", Own(f"{USE}.memUtil"), upto="1"),
    vgpu("vgpu_encoder_ratio",            RATIO, NORMAL, "Encoder",   "Its use of the video encoders.", Own(f"{USE}.encUtil"), upto="1"),
    vgpu("vgpu_decoder_ratio",            RATIO, NORMAL, "Decoder",   "Its use of the video decoders.", Own(f"{USE}.decUtil"), upto="1"),
)

LABELS: tuple[Label, ...] = (
    Label("uuid",    Kind.VGPU, "The vGPU's UUID."),
    Label("type",    Kind.VGPU, "Its type, such as NVIDIA A100-10C."),
    Label("vm",      Kind.VGPU, "Id of the virtual machine that has it."),
    Label("driver",  Kind.VGPU, "Version of the driver in the virtual machine."),
    Label("license", Kind.VGPU, "Whether it is licensed."),
)
# fmt: on
CATALOGUES = catalogues(TABLE)
