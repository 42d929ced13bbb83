"""At every size and with every name the rows fill the screen exactly."""

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tuimon.errors import Reason
from tuimon.model.check import Check
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.surfaces.frames.footer import footer, places
from tuimon.surfaces.frames.glyphs import ASCII, UNICODE
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.page import checks_page
from tuimon.surfaces.frames.processes import COLUMNS
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.splash import splash
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.tui.keys import COMMANDS, PAGE_COMMANDS, hints
from tuimon.text import safe

QUIET = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# fmt: off
HOSTILE = {
    "markup":    "[bold]x[/bold][/][@click=app.quit]y[/]",
    "escape":    "\x1b[2J\x1b[31mred\x1b]52;c;cm0gLXJm\x07",
    "c1":        "\x9b31m\x90q\x9c",
    "controls":  "a\r\nb\tc\0d\x7f",
    "bidi":      "\u202egpj.exe\u2066\u200f",
    "cjk":       "学習プロセス訓練" * 20,
    "emoji":     "🚀🧠👩‍🔬👍🏽❤️🇨🇭" * 10,
    "combining": "e\u0301" * 50 + "\u0301" * 3000,
    "devanagari": "प्रशिक्षण नमस्ते" * 5,
    "jamo":      "\u1100\u1161\u11a8" * 20,
    "hexagrams": "䷀䷁☰𝌆𝍠" * 10,
    "broken":    b"\xff\xfe\xc3(\xf0\x9f".decode("utf-8", "surrogateescape"),
    "bytes":     b"\xff\xfe\xc3(\xf0\x9f",
    "megabyte":  "n" * 1_000_000,
    "megabyte of ideographs": "学" * 1_000_000,
    "spaces":    "\u2028\u2029\u00a0\u3000 ",
    "empty":     "",
}
# fmt: on
KINDS = [Kind.GPU, Kind.HOST, Kind.PROCESS, Kind.FILESYSTEM, Kind.GPU_PROCESS]


@QUIET
@given(
    st.integers(1, 260),
    st.integers(1, 80),
    st.sampled_from([1, 2, 8, 16]),
    st.sampled_from([UNICODE, ASCII]),
    st.sampled_from([column.name for column in COLUMNS]),
    st.booleans(),
)
@example(60, 14, 16, UNICODE, "gmem", True)
@example(260, 80, 16, UNICODE, "command", True)
@example(1, 1, 1, UNICODE, "pid", False)
def test_every_size_is_filled_exactly(  # noqa: PLR0917 -- what hypothesis hands in
    machine, exact, width, height, gpus, glyphs, sort, charts
):
    view = View(glyphs=glyphs, sort=sort, charts=charts, paused=charts, user="alice", shift=16)
    rows = overview(machine.state(gpus), view, hints(COMMANDS), width, height)
    exact(rows, width, height)


@QUIET
@given(
    st.integers(60, 260),
    st.integers(14, 80),
    st.sampled_from(
        [Reason.DEVICE_LOST, Reason.NOT_SUPPORTED, Reason.NOT_YET, Reason.NO_PERMISSION]
    ),
    st.sampled_from([kind for kind in Kind if kind is not Kind.VGPU and kind is not Kind.MIG]),
)
def test_every_size_is_filled_whatever_is_missing(machine, exact, width, height, reason, kind):
    whole = machine.state(8)
    if kind in whole.frames:
        exact(
            overview(machine.missing(whole, kind, reason), View(), (), width, height), width, height
        )
        exact(overview(machine.without(whole, kind), View(), (), width, height), width, height)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_neither_moves_nor_escapes(machine, exact, name):
    text = safe(HOSTILE[name])
    state = machine.renamed(machine.state(2), text, *KINDS)
    state = machine.ailing(state, text[:500], Status.FAILED, text)
    check = Check(text[:2000], ok=False, text=text[:2000], advice=text[:2000])
    began = time.process_time()
    for width, height in ((60, 14), (61, 15), (80, 24), (133, 40), (240, 67)):
        for shift in (0, 3):
            exact(overview(state, View(shift=shift), (), width, height), width, height)
        page = checks_page([check], [(text[:90], "failed", text[:2000])], width)
        exact(page, width, len(page))
        exact(splash(text[:2000], (), UNICODE, 0.0, width, height), width, height)
    assert time.process_time() - began < 4


@QUIET
@given(st.text(max_size=60), st.integers(60, 140))
def test_any_name_neither_moves_nor_escapes(machine, exact, name, width):
    state = machine.renamed(machine.state(1), safe(name), *KINDS)
    exact(overview(state, View(), (), width, 24), width, 24)


@given(st.one_of(st.text(), st.binary()))
@settings(deadline=None, derandomize=True, database=None)
def test_safe_text_stays_as_it_is(text):
    once = safe(text)
    assert safe(once) == once
    assert once.isprintable()


@pytest.mark.parametrize("commands", [COMMANDS, PAGE_COMMANDS], ids=["overview", "page"])
def test_places_are_where_the_footer_draws_them(commands):
    for width in range(1, 130):
        text = plain(footer(hints(commands), width))
        found = places(hints(commands), width)
        drawn = [f" {key} {title}" for key, title in hints(commands)][: len(found)]
        assert [text[first:end] for first, end, _ in found] == drawn
        rest = text[found[-1][1] :] if found else text
        assert not rest.strip(), width
