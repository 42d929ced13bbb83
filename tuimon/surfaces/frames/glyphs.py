"""The characters that panels are drawn with: one set for every terminal, one for ASCII only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of characters, each one cell wide."""

    corners: str
    """Top left, top right, bottom left, bottom right."""
    across: str
    upright: str
    full: str
    """The filled part of a bar."""
    parts: str
    """The last cell of a bar, from nearly empty to nearly full."""
    empty: str
    levels: str
    """Columns of a sparkline from low to high; the first one stands for zero."""
    gap: str
    """A step without a reading."""
    down: str
    up: str
    rising: str
    """Marks the sorted column, smallest first."""
    falling: str
    braille: bool
    """Whether charts may use braille dots."""
    plain: bool = False
    """Whether nothing but ASCII may be drawn."""


UNICODE = Glyphs(
    corners="╭╮╰╯",
    across="─",
    upright="│",
    full="█",
    parts="▏▎▍▌▋▊▉",
    empty="·",
    levels="▁▁▂▃▄▅▆▇█",
    gap=" ",
    down="↓",
    up="↑",
    rising="▲",
    falling="▼",
    braille=True,
)
ASCII = Glyphs(
    corners="++++",
    across="-",
    upright="|",
    full="#",
    parts="",
    empty=".",
    levels="_.,:-=+*#",
    gap=" ",
    down="v",
    up="^",
    rising="^",
    falling="v",
    braille=False,
    plain=True,
)


def glyphs_for(term: str, encoding: str | None, *, ascii_only: bool) -> Glyphs:
    """Return the characters that a terminal can draw.

    Args:
        term: TERM. The font of the Linux console lacks block and braille characters.
        encoding: Of the stream that is drawn to.
        ascii_only: The user asked for ASCII.
    """
    return ASCII if ascii_only or term == "linux" or not utf8(encoding) else UNICODE


def utf8(encoding: str | None) -> bool:
    """Return whether a stream of this encoding takes every character."""
    return (encoding or "").lower().replace("-", "").replace("_", "") == "utf8"
