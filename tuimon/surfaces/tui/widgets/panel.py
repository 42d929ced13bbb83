"""A panel: rows in, strips out, and only rows that differ are drawn again."""

from collections.abc import Mapping, Sequence

from rich.color import Color
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tuimon.surfaces.frames.row import Row
from tuimon.surfaces.themes import ANSI, Style, Theme
from tuimon.surfaces.tui.messages import Clicked


def rich_styles(theme: Theme) -> Mapping[str, RichStyle]:
    """Return a Rich style for every style name. Made once: styles are compared by identity."""
    return {name: _rich(style) for name, style in theme.styles.items()}


def _rich(style: Style) -> RichStyle:
    return RichStyle(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
    )


def _colour(text: str) -> Color | None:
    if text in ANSI:
        return Color.from_ansi(ANSI.index(text))
    return Color.parse(text) if text else None


class Panel(Widget):
    """Shows rows. It overrides `render_lines`, so neither borders nor CSS colours apply to it."""

    def __init__(self, name: str, styles: Mapping[str, RichStyle]) -> None:
        super().__init__(id=name)
        self._styles = styles
        self._rows: list[Row] = []
        self._strips: list[Strip] = []
        self._across = -1

    def show(self, rows: Sequence[Row], across: int) -> None:
        """Show *rows*, each *across* cells wide: as the panel will be, if it is laid out yet."""
        if across != self._across or len(rows) != len(self._rows):
            self._across = across
            self._rows = list(rows)
            self._strips = [self._strip(row) for row in rows]
            self.refresh()
            return
        dirty: list[Region] = []
        for y, row in enumerate(rows):
            if row != self._rows[y]:
                self._rows[y] = row
                self._strips[y] = self._strip(row)
                dirty.append(Region(0, y, across, 1))
        if dirty:
            self.refresh(*dirty)

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget.render_lines`; past the last row there is nothing but blanks."""
        strips = [
            self._strips[y] if y < len(self._strips) else self._strip(()) for y in crop.line_range
        ]
        if crop.x or crop.width < self._across:
            return [strip.crop(crop.x, crop.right) for strip in strips]
        return strips

    def _strip(self, row: Row) -> Strip:
        styles = self._styles
        if not row:
            return Strip([Segment(" " * self.size.width, styles["text"])], self.size.width)
        return Strip([Segment(text, styles[style]) for text, style in row], self._across)

    def on_click(self, event: events.Click) -> None:
        """Tell where."""
        self.post_message(Clicked(self.id or "", event.y, event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell where."""
        self.post_message(Clicked(self.id or "", event.y, event.x, wheel=3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell where."""
        self.post_message(Clicked(self.id or "", event.y, event.x, wheel=-3))
