"""The process table: sorted by any column, scrolled, one row under the cursor."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tuimon.model.entity import Entities
from tuimon.model.frame import Frame
from tuimon.model.metric import Kind
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.row import Line, Row, Span, fitted
from tuimon.surfaces.frames.view import View
from tuimon.text import cut
from tuimon.units import Unit, show

Order = npt.NDArray[np.intp]
Keys = npt.NDArray[np.float64] | npt.NDArray[np.str_]
SORTED_BY = 80
"""Characters that texts are sorted by: an array of texts takes as much for each as for the longest."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a cell may need besides its process."""

    state: State
    gpus: Mapping[str, str]
    """Indexes of the GPUs of each process that has any, as text, by process id."""


@dataclass(frozen=True, slots=True)
class ProcessColumn:
    """One column of the table."""

    name: str
    title: str
    size: int
    text: Callable[[Column, Context], Span]
    key: Callable[[Frame], Keys]
    """What is sorted by: one key a process; NaN sorts last either way."""
    least: int = 0
    """Narrowest table in which it is shown."""
    right: bool = True
    ascending: bool = False
    """Whether smallest first is what one wants at first."""
    label: str = ""
    """Shown only where some process has this label."""


def _metric(name: str) -> Callable[[Column, Context], Span]:
    return lambda column, _: column.span(name)


def _on_gpu(name: str) -> Callable[[Column, Context], Span]:
    """Draw a GPU value or why it is missing; blank for a process that is on no GPU."""
    return lambda column, context: (
        column.span(name)
        if column.entity.id in context.gpus or column.supported(name)
        else ("", "muted")
    )


def _percent(name: str) -> Callable[[Column, Context], Span]:
    def text(column: Column, _: Context) -> Span:
        value = column.value(name)
        if math.isnan(value):
            return column.reason(name).mark, "unknown"
        return f"{value * 100:.1f}", "muted" if value < 0.0005 else "value"

    return text


def _label(name: str) -> Callable[[Column, Context], Span]:
    return lambda column, _: (column.entity.labels.get(name, ""), "text")


def _by(name: str) -> Callable[[Frame], Keys]:
    return lambda frame: frame.row(name)


def _by_label(name: str) -> Callable[[Frame], Keys]:
    return lambda frame: np.array([one.labels.get(name, "")[:SORTED_BY] for one in frame.entities])


def _by_index(frame: Frame) -> Keys:
    return np.array([one.index for one in frame.entities], dtype=np.float64)


def _gpus_of(column: Column, context: Context) -> Span:
    return context.gpus.get(column.entity.id, ""), "gpu"


# The words of `process_state`, and the letters and styles that stand for them.
# What cannot be killed, stands still or is dead stands out.
# fmt: off
LETTERS: Mapping[str, Span] = {
    "running":    ("R", "ok"),
    "sleeping":   ("S", "muted"),
    "disk sleep": ("D", "warn"),
    "zombie":     ("Z", "bad"),
    "stopped":    ("T", "warn"),
    "traced":     ("t", "warn"),
    "idle":       ("I", "muted"),
    "dead":       ("X", "bad"),
    "wakekill":   ("K", "muted"),
    "waking":     ("W", "muted"),
    "parked":     ("P", "muted"),
}
# fmt: on


def _letter(column: Column, _: Context) -> Span:
    """The state as one letter, as ps(1) has it."""
    return LETTERS.get(column.text("process_state"), ("?", "unknown"))


