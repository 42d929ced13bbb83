"""Which GPUs somebody meant: by index, UUID, PCI address, or CUDA_VISIBLE_DEVICES."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuimon.errors import UsageError


@dataclass(frozen=True, slots=True)
class Known:
    """What a GPU can be chosen by."""

    index: int
    uuid: str = ""
    bus_id: str = ""
    name: str = ""


def choose(selectors: Sequence[str], known: Sequence[Known]) -> list[int]:
    """Return the indexes of the GPUs that *selectors* name, in their order, each once.

    Raises:
        UsageError: One of them names no GPU, or several.
    """
    chosen: dict[int, None] = {}
    for selector in selectors:
        chosen.setdefault(_one(selector.strip(), known))
    return list(chosen)


def visible(
    environ: Mapping[str, str], known: Sequence[Known], mig: Mapping[str, str]
) -> list[str]:
    """Return the selectors that CUDA_VISIBLE_DEVICES amounts to; all GPUs if it is not set.

    CUDA reads the list up to the first entry that names nothing.

    Args:
        environ: The environment.
        known: The GPUs, in NVML's order, which is that of their PCI addresses.
        mig: The GPU's UUID for the UUID of each MIG instance.

    Raises:
        UsageError: It counts by CUDA's own order, which may be another one here.
    """
    text = environ.get("CUDA_VISIBLE_DEVICES")
    if text is None:
        return [str(one.index) for one in known]
    selectors: list[str] = []
    for part in text.split(","):
        entry = _parent(part.strip(), mig)
        if entry.isdigit():
            _same_order(environ, known, text)
        fits = [one for one in known if _fits(entry, one)]
        if len(fits) != 1:
            break
        selectors.append(entry)
    return selectors


def _parent(entry: str, mig: Mapping[str, str]) -> str:
    """Return the GPU's UUID in place of that of a MIG instance."""
    if not entry.startswith("MIG-"):
        return entry
    return next((gpu for uuid, gpu in mig.items() if uuid.startswith(entry)), "")


def _same_order(environ: Mapping[str, str], known: Sequence[Known], text: str) -> None:
    """Raise where CUDA may number GPUs of several models fastest first."""
    if environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len({one.name for one in known}) <= 1:
        return
    raise UsageError(
        f"CUDA_VISIBLE_DEVICES={text} counts fastest first, and the models here differ; "
        "set CUDA_DEVICE_ORDER=PCI_BUS_ID or name the GPUs by UUID"
    )


def _one(selector: str, known: Sequence[Known]) -> int:
    fits = [one for one in known if _fits(selector, one)]
    if len(fits) == 1:
        return fits[0].index
    if fits:
        names = ", ".join(one.uuid or str(one.index) for one in fits)
        raise UsageError(f"GPU '{selector}' may be one of {names}; give more of the UUID")
    there = ", ".join(f"{one.index} ({one.uuid})" if one.uuid else str(one.index) for one in known)
    raise UsageError(f"no GPU '{selector}'; there are: {there or 'none'}")


def _fits(selector: str, one: Known) -> bool:
    """Return whether a selector names a GPU; digits are an index, never a part of a UUID."""
    if selector.isdigit():
        return int(selector) == one.index
    low = selector.lower()
    if not low:
        return False
    uuid, address = one.uuid.lower(), one.bus_id.lower()
    if uuid and (uuid.startswith(low) or uuid.removeprefix("gpu-").startswith(low)):
        return True
    return ":" in low and bool(address) and address.endswith(low.removeprefix("0000"))
