"""Rows as an SVG picture that refers to nothing outside of itself."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from tuimon.surfaces.frames.row import Row
from tuimon.surfaces.themes import ANSI, Style, Theme
from tuimon.text import width

CELL, LINE, SIZE, EDGE = 8.4, 18, 14, 12
"""Width of a cell, height of a row, size of the font and margin, in pixels."""
INK, GROUND = "#d5dae3", "#10141a"
"""What stands for the terminal's own colours."""
DRAWN = frozenset((*range(0x2581, 0x2590), *range(0x2800, 0x2900)))
"""Characters that are drawn as shapes: blocks and braille."""
DOTS = ((0, 0), (0, 1), (0, 2), (0.5, 0), (0.5, 1), (0.5, 2), (0, 3), (0.5, 3))
"""Place of each bit of a braille character: cells to the right, quarters of a row down."""
_WORD = re.compile(r"[^ \u2581-\u258f\u2800-\u28ff]+")
PALETTE = (
    *("#1c232c", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4"),
    *("#7d8794", "#ff7b86", "#b3e08f", "#f5d491", "#7cc4ff", "#dd95f0", "#6fd3de", "#ffffff"),
)
"""What stands for the sixteen named colours, in the order of `ANSI`."""


def as_svg(rows: Sequence[Row], theme: Theme, title: str) -> str:
    """Return a picture of *rows* in the colours of *theme*.

    Each span has the length of its cells, so that columns hold whatever font the viewer has.
    """
    across = max((sum(width(text) for text, _ in row) for row in rows), default=0)
    wide, high = across * CELL + 2 * EDGE, len(rows) * LINE + 2 * EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>text{{font:{SIZE}px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;"
        "}.b{font-weight:bold}.i{font-style:italic}.d{opacity:.6}"
        ".u{text-decoration:underline}</style>",
        f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>',
    ]
    for place, row in enumerate(rows):
        parts += _row(row, EDGE + place * LINE, theme.styles)
    return "\n".join([*parts, "</svg>", ""])


def _row(row: Row, top: float, styles: Mapping[str, Style]) -> list[str]:
    parts: list[str] = []
    x = float(EDGE)
    for text, name in row:
        style, wide = styles[name], width(text) * CELL
        ink, ground = _colour(style.fg, INK), _colour(style.bg, "")
        if style.reverse:
            ink, ground = ground or GROUND, ink
        if ground:
            parts.append(
                f'<rect x="{x:.1f}" y="{top}" width="{wide:.1f}" height="{LINE}" fill="{ground}"/>'
            )
        shapes = "".join(
            _shape(char, x + place * CELL, top)
            for place, char in enumerate(text)
            if ord(char) in DRAWN
        )
        if shapes:
            parts.append(f'<path d="{shapes}" fill="{ink}"/>')
        parts += _words(text, x, top, f'fill="{ink}"{_marks(style)}')
        x += wide
    return parts


def _words(text: str, x: float, top: float, look: str) -> list[str]:
    """Return each word at its own place, so that no viewer has to keep blanks."""
    parts: list[str] = []
    for word in _WORD.finditer(text):
        left, wide = x + width(text[: word.start()]) * CELL, width(word.group()) * CELL
        parts.append(
            f'<text x="{left:.1f}" y="{top + LINE - 4:.0f}" textLength="{wide:.1f}" '
            f'lengthAdjust="spacingAndGlyphs" {look}>{escape(word.group())}</text>'
        )
    return parts


def _marks(style: Style) -> str:
    named = (("b", style.bold), ("i", style.italic), ("d", style.dim), ("u", style.underline))
    marks = " ".join(mark for mark, on in named if on)
    return f' class="{marks}"' if marks else ""


def _shape(char: str, x: float, top: float) -> str:
    """Return the path of a block or of braille dots: fonts disagree about both."""
    code = ord(char)
    if 0x2581 <= code <= 0x2588:  # lower eighths, from one to all
        high = LINE * (code - 0x2580) / 8
        return f"M{x:.1f} {top + LINE - high:.1f}h{CELL}v{high:.1f}h-{CELL}z"
    if 0x2589 <= code <= 0x258F:  # left eighths, from seven to one
        wide = CELL * (0x2590 - code) / 8
        return f"M{x:.1f} {top + 2:.1f}h{wide:.1f}v{LINE - 4}h-{wide:.1f}z"
    return "".join(
        f"M{x + CELL * across + 1:.1f} {top + LINE * down / 4 + 1:.1f}h2.4v2.4h-2.4z"
        for bit, (across, down) in enumerate(DOTS)
        if code - 0x2800 >> bit & 1
    )


def _colour(text: str, default: str) -> str:
    if text in ANSI:
        return PALETTE[ANSI.index(text)]
    return text or default
