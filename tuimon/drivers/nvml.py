"""The binding of NVML: the one importer of `pynvml` (package nvidia-ml-py). It only reads.

Functions are called by their NVML names; `nvml_batches.py` has those that keep memory.
Error codes become a `Reason`, a `ReadError` of the device, or a `SourceLost`.
"""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pynvml

from tuimon.errors import ReadError, Reason, SourceLost

Error = pynvml.NVMLError
"""What a function of NVML raises; `value` is NVML's code."""
Handle = Any
"""A device or MIG device as NVML names it; void once the library is shut down."""
binding = pynvml
"""For `nvml_batches`, so that pynvml is imported in one file."""

INVALID_ARGUMENT, NOT_FOUND, INSUFFICIENT_SIZE, TIMEOUT, FUNCTION_NOT_FOUND = 2, 6, 7, 10, 13
LOST = frozenset((15, 16, 28))  # GPU_IS_LOST, RESET_REQUIRED, GPU_NOT_FOUND
VOID = frozenset((1, 9, 18))  # UNINITIALIZED, DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH
ABSENT = frozenset((2, 3, 6, 13))  # INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND
"""Codes that mean that there is no such part; every other failure may pass."""
UNKNOWN_NUMBERS = frozenset((2**64 - 1, 2**32 - 1))
"""How NVML says that there is no such number: as many ones as fit."""

# fmt: off
# NVML's codes that say more than FAILED; nvmlReturn_t in nvml.h.
REASONS: dict[int, Reason] = {
    2:  Reason.NOT_SUPPORTED,   # INVALID_ARGUMENT: too new for this driver
    3:  Reason.NOT_SUPPORTED,   # NOT_SUPPORTED
    4:  Reason.NO_PERMISSION,   # NO_PERMISSION
    10: Reason.TIMEOUT,         # TIMEOUT
    13: Reason.NOT_SUPPORTED,   # FUNCTION_NOT_FOUND
    17: Reason.NO_PERMISSION,   # OPERATING_SYSTEM: cgroups deny the device
    21: Reason.NOT_YET,         # NO_DATA
    22: Reason.NOT_SUPPORTED,   # VGPU_ECC_NOT_SUPPORTED
    25: Reason.NOT_SUPPORTED,   # ARGUMENT_VERSION_MISMATCH
    26: Reason.NOT_SUPPORTED,   # DEPRECATED
    27: Reason.NOT_YET,         # NOT_READY
}
# fmt: on


def reason_of(code: int) -> Reason:
    """Return why a cell is missing when its call gave *code*.

    Raises:
        ReadError: The device is lost, and so is all else that is asked of it.
        SourceLost: NVML must be initialised again.
    """
    reason = REASONS.get(code)
    if reason is not None:
        return reason
    if code in LOST:
        raise ReadError(Reason.DEVICE_LOST, f"{words_of(code)}; see `dmesg` for the XID")
    if code in VOID:
        raise SourceLost(Reason.DEVICE_LOST, f"NVML: {words_of(code)}")
    return Reason.FAILED


def words_of(code: int) -> str:
    """Return NVML's words for an error code."""
    return str(Error(code))


class Library:
    """NVML, initialised. One for all lanes; it is shut down when the last of its users is gone."""

    def __init__(self, path: str = "") -> None:
        """Load and initialise NVML.

        Args:
            path: A library to load instead of `libnvidia-ml.so.1` of the system.

        Raises:
            Error: It cannot be loaded or initialised.
            ReadError: The module `pynvml` is of another package.
        """
        if not hasattr(pynvml, "nvmlInitWithFlags") or not hasattr(pynvml, "NVML_FI_MAX"):
            raise ReadError(
                Reason.NOT_SUPPORTED,
                "the Python module pynvml is not that of NVIDIA; "
                "run: pip uninstall pynvml && pip install --force-reinstall nvidia-ml-py",
            )
        if path:
            _load(path)
        pynvml.nvmlInitWithFlags(0)
        self._lock = threading.Lock()
        self._users = 0
        self.open = True

    def join(self) -> None:
        """Count one more user."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Count one user less, and shut down behind the last one."""
        with self._lock:
            self._users -= 1
            last = self._users <= 0
        if last:
            self.shutdown()

    def shutdown(self) -> None:
        """Shut NVML down; all handles are void. What NVML says of it does not matter."""
        with self._lock:
            if not self.open:
                return
            self.open = False
        try:
            pynvml.nvmlShutdown()
        except Error:
            return


