"""A GPU as a card: bars, numbers at fixed places, instances or a chart of the past."""

import math
import re
import time
from collections.abc import Sequence

from tuimon.model.history import Floats32
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column, marked
from tuimon.surfaces.frames.chart import area, bar
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.mig import instance_rows, instances
from tuimon.surfaces.frames.row import Line, Row, Span, boxed, fitted
from tuimon.surfaces.frames.trouble import (
    SILENT,
    lane_of,
    lasting,
    memory_style,
    nothing_known,
    silent,
    state_of,
    temperature_style,
)
from tuimon.surfaces.frames.view import View
from tuimon.text import cut, fit, width

CARD_WIDTH = 38
"""Cells a full card needs."""
CARD_ROWS = 7
"""Rows of text in a full card; its box takes two more."""
FLOW, BOTH_LINKS = 7, 46
"""Cells of a flow such as 99.9M/s, and of PCIe and NVLink side by side."""
_BREAK = re.compile(r"[ -](?=[^ -]*$)")
_STATE = 17
"""Cells that the title of a card leaves to the state of the GPU."""


def text_rows(columns: Sequence[Column], size: int) -> int:
    """Return the rows of a card of this width that are no chart."""
    linked = any(column.supported("gpu_nvlink_received_bytes_per_second") for column in columns)
    return CARD_ROWS - 1 + (linked and size - 4 < BOTH_LINKS)


def card(
    state: State, view: View, column: Column, past: Floats32, wide: int, inner: int
) -> list[Row]:
    """Return a card of *wide* cells and *inner* + 2 rows.

    Args:
        state: The state that the GPU is in.
        view: Which characters to use.
        column: The GPU.
        past: Its use, newest last, two values a cell.
        wide: Width with the box.
        inner: Rows within the box.
    """
    size, glyphs = wide - 4, view.glyphs
    label = f"GPU {column.entity.index} "
    tail = state_of(column, _STATE)
    room = wide - 3 - len(label) - (width(tail[0]) + 2) - 3
    title: list[Span] = [(label, "title"), (short_name(column, room), "muted")]
    divided = instances(state, column.entity.id)
    if nothing_known(column) and silent(column) is not None:
        rows = [_silence(state, column, size)]
    else:
        rows = [*_bars(column, size, glyphs), *_facts(column, size, glyphs)]
    if divided:
        rows = rows[: max(inner - len(divided), CARD_ROWS - 1)]
        rows += instance_rows(divided, size, inner - len(rows), glyphs)
    elif view.charts and len(rows) < inner:
        chart = area(past[-2 * size :], inner - len(rows), 0.0, 1.0, glyphs)
        rows += [Line(size).put(text, "gpu").row() for text in chart]
    return boxed(fitted(rows, size, inner), wide, title, [tail], glyphs)


def short_name(column: Column, room: int) -> str:
    """Return the name of the product without its maker, whole words only."""
    name = cut(column.entity.name, 80).removeprefix("NVIDIA ")
    if width(name) > room:
        name = name.removeprefix("GeForce ")
    while width(name) > room:
        found = _BREAK.search(name)
        if found is None:
            return ""
        name = name[: found.start()].rstrip()
    return name


def _silence(state: State, column: Column, size: int) -> Row:
    """Say once why nothing is known of a GPU, and since when."""
    reason = silent(column)
    text, style = SILENT[reason] if reason is not None else ("", "muted")
    health = lane_of(state, column.entity.index)
    line = Line(size).put(text, style)
    if health is not None and lasting(state, health):
        since = time.strftime("%H:%M:%S", time.localtime(health.since))
        line.offer([(f"since {since}, for {lasting(state, health)}", "muted")], 1)
    return line.row()


def _bars(column: Column, size: int, glyphs: Glyphs) -> list[Row]:
    share = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
    power = column.ratio("gpu_power_watts", "gpu_power_limit_watts")
    used = column.value("gpu_utilization_ratio")
    return [
        _bar("util", used, "gpu", [column.span("gpu_utilization_ratio")], size, glyphs),
        _bar("mem", share, memory_style(column), memory(column), size, glyphs),
        _bar("pwr", power, "power", _power(column), size, glyphs),
    ]


