"""Whole pictures of the overview and the pages, compared with the files in golden/."""

# ruff: noqa: E501 -- its tables are read across

import numpy as np
import pytest

from tuimon.errors import Reason
from tuimon.model.check import Check
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.sources.simulated.script import Divided, Script
from tuimon.surfaces.frames.footer import footer
from tuimon.surfaces.frames.glyphs import ASCII, UNICODE
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.page import checks_page, help_page, scrolled_page
from tuimon.surfaces.frames.row import plain, simple
from tuimon.surfaces.frames.splash import splash
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.tui.keys import COMMANDS, hints, legend

SIZES = [(60, 14), (80, 24), (120, 36), (160, 48), (240, 67)]
LOST, LATE = Reason.DEVICE_LOST, Reason.TIMEOUT


def _text(rows):
    return "".join(f"{plain(row)}\n" for row in rows)


def _drawn(state, width, height, view=None):
    return overview(state, view or View(user="alice"), hints(COMMANDS), width, height)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_eight_gpus_look_like_this(machine, golden, exact, width, height):
    rows = _drawn(machine.state(8), width, height)
    exact(rows, width, height)
    golden(f"eight_{width}x{height}", _text(rows))


@pytest.mark.parametrize("count", [1, 2, 16])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48)])
def test_other_numbers_of_gpus_look_like_this(machine, golden, exact, count, width, height):
    rows = _drawn(machine.state(count), width, height)
    exact(rows, width, height)
    golden(f"gpus{count}_{width}x{height}", _text(rows))


def _without_gpus(machine):
    state = machine.without(machine.state(1), Kind.GPU, Kind.GPU_PROCESS)
    text = "there is no libnvidia-ml.so.1: no NVIDIA driver is installed"
    return machine.ailing(state, "nvml", Status.ABSENT, text)


def _of_unknown_values(machine):
    state = machine.state(2)
    for kind, frame in state.frames.items():
        state = machine.missing(state, kind, Reason.FAILED, *range(len(frame.entities)))
    return state


def _with_shared_memory(machine):
    return machine.labelled(machine.state(1), Kind.GPU, memory="shared with the host")


# A row: the name of the file, and what makes the state.
# fmt: off
TROUBLES = [
    ("no_gpu",  _without_gpus),
    ("lost",    lambda machine: machine.missing(machine.state(8), Kind.GPU, LOST, 7)),
    ("late",    lambda machine: machine.ailing(machine.missing(machine.state(8), Kind.GPU, LATE, 5), "simulated/5", Status.LATE, "no answer")),
    ("unknown", _of_unknown_values),
    ("unified", _with_shared_memory),
    ("nothing", lambda machine: machine.empty(machine.state(1))),
]
# fmt: on


@pytest.mark.parametrize(("name", "made"), TROUBLES, ids=[name for name, _ in TROUBLES])
def test_troubles_look_like_this(machine, golden, exact, name, made):
    rows = _drawn(made(machine), 120, 36)
    exact(rows, 120, 36)
    golden(name, _text(rows))


@pytest.mark.parametrize("name", ["lost", "late"])
def test_a_card_of_which_nothing_is_known_says_so_once(machine, golden, exact, name):
    rows = _drawn(dict(TROUBLES)[name](machine), 160, 48)
    exact(rows, 160, 48)
    golden(f"{name}_160x48", _text(rows))


@pytest.mark.parametrize(("count", "lines"), [(2, "cards"), (8, "lines"), (16, "strip")])
def test_what_is_bad_is_marked_in_every_form(machine, count, lines):
    state = machine.state(count)
    slow = state.frames[Kind.GPU].value(
        "gpu_temperature_slowdown_celsius", state.entities(Kind.GPU)[1].id
    )
    state = machine.changed(state, Kind.GPU, "gpu_temperature_celsius", slow + 1, 1)
    text = _text(_drawn(state, 80, 24))
    assert (f"{slow + 1:.0f}°C!" in text) if lines != "strip" else text.count("!") == 1, lines


def test_the_process_table_keeps_its_share_of_a_screen_of_medium_size(machine):
    rows = [plain(row) for row in _drawn(machine.state(8), 160, 48)]
    head = next(y for y, row in enumerate(rows) if " PID " in row)
    assert len(rows) - 1 - head >= 0.4 * 46


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36)])
def test_divided_gpus_look_like_this(machine, golden, exact, width, height):
    script = Script(divided=(Divided(0), Divided(1, "1g.10gb", 7)))
    rows = _drawn(machine.state(2, script=script), width, height)
    exact(rows, width, height)
    golden(f"divided_{width}x{height}", _text(rows))