def _used(column: Column, _: Context) -> Span:
    """CPU time as htop writes it: minutes and seconds, hours from an hour on."""
    value = column.value("process_cpu_seconds_total")
    if math.isnan(value):
        return column.span("process_cpu_seconds_total")
    minutes, hundredths = divmod(int(value * 100), 6000)  # cut, not rounded: never 60 seconds
    if minutes < 60:
        return f"{minutes}:{hundredths // 100:02}.{hundredths % 100:02}", "value"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}:{hundredths // 100:02}", "value"


def _age(column: Column, context: Context) -> Span:
    started = column.value("process_start_seconds")
    if math.isnan(started):
        return column.span("process_start_seconds")
    return show(max(context.state.at - started, 0.0), Unit.SECONDS), "value"


def _name(column: Column, _: Context) -> Span:
    return column.entity.labels.get("command") or column.entity.name, "text"


# Adding a column is one row here; its name is what --sort takes.
# fmt: off
COLUMNS: tuple[ProcessColumn, ...] = (
    ProcessColumn("pid",    "PID",    7, lambda c, _: (str(c.entity.index), "value"), _by_index, ascending=True),
    ProcessColumn("user",   "USER",   9, _label("user"),                         _by_label("user"), right=False, ascending=True),
    ProcessColumn("gpu",    "GPU",    4, _gpus_of,                               _by("process_gpus")),
    ProcessColumn("gmem",   "GMEM",   6, _on_gpu("process_gpu_memory_bytes"),    _by("process_gpu_memory_bytes")),
    ProcessColumn("sm",     "SM%",    5, _on_gpu("process_gpu_sm_ratio"),        _by("process_gpu_sm_ratio")),
    ProcessColumn("cpu",    "CPU%",   6, _percent("process_cpu_ratio"),          _by("process_cpu_ratio")),
    ProcessColumn("memory", "RES",    6, _metric("process_memory_bytes"),        _by("process_memory_bytes")),
    ProcessColumn("virt",   "VIRT",   6, _metric("process_virtual_bytes"),       _by("process_virtual_bytes"), least=120),
    ProcessColumn("nice",   "NI",     4, _metric("process_nice"),                _by("process_nice"), least=110),
    ProcessColumn("state",  "S",      2, _letter,                                 _by("process_state"), least=70),
    ProcessColumn("threads","THR",    5, _metric("process_threads"),             _by("process_threads"), least=100),
    ProcessColumn("time",   "TIME+",  9, _used,                                  _by("process_cpu_seconds_total"), least=90),
    ProcessColumn("age",    "AGE",    7, _age,                                   _by("process_start_seconds"), least=130, ascending=True),
    ProcessColumn("job",    "JOB",   14, _label("job"),                          _by_label("job"), right=False, least=130, ascending=True, label="job"),
    ProcessColumn("where",  "CONTAINER", 14, _label("container"),                _by_label("container"), right=False, least=130, ascending=True, label="container"),
    ProcessColumn("command","COMMAND", 0, _name,                                 _by_label("command"), right=False, ascending=True),
)
# fmt: on
NO_ORDER: Order = np.empty(0, np.intp)
BY_NAME: Mapping[str, ProcessColumn] = {column.name: column for column in COLUMNS}
TIE = "process_cpu_ratio"
"""What decides between equal keys: the busier process first."""


def ordered(state: State, view: View) -> Order:
    """Return the columns of the process frame in the order of the table."""
    frame = state.frames.get(Kind.PROCESS)
    if frame is None or not len(frame.entities):
        return NO_ORDER
    return _ordered(frame, view.sort, view.ascending)


@lru_cache(maxsize=2)
def _ordered(frame: Frame, sort: str, ascending: bool) -> Order:
    """Return the order of one frame. Cached by identity: a key asks for it several times."""
    keys = BY_NAME[sort].key(frame)
    index = _by_index(frame)
    busy = -np.nan_to_num(frame.row(TIE), nan=0.0)
    if keys.dtype.kind == "U":
        rank = np.unique(keys, return_inverse=True)[1].astype(np.float64)
        rank[keys == ""] = np.nan
    else:
        rank = keys.astype(np.float64)
    return np.lexsort((index, busy, rank if ascending else -rank))  # NaN is always last


def row_of(state: State, order: Order, selected: str) -> int:
    """Return the row of the table on which the cursor is; the first if its process is gone."""
    frame = state.frames.get(Kind.PROCESS)
    column = None if frame is None else frame.entities.position.get(selected)
    if column is None:
        return 0
    found = np.flatnonzero(order == column)
    return int(found[0]) if len(found) else 0


def scrolled(top: int, cursor: int, visible: int, total: int) -> int:
    """Return the first row in view, moved as little as keeps the cursor in view."""
    top = min(max(top, cursor - visible + 1), cursor)
    return max(min(top, total - visible), 0)


def in_view(state: State, view: View, order: Order, height: int) -> list[str]:
    """Return the ids of the processes that the table shows."""
    frame = state.frames.get(Kind.PROCESS)
    if frame is None:
        return []
    visible = max(height - 1, 0)
    top = scrolled(view.top, row_of(state, order, view.selected), visible, len(order))
    return [frame.entities[int(column)].id for column in order[top : top + visible]]


def processes(state: State, view: View, size: int, height: int) -> list[Row]:
    """Return the process table, its head included, in exactly *height* rows."""
    frame = state.frames.get(Kind.PROCESS)
    if frame is None or not len(frame.entities):
        return fitted([Line(size).put(" reading processes…", "muted").row()], size, height)
    order = ordered(state, view)
    visible = max(height - 1, 0)
    cursor = row_of(state, order, view.selected)
    top = scrolled(view.top, cursor, visible, len(order))
    shown = columns_for(frame.entities, size)
    context = Context(state, _gpus_by_process(state))
    rows = [_head(shown, view, size)]
    for place, column in enumerate(order[top : top + visible], top):
        rows.append(
            _line(
                Column(frame, int(column)),
                shown,
                context,
                view,
                size,
                view.cursor and place == cursor,
            )
        )
    return fitted(rows, size, height)


def columns_for(entities: Entities, size: int) -> list[ProcessColumn]:
    """Return the columns of a table of this width; those of labels that nobody has are left out."""
    used = _labels_in_use(entities)
    return [one for one in COLUMNS if size >= one.least and (not one.label or one.label in used)]


@lru_cache(maxsize=2)
def _labels_in_use(entities: Entities) -> frozenset[str]:
    """Return the labels that some process has. Cached by identity: asked once a change."""
    wanted = {one.label for one in COLUMNS if one.label}
    return frozenset(name for name in wanted if any(one.labels.get(name) for one in entities))


def _gpus_by_process(state: State) -> dict[str, str]:
    """Return the indexes of the GPUs of each process, such as "0" or "0,3" or "0-7"."""
    frame = state.frames.get(Kind.GPU_PROCESS)
    gpus = state.entities(Kind.GPU)
    found: dict[str, set[int]] = {}
    for one in frame.entities if frame is not None else ():
        gpu = gpus.get(one.parent)
        found.setdefault(one.labels.get("process", ""), set()).add(gpu.index if gpu else -1)
    return {process: _ranges(indexes) for process, indexes in found.items()}


def _ranges(indexes: set[int]) -> str:
    """Return numbers with runs drawn together: 0-3,6."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _head(shown: list[ProcessColumn], view: View, size: int) -> Row:
    line = Line(size)
    for column in shown:
        sort = column.name == view.sort
        mark = (view.glyphs.rising if view.ascending else view.glyphs.falling) if sort else ""
        style = "sorted" if sort else "heading"
        room = column.size or line.left
        line.field(column.title + mark, room, style, right=column.right).gap(1, "heading")
    return line.row("heading")


def _line(
    column: Column, shown: list[ProcessColumn], context: Context, view: View, size: int, on: bool
) -> Row:
    line = Line(size)
    ground = _ground(column, view)
    for one in shown:
        text, style = one.text(column, context)
        if not one.size:
            text = _shifted(text, view.shift)
        chosen = "selected" if on else ground if style == "text" else style
        line.field(text, one.size or line.left, chosen, right=one.right)
        line.gap(1, "selected" if on else "text")
    return line.row("selected" if on else "text")


def _ground(column: Column, view: View) -> str:
    """Return the style of the texts of a row: whose process it is."""
    if column.entity.labels.get("kernel"):
        return "kernel"
    return "mine" if view.user and column.entity.labels.get("user") == view.user else "muted"


def _shifted(text: str, cells: int) -> str:
    return text[len(cut(text, cells)) :] if cells else text
