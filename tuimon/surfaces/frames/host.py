"""The host panel: processors, memory, pressure, disks, links."""

import math
from collections.abc import Sequence

import numpy as np

from tuimon.errors import Reason
from tuimon.model.metric import Kind
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column, graded, marked
from tuimon.surfaces.frames.chart import bar, spark
from tuimon.surfaces.frames.row import Line, Row, Span, boxed, fitted
from tuimon.surfaces.frames.view import View

MEMORY_WARN, MEMORY_BAD = 0.90, 0.97
CORES_WORTH_A_ROW = 8
TRACE_FROM, TRACE_MOST = 84, 60
"""Cells that the numbers of a row take before a sparkline may, and the longest one."""
PRESSURE_WARN, PRESSURE_BAD = 0.10, 0.40
"""Shares of time some task waited; from 10 % on it is felt. Our own choice."""


def host_rows(state: State, size: int, most: int) -> int:
    """Return how many rows the host panel should have, at most *most*."""
    wanted = 4 + 2 if size >= 60 else 3
    if size >= 100 and most >= 7 and len(state.entities(Kind.CORE)) >= CORES_WORTH_A_ROW:
        wanted += 1
    return min(wanted, most) if most >= 5 else min(3, most)


def host(state: State, view: View, size: int, height: int) -> list[Row]:
    """Return the host panel in exactly *height* rows."""
    frame = state.frames.get(Kind.HOST)
    if frame is None or not len(frame.entities):
        return fitted([Line(size).put(" host  not read yet", "muted").row()], size, height)
    column = Column(frame, 0)
    framed = height >= 5
    inner = size - 4 if framed else size
    rows = [
        _cpu(state, view, column, inner),
        _memory(state, column, view, inner),
        _flows(state, column, view, inner),
    ]
    room = height - (2 if framed else 0)
    if room > 3:
        rows.insert(2, _pressure(state, view, column, inner))
    if room > 4 and len(state.entities(Kind.CORE)) >= CORES_WORTH_A_ROW:
        rows.insert(1, _cores(state, view, inner))
    if not framed:
        return fitted(rows, size, height)
    labels = column.entity.labels
    title: list[Span] = [("host ", "title"), (labels.get("cpu_model", ""), "muted")]
    return fitted(boxed(rows[:room], size, title, _quota(state), view.glyphs), size, height)


def _quota(state: State) -> list[Span]:
    """Say what our own control group allows, where it allows less than the host has."""
    frame = state.frames.get(Kind.CGROUP)
    if frame is None or not len(frame.entities):
        return []
    column = Column(frame, 0)
    parts: list[str] = []
    cores = column.value("cgroup_cpu_quota_cores")
    if not math.isnan(cores):
        busy = column.value("cgroup_cpu_busy_ratio")
        parts.append(f"{cores:g} cores" + ("" if math.isnan(busy) else f", {busy:.0%} used"))
    if not math.isnan(column.value("cgroup_memory_limit_bytes")):
        used = column.text("cgroup_memory_used_bytes")
        parts.append(f"{used}/{column.text('cgroup_memory_limit_bytes')}")
    return [("cgroup " + ", ".join(parts), "warn")] if parts else []


def _cpu(state: State, view: View, column: Column, size: int) -> Row:
    busy = column.value("host_cpu_busy_ratio")
    line = Line(size).field("cpu", 5, "muted").extend(bar(busy, 16, "cpu", view.glyphs)).gap()
    line.field(column.text("host_cpu_busy_ratio"), 5, "value", right=True).gap(2)
    facts: list[list[Span]] = []
    for label, name in (("user", "user"), ("sys", "system"), ("io", "iowait"), ("steal", "steal")):
        metric = f"host_cpu_{name}_ratio"
        if name not in {"iowait", "steal"} or column.value(metric) >= 0.005:
            facts.append([(f"{label} ", "muted"), column.span(metric)])
    facts.append([("cores ", "muted"), column.span("host_cores")])
    if column.supported("host_temperature_celsius"):
        facts.append([column.span("host_temperature_celsius")])
    return _offered(line, facts, _trace(state, view, "host_cpu_busy_ratio", "cpu", size))


def _trace(state: State, view: View, metric: str, style: str, size: int, top: float = 1.0) -> Span:
    """Return the newest values of a metric of the host as a sparkline; empty where it is narrow.

    Args:
        state: Of the host.
        view: Which characters to use.
        metric: A metric of the host.
        style: Of the sparkline.
        size: Width of the panel.
        top: What the highest mark stands for; 0 = the largest value there is.
    """
    count = min(size - TRACE_FROM, TRACE_MOST)
    if count < 10 or not view.charts:
        return "", style
    host = state.entities(Kind.HOST)[0].id
    past = state.history.grid(Kind.HOST, metric, [host], state.at, state.interval, count)[0]
    if not top:
        known = past[~np.isnan(past)]
        top = float(known.max()) if len(known) else 1.0
    return spark(past, 0.0, top, view.glyphs), style


