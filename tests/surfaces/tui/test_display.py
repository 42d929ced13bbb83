"""What a terminal holds after our stream is what it holds after Textual's own, cell by cell."""

import random
from dataclasses import replace

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.strip import Strip

from tuimon.model.metric import Kind
from tuimon.surfaces import themes
from tuimon.surfaces.frames.row import Line
from tuimon.surfaces.tui import display
from tuimon.surfaces.tui.display import Diffed, Difference, Pen
from tuimon.surfaces.tui.widgets.panel import Panel, rich_styles
from tuimon.text import safe


class Terminals:
    """Two emulators: one is fed what we send, the other what Textual would have sent."""

    def __init__(self, colours):
        self.colours = colours
        self.ours, self.theirs = pyte.Screen(80, 24), pyte.Screen(80, 24)
        for screen in (self.ours, self.theirs):
            screen.reset_mode(pyte.modes.DECAWM)  # as Textual's driver does
        self._feeds = [pyte.Stream(self.ours), pyte.Stream(self.theirs)]
        self.sent = [0, 0]
        self.frames = 0

    def show(self, app, update):
        width, height = app.size
        for screen in (self.ours, self.theirs):
            if (screen.columns, screen.lines) != (width, height):
                screen.resize(height, width)
        app.console._color_system = self.colours
        texts = [update.render_segments(app.console), update._update.render_segments(app.console)]
        for place, (feed, text) in enumerate(zip(self._feeds, texts, strict=True)):
            feed.feed(text)
            self.sent[place] += len(text)
        self.frames += 1
        self.compare()

    def compare(self):
        for y in range(self.ours.lines):
            ours = [self.ours.buffer[y][x] for x in range(self.ours.columns)]
            theirs = [self.theirs.buffer[y][x] for x in range(self.ours.columns)]
            assert ours == theirs, (y, self.ours.display[y], self.theirs.display[y])


@pytest.fixture
def terminals(request, monkeypatch):
    """Feed every frame of every app to two emulators, and compare them after each."""
    pair = Terminals(getattr(request, "param", ColorSystem.TRUECOLOR))

    def spy(app, screen, renderable):
        if renderable is not None and not app._batch_count:
            assert isinstance(renderable, Difference), renderable
            pair.show(app, renderable)

    monkeypatch.setattr(App, "_display", spy)
    return pair


@pytest.fixture(autouse=True)
def _utc(utc):
    """Every picture has a clock in it."""


DEPTHS = pytest.mark.parametrize(
    "terminals",
    [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD],
    ids=["truecolor", "256", "16"],
    indirect=True,
)


@DEPTHS
async def test_a_session_at_the_keyboard_looks_the_same(opened, machine, terminals):
    script = [
        "h",
        "down",
        "pagedown",
        "escape",
        "D",
        "q",
        "G",
        "I",
        "end",
        "pageup",
        "right",
        "Z",
        "Z",
        "ctrl+l",
    ]
    async with opened(size=(100, 30)) as screen:
        for state, key in zip(machine.states(8)[-len(script) :], script, strict=True):
            await screen.tick(state)
            await screen.press(key)
        assert terminals.ours.display[0].startswith(" tuimon ")
        assert terminals.sent[0] < terminals.sent[1]


async def test_resizes_and_pages_look_the_same(opened, machine, terminals):
    sizes = [(80, 24), (160, 48), (61, 15), (40, 10), (100, 30), (60, 14), (120, 36)]
    async with opened(size=(90, 25)) as screen:
        for place, (state, size) in enumerate(zip(machine.states(8)[-7:], sizes, strict=True)):
            await screen.tick(state)
            await screen.resize(*size)
            await screen.press("h" if place % 2 else "down")
            await screen.tick(replace(state, tick=0))
            if place % 2:
                await screen.resize(size[0] + 3, size[1] + 1)
                await screen.press("escape")
        assert terminals.frames > 20


async def test_wide_names_look_the_same(opened, machine, terminals):
    names = ["学習プロセス" * 3, "学習ab" * 4, "plain", "e\u0301学" * 9, "🚀🧠" * 6, "a" * 40]
    async with opened(size=(140, 30)) as screen:
        for name in names:
            await screen.tick(machine.renamed(machine.state(2), safe(name), Kind.PROCESS, Kind.GPU))
        assert terminals.frames > len(names)


