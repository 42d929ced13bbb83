"""Rows as text for a terminal, without any toolkit: the first picture and the text snapshot."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from tuimon.surfaces.frames.row import Row
from tuimon.surfaces.themes import ANSI, Style, Theme


class Depth(IntEnum):
    """How many colours a terminal has."""

    PLAIN = 0
    """No escape sequence at all, for pipes and files."""
    MONO = 1
    SIXTEEN = 2
    MANY = 3
    TRUE = 4


def depth_of(environ: Mapping[str, str], *, tty: bool) -> Depth:
    """Return the colours of the terminal that *environ* describes; NO_COLOR is heeded."""
    term = environ.get("TERM", "")
    if not tty or term in {"", "dumb"}:
        return Depth.PLAIN
    if environ.get("NO_COLOR"):
        return Depth.MONO
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return Depth.TRUE
    return Depth.MANY if "256" in term else Depth.SIXTEEN


def painted(rows: Sequence[Row], theme: Theme, depth: Depth) -> list[str]:
    """Return each row as text; colours are brought down to what the terminal has."""
    if depth is Depth.PLAIN:
        return ["".join(text for text, _ in row).rstrip() for row in rows]
    if depth is Depth.MONO:
        theme = theme.monochrome()
    codes = {name: _codes(style, depth) for name, style in theme.styles.items()}
    return [_painted(row, codes) for row in rows]


def _painted(row: Row, codes: Mapping[str, str]) -> str:
    parts: list[str] = []
    now = ""
    for text, style in row:
        code = codes[style]
        if code != now:
            parts.append(f"\x1b[0{';' if code else ''}{code}m")
            now = code
        parts.append(text)
    return "".join(parts) + ("\x1b[0m" if now else "")


def _codes(style: Style, depth: Depth) -> str:
    codes = [
        code
        for code, on in (("1", style.bold), ("2", style.dim), ("3", style.italic),
                         ("4", style.underline), ("7", style.reverse))
        if on
    ]  # fmt: skip
    codes += _colour(style.fg, depth, 30)
    codes += _colour(style.bg, depth, 40)
    return ";".join(codes)


def _colour(text: str, depth: Depth, base: int) -> list[str]:
    """Return the SGR codes of a colour; *base* is 30 for the text, 40 for the ground."""
    if not text:
        return []
    if text in ANSI:
        return [_sixteen(ANSI.index(text), base)]
    red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
    if depth is Depth.TRUE:
        return [f"{base + 8};2;{red};{green};{blue}"]
    if depth is Depth.MANY:
        return [f"{base + 8};5;{_cube(red, green, blue)}"]
    return [_sixteen(_nearest(red, green, blue), base)]


def _sixteen(index: int, base: int) -> str:
    return str(base + index if index < 8 else base + 60 + index - 8)


def _cube(red: int, green: int, blue: int) -> int:
    """Return the nearest of the 256 colours: the cube of 6 x 6 x 6, or one of 24 greys."""
    steps = (0, 95, 135, 175, 215, 255)
    near = [min(range(6), key=lambda i, c=c: abs(steps[i] - c)) for c in (red, green, blue)]  # type: ignore[misc] # the bound default is an int
    grey = min(range(24), key=lambda i: abs(8 + 10 * i - (red + green + blue) // 3))
    level = 8 + 10 * grey
    cube = [steps[i] for i in near]
    off = sum((a - b) ** 2 for a, b in zip(cube, (red, green, blue), strict=True))
    if sum((level - c) ** 2 for c in (red, green, blue)) < off:
        return 232 + grey
    return 16 + 36 * near[0] + 6 * near[1] + near[2]


# What the sixteen colours look like on most terminals: xterm's own.
_XTERM = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0)),
    *((0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0)),
    *((92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255)),
)


def _nearest(red: int, green: int, blue: int) -> int:
    def distance(index: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(_XTERM[index], (red, green, blue), strict=True))

    return min(range(16), key=distance)
