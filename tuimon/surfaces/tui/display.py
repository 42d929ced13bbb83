"""What goes to the terminal: only cells that differ from the last frame.

The only module that touches private parts of Textual: `App._display` and what it does with an
exception, the updates of its compositor, the segments of a `Strip` and the queue of the driver's
writer thread. `supported` checks that they are as expected; where they are not, Textual's own way
is used, which sends more and shows the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual import _compositor as compositor
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

GAP = 6
"""Unchanged cells that are sent again rather than jumped over: a jump takes as many bytes."""
BACKLOG = 1
"""Frames that may wait for a slow terminal before new ones are left out."""
Chops = Iterable[tuple[int, Strip | None]]


def supported(app: App[Any]) -> bool:
    """Whether this Textual has the private parts that the frame diff builds on."""
    return all((
        hasattr(compositor, "CompositorUpdate"),
        hasattr(compositor, "LayoutUpdate"),
        hasattr(compositor, "ChopsUpdate"),
        hasattr(app, "_display"),
        hasattr(Strip([]), "_segments"),
    ))  # fmt: skip


def congested(app: App[Any]) -> bool:
    """Whether the terminal has not taken the last frames yet, so that new ones should wait."""
    writer = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    queue = getattr(writer, "_queue", None)
    return queue is not None and queue.qsize() > BACKLOG


class Front:
    """What the terminal shows: the strips last sent, by row and column."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, Strip]] = {}
        self._size: tuple[int, int] = (0, 0)
        self.sent = 0
        """Bytes that were sent to the terminal so far."""

    def clear(self) -> None:
        """Forget everything: the next frame is sent whole."""
        self._rows.clear()

    def fit(self, size: tuple[int, int]) -> None:
        """Forget everything if the terminal has another size than before."""
        if size != self._size:
            self._size = size
            self.clear()

    def row(self, y: int, columns: Iterable[int]) -> dict[int, Strip]:
        """Return what a row shows, empty if it is cut at other columns now."""
        row = self._rows.setdefault(y, {})
        if not row.keys() <= set(columns):
            row.clear()
        return row


class Difference(compositor.CompositorUpdate):
    """A compositor's update that renders as what differs from the front."""

    def __init__(self, front: Front, update: Any) -> None:  # noqa: ANN401 -- one of two private types
        self._front = front
        self._update = update

    def __rich_console__(self, console: Console, options: object) -> Iterator[Segment]:
        """Not used: Textual renders updates by `render_segments`."""
        yield Segment(self.render_segments(console))

    def render_segments(self, console: Console) -> str:
        """Return the escape sequences that bring the terminal up to date."""
        pen = Pen(console._color_system or ColorSystem.STANDARD)  # noqa: SLF001 -- see the module
        for y, chops in self._lines():
            cut = list(chops)
            shown = self._front.row(y, [x for x, _ in cut])
            for x, strip in cut:
                old = shown.get(x)
                if strip is None or strip is old:
                    continue
                shown[x] = strip
                _draw(pen, x, y, _segments(strip), None if old is None else _segments(old))
        text = pen.done()
        self._front.sent += len(text.encode())
        return text

    def _lines(self) -> Iterator[tuple[int, Chops]]:
        update = self._update
        if isinstance(update, compositor.LayoutUpdate):
            for y, line in enumerate(update.strips, update.region.y):
                yield y, _placed(line, update.region.x)
        else:
            for y in dict.fromkeys(y for y, _, _ in update.spans):
                row: Mapping[int, Strip | None] = update.chops[y]
                yield y, row.items()


def _placed(line: Iterable[Strip], x: int) -> Iterator[tuple[int, Strip]]:
    for strip in line:
        yield x, strip
        x += strip.cell_length


def _segments(strip: Strip) -> list[Segment]:
    return strip._segments  # noqa: SLF001 -- see the module


@lru_cache(maxsize=4096)
def _regular(text: str) -> bool:
    """Return whether every character takes one cell, so that places are columns.

    The sum is not enough: a wide character and a combining one make up for each other.
    """
    return text.isascii() or all(cell_len(char) == 1 for char in text)


