"""NVML calls that are made every second: prepared once, with memory that is kept.

pynvml makes two calls and many objects for each such answer; here the same C functions fill the
same structures of pynvml: see benchmarks/nvml_pass.py.
"""

import ctypes
import struct
from collections.abc import Callable, Sequence

from tuimon.drivers.nvml import (
    FUNCTION_NOT_FOUND,
    INSUFFICIENT_SIZE,
    NOT_FOUND,
    TIMEOUT,
    Error,
    Handle,
    pointer,
)
from tuimon.drivers.nvml import binding as pynvml

# fmt: off
# Format of the eight bytes of a field's value by nvmlValueType_t.
VALUES: dict[int, str] = {0: "d", 1: "I4x", 2: "Q", 3: "Q", 4: "q", 5: "i4x", 6: "H6x"}
# fmt: on


class Fields:
    """A batch of field ids, prepared once and fetched by one call."""

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Prepare the batch.

        Args:
            pairs: Field id and scope of each.
        """
        self._count = len(pairs)
        self._array = (pynvml.c_nvmlFieldValue_t * self._count)()
        for place, (field, scope) in enumerate(pairs):
            self._array[place].fieldId = field
            self._array[place].scopeId = scope
        self._types: tuple[int, ...] = ()
        self._format = struct.Struct("")
        self._call = pointer("nvmlDeviceGetFieldValues")

    def read(self, handle: Handle) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Fetch all.

        Returns:
            NVML's code and the number of each; a number counts only where its code is 0.

        Raises:
            Error: The call as a whole failed.
        """
        code = self._call(handle, self._count, self._array)
        if code:
            raise Error(code)
        if not self._types:
            self._learn()
        found = self._format.unpack(self._array)
        if found[0::3] != self._types:
            self._learn()
            found = self._format.unpack(self._array)
        return found[1::3], found[2::3]

    def _learn(self) -> None:
        """Note the types that the driver gave: they do not change from call to call."""
        self._types = tuple(value.valueType for value in self._array)
        parts = (f"24xIi{VALUES.get(kind, 'Q')}" for kind in self._types)
        self._format = struct.Struct("<" + "".join(parts))


class ProcessList:
    """The processes of a device, in memory that is kept and grows when needed."""

    def __init__(self, names: Sequence[str]) -> None:
        """Prepare the list.

        Args:
            names: NVML functions that give the same list, newest first; the first there is used.
        """
        self._names = list(names)
        self._call: Callable[..., int] | None = None
        self._size = 32
        self._array = (pynvml.c_nvmlProcessInfo_v3_t * self._size)()
        self._number = ctypes.c_uint()

    def read(self, handle: Handle) -> list[tuple[int, int, int, int]]:
        """Return pid, bytes, GPU instance and compute instance of each process.

        Raises:
            Error: The call failed.
        """
        code = FUNCTION_NOT_FOUND
        while self._names or self._call:
            call = self._call or self._next()
            self._number.value = self._size
            code = call(handle, ctypes.byref(self._number), self._array)
            if code == INSUFFICIENT_SIZE:
                self._size = max(self._number.value, self._size) * 2
                self._array = (pynvml.c_nvmlProcessInfo_v3_t * self._size)()
            elif code == FUNCTION_NOT_FOUND:
                self._call = None
            else:
                break
        if code:
            raise Error(code)
        array = self._array
        return [
            (one.pid, one.usedGpuMemory, one.gpuInstanceId, one.computeInstanceId)
            for one in array[: self._number.value]
        ]

    def _next(self) -> Callable[..., int]:
        """Return the next function that this library has."""
        while self._names:
            try:
                self._call = pointer(self._names.pop(0))
            except Error as error:
                if error.value != FUNCTION_NOT_FOUND:
                    raise
            else:
                return self._call
        raise Error(FUNCTION_NOT_FOUND)


