"""The GPU panel: full cards, one line a GPU, or a heat strip, by the space there is."""

import math
from collections.abc import Sequence

import numpy as np

from tuimon.model.history import Floats32
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.model.state import State
from tuimon.surfaces.frames.card import CARD_ROWS, CARD_WIDTH, card, memory, short_name, text_rows
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.chart import bar, spark
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.mig import instances
from tuimon.surfaces.frames.row import Line, Row, Span, beside, blank, fitted
from tuimon.surfaces.frames.trouble import is_bad, memory_style, state_of, temperature_style
from tuimon.surfaces.frames.view import View
from tuimon.text import width

STRIP_WIDTH = 13
STATE_WIDTH = 20
"""Cells for what holds the clocks down, or why a device does not answer."""
NARROW, WIDE = 72, 100
"""Widths below which lines leave out bounds, and from which on they have name and clock."""


def gpu_rows(state: State, view: View, size: int, most: int, comfort: int) -> int:
    """Return how many rows the GPU panel should have, at most *most*.

    Full cards if all fit, else one line each, else a strip that always fits. Charts grow up to
    *comfort* rows only, so that the panels below keep their share.
    """
    columns = _columns(state)
    count = len(columns)
    if not count:
        return min(2, most)
    deep = -(-count // _across(count, size))
    least = _least(columns, view, size)
    if size >= CARD_WIDTH and deep * least <= most:
        grown = min(comfort // deep, least + 5) if view.charts else least
        return deep * max(grown, least)
    if count + 1 <= most:
        return count + 1
    return min(strip_rows(state, size), most)


def strip_rows(state: State, size: int) -> int:
    """Return how many rows the smallest picture of all GPUs takes."""
    return -(-len(state.entities(Kind.GPU)) // max(size // STRIP_WIDTH, 1))


def _columns(state: State) -> list[Column]:
    frame = state.frames.get(Kind.GPU)
    return [] if frame is None else [Column(frame, at) for at in range(len(frame.entities))]


def _across(count: int, size: int) -> int:
    """Return how many cards stand side by side: as few rows of cards as can be, evenly filled."""
    deep = -(-count // max(size // CARD_WIDTH, 1))
    return -(-count // deep)


def _least(columns: Sequence[Column], view: View, size: int) -> int:
    """Return the rows that each card needs."""
    texts = text_rows(columns, size // _across(len(columns), size))
    return (CARD_ROWS if view.charts else texts) + 2


def gpus(state: State, view: View, size: int, height: int) -> list[Row]:
    """Return the GPU panel in exactly *height* rows."""
    columns = _columns(state)
    if not columns:
        return fitted(_nothing(state, size), size, height)
    deep = -(-len(columns) // _across(len(columns), size))
    if size >= CARD_WIDTH and deep * _least(columns, view, size) <= height:
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
            card(state, view, column, past[first + place], edges[place + 1] - edges[place], inner)
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


def _lines(state: State, view: View, columns: Sequence[Column], size: int) -> list[Row]:
    """Return one line a GPU under a head."""
    room = min(size - 92 - STATE_WIDTH, 60) if size >= WIDE and view.charts else 0
    room = room if room >= 8 else 0
    past = _past(state, columns, "gpu_utilization_ratio", max(room, 1))
    rows = [_head(size, room)]
    for column, values in zip(columns, past, strict=True):
        line = Line(size)
        _numbers(line, column, size, view.glyphs)
        if room:
            line.put(spark(values, 0.0, 1.0, view.glyphs), "gpu").gap()
        line.put(*state_of(column, line.left))
        divided = len(instances(state, column.entity.id))
        rows.append(line.put(f" MIG {divided}" if divided else "", "muted").row())
    return rows


def _head(size: int, room: int) -> Row:
    """Return the head of the lines, *room* being the cells of the sparkline."""
    wide = size >= WIDE
    head = Line(size).field(" GPU", 5, "heading").field("name", 18 if wide else 0, "heading")
    head.field("util", 15, "heading")
    head.field(" memory", 27 if wide else 24 if size >= NARROW else 17, "heading")
    head.field(" power", 10 if size >= NARROW else 6, "heading").field(" temp", 6, "heading")
    if wide:
        head.field("clock", 8, "heading", right=True).gap(1, "heading")
        head.field("util over time"[: room + 1], room + 1 if room else 0, "heading")
    return head.field("state", max(head.left, 0), "heading").row("heading")


def _numbers(line: Line, column: Column, size: int, glyphs: Glyphs) -> None:
    """Add what is known of a GPU to its line, up to the clock."""
    wide, narrow = size >= WIDE, size < NARROW
    line.field(str(column.entity.index), 4, "title", right=True).gap()
    if wide:
        line.field(short_name(column, 17), 18, "muted")
    line.extend(bar(column.value("gpu_utilization_ratio"), 9, "gpu", glyphs)).gap()
    line.field(*_sized(column.span("gpu_utilization_ratio"), 4), right=True).gap(2)
    share = column.ratio("gpu_memory_used_bytes", "gpu_memory_total_bytes")
    line.extend(bar(share, 11 if wide else 8, memory_style(column), glyphs)).gap()
    spans = memory(column)
    if narrow:
        spans = [spans[0], *spans[3:4]]
    line.extend(spans).gap(max((7 if narrow else 14) - sum(width(text) for text, _ in spans), 0))
    line.gap().field(*_sized(column.span("gpu_power_watts"), 5), right=True)
    limit = column.value("gpu_power_limit_watts")
    if not narrow:
        line.field("" if math.isnan(limit) else f"/{limit:.0f}", 5, "muted")
    style = temperature_style(column)
    line.field(column.text("gpu_temperature_celsius"), 5, style, right=True)
    line.put("!" if style == "bad" else " ", style)
    if wide:
        line.field(*_sized(column.span("gpu_sm_clock_hertz"), 8), right=True).gap()


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
            line.gap().put(spark(np.array([share], np.float32), 0, 1, glyphs), memory_style(column))
            line.put("!" if is_bad(column) else " ", "bad").gap()
        rows.append(line.row())
    return rows