def _size(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _draw(pen: "Pen", x: int, y: int, new: list[Segment], old: list[Segment] | None) -> None:
    """Draw a strip over another one. Rows have fixed columns, so segments mostly line up."""
    if old is None or len(old) != len(new):
        _draw_all(pen, x, y, new)
        return
    for place, (was, now) in enumerate(zip(old, new, strict=True)):
        size = _size(now.text)
        same_style = was.style is now.style or was.style == now.style
        if was.text == now.text:
            if not same_style:
                pen.put(x, y, now.text, size, now.style)
        elif _size(was.text) != size:
            _draw_all(pen, x, y, new[place:])
            return
        elif same_style and size > GAP and _regular(now.text) and _regular(was.text):
            for first, end in _changes(was.text, now.text):
                pen.put(x + first, y, now.text[first:end], end - first, now.style)
        else:
            pen.put(x, y, now.text, size, now.style)
        x += size


def _draw_all(pen: "Pen", x: int, y: int, segments: list[Segment]) -> None:
    for segment in segments:
        size = _size(segment.text)
        pen.put(x, y, segment.text, size, segment.style)
        x += size


def _changes(old: str, new: str) -> Iterator[tuple[int, int]]:
    """Yield the spans in which two texts of one length differ, near ones joined."""
    differing = [place for place, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    first = last = differing[0]
    for place in differing[1:]:
        if place - last > GAP:
            yield first, last + 1
            first = place
        last = place
    yield first, last + 1


class Pen:
    """Writes text at places, with as few cursor moves and style changes as it takes."""

    def __init__(self, colours: ColorSystem | int) -> None:
        self._colours = ColorSystem(colours)
        self._out: list[str] = []
        self._x = self._y = -1
        self._style: Style | None = None

    def put(self, x: int, y: int, text: str, size: int, style: Style | None) -> None:
        """Write *text*, *size* cells wide, at a place."""
        if (x, y) != (self._x, self._y):
            self._out.append(self._move(x, y))
        if style is not self._style:
            self._out.append(_turn(self._style, style, self._colours))
            self._style = style
        self._out.append(text)
        self._x, self._y = x + size, y

    def done(self) -> str:
        """Return all that was written, with the style reset."""
        if self._style is not None:
            self._out.append("\x1b[m")
        return "".join(self._out)

    def _move(self, x: int, y: int) -> str:
        if y == self._y and self._y >= 0:
            steps = x - self._x
            if steps > 0:
                return f"\x1b[{steps}C" if steps > 1 else "\x1b[C"
            return f"\x1b[{x + 1}G"
        return f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"


_SGR = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "51", "52", "53")
_turns: dict[tuple[int, int, ColorSystem], tuple[str, Style | None, Style | None]] = {}
_Look = tuple[int, tuple[str, ...], tuple[str, ...]]


def _turn(old: Style | None, new: Style | None, colours: ColorSystem) -> str:
    """Return the sequence from one style to the next. Kept by identity, as styles are constants."""
    key = (id(old), id(new), colours)
    known = _turns.get(key)
    if known is not None and known[1] is old and known[2] is new:
        return known[0]
    if len(_turns) > 5000:
        _turns.clear()
    text = _sequence(_look(old, colours), _look(new, colours))
    _turns[key] = (text, old, new)
    return text


def _look(style: Style | None, colours: ColorSystem) -> _Look:
    """Return attributes as bits, and the codes of both colours; empty for the default."""
    if style is None:
        return 0, (), ()
    bits = 0
    attributes = (style.bold, style.dim, style.italic, style.underline, style.blink,
                  style.blink2, style.reverse, style.conceal, style.strike)  # fmt: skip
    for place, on in enumerate(attributes):
        bits |= bool(on) << place
    fore = style.color.downgrade(colours).get_ansi_codes() if style.color else ()
    back = (
        style.bgcolor.downgrade(colours).get_ansi_codes(foreground=False) if style.bgcolor else ()
    )
    return bits, () if fore == ("39",) else tuple(fore), () if back == ("49",) else tuple(back)


def _sequence(old: _Look, new: _Look) -> str:
    codes: list[str] = []
    if old[0] & ~new[0]:  # an attribute must go: everything is reset
        codes.append("0")
        old = (0, (), ())
    codes += [_SGR[place] for place in range(9) if (new[0] & ~old[0]) >> place & 1]
    if new[1] != old[1]:
        codes += new[1] or ("39",)
    if new[2] != old[2]:
        codes += new[2] or ("49",)
    return f"\x1b[{';'.join(codes)}m" if codes else ""


class Diffed(App[int]):
    """An app that sends only what changed on the screen, and keeps quiet about its own faults."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 -- whatever App takes
        super().__init__(**options)
        self.front: Front | None = Front() if supported(self) else None
        self.failure: BaseException | None = None
        """What ended the app, if that was an error; for whoever started it to tell."""

    def repaint(self) -> None:
        """Send the whole screen, as after something else has written to the terminal."""
        if self.front is not None:
            self.front.clear()
        self.screen.refresh()

    def _handle_exception(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End; whoever started the app tells why, in one line and not in a page of locals."""
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        updates = (compositor.LayoutUpdate, compositor.ChopsUpdate)
        if self.front is not None and isinstance(renderable, updates):
            self.front.fit((self.size.width, self.size.height))
            renderable = Difference(self.front, renderable)
        super()._display(screen, renderable)