class Rows(Diffed):
    """One panel, and nothing else."""

    CSS = "Screen { layout: vertical; overflow: hidden; } Panel { width: 100%; height: 100%; }"

    def __init__(self):
        super().__init__(ansi_color=True)
        self.panel = Panel("rows", rich_styles(themes.load("tuimon")))

    def compose(self):
        yield self.panel


PIECES = [
    "abc ",
    "0.5G/s  ",
    "学",
    "習プ",
    "e\u0301",
    "n\u0303学",
    "🚀",
    "·",
    "█▏",
    "⣿⣧",
    "  ",
    "─" * 9,
    "x" * 15,
]


def _row(chance, size):
    line = Line(size)
    while line.left:
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 8)))
        line.put(text, chance.choice(["text", "bad", "gpu", "selected", "sorted", "unknown"]))
    return line.row()


def _stirred(chance, row, size):
    """Return a row with some characters of some spans changed, mostly in the same cells."""
    spans = []
    for text, style in row:
        place = chance.randrange(len(text))
        other = chance.choice(["z", "学", "e\u0301", "  ", "█"])
        stirred = text[:place] + other + text[place + 1 :] if chance.random() < 0.4 else text
        spans.append((stirred, style if chance.random() < 0.9 else "warn"))
    return Line(size).extend(spans).row()


@pytest.mark.parametrize("seed", range(6))
async def test_random_rows_look_the_same(terminals, seed):
    chance = random.Random(seed)  # noqa: S311 -- no secret
    app = Rows()
    async with app.run_test(size=(67, 9)) as pilot:
        rows = [_row(chance, 67) for _ in range(9)]
        for step in range(40):
            for y in chance.sample(range(9), chance.randint(1, 4)):
                rows[y] = (
                    _row(chance, 67) if chance.random() < 0.2 else _stirred(chance, rows[y], 67)
                )
            app.panel.show(rows, 67)
            if step % 13 == 12:
                app.repaint()
            await pilot.pause(0)
        assert terminals.frames > 20


class Pair:
    """Strips drawn one over the other, with and without the front."""

    def __init__(self):
        self.screens = [pyte.Screen(60, 1), pyte.Screen(60, 1)]
        for screen in self.screens:
            screen.reset_mode(pyte.modes.DECAWM)
        self.feeds = [pyte.Stream(screen) for screen in self.screens]

    def draw(self, new, old):
        diffed, whole = Pen(ColorSystem.TRUECOLOR), Pen(ColorSystem.TRUECOLOR)
        display._draw(diffed, 0, 0, new, old)
        display._draw(whole, 0, 0, new, None)
        for feed, pen in zip(self.feeds, (diffed, whole), strict=True):
            feed.feed(pen.done())
        ours, theirs = ([screen.buffer[0][x] for x in range(60)] for screen in self.screens)
        assert ours == theirs, [screen.display for screen in self.screens]


@settings(deadline=None, derandomize=True, database=None, max_examples=120)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from([*"abcdefgh ", "学", "e\u0301", "█"]), min_size=12, max_size=26
            ).map("".join),
            st.sampled_from([Style(), Style(bold=True), Style(color="red")]),
        ),
        min_size=2,
        max_size=8,
    )
)
def test_a_text_over_another_text_looks_like_itself(texts):
    pair, old = Pair(), None
    for text, style in texts:
        padded = Line(58).put(text).row()
        new = [Segment("".join(part for part, _ in padded), style), Segment("|", Style())]
        pair.draw(new, old)
        old = new


STYLES = st.builds(
    Style,
    color=st.sampled_from([None, "red", "#102030", "bright_blue"]),
    bgcolor=st.sampled_from([None, "green", "#405060"]),
    bold=st.sampled_from([None, True, False]),
    dim=st.sampled_from([None, True]),
    italic=st.sampled_from([None, True]),
    underline=st.sampled_from([None, True]),
    reverse=st.sampled_from([None, True]),
    strike=st.sampled_from([None, True]),
)


