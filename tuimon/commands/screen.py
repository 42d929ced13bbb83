"""`tuimon`: the live screen."""

import argparse
import gc
import os
import shutil
import sys

from tuimon.commands.table import Environment
from tuimon.errors import UsageError
from tuimon.surfaces.ansi import Depth, depth_of, painted
from tuimon.surfaces.frames.glyphs import Glyphs, glyphs_for
from tuimon.surfaces.frames.splash import splash
from tuimon.surfaces.themes import Theme, load
from tuimon.surfaces.tui.keys import COMMANDS, hints
from tuimon.text import safe

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[H", "\x1b[?1049l\x1b[?25h\x1b[m"


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Show the screen until the user leaves; the first picture comes before anything is loaded."""
    variables = environment.variables
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError("the live screen needs a terminal; try: tuimon snapshot")
    term = variables.get("TERM", "")
    if term in {"", "dumb"}:
        raise UsageError(f"a terminal with TERM={term} shows no screen; try: tuimon snapshot")
    depth = depth_of(variables, tty=True)
    theme = load(options.theme or "tuimon")
    if depth is Depth.MONO:
        theme = theme.monochrome()
    encoding = environment.stdout.encoding
    glyphs = glyphs_for(term, encoding, ascii_only=options.ascii)
    gc.disable()  # the start makes much that lives for ever; turned on again by `_settled`
    try:
        _first_picture(theme, depth, glyphs, environment)
        return _live(options, environment, theme, glyphs)
    finally:
        environment.stdout.write(LEAVE)
        environment.stdout.flush()


def _first_picture(theme: Theme, depth: Depth, glyphs: Glyphs, environment: Environment) -> None:
    size = shutil.get_terminal_size()
    rows = splash(safe(os.uname().nodename), hints(COMMANDS), glyphs, environment.clock(), *size)
    environment.stdout.write(ENTER + "\r\n".join(painted(rows, theme, depth)))
    environment.stdout.flush()


def _live(
    options: argparse.Namespace, environment: Environment, theme: Theme, glyphs: Glyphs
) -> int:
    from tuimon.commands import wiring
    from tuimon.commands.session import LiveSession
    from tuimon.surfaces.frames.processes import BY_NAME
    from tuimon.surfaces.frames.view import View

    sort = wiring.checked_sort(options.sort, list(BY_NAME))
    engine = wiring.engine(options, environment.variables)
    session = LiveSession(engine, lambda: wiring.checks(options, environment.variables))
    engine.start()
    try:
        from tuimon.surfaces.tui.app import TuimonApp

        os.environ.pop("NO_COLOR", None)  # heeded by the theme; Textual's own way of it fails
        view = View(
            glyphs=glyphs,
            sort=sort,
            ascending=BY_NAME[sort].ascending,
            user=wiring.user(environment.variables),
        )
        app = TuimonApp(session, view, theme, settled=_settled)
        code = app.run(mouse=not options.no_mouse)
        if app.failure is not None:
            raise app.failure
        return code or 0
    finally:
        engine.stop()


def _settled() -> None:
    """Let the collector run again, past everything that the start has made."""
    gc.freeze()
    gc.enable()
