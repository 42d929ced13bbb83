"""Make every picture of this folder anew: `python screenshots/make.py`.

From the simulated machine with a fixed clock and a fixed seed, so the pictures change only when
what they show does.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tuimon.engine import Engine, Live
from tuimon.model.state import Cost, State
from tuimon.sources.simulated import SimulatedSource
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.page import help_page, scrolled_page
from tuimon.surfaces.frames.row import Row
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.svg import as_svg
from tuimon.surfaces.themes import load
from tuimon.surfaces.tui.keys import COMMANDS, hints, legend

BEGIN = 1763780000.0
"""Seconds since the epoch at which the simulated machine begins."""
FROM, TICKS = 100, 75
"""Seconds after that at which we look, and for how long: between a hang and a loss."""


class StillClock:
    """A clock that is moved by hand."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """See `Clock.now`."""
        return self.at

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.at

    def follow(self) -> bool:
        """See `Clock.follow`."""
        return False


def observed(gpus: int, kind: str) -> State:
    """Return the last state of a simulated machine that was watched for `TICKS` seconds."""
    clock = StillClock(BEGIN + FROM)
    feed = Live([SimulatedSource(gpus, kind, 0, clock.now, start=BEGIN)], clock)
    feed.settle(10.0)
    engine = Engine(feed)
    state = None
    for _ in range(TICKS):
        state = engine.step()
        clock.at += 1.0
    engine.stop()
    assert state is not None
    return replace(state, cost=Cost(float("nan"), 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Picture:
    """One file of this folder."""

    name: str
    title: str
    gpus: int
    kind: str
    size: tuple[int, int]
    theme: str = "tuimon"
    draw: Callable[[State, View, int, int], list[Row]] | None = None


def _overview(state: State, view: View, width: int, height: int) -> list[Row]:
    return overview(state, view, hints(COMMANDS), width, height)


def _help(_: State, view: View, width: int, height: int) -> list[Row]:
    return scrolled_page(help_page(legend(COMMANDS), width), 0, width, height, view.glyphs)


# fmt: off
PICTURES = (
    Picture("overview",   "Eight H100 at work",              8, "h100",    (160, 48)),
    Picture("small",      "The same machine in 80 columns",  8, "h100",    (80, 24)),
    Picture("large",      "Sixteen GPUs on a large screen", 16, "a100",    (240, 67)),
    Picture("terminal",   "In a terminal's own colours",     2, "rtx4090", (120, 36), "terminal"),
    Picture("monochrome", "Without colours",                 4, "l40s",    (120, 36), "monochrome"),
    Picture("help",       "Keys and marks",                  1, "t4",      (100, 44), draw=_help),
)
# fmt: on


def main() -> None:
    """Write every picture."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    states: dict[tuple[int, str], State] = {}
    for one in PICTURES:
        machine = (one.gpus, one.kind)
        if machine not in states:
            states[machine] = observed(*machine)
        rows = (one.draw or _overview)(states[machine], View(user="alice"), *one.size)
        svg = as_svg(rows, load(one.theme), one.title)
        (Path(__file__).parent / f"{one.name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
