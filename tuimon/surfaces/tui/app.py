"""The app: takes States, routes commands, keeps the terminal whole."""

import asyncio
import os
import select
import signal
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from textual.binding import Binding

from tuimon.model.check import Check
from tuimon.model.entity import NOBODY
from tuimon.model.metric import Kind
from tuimon.model.session import Session
from tuimon.model.state import State
from tuimon.surfaces.frames.page import checks_page, help_page
from tuimon.surfaces.frames.processes import BY_NAME, columns_for, row_of
from tuimon.surfaces.frames.row import Row, simple
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.themes import Theme
from tuimon.surfaces.tui.display import Diffed, congested
from tuimon.surfaces.tui.keys import COMMANDS, clicked, legend
from tuimon.surfaces.tui.messages import Clicked, Ticked
from tuimon.surfaces.tui.screens.overview import Overview
from tuimon.surfaces.tui.screens.page import Page
from tuimon.surfaces.tui.widgets.panel import rich_styles

INTERVALS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds between ticks that the keys step through."""
GRACE = 1.5
"""Seconds that an orderly end may take before the process ends as it is."""


class TuimonApp(Diffed):
    """The live screen over one session."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False  # panels draw strips of their own, of which Textual knows no text
    BINDINGS = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def __init__(
        self,
        session: Session,
        view: View,
        theme: Theme,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self.session = session
        self._line = line_settings()
        self._styles = rich_styles(theme)
        self._overview = Overview(self._styles, view)
        self._state: State | None = None
        self._checks: Sequence[Check] = ()
        self._sent = 0
        self._hangup = select.poll()
        self._settled: Callable[[], None] | None = settled

    def on_mount(self) -> None:
        """Show the overview and begin to take States."""
        self.push_screen(self._overview)
        view = self._overview.view
        # Installed once: Textual keeps caches of every screen it has ever shown.
        self.install_screen(Page(self._styles, self._help_page, view.glyphs), "help")
        self.install_screen(Page(self._styles, self._checks_page, view.glyphs), "checks")
        self.run_worker(self._take(), exit_on_error=False)
        self.app_resume_signal.subscribe(self, lambda _: self.repaint())
        if self.is_headless:
            return
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if sys.__stdin__ is not None:
            self._hangup.register(sys.__stdin__.fileno(), select.POLLHUP | select.POLLERR)

    async def _take(self) -> None:
        """Hand on every State of the session; the app ends with it."""
        try:
            async for state in self.session.states():
                self.post_message(Ticked(state))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- told by the command, terminal restored
            self.failure = error
        if self.failure is None and self._state is not None and self._state.replayed:
            self._overview.look(replace(self._overview.view, ended=True))
        else:
            self.exit(0 if self.failure is None else 1)

    def on_ticked(self, message: Ticked) -> None:
        """Show a State, unless the picture is held or the terminal does not keep up."""
        if not self.is_headless and self._hangup.poll(0):
            self._on_signal(signal.SIGHUP, None)
            return
        if self._overview.view.paused and self._state is not None:
            return
        self._count_bytes(message.state)
        self._state = message.state
        if congested(self):
            return
        self._overview.show(message.state)
        self.session.watch(self._overview.interest())
        if isinstance(self.screen, Page):
            self.screen.redraw()
        if self._settled is not None:
            self.call_after_refresh(self._settled)
            self._settled = None

    def _count_bytes(self, state: State) -> None:
        """Tell the view what the terminal was sent since the last state."""
        if self.front is None:
            return
        sent, self._sent = self.front.sent - self._sent, self.front.sent
        if self._state is not None and state.at > self._state.at:
            rate = sent / (state.at - self._state.at)
            self._overview.view = replace(self._overview.view, sent=rate)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        """End in order; and if the loop is blocked by the terminal, end all the same."""
        signal.signal(signal.SIGALRM, lambda *_: self._give_up(128 + number))
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        loop = asyncio.get_event_loop() if self._loop is None else self._loop
        loop.call_soon_threadsafe(self.exit, 0)

    def _give_up(self, code: int) -> None:
        """End at once; the line is set right, which works even while the terminal is blocked."""
        if self._line is not None:
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._line)
        os._exit(code)

    # ---- commands: the names are the rows of keys.COMMANDS

    def action_toggle_pause(self) -> None:
        """See `keys.COMMANDS`."""
        view = self._overview.view
        self._overview.look(replace(view, paused=not view.paused))

    def action_redraw(self) -> None:
        """See `keys.COMMANDS`."""
        self.repaint()

    def action_invert(self) -> None:
        """See `keys.COMMANDS`."""
        view = self._overview.view
        self._look(replace(view, ascending=not view.ascending))

    def action_sort(self, name: str) -> None:
        """See `keys.COMMANDS`; the same column again turns the order around."""
        view = self._overview.view
        if view.sort == name:
            self.action_invert()
        else:
            ascending = BY_NAME[name].ascending
            self._look(replace(view, sort=name, ascending=ascending, selected="", top=0))

    def action_sort_next(self) -> None:
        """See `keys.COMMANDS`."""
        self._sort_beside(1)

    def action_sort_previous(self) -> None:
        """See `keys.COMMANDS`."""
        self._sort_beside(-1)

    def _sort_beside(self, step: int) -> None:
        entities = NOBODY if self._state is None else self._state.entities(Kind.PROCESS)
        shown = [one.name for one in columns_for(entities, self.size.width)]
        now = shown.index(self._overview.view.sort) if self._overview.view.sort in shown else 0
        self.action_sort(shown[(now + step) % len(shown)])

    def action_move(self, rows: int) -> None:
        """See `keys.COMMANDS`."""
        if self._state is None:
            return
        order = self._overview.order
        row = row_of(self._state, order, self._overview.view.selected) + rows
        self._select(min(max(row, 0), len(order) - 1))

    def action_page(self, pages: int) -> None:
        """See `keys.COMMANDS`."""
        self.action_move(pages * self._overview.page)

    def action_edge(self, side: int) -> None:
        """See `keys.COMMANDS`."""
        if self._state is not None:
            self._select(0 if side < 0 else len(self._overview.order) - 1)

    def action_shift(self, cells: int) -> None:
        """See `keys.COMMANDS`."""
        view = self._overview.view
        self._look(replace(view, shift=max(view.shift + cells, 0)))

    def action_faster(self) -> None:
        """See `keys.COMMANDS`."""
        self.session.pace(
            max((one for one in INTERVALS if one < self.session.interval), default=0.0)
        )

    def action_slower(self) -> None:
        """See `keys.COMMANDS`."""
        slower = (one for one in INTERVALS if one > self.session.interval)
        self.session.pace(min(slower, default=INTERVALS[-1]))

    def action_help(self) -> None:
        """See `keys.COMMANDS`."""
        self.push_screen("help")

    def _help_page(self, width: int) -> Sequence[Row]:
        return simple(help_page(legend(COMMANDS), width), self._overview.view.glyphs)

    async def action_show_checks(self) -> None:
        """See `keys.COMMANDS`."""
        self._checks = ()
        self.push_screen("checks")
        self.run_worker(self._look_again(), exit_on_error=False, exclusive=True, group="checks")

    async def _look_again(self) -> None:
        self._checks = await self.session.checks()
        if isinstance(self.screen, Page):
            self.screen.redraw()

    def _checks_page(self, width: int) -> Sequence[Row]:
        lanes = [] if self._state is None else list(self._state.health.values())
        told = [(one.lane, one.status.value, one.text or _speed(one.latency)) for one in lanes]
        return simple(checks_page(self._checks, told, width), self._overview.view.glyphs)

    # ---- mouse

    def on_clicked(self, message: Clicked) -> None:
        """Move the cursor to a clicked row, press a clicked key, follow the wheel."""
        if message.wheel:
            self.action_move(message.wheel)
        elif message.panel == "processes" and message.row:
            self._select(self._overview.view.top + message.row - 1)
        elif message.panel == "footer" and (
            name := clicked(COMMANDS, message.column, self.size.width)
        ):
            self.run_worker(self.run_action(name), exit_on_error=False)

    def _select(self, row: int) -> None:
        order = self._overview.order
        if self._state is None or not 0 <= row < len(order):
            return
        chosen = self._state.frames[Kind.PROCESS].entities[int(order[row])]
        self._look(replace(self._overview.view, selected=chosen.id))

    def _look(self, view: View) -> None:
        if self._state is not None:
            self._overview.look(view)
            self.session.watch(self._overview.interest())


def line_settings() -> list[Any] | None:
    """Return how the line of the terminal is set, before anything changes it."""
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _speed(latency: float) -> str:
    return "" if latency != latency else f"answers in {latency * 1e3:.1f} ms"  # noqa: PLR0124 -- NaN