def test_a_lost_gpu_is_told_by_words_and_not_by_zeros(machine):
    state = machine.missing(machine.state(8), Kind.GPU, LOST, 7)
    row = next(plain(row) for row in _drawn(state, 120, 36) if plain(row).startswith("   7 "))
    assert row.rstrip().endswith(" lost")
    assert "0%" not in row
    assert "0W" not in row


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 48)])
def test_no_number_is_drawn_where_nothing_is_known(machine, width, height):
    text = _text(_drawn(_of_unknown_values(machine), width, height))
    assert "nan" not in text.lower()


def test_a_part_of_a_pair_that_is_unknown_is_not_drawn_as_a_number(machine):
    state = machine.state(1)
    for column in range(len(state.entities(Kind.FILESYSTEM))):
        state = machine.changed(state, Kind.FILESYSTEM, "filesystem_used_bytes", np.nan, column)
    for minutes in (5, 15):
        state = machine.changed(state, Kind.HOST, f"host_load{minutes}", np.nan)
    assert "nan" not in _text(_drawn(state, 160, 48)).lower()


@pytest.mark.parametrize("height", [14, 24, 48])
def test_ascii_glyphs_draw_ascii_only(machine, height):
    state = machine.missing(machine.state(8), Kind.GPU, LOST, 7)
    state = machine.missing(state, Kind.GPU, Reason.NOT_YET, 3)
    for width in (60, 100, 160):
        rows = _drawn(state, width, height, View(glyphs=ASCII))
        assert _text(rows).isascii(), [
            line for line in _text(rows).split("\n") if not line.isascii()
        ]


def test_without_a_cursor_no_row_is_drawn_as_selected(machine):
    rows = _drawn(machine.state(8), 120, 36, View(cursor=False))
    styles = {style for row in rows for _, style in row}
    assert "selected" not in styles


def test_the_help_looks_like_this(golden):
    rows = help_page(legend(COMMANDS), 80)
    golden("help", _text(rows))


CHECKS = [
    Check("library", ok=True, text="libnvidia-ml.so.1 is there"),
    Check("driver", ok=False, text="the driver is not loaded " * 6, advice="sudo modprobe nvidia"),
]


def test_the_checks_look_like_this(golden):
    lanes = [("nvml", "absent", "the NVIDIA driver is not loaded"), ("host", "ok", "")]
    golden("checks", _text(checks_page(CHECKS, lanes, 80)))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_the_first_picture_looks_like_this(golden, exact, glyphs):
    rows = splash("node7", hints(COMMANDS), glyphs, 1_790_000_000.0, 80, 24)
    exact(rows, 80, 24)
    golden("splash" if glyphs is UNICODE else "splash_ascii", _text(rows))


def test_a_page_that_goes_on_says_so():
    page = help_page(legend(COMMANDS), 80)
    assert plain(scrolled_page(page, 0, 80, 10, UNICODE)[-1]).endswith(" ▼ more ")
    last = plain(scrolled_page(simple(page, ASCII), 0, 80, 10, ASCII)[-1])
    assert last.isascii()
    assert last.endswith(" v more ")
    assert "more " not in plain(scrolled_page(page, len(page) - 10, 80, 10, UNICODE)[-1])[-6:]


def test_pages_are_as_wide_and_as_high_as_the_screen(exact):
    for width in (*range(1, 90, 3), 200, 260):
        for page in (
            help_page(legend(COMMANDS), width),
            checks_page(CHECKS, [("a", "ok", "b" * 300)], width),
        ):
            exact(page, width, len(page))
            for top in (0, 5, 500):
                exact(scrolled_page(page, top, width, 20), width, 20)
            exact([footer(hints(COMMANDS), width)], width, 1)


@pytest.mark.parametrize("count", [1, 2, 8, 16])
@pytest.mark.parametrize("charts", [True, False])
def test_every_gpu_is_to_be_seen_at_every_size(machine, count, charts):
    state = machine.labelled(machine.state(count), Kind.GPU)
    for width in (60, 79, 80, 100, 120, 160, 240):
        for height in (14, 18, 24, 36, 48, 67):
            rows = _drawn(state, width, height, View(charts=charts))[1:]
            host = next(y for y, row in enumerate(rows) if "cpu " in plain(row))
            words = " ".join(plain(row) for row in rows[:host]).split()
            assert {str(index) for index in range(count)} <= set(words), (width, height)