class Sgr:
    """The graphic rendition of a terminal, dim included, which pyte leaves out."""

    def __init__(self):
        self.on, self.fg, self.bg = set(), (), ()

    def feed(self, text):
        for part in text.split("\x1b[")[1:]:
            codes = part.removesuffix("m").split(";")
            while codes:
                code = codes.pop(0)
                if code in {"", "0"}:
                    self.on, self.fg, self.bg = set(), (), ()
                elif code in {"38", "48"}:
                    count = 4 if codes[0] == "2" else 2
                    value = (code, *codes[:count])
                    codes = codes[count:]
                    if code == "38":
                        self.fg = value
                    else:
                        self.bg = value
                elif code in {"39", "49"}:
                    setattr(self, "fg" if code == "39" else "bg", ())
                elif len(code) == 1:
                    self.on.add(code)
                elif code[0] in "39" and len(code) == 2:
                    self.fg = (code,)
                else:
                    self.bg = (code,)

    @property
    def look(self):
        return self.on, self.fg, self.bg


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.none() | STYLES, min_size=1, max_size=12))
def test_the_way_to_a_style_does_not_matter(styles):
    walked = Sgr()
    old = None
    for style in styles:
        walked.feed(display._turn(old, style, ColorSystem.TRUECOLOR))
        fresh = Sgr()
        fresh.feed(display._turn(None, style, ColorSystem.TRUECOLOR))
        assert walked.look == fresh.look
        old = style


def test_a_style_says_what_rich_would_say():
    style = Style(bold=True, dim=True, color=Color.parse("#76b900"), bgcolor=Color.parse("blue"))
    ours, richs = Sgr(), Sgr()
    ours.feed(display._turn(None, style, ColorSystem.TRUECOLOR))
    richs.feed(style.render("x", color_system=ColorSystem.TRUECOLOR).partition("x")[0])
    assert ours.look == richs.look


def test_this_textual_is_supported():
    assert display.supported(Diffed())


@pytest.mark.parametrize("name", ["CompositorUpdate", "LayoutUpdate", "ChopsUpdate"])
def test_another_textual_falls_back_to_its_own_way(monkeypatch, name):
    monkeypatch.delattr(display.compositor, name)
    assert not display.supported(App())


async def test_the_fallback_hands_on_textuals_own_updates(monkeypatch, opened, steps):
    seen = []
    monkeypatch.setattr(display, "supported", lambda _: False)
    monkeypatch.setattr(App, "_display", lambda app, screen, update: seen.append(update))
    async with opened(*steps[:2]) as screen:
        assert screen.app.front is None
        await screen.press("ctrl+l")
        assert "tuimon" in screen.text
    assert seen
    assert not any(isinstance(update, Difference) for update in seen)


def test_an_unchanged_frame_sends_nothing():
    front, strip = display.Front(), Strip([Segment("abc", Style(bold=True))], 3)
    again = Strip([Segment("abc", Style(bold=True))], 3)
    console = type("Console", (), {"_color_system": ColorSystem.TRUECOLOR})()
    region = type("Region", (), {"x": 0, "y": 0})()
    update = object.__new__(display.compositor.LayoutUpdate)
    update.region, update.strips = region, [[strip]]
    assert Difference(front, update).render_segments(console)
    update.strips = [[again]]
    assert Difference(front, update).render_segments(console) == ""


def test_a_row_that_is_cut_elsewhere_is_sent_whole():
    front = display.Front()
    console = type("Console", (), {"_color_system": ColorSystem.TRUECOLOR})()
    update = object.__new__(display.compositor.LayoutUpdate)
    update.region = type("Region", (), {"x": 0, "y": 0})()
    left, right, whole = (Strip([Segment(text)], len(text)) for text in ("abc", "def", "uvwxyz"))
    sent = []
    for strips in ([left, right], [whole], [left, right]):
        update.strips = [strips]
        sent.append(Difference(front, update).render_segments(console))
    assert "uvwxyz" in sent[1]
    assert sent[2] == sent[0]


def test_only_the_cells_that_differ_are_sent():
    pen = Pen(ColorSystem.TRUECOLOR)
    old = [Segment("load 0.1 0.2 0.3 and a long tail", None)]
    new = [Segment("load 0.9 0.2 0.3 and a long tail", None)]
    display._draw(pen, 0, 4, new, old)
    assert pen.done() == "\x1b[5;8H9"
