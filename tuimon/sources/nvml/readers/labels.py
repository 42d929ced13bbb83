"""The labels of a GPU: who it is, and how it reaches the processors and the other GPUs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tuimon.drivers.nvml import Error, call_of, reason_of
from tuimon.errors import Reason
from tuimon.model.entity import Entity
from tuimon.sources.nvml import words
from tuimon.sources.nvml.readers.device import Device
from tuimon.sources.nvml.readers.plan import Cell
from tuimon.text import safe

P2P_READ, P2P_NVLINK = 0, 2  # NVML_P2P_CAPS_INDEX_*
CPU_WORDS = 32
"""Words of 64 processors to ask for."""


def _text(text: str | bytes) -> str:
    return safe(text)  # pynvml decodes some and forgets others


def _pci(info: Any) -> str:  # noqa: ANN401 -- pynvml's struct
    return " ".join(
        f"{number & 0xFFFF:04x}:{number >> 16:04x}"
        for number in (info.pciDeviceId, info.pciSubSystemId)
        if number
    )


def _cuda(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _capability(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _architecture(number: int) -> str:
    return words.ARCHITECTURES.get(number, "")


def _brand(number: int) -> str:
    return words.BRANDS.get(number, "")


def _node(number: int) -> str:
    return str(number) if 0 <= number < 0xFFFF else ""  # -1 is none


def _cpus(masks: Iterable[int]) -> str:
    """Spell a mask as ranges, as the kernel does: `0-15,32-47`."""
    mask = sum(word << 64 * place for place, word in enumerate(masks))
    spans: list[str] = []
    number = 0
    while mask >> number:
        if not mask >> number & 1:
            number += 1
            continue
        first = number
        while mask >> number & 1:
            number += 1
        spans.append(str(first) if number == first + 1 else f"{first}-{number - 1}")
    return ",".join(spans)


# fmt: off
# Label, function of the device, further arguments, how the answer is spelt. Adding one is a row here and in LABELS.
TABLE: tuple[tuple[str, str, tuple[Any, ...], Callable[[Any], str]], ...] = (
    ("pci_id",             "nvmlDeviceGetPciInfo_v3",              (),           _pci),
    ("minor",              "nvmlDeviceGetMinorNumber",             (),           str),
    ("serial",             "nvmlDeviceGetSerial",                  (),           str),
    ("part",               "nvmlDeviceGetBoardPartNumber",         (),           str),
    ("vbios",              "nvmlDeviceGetVbiosVersion",            (),           str),
    ("inforom",            "nvmlDeviceGetInforomImageVersion",     (),           str),
    ("gsp",                "nvmlDeviceGetGspFirmwareVersion",      (),           _text),
    ("brand",              "nvmlDeviceGetBrand",                   (),           _brand),
    ("architecture",       "nvmlDeviceGetArchitecture",            (),           _architecture),
    ("compute_capability", "nvmlDeviceGetCudaComputeCapability",   (),           _capability),
    ("numa_node",          "nvmlDeviceGetNumaNodeId",              (),           _node),
    ("cpus",               "nvmlDeviceGetCpuAffinity",             (CPU_WORDS,), _cpus),
    ("module",             "nvmlDeviceGetModuleId",                (),           str),
)
# The same of the system.
SYSTEM: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("driver", "nvmlSystemGetDriverVersion",        str),
    ("cuda",   "nvmlSystemGetCudaDriverVersion_v2", _cuda),
    ("nvml",   "nvmlSystemGetNVMLVersion",          str),
)
# fmt: on


def read_labels(device: Device) -> dict[str, str]:
    """Return the labels that a GPU tells of itself and of its driver; what it lacks is left out."""
    labels = {"uuid": device.uuid, "bus_id": device.bus_id}
    asked = [
        (name, function, (device.handle, *args), spell) for name, function, args, spell in TABLE
    ]
    asked += [(name, function, (), spell) for name, function, spell in SYSTEM]
    for name, function, args, spell in asked:
        try:
            labels[name] = safe(spell(call_of(function)(*args)))
        except Error as error:
            reason_of(error.value)
    return {name: text for name, text in labels.items() if text}


def read_topology(
    device: Device,
    peers: Sequence[Device],
    links: Iterable[Entity],
    active: Cell,
) -> dict[str, str]:
    """Return the labels about the way to other GPUs.

    Args:
        device: The GPU.
        peers: The other GPUs, as far as they are attached.
        links: Its NVLinks.
        active: How many of them are up.
    """
    switched = 0 if isinstance(active, Reason) else int(active)  # all links lead to a switch
    ways: list[str] = []
    readable: list[str] = []
    ends = [link.labels.get("remote", "").lower() for link in links]
    for peer in peers:
        if peer is device or peer.handle is None:
            continue
        direct = sum(end.endswith(peer.bus_id) for end in ends if peer.bus_id)
        if direct or _reaches(device, peer, P2P_NVLINK):
            ways.append(f"{peer.index}=NV{direct or switched}")
        elif level := _level(device, peer):
            ways.append(f"{peer.index}={level}")
        if _reaches(device, peer, P2P_READ):
            readable.append(str(peer.index))
    found = {"topology": " ".join(ways), "p2p": " ".join(readable)}
    return {name: text for name, text in found.items() if text}


def _reaches(device: Device, peer: Device, what: int) -> bool:
    try:
        status = call_of("nvmlDeviceGetP2PStatus")(device.handle, peer.handle, what)
    except Error:
        return False
    return bool(status == 0)


def _level(device: Device, peer: Device) -> str:
    try:
        level = call_of("nvmlDeviceGetTopologyCommonAncestor")(device.handle, peer.handle)
    except Error:
        return ""
    return words.TOPOLOGY.get(level, "")
