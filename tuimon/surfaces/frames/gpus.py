"""The GPU panel: full cards, one line a GPU, or a heat strip, by the space there is."""

import math
from collections.abc import Sequence

import numpy as np

from tuimon.model.history import Floats32
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column, graded
from tuimon.surfaces.frames.chart import area, bar, spark
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.mig import instance_rows, instances
from tuimon.surfaces.frames.row import Line, Row, Span, beside, blank, boxed, fitted
from tuimon.surfaces.frames.view import View

CARD_WIDTH = 38
"""Cells a full card needs."""
CARD_ROWS = 7
"""Rows of text in a full card; its box takes two more."""
STRIP_WIDTH = 13
STATE_WIDTH = 20
"""Cells for what holds the clocks down, or why a device does not answer."""
HARD, SOFT = 0xC8, 0x634
"""Clock event bits (nvml.h): slowed by hardware; held by a cap, software heat control or sync."""
MEMORY_WARN, MEMORY_BAD = 0.90, 0.97
"""Shares of memory in use at which an allocation is likely to fail soon; our own choice."""


def gpu_rows(state: State, view: View, size: int, most: int) -> int:
    """Return how many rows the GPU panel should have, at most *most*.

    Full cards if all fit, else one line each, else a strip that always fits.
    """
    count = len(state.entities(Kind.GPU))
    if not count:
        return min(2, most)
    deep = -(-count // _across(count, size))
    if size >= CARD_WIDTH and deep * (CARD_ROWS + 2) <= most:
        spare = _spare(deep, most) if view.charts else -1
        return min(deep * (CARD_ROWS + 2 + spare), most)
    if count + 1 <= most:
        return count + 1
    return min(strip_rows(state, size), most)


def strip_rows(state: State, size: int) -> int:
    """Return how many rows the smallest picture of all GPUs takes."""
    return -(-len(state.entities(Kind.GPU)) // max(size // STRIP_WIDTH, 1))


def _across(count: int, size: int) -> int:
    """Return how many cards stand side by side: as few rows of cards as can be, evenly filled."""
    deep = -(-count // max(size // CARD_WIDTH, 1))
    return -(-count // deep)


def _spare(deep: int, most: int) -> int:
    """Return the rows by which each card's chart may grow."""
    return min(max(most // deep - (CARD_ROWS + 2), 0), 5)


def gpus(state: State, view: View, size: int, height: int) -> list[Row]:
    """Return the GPU panel in exactly *height* rows."""
    frame = state.frames.get(Kind.GPU)
    if frame is None or not len(frame.entities):
        return fitted(_nothing(state, size), size, height)
    columns = [Column(frame, column) for column in range(len(frame.entities))]
    deep = -(-len(columns) // _across(len(columns), size))
    least = CARD_ROWS + 2 - (not view.charts)
    if size >= CARD_WIDTH and deep * least <= height:
        rows = _cards(state, view, columns, size, height // deep - 2)
    elif len(columns) + 1 <= height:
        rows = _lines(state, view, columns, size)
    else:
        rows = _strip(columns, size, view.glyphs)
    return fitted(rows, size, height)


def _nothing(state: State, size: int) -> list[Row]:
    """Say why there is no GPU to be seen."""
    health = state.health.get("nvml")
    if health is None:
        text, style = "no GPU source was asked for", "muted"
    elif health.status is Status.OPENING:
        text, style = "looking for GPUs…", "muted"
    elif health.status is Status.OK:
        text, style = "the NVIDIA driver is there and lists no GPU", "warn"
    else:
        text, style = health.text, "warn" if health.status is Status.FAILED else "muted"
    line = Line(size).put(" GPU  ", "title").put(text, style)
    more = Line(size).put("      D", "key").put(" shows each check made and what to do", "muted")
    return [line.row(), more.row()]


def _cards(state: State, view: View, columns: Sequence[Column], size: int, inner: int) -> list[Row]:
    across = _across(len(columns), size)
    edges = [size * place // across for place in range(across + 1)]
    points = size // across + 1
    past = _past(state, columns, "gpu_utilization_ratio", 2 * points)
    rows: list[Row] = []
    for first in range(0, len(columns), across):
        cards = [
            _card(state, view, column, past[first + place], edges[place + 1] - edges[place], inner)
            for place, column in enumerate(columns[first : first + across])
        ]
        lacking = size - edges[len(cards)]
        if lacking:
            cards.append([blank(lacking)] * (inner + 2))
        rows += beside(cards)
    return rows


def _past(state: State, columns: Sequence[Column], metric: str, count: int) -> Floats32:
    """Return float32[n, count]: the newest *count* ticks of one metric of each GPU."""
    ids = [column.entity.id for column in columns]
    return state.history.grid(Kind.GPU, metric, ids, state.at, state.interval, count)


def _card(
    state: State, view: View, column: Column, past: Floats32, wide: int, inner: int
) -> list[Row]:
    size, glyphs = wide - 4, view.glyphs
    name = column.entity.name.removeprefix("NVIDIA ")
    title: list[Span] = [(f"GPU {column.entity.index} ", "title"), (name, "muted")]
    tail = [_state_of(column)]
    share = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
    power = column.ratio("gpu_power_watts", "gpu_power_limit_watts")
    used = [column.span("gpu_utilization_ratio")]
    facts = [_temperatures(column), _clocks(column), _fan(column)]
    links = [_busy(column), _pcie(column, glyphs), _nvlink(column, glyphs)]
    rows = [
        _bar_line("util", column.value("gpu_utilization_ratio"), "gpu", used, size, glyphs),
        _bar_line("mem", share, _memory_style(column), _memory(column), size, glyphs),
        _bar_line("pwr", power, "power", _power(column), size, glyphs),
        *_facts(size, [*facts, *links], 3),
    ]
    divided = instances(state, column.entity.id)
    if divided:
        rows += instance_rows(divided, size, inner - len(rows), glyphs)
    elif view.charts:
        chart = area(past[-2 * size :], max(inner - len(rows), 1), 0.0, 1.0, glyphs)
        rows += [Line(size).put(text, "gpu").row() for text in chart]
    return boxed(fitted(rows, size, inner), wide, title, tail, glyphs)


def _facts(size: int, groups: Sequence[Sequence[Span]], most: int) -> list[Row]:
    """Return groups over at most *most* rows, each group whole; what does not fit is left out."""
    rows: list[Row] = []
    line = Line(size)
    for group in filter(None, groups):
        if not line.offer(group):
            rows.append(line.row())
            line = Line(size)
            line.offer(group)
    return [*rows, line.row()][:most]


def _bar_line(
    label: str, ratio: float, style: str, tail: Sequence[Span], size: int, glyphs: Glyphs
) -> Row:
    text = sum(len(part) for part, _ in tail)
    room = max(12, text)
    line = Line(size).field(label, 5, "muted")
    line.extend(bar(ratio, max(size - 5 - room - 1, 0), style, glyphs))
    return line.right(tail).row()


def _memory_style(column: Column) -> str:
    ratio = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
    style = graded(ratio, MEMORY_WARN, MEMORY_BAD, "memory")
    return "memory" if style == "unknown" else style


def _memory(column: Column) -> list[Span]:
    shared = " shared" if column.entity.labels.get("memory") else ""
    return [
        column.span("gpu_memory_used_bytes"),
        ("/", "muted"),
        column.span("gpu_memory_total_bytes", "muted"),
        (shared, "muted"),
    ]


def _power(column: Column) -> list[Span]:
    value = column.span("gpu_power_watts")
    if math.isnan(column.value("gpu_power_limit_watts")):
        return [value]
    return [value, ("/", "muted"), column.span("gpu_power_limit_watts", "muted")]


def _temperatures(column: Column) -> list[Span]:
    slow = column.value("gpu_temperature_slowdown_celsius")
    style = graded(column.value("gpu_temperature_celsius"), slow - 10, slow)
    core: Span = (column.text("gpu_temperature_celsius"), style)
    spans: list[Span] = [("temp ", "muted"), core]
    if column.supported("gpu_memory_temperature_celsius"):
        spans += [(" hbm ", "muted"), column.span("gpu_memory_temperature_celsius")]
    return spans


def _clocks(column: Column) -> list[Span]:
    return [("sm ", "muted"), column.span("gpu_sm_clock_hertz")]


def _fan(column: Column) -> list[Span]:
    if not column.supported("gpu_fan_ratio"):
        return []
    return [("fan ", "muted"), column.span("gpu_fan_ratio")]


def _busy(column: Column) -> list[Span]:
    """Return what the profiling counters say, which tells load from mere use."""
    spans: list[Span] = []
    for label, name in (("sm", "gpu_sm_active_ratio"), ("tensor", "gpu_tensor_active_ratio"),
                        ("dram", "gpu_dram_active_ratio")):  # fmt: skip
        if column.supported(name):
            spans += [(f"{' ' if spans else ''}{label} ", "muted"), column.span(name)]
    if not spans and column.supported("gpu_memory_utilization_ratio"):
        spans = [("mem ctl ", "muted"), column.span("gpu_memory_utilization_ratio")]
    return spans


def _pcie(column: Column, glyphs: Glyphs) -> list[Span]:
    return _both_ways("pcie ", column, "gpu_pcie", glyphs)


def _nvlink(column: Column, glyphs: Glyphs) -> list[Span]:
    return _both_ways("nvl ", column, "gpu_nvlink", glyphs)


def _both_ways(label: str, column: Column, link: str, glyphs: Glyphs) -> list[Span]:
    down, up = f"{link}_received_bytes_per_second", f"{link}_sent_bytes_per_second"
    if not column.supported(down):
        return []
    return [
        (f"{label}{glyphs.down}", "muted"),
        column.span(down),
        (f" {glyphs.up}", "muted"),
        column.span(up),
    ]


def _state_of(column: Column) -> Span:
    """Return P-state and what holds the clocks down, or why the device does not answer."""
    mask = column.value("gpu_clock_event_reasons")
    if math.isnan(mask):
        reason = column.reason("gpu_utilization_ratio")
        return (reason.label, "bad") if reason.name in {"DEVICE_LOST", "TIMEOUT"} else ("", "muted")
    pstate = column.value("gpu_pstate")
    state = "" if math.isnan(pstate) else f"P{pstate:.0f} "
    for bits, style in ((HARD, "bad"), (SOFT, "warn")):
        if int(mask) & bits:
            return f"{state}{_first_word(column, int(mask) & bits)}", style
    return (f"{state}idle" if int(mask) & 1 else state.strip()), "muted"


def _first_word(column: Column, mask: int) -> str:
    metric = column.metric("gpu_clock_event_reasons")
    return next(
        (word for bit, word in (metric.words if metric else ()) if bit & mask), f"{mask:#x}"
    )


def _lines(state: State, view: View, columns: Sequence[Column], size: int) -> list[Row]:
    """Return one line a GPU under a head."""
    glyphs = view.glyphs
    wide = size >= 100
    name_size = 18 if wide else 0
    spark_size = min(size - 92 - STATE_WIDTH, 60) if wide and view.charts else 0
    spark_size = spark_size if spark_size >= 8 else 0
    past = _past(state, columns, "gpu_utilization_ratio", max(spark_size, 1))
    head = Line(size).field(" GPU", 4, "heading")
    head.gap(1, "heading").field("name" if name_size else "", name_size, "heading")
    head.field("util", 15, "heading").field(" memory", 27 if wide else 24, "heading")
    head.field(" power", 10, "heading").field(" temp", 6, "heading")
    if wide:
        head.field(" sm", 9, "heading")
        head.field(" util over time" if spark_size > 14 else "", spark_size + 1, "heading")
    rows = [head.field(" state", max(head.left, 0), "heading").row("heading")]
    for column, values in zip(columns, past, strict=True):
        line = Line(size).field(str(column.entity.index), 4, "title", right=True).gap()
        line.field(column.entity.name.removeprefix("NVIDIA "), name_size, "muted")
        line.extend(bar(column.value("gpu_utilization_ratio"), 9, "gpu", glyphs)).gap()
        line.field(*_sized(column.span("gpu_utilization_ratio"), 4), right=True).gap(2)
        share = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
        line.extend(bar(share, 11 if wide else 8, _memory_style(column), glyphs)).gap()
        memory = _memory(column)
        line.extend(memory).gap(max(14 - sum(len(text) for text, _ in memory), 0)).gap()
        line.field(*_sized(column.span("gpu_power_watts"), 5), right=True)
        limit = column.value("gpu_power_limit_watts")
        line.field("" if math.isnan(limit) else f"/{limit:.0f}", 5, "muted")
        line.field(*_sized(_temperatures(column)[1], 5), right=True).gap()
        if wide:
            line.field(*_sized(column.span("gpu_sm_clock_hertz"), 8), right=True).gap()
            line.put(spark(values, 0.0, 1.0, glyphs) if spark_size else "", "gpu")
            line.gap(1 if spark_size else 0)
        line.put(*_state_of(column))
        divided = len(instances(state, column.entity.id))
        rows.append(line.put(f" MIG {divided}" if divided else "", "muted").row())
    return rows


def _sized(span: Span, size: int) -> tuple[str, int, str]:
    return span[0], size, span[1]


def _strip(columns: Sequence[Column], size: int, glyphs: Glyphs) -> list[Row]:
    """Return all GPUs as small cells: index, use as a mark and a number, memory as a mark."""
    across = max(size // STRIP_WIDTH, 1)
    rows: list[Row] = []
    for first in range(0, len(columns), across):
        line = Line(size)
        for column in columns[first : first + across]:
            util = column.value("gpu_utilization_ratio")
            share = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
            marks = spark(np.array([util], np.float32), 0, 1, glyphs)
            line.field(str(column.entity.index), 3, "title", right=True).gap()
            line.put(marks, "gpu").field(
                *_sized(column.span("gpu_utilization_ratio"), 4), right=True
            )
            line.gap().put(
                spark(np.array([share], np.float32), 0, 1, glyphs), _memory_style(column)
            )
            bad = _state_of(column)[1] == "bad"
            line.put("!" if bad else " ", "bad").gap()
        rows.append(line.row())
    return rows
