"""A screen of text that scrolls, shown over the overview."""

from collections.abc import Callable, Mapping, Sequence

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from tuimon.surfaces.frames.footer import footer
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.page import scrolled_page
from tuimon.surfaces.frames.row import Row
from tuimon.surfaces.tui.keys import PAGE_COMMANDS, clicked, hints
from tuimon.surfaces.tui.messages import Clicked
from tuimon.surfaces.tui.widgets.panel import Panel


class Page(Screen[None]):
    """Rows that are drawn for the width there is."""

    BINDINGS = [Binding(one.keys, one.name, one.title, show=False) for one in PAGE_COMMANDS]
    DEFAULT_CSS = """
    Page { layout: vertical; overflow: hidden hidden; }
    Page > #page { width: 100%; height: 1fr; }
    Page > #footer { width: 100%; height: 1; }
    """

    def __init__(
        self, styles: Mapping[str, Style], draw: Callable[[int], Sequence[Row]], glyphs: Glyphs
    ) -> None:
        super().__init__()
        self._draw = draw
        self._glyphs = glyphs
        self._top = 0
        self._body = Panel("page", styles)
        self._foot = Panel("footer", styles)

    def compose(self) -> ComposeResult:
        """Put the text above the keys."""
        yield self._body
        yield self._foot

    def on_screen_resume(self) -> None:
        """Begin at the top each time the page is opened."""
        self._top = 0
        self.call_after_refresh(self.redraw)

    def on_resize(self, _: events.Resize) -> None:
        """Break the text anew."""
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw what is in view."""
        width, height = self.size
        if not width or height < 2:
            return
        rows = self._draw(width)
        self._top = max(min(self._top, len(rows) - (height - 1)), 0)
        self._body.show(scrolled_page(rows, self._top, width, height - 1, self._glyphs), width)
        self._foot.show([footer(hints(PAGE_COMMANDS), width)], width)

    def action_scroll(self, rows: int) -> None:
        """Scroll by *rows*."""
        self._top += rows
        self.redraw()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def on_clicked(self, message: Clicked) -> None:
        """Scroll by the wheel, press a clicked key; the app below is not told."""
        message.stop()
        if message.wheel:
            self.action_scroll(message.wheel)
        elif message.panel == "footer" and (
            name := clicked(PAGE_COMMANDS, message.column, self.size.width)
        ):
            self.run_worker(self.app.run_action(name, self), exit_on_error=False)
