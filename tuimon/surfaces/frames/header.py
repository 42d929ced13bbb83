"""The top line: which machine, since when, what time, and what tuimon itself takes."""

import math
import time

from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.row import Line, Row, Span
from tuimon.surfaces.frames.view import View
from tuimon.units import Unit, show

XID_SHOWN = 600.0
"""Seconds for which the last XID stands in the top line."""


def clock(at: float) -> str:
    """Return a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def header(state: State, view: View, size: int) -> Row:
    """Return the top line."""
    line = Line(size).put(" tuimon ", "brand")
    tail = _tail(state, view)
    room = size - sum(len(text) for text, _ in tail) - 1
    for text, style in _facts(state):
        if line.left - (size - room) > len(text) + 2:
            line.put(f" {text} ", style)
    line.gap(max(line.left - sum(len(text) for text, _ in tail), 0), "header")
    return line.extend(tail).row("header")


def _facts(state: State) -> list[Span]:
    """Return what is worth saying of the machine, most important first."""
    facts: list[Span] = []
    sick = [one for one in state.health.values() if one.status in {Status.LATE, Status.FAILED}]
    host = state.frames.get(Kind.HOST)
    name = host.entities[0].name if host is not None and len(host.entities) else ""
    facts.append((name or "this machine", "header"))
    if sick:
        facts.append((f"! {sick[0].lane} {sick[0].status.value}", "bad"))
    gpus = state.entities(Kind.GPU)
    xids = [one for one in state.events if one.name == "xid" and state.at - one.at < XID_SHOWN]
    if xids:
        gpu = gpus.get(xids[-1].entity)
        which = f"GPU {gpu.index}" if gpu else "a GPU"
        facts.append((f"! XID {xids[-1].code} on {which} {clock(xids[-1].at)}", "bad"))
    driver = gpus[0].labels.get("driver", "") if len(gpus) else ""
    if driver:
        cuda = gpus[0].labels.get("cuda", "")
        facts.append((f"driver {driver}" + (f" CUDA {cuda}" if cuda else ""), "header"))
    if host is not None and len(host.entities):
        column = Column(host, 0)
        loads = [column.value(f"host_load{minutes}") for minutes in (1, 5, 15)]
        if not math.isnan(loads[0]):
            known = [f"{load:.1f}" for load in loads if not math.isnan(load)]
            facts.append((f"load {' '.join(known)}", "header"))
        if not math.isnan(column.value("host_uptime_seconds")):
            facts.append((f"up {column.text('host_uptime_seconds')}", "header"))
    return facts


def _tail(state: State, view: View) -> list[Span]:
    """Return the right end: pause or replay, the time of the sample, own cost."""
    spans: list[Span] = []
    if state.replayed:
        spans.append((" REPLAY ENDED " if view.ended else " REPLAY ", "warn"))
    if view.paused:
        spans.append((" PAUSED ", "warn"))
    if state.sample.missed:
        spans.append((f" {state.sample.missed} ticks missed ", "warn"))
    cost = state.cost
    if not math.isnan(cost.cpu_ratio):
        memory = show(cost.memory_bytes, Unit.BYTES)
        sent = "" if math.isnan(view.sent) else f" {show(view.sent, Unit.BYTES_PER_SECOND)}"
        spans.append((f" {state.interval:g}s cpu {cost.cpu_ratio:.1%} {memory}{sent} ", "footer"))
    moment = "%Y-%m-%d %H:%M:%S" if state.replayed else "%H:%M:%S"
    spans.append((time.strftime(f" {moment} ", time.localtime(state.at)), "header"))
    return spans
