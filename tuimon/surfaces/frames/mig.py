"""The instances of a divided GPU, as rows of its card."""

from collections.abc import Sequence

from tuimon.model.metric import Kind
from tuimon.model.state import State
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.chart import bar
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.row import Line, Row

NAME, USE = 13, 21
"""Cells of the name and profile, and of the numbers behind the bar."""


def instances(state: State, gpu: str) -> list[Column]:
    """Return the MIG instances of the GPU with this id."""
    frame = state.frames.get(Kind.MIG)
    if frame is None:
        return []
    return [Column(frame, place) for place, one in enumerate(frame.entities) if one.parent == gpu]


def instance_rows(columns: Sequence[Column], size: int, most: int, glyphs: Glyphs) -> list[Row]:
    """Return one row an instance, at most *most*; the last one says how many are left out."""
    shown = columns if len(columns) <= most else columns[: max(most - 1, 0)]
    rows = [_row(column, size, glyphs) for column in shown]
    if len(shown) < len(columns) and most > 0:
        left = len(columns) - len(shown)
        text = f"and {left} more" if shown else f"{left} MIG instances"
        rows.append(Line(size).put(text, "muted").row())
    return rows


def _row(column: Column, size: int, glyphs: Glyphs) -> Row:
    entity = column.entity
    name = f"{entity.index} {entity.labels.get('profile', '')}"
    share = column.ratio("mig_memory_used_bytes", "mig_memory_total_bytes")
    line = Line(size).field(name, NAME, "muted")
    line.extend(bar(share, max(size - NAME - USE, 0), "memory", glyphs)).gap()
    line.field(column.text("mig_memory_used_bytes"), 6, "value", right=True).put("/", "muted")
    line.field(column.text("mig_memory_total_bytes"), 6, "muted")
    busy, style = column.span(column.first("mig_utilization_ratio", "mig_sm_active_ratio"))
    return line.right([("busy " if line.left > 9 else "", "muted"), (busy, style)]).row()
