"""The overview screen: five panels from top to bottom."""

from collections.abc import Mapping
from dataclasses import replace

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from tuimon.model.source import Interest
from tuimon.model.state import State
from tuimon.surfaces.frames import gpus, header, host, overview, processes
from tuimon.surfaces.frames.footer import footer
from tuimon.surfaces.frames.overview import Layout
from tuimon.surfaces.frames.row import simple
from tuimon.surfaces.frames.view import View, differ_in_table_only
from tuimon.surfaces.tui.keys import COMMANDS, hints
from tuimon.surfaces.tui.widgets.panel import Panel


class Overview(Screen[None]):
    """GPUs, host and processes at one glance."""

    BINDINGS = [Binding(one.keys, f"app.{one.name}", one.title, show=False) for one in COMMANDS]
    DEFAULT_CSS = """
    Overview { layout: vertical; overflow: hidden hidden; }
    Overview > Panel { width: 100%; height: 1; }
    """

    def __init__(self, styles: Mapping[str, Style], view: View) -> None:
        super().__init__()
        self.view = view
        self._state: State | None = None
        self._share = Layout(0, 0, 0)
        self._panels = {
            name: Panel(name, styles) for name in ("header", "gpus", "host", "processes", "footer")
        }

    def compose(self) -> ComposeResult:
        """Put the panels from top to bottom."""
        yield from self._panels.values()

    def show(self, state: State) -> None:
        """Show a state with the view as it is."""
        self._state = state
        self._draw()

    def look(self, view: View) -> None:
        """Show the same state with another view; a key in the table draws the table alone."""
        table_only = differ_in_table_only(self.view, view)
        self.view = view
        if table_only and self._state is not None and self._share.processes:
            self._keep_cursor_in_view(self._state)
            self._draw_table(self._state)
        else:
            self._draw()

    def on_resize(self, _: events.Resize) -> None:
        """Share the rows anew."""
        self._draw()

    @property
    def order(self) -> processes.Order:
        """Columns of the process frame in the order of the table."""
        if self._state is None:  # a key came before the first state was drawn
            return processes.NO_ORDER
        return processes.ordered(self._state, self.view)

    @property
    def page(self) -> int:
        """Rows of the process table in view."""
        return max(self._share.processes - 1, 1)

    def interest(self) -> Interest:
        """Return what is in view."""
        if self._state is None:
            return Interest()
        shown = processes.in_view(self._state, self.view, self.order, self._share.processes)
        return Interest(frozenset(shown))

    def _draw(self) -> None:
        state, (width, height) = self._state, self.size
        if state is None or not width or not height:
            return
        if overview.too_small(width, height):
            self._place(Layout(max(height - 2, 1), 0, 0))
            page = overview.small_page(width, height)
            self._panels["header"].show(page[:1], width)
            self._panels["gpus"].show(page[1:-1], width)
            self._panels["footer"].show(page[-1:], width)
            return
        share = overview.layout(state, self.view, width, height)
        self._place(share)
        self._keep_cursor_in_view(state)
        view = self.view
        self._draw_table(state)
        drawn = {
            "header": [header.header(state, view, width)],
            "gpus": gpus.gpus(state, view, width, share.gpus),
            "host": host.host(state, view, width, share.host),
            "footer": [footer(hints(COMMANDS), width)],
        }
        for name, rows in drawn.items():
            self._panels[name].show(simple(rows, view.glyphs), width)

    def _draw_table(self, state: State) -> None:
        width, view = self.size.width, self.view
        rows = processes.processes(state, view, width, self._share.processes)
        self._panels["processes"].show(simple(rows, view.glyphs), width)

    def _keep_cursor_in_view(self, state: State) -> None:
        order = self.order
        cursor = processes.row_of(state, order, self.view.selected)
        top = processes.scrolled(self.view.top, cursor, self.page, len(order))
        self.view = replace(self.view, top=top)

    def _place(self, share: Layout) -> None:
        """Give the panels their rows; only a change asks for a layout."""
        if share == self._share:
            return
        self._share = share
        for name in ("gpus", "host", "processes"):
            rows = getattr(share, name)
            self._panels[name].styles.height = rows
            self._panels[name].display = rows > 0