def _load(path: str) -> None:
    """Make pynvml use the library at *path*, as its own loader would that of the system."""
    try:
        loaded = ctypes.CDLL(path)
    except OSError:
        raise Error(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND) from None
    held = pynvml.nvmlLib
    if held is None or held._name != loaded._name:  # noqa: SLF001 -- how ctypes tells the path
        pynvml.nvmlLib = loaded
        pynvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 -- else it calls the old one


def pointer(name: str) -> Callable[..., int]:
    """Return the C function of this name.

    Raises:
        Error: FUNCTION_NOT_FOUND or UNINITIALIZED.
    """
    found: Callable[..., int] = pynvml._nvmlGetFunctionPointer(name)  # noqa: SLF001
    return found


def loaded_path() -> str:
    """Return the file that the loaded library was mapped from, as /proc/self/maps names it."""
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as maps:
        for line in maps:
            if "libnvidia-ml" in line:
                return line[line.index("/") :].strip()
    return ""


def call_of(name: str) -> Callable[..., Any]:
    """Return the function of this NVML name; one that raises FUNCTION_NOT_FOUND if unknown."""
    own = _OWN.get(name)
    return own if own is not None else getattr(pynvml, name, _absent)


def _absent(*_: object) -> None:
    raise Error(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)


# Those functions of pynvml that want a struct, a version or a buffer from their caller.


def _memory(handle: Handle) -> Any:  # noqa: ANN401 -- pynvml's struct
    return pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2)


def _fan_rpm(handle: Handle, fan: int) -> int:
    info = pynvml.c_nvmlFanSpeedInfo_t()
    info.version, info.fan = pynvml.nvmlFanSpeedInfo_v1, fan
    code = pointer("nvmlDeviceGetFanSpeedRPM")(handle, ctypes.byref(info))
    if code:
        raise Error(code)
    return int(info.speed)


def _sram(handle: Handle) -> Any:  # noqa: ANN401 -- pynvml's struct
    status = pynvml.c_nvmlEccSramErrorStatus_v1_t()
    pynvml.nvmlDeviceGetSramEccErrorStatus(handle, ctypes.byref(status))
    return status


class _Fabric(NamedTuple):
    state: int
    healthSummary: int = 2**32 - 1  # noqa: N815 -- NVML's name; not told before version 3


def _fabric(handle: Handle) -> _Fabric:
    code = FUNCTION_NOT_FOUND
    for name in ("c_nvmlGpuFabricInfo_v3_t", "c_nvmlGpuFabricInfoV_t"):
        made = getattr(pynvml, name, None)  # pynvml 12 lacks the first
        if made is None:
            continue
        info = made()
        code = pointer("nvmlDeviceGetGpuFabricInfoV")(handle, ctypes.byref(info))
        if not code:
            return _Fabric(info.state, getattr(info, "healthSummary", 2**32 - 1))
    raise Error(code)


def _profiles(handle: Handle) -> tuple[int, int, int]:
    """Masks of the workload power profiles: there are, asked for, in force; 64 bits of each."""
    found = pynvml.c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t()
    pynvml.nvmlDeviceWorkloadPowerProfileGetCurrentProfiles(handle, ctypes.byref(found))
    masks = (found.perfProfilesMask, found.requestedProfilesMask, found.enforcedProfilesMask)
    there, asked, enforced = (mask.mask[0] | mask.mask[1] << 32 for mask in masks)
    return there, asked, enforced


def _confidential(_: Handle) -> Any:  # noqa: ANN401 -- pynvml's struct
    return pynvml.nvmlSystemGetConfComputeState()


def _module(handle: Handle) -> Any:  # noqa: ANN401 -- an int
    return pynvml.nvmlDeviceGetModuleId(handle, ctypes.c_uint())  # its default is shared by threads


def _vgpu_used(number: int) -> int:
    found = ctypes.c_ulonglong()  # pynvml has room for 32 bits only
    code = pointer("nvmlVgpuInstanceGetFbUsage")(number, ctypes.byref(found))
    if code:
        raise Error(code)
    return found.value


_OWN: dict[str, Callable[..., Any]] = {
    "nvmlDeviceGetMemoryInfo_v2": _memory,
    "nvmlDeviceGetFanSpeedRPM": _fan_rpm,
    "nvmlDeviceGetSramEccErrorStatus": _sram,
    "nvmlDeviceGetGpuFabricInfoV": _fabric,
    "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles": _profiles,
    "nvmlSystemGetConfComputeState": _confidential,
    "nvmlDeviceGetModuleId": _module,
    "nvmlVgpuInstanceGetFbUsage": _vgpu_used,
}
