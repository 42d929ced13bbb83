"""The overview: which panel gets how many rows, and all of them as one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuimon.model.state import State
from tuimon.surfaces.frames.footer import Hint, footer
from tuimon.surfaces.frames.gpus import gpu_rows, gpus, strip_rows
from tuimon.surfaces.frames.header import header
from tuimon.surfaces.frames.host import host, host_rows
from tuimon.surfaces.frames.processes import processes
from tuimon.surfaces.frames.row import Line, Row, blank, simple
from tuimon.surfaces.frames.view import View

LEAST_WIDTH, LEAST_HEIGHT = 60, 14
"""The smallest screen in which the overview is of use."""
TABLE_ROWS = 8
"""Rows the process table is given before the GPUs get any beyond the first."""
TABLE_SHARE = 40
"""Per cent of the rows that charts of GPUs do not grow into."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of each panel from top to bottom; header and footer have one each."""

    gpus: int
    host: int
    processes: int


def layout(state: State, view: View, width: int, height: int) -> Layout:
    """Share the rows of a screen of this size among the panels."""
    body = height - 2
    of_host = host_rows(state, width, max(body // 4, 3))
    share = max(min(body - of_host - TABLE_ROWS, body * 3 // 5), strip_rows(state, width), 1)
    comfort = body - of_host - body * TABLE_SHARE // 100
    of_gpus = gpu_rows(state, view, width, min(share, body - of_host - 2), comfort)
    return Layout(of_gpus, of_host, body - of_host - of_gpus)


def too_small(width: int, height: int) -> bool:
    """Whether a screen of this size cannot show the overview."""
    return width < LEAST_WIDTH or height < LEAST_HEIGHT


def small_page(width: int, height: int) -> list[Row]:
    """Return a picture that asks for more room."""
    texts = (
        "tuimon needs more room",
        f"{LEAST_WIDTH}x{LEAST_HEIGHT}, this is {width}x{height}",
    )
    rows = [Line(width).put(text[:width], "warn").row() for text in texts[:height]]
    return [*rows, *[blank(width)] * (height - len(rows))]


def overview(state: State, view: View, hints: Sequence[Hint], width: int, height: int) -> list[Row]:
    """Return the whole overview, *height* rows of *width* cells."""
    if too_small(width, height):
        return small_page(width, height)
    share = layout(state, view, width, height)
    rows = [
        header(state, view, width),
        *gpus(state, view, width, share.gpus),
        *host(state, view, width, share.host),
        *processes(state, view, width, share.processes),
        footer(hints, width),
    ]
    return list(simple(rows, view.glyphs))