def _bar(
    label: str, ratio: float, style: str, tail: Sequence[Span], size: int, glyphs: Glyphs
) -> Row:
    room = max(12, sum(width(part) for part, _ in tail))
    line = Line(size).field(label, 5, "muted")
    line.extend(bar(ratio, max(size - 5 - room - 1, 0), style, glyphs))
    return line.right(tail).row()


def memory(column: Column) -> list[Span]:
    """Return memory in use and in all, with a mark if it is nearly full."""
    used = column.span("gpu_memory_used_bytes")
    if math.isnan(column.value("gpu_memory_used_bytes")) and math.isnan(
        column.value("gpu_memory_total_bytes")
    ):
        return [used]
    return [
        used,
        ("/", "muted"),
        column.span("gpu_memory_total_bytes", "muted"),
        (marked("", memory_style(column)), "bad"),
        (" shared" if column.entity.labels.get("memory") else "", "muted"),
    ]


def _power(column: Column) -> list[Span]:
    value = column.span("gpu_power_watts")
    if math.isnan(column.value("gpu_power_limit_watts")):
        return [value]
    return [value, ("/", "muted"), column.span("gpu_power_limit_watts", "muted")]


def _facts(column: Column, size: int, glyphs: Glyphs) -> list[Row]:
    """Return the rows of numbers, each number at a place that does not move with the others."""
    first, second, third = Line(size), Line(size), Line(size)
    first.extend(_heat(column)).extend(_padded("clk", column, "gpu_sm_clock_hertz", 8))
    second.extend(_busy(column))
    if column.supported("gpu_fan_ratio"):
        fan = _padded("fan", column, "gpu_fan_ratio", 4)
        first.offer(fan, 0) or second.offer(fan)
    third.extend(_both_ways("pcie ", column, "gpu_pcie", glyphs))
    rows = [line for line in (first, second, third) if line.left < size]
    nvlink = _both_ways("nvl  ", column, "gpu_nvlink", glyphs)
    if nvlink and (third.left == size or not third.offer(nvlink)):
        rows.append(Line(size).extend(nvlink))
    return [line.row() for line in rows]


def _padded(label: str, column: Column, name: str, size: int) -> list[Span]:
    text, style = column.span(name)
    return [(f"{label} ", "muted"), (fit(text, max(size, width(text))), style)]


def _heat(column: Column) -> list[Span]:
    style = temperature_style(column)
    core = marked(column.text("gpu_temperature_celsius"), style)
    spans: list[Span] = [("temp ", "muted"), (fit(core, max(6, width(core))), style)]
    if column.supported("gpu_memory_temperature_celsius"):
        spans += _padded("hbm", column, "gpu_memory_temperature_celsius", 6)
    return spans


def _busy(column: Column) -> list[Span]:
    """Return what the profiling counters say, which tells load from mere use."""
    spans: list[Span] = []
    for label, name in (("sm", "gpu_sm_active_ratio"), ("tensor", "gpu_tensor_active_ratio"),
                        ("dram", "gpu_dram_active_ratio")):  # fmt: skip
        if column.supported(name):
            spans += _padded(label, column, name, 5)
    if not spans and column.supported("gpu_memory_utilization_ratio"):
        spans = _padded("mem ctl", column, "gpu_memory_utilization_ratio", 5)
    return spans


def _both_ways(label: str, column: Column, link: str, glyphs: Glyphs) -> list[Span]:
    down, up = f"{link}_received_bytes_per_second", f"{link}_sent_bytes_per_second"
    if not column.supported(down):
        return []
    (received, one), (sent, other) = column.span(down), column.span(up)
    return [
        (f"{label}{glyphs.down}", "muted"),
        (fit(received, FLOW), one),
        (f" {glyphs.up}", "muted"),
        (fit(sent, FLOW), other),
    ]
