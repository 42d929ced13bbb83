"""The top line: which machine, since when, what time, and what tuimon itself takes."""

import math
import time
from collections.abc import Sequence

from tuimon.model.metric import Kind
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.row import Line, Row, Span
from tuimon.surfaces.frames.trouble import sick_alerts
from tuimon.surfaces.frames.view import View
from tuimon.text import cut, fit, width
from tuimon.units import Unit, show

XID_SHOWN = 600.0
"""Seconds for which the last XID stands in the top line."""
NAME_MOST, NAME_LEAST, TEXT_MOST = 63, 12, 200
"""Cells of the host's name at most, and if there are alerts; of any other text."""


def clock(at: float) -> str:
    """Return a time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def header(state: State, view: View, size: int) -> Row:
    """Return the top line: the host's name, what is wrong, then the rest as far as it fits."""
    line = Line(size).put(" tuimon ", "brand")
    tail = _tail(state, view, cost=True)
    alerts = [f" {text} " for text in (*_xids(state), *sick_alerts(state))]
    name = f" {cut(_name(state), NAME_MOST)} "
    wanted = width(name) + sum(width(text) for text in alerts)
    if wanted > line.left - _size(tail):  # what is wrong counts more than what we cost
        tail = _tail(state, view, cost=False)
    room = max(line.left - _size(tail), 0)
    least = min(width(name), NAME_LEAST)
    taken = min(width(name), max(room - sum(width(text) for text in alerts), least), room)
    line.put(_fitting(name, taken), "header")
    room -= taken
    for place, text in enumerate(alerts):
        if width(text) > room and place:
            break
        taken = min(width(text), room)
        line.put(_fitting(text, taken), "bad")
        room -= taken
    for text in _facts(state):
        if width(text) + 2 > room:
            break
        line.put(f" {text} ", "header")
        room -= width(text) + 2
    return line.gap(room, "header").extend(tail).row("header")


def _fitting(text: str, size: int) -> str:
    """Return *text* in *size* cells; what is cut keeps its blanks at both ends."""
    return text if width(text) <= size else fit(text.rstrip(), max(size - 1, 0)) + " " * (size > 0)


def _size(spans: Sequence[Span]) -> int:
    return sum(width(text) for text, _ in spans)


def _name(state: State) -> str:
    hosts = state.entities(Kind.HOST)
    return (hosts[0].name if len(hosts) else "") or "this machine"


def _xids(state: State) -> list[str]:
    """Return the last XID, and how many others there were a short time before."""
    xids = [one for one in state.events if one.name == "xid" and state.at - one.at < XID_SHOWN]
    if not xids:
        return []
    last = xids[-1]
    gpu = state.entities(Kind.GPU).get(last.entity)
    others = len({(one.code, one.entity) for one in xids}) - 1
    which = f"GPU {gpu.index}" if gpu else "a GPU"
    return [f"! XID {last.code} {which} {clock(last.at)}" + (f" +{others}" if others else "")]


def _facts(state: State) -> list[str]:
    """Return what is worth saying of the machine, most important first."""
    facts: list[str] = []
    host = state.frames.get(Kind.HOST)
    column = Column(host, 0) if host is not None and len(host.entities) else None
    if column is not None:
        loads = [column.value(f"host_load{minutes}") for minutes in (1, 5, 15)]
        if not math.isnan(loads[0]):
            known = [f"{load:.1f}" for load in loads if not math.isnan(load)]
            facts.append(f"load {' '.join(known)}")
    gpus = state.entities(Kind.GPU)
    driver = gpus[0].labels.get("driver", "") if len(gpus) else ""
    if driver:
        cuda = gpus[0].labels.get("cuda", "")
        facts.append(cut(f"driver {driver}" + (f" CUDA {cuda}" if cuda else ""), TEXT_MOST))
    if column is not None and not math.isnan(column.value("host_uptime_seconds")):
        facts.append(f"up {column.text('host_uptime_seconds')}")
    return facts


def _tail(state: State, view: View, *, cost: bool) -> list[Span]:
    """Return the right end: pause or replay, the time of the sample, own cost."""
    spans: list[Span] = []
    if state.replayed:
        spans.append((" REPLAY ENDED " if view.ended else " REPLAY ", "warn"))
    if view.paused:
        spans.append((" PAUSED ", "warn"))
    if state.sample.missed:
        spans.append((f" {state.sample.missed} ticks missed ", "warn"))
    own = state.cost
    if cost and not math.isnan(own.cpu_ratio):
        memory = show(own.memory_bytes, Unit.BYTES)
        sent = "" if math.isnan(view.sent) else f" {show(view.sent, Unit.BYTES_PER_SECOND)}"
        spans.append((f" {state.interval:g}s cpu {own.cpu_ratio:.1%} {memory}{sent} ", "footer"))
    moment = "%Y-%m-%d %H:%M:%S" if state.replayed else "%H:%M:%S"
    spans.append((time.strftime(f" {moment} ", time.localtime(state.at)), "header"))
    return spans
