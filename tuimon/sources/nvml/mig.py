"""The table of MIG metrics: one entity an instance, whose id is its UUID and parent its GPU.

NVML gives no utilisation of an instance: NotSupported, not zero. Hopper and later tell the same by
the performance monitor.
"""

from functools import partial

from tuimon.model.metric import Cadence, Kind, Label
from tuimon.sources.nvml.rows import Call, Gpm, Row, catalogues, row
from tuimon.units import Unit

FAST, NORMAL, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY
BYTES, COUNT, RATIO = Unit.BYTES, Unit.COUNT, Unit.RATIO
MEMORY, OLD, SHARE = (
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetAttributes_v2",
)

mig = partial(row, Kind.MIG)

# fmt: off
# Adding a row is all it takes.
TABLE: tuple[Row, ...] = (
    mig("mig_memory_used_bytes",      BYTES, FAST,      "Mem",        "Memory of the instance that processes hold.", Call(MEMORY, pick="used"), Call(OLD, pick="used"), upto="mig_memory_total_bytes"),
    mig("mig_memory_total_bytes",     BYTES, FAST,      "Mem total",  "Memory of the instance.", Call(MEMORY, pick="total"), Call(OLD, pick="total")),
    mig("mig_memory_free_bytes",      BYTES, FAST,      "Mem free",   "Memory of the instance that can still be allocated.", Call(MEMORY, pick="free"), Call(OLD, pick="free"), upto="mig_memory_total_bytes"),
    mig("mig_memory_reserved_bytes",  BYTES, FAST,      "Mem rsvd",   "Memory of the instance that driver and firmware keep.", Call(MEMORY, pick="reserved"), upto="mig_memory_total_bytes"),
    mig("mig_utilization_ratio",      RATIO, NORMAL,    "Busy",       "Share of time in which the instance's graphics or compute engine was active.", Gpm(1), upto="1"),
    mig("mig_sm_active_ratio",        RATIO, NORMAL,    "SM active",  "Share of the instance's multiprocessors with at least one warp, averaged over time.", Gpm(2), upto="1"),
    mig("mig_sm_occupancy_ratio",     RATIO, NORMAL,    "Occupancy",  "Warps that were resident, of the most there could be.", Gpm(3), upto="1"),
    mig("mig_tensor_active_ratio",    RATIO, NORMAL,    "Tensor",     "Share of time in which any tensor pipe was busy.", Gpm(5), upto="1"),
    mig("mig_dram_active_ratio",      RATIO, NORMAL,    "DRAM",       "Memory bandwidth used, of the most there could be.", Gpm(10), upto="1"),
    mig("mig_fp64_active_ratio",      RATIO, NORMAL,    "FP64",       "Share of time in which the FP64 pipe was busy.", Gpm(11), upto="1"),
    mig("mig_fp32_active_ratio",      RATIO, NORMAL,    "FP32",       "Share of time in which the FP32 pipe was busy.", Gpm(12), upto="1"),
    mig("mig_fp16_active_ratio",      RATIO, NORMAL,    "FP16",       "Share of time in which the FP16 pipe was busy.", Gpm(13), upto="1"),
    mig("mig_multiprocessors",        COUNT, INVENTORY, "SMs",        "Multiprocessors of the instance.", Call(SHARE, pick="multiprocessorCount")),
    mig("mig_gpu_slices",             COUNT, INVENTORY, "GPU slices", "Slices of the GPU that its GPU instance has.", Call(SHARE, pick="gpuInstanceSliceCount")),
    mig("mig_compute_slices",         COUNT, INVENTORY, "Slices",     "Slices that the instance itself has.", Call(SHARE, pick="computeInstanceSliceCount")),
    mig("mig_copy_engines",           COUNT, INVENTORY, "Copy eng",   "Copy engines, shared within the GPU instance.", Call(SHARE, pick="sharedCopyEngineCount")),
    mig("mig_decoders",               COUNT, INVENTORY, "Decoders",   "Video decoders, shared within the GPU instance.", Call(SHARE, pick="sharedDecoderCount")),
    mig("mig_encoders",               COUNT, INVENTORY, "Encoders",   "Video encoders, shared within the GPU instance.", Call(SHARE, pick="sharedEncoderCount")),
    mig("mig_jpeg_engines",           COUNT, INVENTORY, "JPEG",       "JPEG engines, shared within the GPU instance.", Call(SHARE, pick="sharedJpegCount")),
    mig("mig_optical_flow_engines",   COUNT, INVENTORY, "OFA",        "Optical flow accelerators, shared within the GPU instance.", Call(SHARE, pick="sharedOfaCount")),
)

LABELS: tuple[Label, ...] = (
    Label("uuid",             Kind.MIG, "The instance's UUID, as CUDA_VISIBLE_DEVICES takes it."),
    Label("profile",          Kind.MIG, "Its profile, such as 2g.20gb."),
    Label("gpu_instance",     Kind.MIG, "Number of its GPU instance."),
    Label("compute_instance", Kind.MIG, "Number of its compute instance."),
)
# fmt: on
CATALOGUES = catalogues(TABLE)
