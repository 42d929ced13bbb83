"""CPU time of a pass over fake GPUs: the nvml source against pynvml called naively.

The fake library answers in about 0.1 us, so this is the cost of the binding and of our own code;
what a real driver costs comes on top, the same for both. Run: python benchmarks/nvml_pass.py [GPUs]
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pynvml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FAKE = ROOT / "tests/fakenvml"
LIBRARY = FAKE / "libnvidia-ml.so.1"
FIELDS = [82, 83, 185, 186, *range(74, 82), 269, 270, 271]


def naive(handles: list) -> None:
    """What a monitor asks every second, one pynvml call after the other, errors formatted."""
    for handle in handles:
        for function, *args in (
            (pynvml.nvmlDeviceGetUtilizationRates,),
            (pynvml.nvmlDeviceGetEncoderUtilization,),
            (pynvml.nvmlDeviceGetDecoderUtilization,),
            (pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlMemory_v2),
            (pynvml.nvmlDeviceGetTemperatureV, 0),
            (pynvml.nvmlDeviceGetMarginTemperature,),
            (pynvml.nvmlDeviceGetPowerUsage,),
            (pynvml.nvmlDeviceGetClockInfo, 1),
            (pynvml.nvmlDeviceGetClockInfo, 2),
            (pynvml.nvmlDeviceGetPerformanceState,),
            (pynvml.nvmlDeviceGetCurrentClocksEventReasons,),
            (pynvml.nvmlDeviceGetFieldValues, FIELDS),
            (pynvml.nvmlDeviceGetComputeRunningProcesses_v3,),
            (pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3,),
            (pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v3,),
            (pynvml.nvmlDeviceGetFanSpeed,),
        ):
            try:
                answer = function(handle, *args)
            except pynvml.NVMLError as error:
                str(error)
                continue
            if function is pynvml.nvmlDeviceGetFieldValues:
                [one.value.ullVal for one in answer if not one.nvmlReturn]


def milliseconds(pass_once, seconds: float = 2.0) -> float:
    """Return the median CPU time of a pass, of passes that come one behind the other."""
    for _ in range(20):
        pass_once()
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.process_time()
        pass_once()
        times.append(time.process_time() - began)
    return sorted(times)[len(times) // 2] * 1e3


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    subprocess.run(["make", "-s", "-C", str(FAKE)], check=True, stdout=subprocess.DEVNULL)
    pids = ",".join(f"{gpu}:{os.getpid()}:1000:50" for gpu in range(number))
    os.environ |= {"FAKE_NVML_GPUS": str(number), "FAKE_NVML_PIDS": pids}
    from tuimon.model.metric import Cadence
    from tuimon.model.source import NO_INTEREST
    from tuimon.sources.nvml import NvmlSource

    readers = NvmlSource(library=str(LIBRARY)).open()
    lanes = [reader for reader in readers if Cadence.FAST in reader.cadences]
    for reader in readers:
        for cadence in reader.cadences:
            reader.read(cadence, NO_INTEREST)

    def at(*cadences: Cadence):
        return lambda: [lane.read(one, NO_INTEREST) for lane in lanes for one in cadences]

    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(number)]
    ours = milliseconds(at(Cadence.FAST))
    theirs = milliseconds(lambda: naive(handles))
    print(f"{number} GPUs, CPU ms a pass")
    print(f"  pynvml, one call after the other   {theirs:7.3f}")
    print(f"  nvml source, fast                  {ours:7.3f}   {theirs / ours:.2f} times less")
    print(f"  nvml source, normal                {milliseconds(at(Cadence.NORMAL)):7.3f}")
    print(f"  nvml source, slow                  {milliseconds(at(Cadence.SLOW)):7.3f}")
    print(f"  nvml source, inventory             {milliseconds(at(Cadence.INVENTORY)):7.3f}")


if __name__ == "__main__":
    main()
