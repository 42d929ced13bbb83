"""GPUs of NVIDIA, through NVML: tables of what is read, and the source that reads it."""

from tuimon.sources.nvml.source import LABELS, METRICS, NvmlSource

__all__ = ["LABELS", "METRICS", "NvmlSource"]