def _cores(state: State, view: View, size: int) -> Row:
    """Return every core as one mark; several cores a mark where there are more than cells."""
    line = Line(size).field("", 5)
    frame = state.frames.get(Kind.CORE)
    busy = np.empty(0) if frame is None else frame.row("core_busy_ratio")
    if not len(busy):
        return line.row()
    each = -(-len(busy) // max(size - 24, 1))
    if each > 1:
        pad = -len(busy) % each
        groups = np.pad(busy, (0, pad), constant_values=np.nan).reshape(-1, each)
        busy = np.fmax.reduce(groups, axis=1)
        line.put(f"cores ({each} a mark) ", "muted")
    return line.put(spark(busy, 0.0, 1.0, view.glyphs), "cpu").row()


def _memory(state: State, column: Column, view: View, size: int) -> Row:
    share = column.ratio("host_memory_used_bytes", "host_memory_total_bytes")
    style = graded(share, MEMORY_WARN, MEMORY_BAD, "memory")
    line = Line(size).field("mem", 5, "muted").extend(bar(share, 16, style, view.glyphs)).gap()
    percent = "" if math.isnan(share) else marked(f"{share:.0%}", style)
    line.field(percent, 5, "bad" if style == "bad" else "value", right=True).gap(2)
    facts: list[list[Span]] = [
        [column.span("host_memory_used_bytes"), ("/", "muted"),
         column.span("host_memory_total_bytes", "muted")],
        [("cache ", "muted"), column.span("host_memory_cached_bytes")],
    ]  # fmt: skip
    swap = column.ratio("host_swap_used_bytes", "host_swap_total_bytes")
    if not math.isnan(swap):
        text = f"{column.text('host_swap_used_bytes')}/{column.text('host_swap_total_bytes')}"
        facts.append([("swap ", "muted"), _marked(text, graded(swap, 0.5, 0.9))])
    elif column.value("host_swap_total_bytes") == 0:
        facts.append([("no swap", "muted")])
    total = column.value("host_memory_total_bytes")
    top = 0.0 if math.isnan(total) else total
    trace = _trace(state, view, "host_memory_used_bytes", "memory", size, top)
    return _offered(line, facts, trace)


def _pressure(state: State, view: View, column: Column, size: int) -> Row:
    line = Line(size).field("wait", 5, "muted")
    facts: list[list[Span]] = []
    for label, name in (("cpu", "cpu_some"), ("mem", "memory_some"), ("io", "io_some")):
        metric = f"host_pressure_{name}_ratio"
        style = graded(column.value(metric), PRESSURE_WARN, PRESSURE_BAD)
        facts.append([(f"{label} ", "muted"), _marked(column.text(metric), style)])
    shm = _filesystem(state, "/dev/shm")  # noqa: S108 -- a mount point to look at, not to write to
    if shm is not None:
        share = shm.ratio("filesystem_used_bytes", "filesystem_size_bytes")
        facts.append([("shm ", "muted"), _marked(_percent(share), graded(share, 0.8, 0.95))])
    root = _filesystem(state, "/")
    if root is not None:
        share = root.ratio("filesystem_used_bytes", "filesystem_size_bytes")
        facts.append([("disk / ", "muted"), _marked(_percent(share), graded(share, 0.9, 0.97))])
    facts.append([("tasks ", "muted"), column.span("host_processes")])
    metric = "host_pressure_io_some_ratio"
    style = graded(column.value(metric), PRESSURE_WARN, PRESSURE_BAD, "cpu")
    return _offered(line, facts, _trace(state, view, metric, style, size))


def _marked(text: str, style: str) -> Span:
    return marked(text, style), style


def _percent(share: float) -> str:
    return Reason.FAILED.mark if math.isnan(share) else f"{share:.0%}"


def _filesystem(state: State, mount: str) -> Column | None:
    frame = state.frames.get(Kind.FILESYSTEM)
    if frame is None:
        return None
    for column, entity in enumerate(frame.entities):
        if entity.name == mount:
            found = Column(frame, column)
            total = found.value("filesystem_size_bytes")
            return found if total > 0 else None
    return None


def _flows(state: State, column: Column, view: View, size: int) -> Row:
    line = Line(size).field("io", 5, "muted")
    glyphs = view.glyphs
    facts: list[list[Span]] = [
        [("disk read ", "muted"), column.span("host_disk_read_bytes_per_second", "network")],
        [("write ", "muted"), column.span("host_disk_written_bytes_per_second", "network")],
        [(f"net {glyphs.down}", "muted"), column.span("host_received_bytes_per_second", "network"),
         (f" {glyphs.up}", "muted"), column.span("host_sent_bytes_per_second", "network")],
    ]  # fmt: skip
    metric = "host_disk_read_bytes_per_second"
    return _offered(line, facts, _trace(state, view, metric, "network", size, top=0.0))


def _offered(line: Line, facts: Sequence[Sequence[Span]], trace: Span) -> Row:
    """Return a row with those facts that fit whole before a sparkline at its right end."""
    room = line.left - len(trace[0])
    for place, fact in enumerate(facts):
        gap = 2 if place else 0
        if sum(len(text) for text, _ in fact) + gap + 1 > room:
            break
        before = line.left
        line.offer(fact, gap)
        room -= before - line.left
    return line.right([trace]).row()
