"""What NVML needs on this machine, looked for step by step: for `doctor` and the page without GPUs."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tuimon.errors import ReadError
from tuimon.model.check import Check
from tuimon.text import safe

LIBRARY = "libnvidia-ml.so.1"
FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "usr/lib/wsl/lib",
    "run/opengl-driver/lib",
    "usr/local/nvidia/lib64",
)
"""Where distributions, WSL, NixOS and the container runtime put the library."""


def checks(root: Path, environ: Mapping[str, str], library: str = "") -> list[Check]:
    """Look for everything from the board on the bus up to a GPU that answers.

    Args:
        root: Above /dev, /proc and /sys.
        environ: The environment.
        library: Path of the library, if not the system's.
    """
    found = [
        _bus(root),
        _module(root),
        _nodes(root),
        _library(root, environ, library),
        *_nvml(library),
    ]
    if "CUDA_VISIBLE_DEVICES" in environ:
        text = f"CUDA_VISIBLE_DEVICES is {safe(environ['CUDA_VISIBLE_DEVICES'])!r}"
        found.append(
            Check("CUDA_VISIBLE_DEVICES", True, f"{text}; tuimon shows all GPUs unless asked")
        )
    return found


def _bus(root: Path) -> Check:
    vendors = (root / "sys/bus/pci/devices").glob("*/vendor")
    boards = [one.parent.name for one in vendors if _text(one) == "0x10de"]
    if boards:
        return Check("PCI devices", True, f"NVIDIA devices at {', '.join(sorted(boards))}")
    advice = (
        "Without a board there is nothing to read; in a virtual machine, ask for GPU passthrough."
    )
    return Check("PCI devices", False, "no PCI device is of NVIDIA (vendor 0x10de)", advice)


def _module(root: Path) -> Check:
    version = _text(root / "proc/driver/nvidia/version").partition("\n")[0]
    if version:
        return Check("Kernel module", True, version)
    if (root / "sys/module/nvidia").is_dir():
        return Check("Kernel module", True, "the module nvidia is loaded")
    if (root / "sys/module/nouveau").is_dir():
        advice = "Install NVIDIA's driver and blacklist nouveau, then reboot."
        return Check("Kernel module", False, "nouveau drives the GPU, which has no NVML", advice)
    advice = "Run: sudo modprobe nvidia; if that fails, install the driver or see `dmesg | grep -i nvrm`."
    return Check("Kernel module", False, "the module nvidia is not loaded", advice)


def _nodes(root: Path) -> Check:
    nodes = sorted(node.name for node in (root / "dev").glob("nvidia*") if not node.is_dir())
    missing = [name for name in ("nvidiactl", "nvidia0") if name not in nodes]
    if not nodes and (root / "dev/dxg").exists():
        return Check("Device nodes", True, "/dev/dxg: the GPU is reached through WSL")
    if not missing:
        return Check("Device nodes", True, ", ".join(f"/dev/{name}" for name in nodes))
    advice = (
        "Run: sudo nvidia-modprobe -u -c 0; in a container, start it with --gpus all, "
        "or in Kubernetes ask for nvidia.com/gpu."
    )
    return Check("Device nodes", False, f"there is no /dev/{missing[0]}", advice)


def _library(root: Path, environ: Mapping[str, str], library: str) -> Check:
    own = [Path(part) for part in environ.get("LD_LIBRARY_PATH", "").split(":") if part]
    places = (
        [Path(library)]
        if library
        else [folder / LIBRARY for folder in (*own, *(root / folder for folder in FOLDERS))]
    )
    for place in places:
        if place.is_file():
            return Check("Library", True, safe(str(place)))
    advice = (
        "Install the driver's library (libnvidia-compute-*, nvidia-driver-cuda-libs), "
        "or give the container NVIDIA_DRIVER_CAPABILITIES=compute,utility."
    )
    return Check("Library", False, f"{LIBRARY} is in none of the usual folders", advice)


def _nvml(library: str) -> list[Check]:
    """Initialise NVML and let every GPU say who it is. May take seconds, and wakes sleeping GPUs."""
    from tuimon.drivers.nvml import Error, Library, call_of, loaded_path, words_of
    from tuimon.sources.nvml.source import ADVICE

    try:
        opened = Library(library)
    except Error as error:
        advice = ADVICE[error.value][1] if error.value in ADVICE else ""
        return [Check("NVML", False, f"nvmlInit says: {words_of(error.value)}", advice)]
    except ReadError as error:
        return [Check("NVML", False, str(error))]
    try:
        version = safe(call_of("nvmlSystemGetDriverVersion")())
        text = f"driver {version}, library {safe(loaded_path())}"
        return [Check("NVML", True, text), *_gpus(call_of)]
    except Error as error:
        return [Check("NVML", False, f"NVML says: {words_of(error.value)}")]
    finally:
        opened.shutdown()


def _gpus(call_of: Callable[[str], Callable[..., object]]) -> list[Check]:
    from tuimon.drivers.nvml import Error, words_of

    number = int(str(call_of("nvmlDeviceGetCount")()))
    found = []
    for index in range(number):
        try:
            handle = call_of("nvmlDeviceGetHandleByIndex")(index)
            text = f"{call_of('nvmlDeviceGetName')(handle)}, {call_of('nvmlDeviceGetUUID')(handle)}"
            found.append(Check(f"GPU {index}", True, safe(text)))
        except Error as error:
            advice = "See `dmesg | grep -i xid`; a reset needs: sudo nvidia-smi --gpu-reset, or a reboot."
            found.append(Check(f"GPU {index}", False, words_of(error.value), advice))
    if not found:
        advice = "See `dmesg | grep -i nvrm`: the board may have fallen off the bus, or be too old for this driver."
        found.append(Check("GPUs", False, "the driver is loaded but tells of no GPU", advice))
    return found


def _text(path: Path) -> str:
    try:
        return safe(path.read_text("utf-8", "replace").partition("\n")[0].strip())
    except OSError:
        return ""
