"""The first picture: the empty overview, drawn before anything heavy is loaded.

It imports neither numpy nor a toolkit, and knows only what it is told.
"""

import time
from collections.abc import Sequence

from tuimon.surfaces.frames.footer import Hint, footer
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.row import Line, Row, boxed, fitted, simple


def splash(
    name: str, hints: Sequence[Hint], glyphs: Glyphs, at: float, width: int, height: int
) -> list[Row]:
    """Return *height* rows: who we are, where, and that the first values are on their way."""
    top = Line(width).put(" tuimon ", "brand").put(f" {name} ", "header")
    clock = time.strftime(" %H:%M:%S ", time.localtime(at))
    top.gap(max(top.left - len(clock), 0), "header").put(clock, "header")
    body = fitted([Line(max(width - 4, 0)).put("reading…", "muted").row()], max(width - 4, 0), 4)
    rows = [top.row("header")]
    if width >= 8:
        rows += boxed(body, width, [("host ", "title")], (), glyphs)
    return list(simple([*fitted(rows, width, height - 1), footer(hints, width)], glyphs))