class ProcessUse:
    """What processes used of a device's engines since the last call."""

    def __init__(self) -> None:
        self._size = 128
        self._array = (pynvml.c_nvmlProcessUtilizationSample_t * self._size)()
        self._number = ctypes.c_uint()

    def read(self, handle: Handle, since: int) -> list[tuple[int, int, int, int, int, int]]:
        """Return pid, microseconds since the epoch, and per cent of SM, memory, encoder, decoder.

        Args:
            handle: The GPU.
            since: Only samples taken after this time, in microseconds since the epoch.

        Raises:
            Error: The call failed; that nothing was used is no failure.
        """
        call = pointer("nvmlDeviceGetProcessUtilization")
        while True:
            self._number.value = self._size
            code = call(handle, self._array, ctypes.byref(self._number), ctypes.c_ulonglong(since))
            if code != INSUFFICIENT_SIZE:
                break
            self._size = max(self._number.value, self._size) * 2
            self._array = (pynvml.c_nvmlProcessUtilizationSample_t * self._size)()
        if code == NOT_FOUND:
            return []
        if code:
            raise Error(code)
        return [
            (one.pid, one.timeStamp, one.smUtil, one.memUtil, one.encUtil, one.decUtil)
            for one in self._array[: self._number.value]
        ]


class Gpm:
    """Two samples of the GPU performance monitor, and the metrics of the time between them."""

    def __init__(self, ids: Sequence[int], instance: int | None = None) -> None:
        """Prepare the question.

        Args:
            ids: The metrics, NVML_GPM_METRIC_*.
            instance: GPU instance, if the device is a MIG device's parent.

        Raises:
            Error: This driver has no such monitor.
        """
        self._instance = instance
        self._older = pynvml.nvmlGpmSampleAlloc()
        self._newer = pynvml.nvmlGpmSampleAlloc()
        self._filled = False
        self._question = pynvml.c_nvmlGpmMetricsGet_t()
        self._question.version = pynvml.NVML_GPM_METRICS_GET_VERSION
        self._question.numMetrics = len(ids)
        for place, number in enumerate(ids):
            self._question.metrics[place].metricId = number
        self._places = range(len(ids))

    def read(self, handle: Handle) -> list[tuple[int, float]] | None:
        """Take a sample; return code and value of each metric since the last one, None at first.

        Raises:
            Error: A call failed.
        """
        self._older, self._newer = self._newer, self._older
        if self._instance is None:
            pynvml.nvmlGpmSampleGet(handle, self._newer)
        else:
            pynvml.nvmlGpmMigSampleGet(handle, self._instance, self._newer)
        if not self._filled:
            self._filled = True
            return None
        self._question.sample1, self._question.sample2 = self._older, self._newer
        pynvml.nvmlGpmMetricsGet(self._question)
        metrics = self._question.metrics
        return [(one.nvmlReturn, one.value) for one in (metrics[place] for place in self._places)]

    def close(self) -> None:
        """Give the samples back; they must not be used after."""
        for sample in (self._older, self._newer):
            try:
                pynvml.nvmlGpmSampleFree(sample)
            except Error:
                continue


def gpm_supported(handle: Handle) -> bool:
    """Return whether the device has the performance monitor: Hopper and later."""
    try:
        return bool(pynvml.nvmlGpmQueryDeviceSupport(handle).isSupportedDevice)
    except Error:
        return False


class EventQueue:
    """The events of all registered devices."""

    def __init__(self) -> None:
        self._set = pynvml.nvmlEventSetCreate()

    def register(self, handle: Handle, wanted: int) -> None:
        """Add a device, for those of the *wanted* bits that it has.

        Raises:
            Error: The device has no events.
        """
        have = pynvml.nvmlDeviceGetSupportedEventTypes(handle)
        if have & wanted:
            pynvml.nvmlDeviceRegisterEvents(handle, have & wanted, self._set)

    def next(self) -> tuple[int, int, int, int] | None:
        """Return address of the device, bit, data and GPU instance of an event; None if none waits.

        Never blocks.

        Raises:
            Error: The call failed.
        """
        try:
            event = pynvml.nvmlEventSetWait_v2(self._set, 0)
        except Error as error:
            if error.value == TIMEOUT:
                return None
            raise
        return address(event.device), event.eventType, event.eventData, event.gpuInstanceId

    def close(self) -> None:
        """Give the queue back."""
        try:
            pynvml.nvmlEventSetFree(self._set)
        except Error:
            return


def address(handle: Handle) -> int:
    """Return the number that is the same for two handles of the same device."""
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)
