"""What is wrong with GPUs, in as few words as say it: on cards and lines, and in the top line."""

import math
import re
from collections.abc import Sequence

from tuimon.errors import Reason
from tuimon.model.metric import Kind
from tuimon.model.sample import Health, Status
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column, graded
from tuimon.surfaces.frames.row import Span
from tuimon.text import cut, width
from tuimon.units import Unit, show

MEMORY_WARN, MEMORY_BAD = 0.90, 0.97
"""Shares of memory in use at which an allocation is likely to fail soon; our own choice."""
TEMPERATURE_NEAR = 10.0
"""Degrees below the board's own slowdown temperature from which on it is worth a look."""
VITAL = ("gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_power_watts",
         "gpu_temperature_celsius", "gpu_sm_clock_hertz")  # fmt: skip
"""If none of these is known, nothing is that a card shows."""
_LANE = re.compile(r"(?:nvml|simulated)/(?:gpu)?(\d+)")

# fmt: off
SILENT: dict[Reason, Span] = {
    Reason.DEVICE_LOST:   ("lost",          "bad"),
    Reason.TIMEOUT:       ("no answer",     "bad"),
    Reason.FAILED:        ("failed",        "bad"),
    Reason.NO_PERMISSION: ("no permission", "warn"),
    Reason.ASLEEP:        ("asleep",        "muted"),
    Reason.NOT_YET:       ("reading…",      "muted"),
}
# A bit of `gpu_clock_event_reasons` (nvml.h), its name here ("" = the metric's own), its style.
# The first one that is set is shown: thermal and brake set the bit of hardware slowdown too.
CLOCKS_HELD: tuple[tuple[int, str, str], ...] = (
    (0x040, "hw hot",  "bad"),
    (0x080, "brake",   "bad"),
    (0x008, "hw slow", "bad"),
    (0x020, "sw hot",  "warn"),
    (0x004, "pwr cap", "warn"),
    (0x010, "sync",    "warn"),
    (0x200, "",        "warn"),
    (0x400, "",        "warn"),
)
# What `gpu_recovery_action` asks for; its own word where there is none here.
RECOVERY: dict[int, str] = {
    1: "reset needed",
    2: "reboot needed",
    3: "drain needed",
    4: "drain, reset",
    6: "bus reset",
    7: "reboot needed",
}
# fmt: on


def state_of(column: Column, room: int = 99) -> Span:
    """Return what is most wrong with a GPU, with its P-state if that fits into *room* cells too."""
    text, style = _wrong(column)
    pstate = column.value("gpu_pstate")
    if math.isnan(pstate) or silent(column) is not None:
        return text, style
    both = f"P{pstate:.0f} {text}".rstrip()
    return (both if width(both) <= room else text), style


def _wrong(column: Column) -> Span:
    """Return the worst of what is known; "idle" or nothing where all is well."""
    reason = silent(column)
    if reason is not None:
        return SILENT[reason]
    return _hurt(column) or _held(column)


def _hurt(column: Column) -> Span | None:
    """Return what is broken, or is to be done by people."""
    action = column.value("gpu_recovery_action")
    if action > 0:
        return RECOVERY.get(int(action), column.text("gpu_recovery_action")), "bad"
    if column.value("gpu_remap_failed") == 1:
        return "remap failed", "bad"
    if column.value("gpu_remap_pending") == 1:
        return "remap pending", "warn"
    if column.value("gpu_ecc_uncorrected_total") > 0:
        return f"ECC {column.text('gpu_ecc_uncorrected_total')}", "bad"
    return None


def _held(column: Column) -> Span:
    """Return what holds the clocks down."""
    mask = column.value("gpu_clock_event_reasons")
    bits = 0 if math.isnan(mask) else int(mask)
    for bit, word, style in CLOCKS_HELD:
        if bits & bit:
            return word or _word(column, bit), style
    return ("idle" if bits & 1 else ""), "muted"


