"""Rows: what a panel is made of, whatever shows it in the end."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.text import cells, cut, fit, width

Span = tuple[str, str]
"""Text and the name of its style in the theme."""
Row = tuple[Span, ...]
"""Spans from left to right; exactly as wide as its panel."""


SHORT = 256
"""Characters up to which the width of a text is remembered."""


def _size(text: str, most: int) -> int:
    """Return the width of *text*, or some width above *most*: a name may be a megabyte long."""
    if text.isascii():
        return len(text)
    return _known(text) if len(text) <= SHORT else width(cut(text, most + 2))


@lru_cache(maxsize=1024)
def _known(text: str) -> int:
    return width(text)


class Line:
    """Builds one row of an exact width from left to right. What does not fit is cut."""

    __slots__ = ("_left", "_size", "_spans")

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._spans: list[Span] = []

    @property
    def left(self) -> int:
        """Cells that are still free."""
        return self._left

    def put(self, text: str, style: str = "text") -> "Line":
        """Add *text*."""
        if self._left <= 0 or not text:
            return self
        size = _size(text, self._left)
        if size > self._left:
            text, size = fit(text, self._left), self._left
        self._spans.append((text, style))
        self._left -= size
        return self

    def field(self, text: str, size: int, style: str = "text", *, right: bool = False) -> "Line":
        """Add *text* cut or padded to *size* cells."""
        return self.put(fit(text, size, right=right), style)

    def gap(self, size: int = 1, style: str = "text") -> "Line":
        """Add *size* blanks."""
        return self.put(" " * size, style)

    def extend(self, spans: Iterable[Span]) -> "Line":
        """Add spans."""
        for text, style in spans:
            self.put(text, style)
        return self

    def offer(self, spans: Sequence[Span], gap: int = 2, style: str = "text") -> bool:
        """Add a gap and all spans if they fit whole; return whether they did."""
        gap = gap if self._spans else 0
        if gap + sum(width(text) for text, _ in spans) > self._left:
            return False
        self.gap(gap, style).extend(spans)
        return True

    def right(self, spans: Sequence[Span]) -> "Line":
        """Put spans flush right, after blanks."""
        size = sum(width(text) for text, _ in spans)
        self.gap(max(self._left - size, 0))
        return self.extend(spans)

    def row(self, fill: str = "text") -> Row:
        """Return the row, filled up with blanks."""
        if self._left > 0:
            self._spans.append((" " * self._left, fill))
            self._left = 0
        return tuple(self._spans)


def blank(size: int) -> Row:
    """Return an empty row."""
    return ((" " * size, "text"),) if size > 0 else ()


def plain(row: Row) -> str:
    """Return the text of a row."""
    return "".join(text for text, _ in row)


def cropped(row: Row, size: int) -> Row:
    """Return the first *size* cells of a row."""
    return Line(size).extend((cut(text, size), style) for text, style in row).row()


def fitted(rows: Sequence[Row], size: int, height: int) -> list[Row]:
    """Return exactly *height* rows: cut, or filled up with blank ones."""
    return [*rows[:height], *[blank(size)] * (height - len(rows))]


def simple(rows: Sequence[Row], glyphs: Glyphs) -> Sequence[Row]:
    """Return rows in ASCII if the glyphs are so, whatever names and units are made of.

    Each cell that ASCII cannot draw is a question mark.
    """
    if not glyphs.plain:
        return rows
    return [tuple((_ascii(text), style) for text, style in row) for row in rows]


_NEAR = str.maketrans({"…": "~", "°": " ", "·": ".", "∞": "~"})


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(_NEAR)
    return "".join(char if char.isascii() else "?" * cells(char) for char in text)


def beside(panels: Sequence[Sequence[Row]], gap: int = 0) -> list[Row]:
    """Return panels of equal height side by side."""
    space: Row = ((" " * gap, "text"),) if gap else ()
    rows: list[Row] = []
    for parts in zip(*panels, strict=True):
        row: list[Span] = []
        for place, part in enumerate(parts):
            row += [*space, *part] if place else part
        rows.append(tuple(row))
    return rows


def boxed(
    rows: Sequence[Row], size: int, title: Sequence[Span], tail: Sequence[Span], glyphs: Glyphs
) -> list[Row]:
    """Return rows of width *size* - 4 in a box: a title at the left, a tail at the right."""
    top = Line(size).put(glyphs.corners[0] + glyphs.across, "border").put(" ", "border")
    ending = sum(width(text) for text, _ in tail) + 2 if tail else 0
    for text, style in title:
        room = top.left - ending - 3
        if room > 0:
            top.put(cut(text, room), style)
    top.put(" ", "border")
    rest = top.left - ending - 2
    if tail and rest >= 0:
        top.put(glyphs.across * rest + " ", "border").extend(tail).put(" ", "border")
    top.put(glyphs.across * max(top.left - 1, 0) + glyphs.corners[1], "border")
    side = glyphs.upright
    body = [((f"{side} ", "border"), *row, (f" {side}", "border")) for row in rows]
    foot = glyphs.corners[2] + glyphs.across * (size - 2) + glyphs.corners[3]
    return [top.row(), *body, ((foot, "border"),)]
