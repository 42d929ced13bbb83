"""`tuimon snapshot`: the state of the machine once, as text or JSON."""

import argparse
import shutil
import time
from pathlib import Path

from tuimon.commands import wiring
from tuimon.commands.table import Environment
from tuimon.engine import Engine
from tuimon.errors import UsageError
from tuimon.model.metric import Cadence, Kind
from tuimon.model.state import State
from tuimon.surfaces.ansi import Depth, depth_of
from tuimon.surfaces.frames.glyphs import glyphs_for, utf8
from tuimon.surfaces.frames.overview import LEAST_HEIGHT, LEAST_WIDTH
from tuimon.surfaces.frames.processes import BY_NAME
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.snapshot import as_json, as_text
from tuimon.surfaces.themes import load

PIPED = (120, 50)
"""Columns and rows of text that goes into a pipe or a file."""
BIGGEST = 1000


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Print one state."""
    if options.at and not options.replay:
        raise UsageError("--at tells a moment of a recording: give --replay FILE too")
    size = _size(options.size, tty=environment.stdout.isatty())
    sort = wiring.checked_sort(options.sort, list(BY_NAME))
    theme = load(options.theme or "tuimon")
    state = _replayed(options) if options.replay else _now(options, environment)
    if options.format == "json":
        columns = {}
        frame = state.frames.get(Kind.PROCESS)
        if options.processes >= 0 and frame is not None:
            from tuimon.store.topk import leaders

            columns[Kind.PROCESS] = leaders(frame, options.processes)
        tty = environment.stdout.isatty()
        narrow = not utf8(environment.stdout.encoding)
        environment.stdout.write(as_json(state, columns, indent=tty, ascii_only=narrow) + "\n")
        return 0
    variables = environment.variables
    view = View(
        glyphs=glyphs_for(
            variables.get("TERM", ""), environment.stdout.encoding, ascii_only=options.ascii
        ),
        sort=sort,
        ascending=BY_NAME[sort].ascending,
        cursor=False,
        charts=bool(options.replay),
        user=wiring.user(variables),
    )
    depth = depth_of(variables, tty=environment.stdout.isatty())
    if depth is Depth.MONO:
        theme = theme.monochrome()
    environment.stdout.write(as_text(state, view, theme, depth, size))
    return 0


def _now(options: argparse.Namespace, environment: Environment) -> State:
    """Return a state of this moment: two samples a little apart, so that rates are known."""
    feed = wiring.live(options, environment.variables)
    engine = Engine(feed, options.interval)
    feed.settle(wiring.SETTLE)
    engine.step()
    feed.answered(wiring.SETTLE)
    time.sleep(wiring.FIRST_GAP)
    again = frozenset({Cadence.FAST, Cadence.NORMAL, Cadence.EVENTS})
    try:
        return engine.advance(feed.sample(max(options.interval, 1.0), engine.interest, again))
    finally:
        engine.stop()


def _replayed(options: argparse.Namespace) -> State:
    """Return the state of a recording at a moment, made by the same steps as it was then."""
    from tuimon.commands.moments import moment
    from tuimon.sources.replay import Replay

    replay = Replay(Path(options.replay), speed=1.0)
    engine = Engine(replay, options.interval)
    state: State | None = None
    for sample in replay.until(moment(options.at, *replay.span)):
        state = engine.advance(sample)
    engine.stop()
    if state is None:
        raise UsageError(f"{options.replay} holds no sample up to {options.at}")
    return state


def _size(text: str, *, tty: bool) -> tuple[int, int]:
    """Return columns and rows, from *text* such as 120x50 or from the terminal.

    Raises:
        UsageError: It is no size, or too small for anything to be told.
    """
    if not text:
        columns, rows = shutil.get_terminal_size() if tty else PIPED
        return columns, rows
    wide, _, high = text.lower().partition("x")
    if not wide.isdecimal() or not high.isdecimal():
        raise UsageError(f"{text!r} is no size: give columns x rows, such as 120x50")
    size = int(wide), int(high)
    if not (LEAST_WIDTH <= size[0] <= BIGGEST and LEAST_HEIGHT <= size[1] <= BIGGEST):
        least, most = f"{LEAST_WIDTH}x{LEAST_HEIGHT}", f"{BIGGEST}x{BIGGEST}"
        raise UsageError(f"a size of {text} is not possible: give {least} to {most}")
    return size