def _word(column: Column, bit: int) -> str:
    metric = column.metric("gpu_clock_event_reasons")
    return dict(metric.words if metric else ()).get(bit, f"{bit:#x}")


def silent(column: Column) -> Reason | None:
    """Return why a GPU as a whole does not tell how it is; None if it does."""
    reasons = [column.reason(name) for name in VITAL]
    for reason in (Reason.DEVICE_LOST, Reason.TIMEOUT):
        if reason in reasons:
            return reason
    if reasons[0] is Reason.FAILED:
        return Reason.FAILED
    known = [reason for reason in reasons if reason is not Reason.NOT_SUPPORTED]
    return known[0] if known and known[0] in SILENT and len(set(known)) == 1 else None


def nothing_known(column: Column) -> bool:
    """Whether all that a card would show are reasons."""
    return all(math.isnan(column.value(name)) for name in VITAL)


def temperature_style(column: Column) -> str:
    """Return the style of the temperature, graded by the board's own bounds."""
    slow = column.value("gpu_temperature_slowdown_celsius")
    return graded(column.value("gpu_temperature_celsius"), slow - TEMPERATURE_NEAR, slow)


def memory_style(column: Column) -> str:
    """Return the style of the memory in use."""
    ratio = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
    style = graded(ratio, MEMORY_WARN, MEMORY_BAD, "memory")
    return "memory" if style == "unknown" else style


def is_bad(column: Column) -> bool:
    """Whether anything of a GPU is drawn as bad."""
    return "bad" in {_wrong(column)[1], temperature_style(column), memory_style(column)}


def lane_of(state: State, index: int) -> Health | None:
    """Return the health of the lane that reads the GPU with this index, if it is not well."""
    return next((one for one in sick(state) if _gpu_of(one.lane) == index), None)


def sick(state: State) -> list[Health]:
    """Return the lanes that do not answer or have failed."""
    return [one for one in state.health.values() if one.status in {Status.LATE, Status.FAILED}]


def lasting(state: State, health: Health) -> str:
    """Return for how long a lane has been as it is; nothing if that is not known."""
    seconds = math.floor(state.at - health.since)
    return show(float(seconds), Unit.SECONDS) if health.since and seconds >= 1 else ""


def sick_alerts(state: State) -> list[str]:
    """Return one text for each sick lane; several GPUs with the same trouble are one."""
    alike: dict[str, list[Health]] = {}
    others: list[str] = []
    for one in sick(state):
        index = _gpu_of(one.lane)
        word = _status_word(state, one, index)
        if index >= 0:
            alike.setdefault(word, []).append(one)
        else:
            others.append(f"! {cut(one.lane, 24)} {word} {lasting(state, one)}".rstrip())
    return [*(_of_gpus(state, word, lanes) for word, lanes in alike.items()), *others]


def _of_gpus(state: State, word: str, lanes: Sequence[Health]) -> str:
    if len(lanes) > 1:
        return f"! {len(lanes)} GPUs {word}"
    past = lasting(state, lanes[0]) if lanes[0].status is Status.LATE else ""
    return f"! GPU {_gpu_of(lanes[0].lane)} {word} {past}".rstrip()


def _status_word(state: State, health: Health, index: int) -> str:
    """Return what a lane suffers from, in the words that cards use."""
    if health.status is Status.LATE:
        return SILENT[Reason.TIMEOUT][0]
    frame = state.frames.get(Kind.GPU)
    for place, entity in enumerate(frame.entities if frame is not None else ()):
        if frame is not None and entity.index == index >= 0:
            reason = silent(Column(frame, place))
            return SILENT[Reason.DEVICE_LOST if reason is Reason.DEVICE_LOST else Reason.FAILED][0]
    return SILENT[Reason.FAILED][0]


def _gpu_of(lane: str) -> int:
    """Return the index of the GPU that a lane reads, -1 if it reads something else."""
    found = _LANE.fullmatch(lane)
    return int(found[1]) if found else -1
