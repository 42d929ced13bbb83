"""The live screen, by its keys and its mouse."""

from dataclasses import replace

import numpy as np
import pytest

from tuimon.errors import TuimonError
from tuimon.model.check import Check
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.surfaces.frames.glyphs import ASCII
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.page import help_page
from tuimon.surfaces.frames.processes import BY_NAME, columns_for, ordered
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.tui.keys import COMMANDS, PAGE_COMMANDS, hints, legend
from tuimon.surfaces.tui.screens.page import Page


@pytest.fixture(autouse=True)
def _utc(utc):
    """Every picture has a clock in it."""


def _expected(state, view, width=120, height=36):
    return [plain(row) for row in overview(state, view, hints(COMMANDS), width, height)]


def _order(state, view):
    frame = state.frames[Kind.PROCESS]
    return [frame.entities[int(at)].id for at in ordered(state, view)]


async def test_the_screen_shows_what_the_frames_say(opened, steps):
    async with opened(*steps) as screen:
        assert screen.lines == _expected(steps[-1], screen.view)


async def test_nothing_breaks_before_the_first_state(opened, steps):
    keys = [
        key
        for one in COMMANDS
        for key in one.keys.split(",")
        if one.name not in {"quit", "suspend_process"}
    ]
    async with opened() as screen:
        for key in keys:
            await screen.press(key)
        await screen.settle()
        while isinstance(screen.app.screen, Page):
            await screen.press("escape")
        await screen.tick(steps[0])
        assert screen.lines[0] == _expected(steps[0], screen.view)[0]


KEYS = {one.name: one.keys.split(",") for one in COMMANDS}
SORTS = [(KEYS[name][0], name[6:-2]) for name in KEYS if name.startswith("sort('")]


@pytest.mark.parametrize(("key", "column"), SORTS)
async def test_a_letter_sorts_by_its_column(opened, steps, key, column):
    async with opened(steps[0], view=View(sort="user")) as screen:
        await screen.press(key)
        assert screen.view.sort == column
        assert screen.view.ascending == BY_NAME[column].ascending
        assert screen.lines == _expected(steps[0], screen.view)
        await screen.press(key)
        assert screen.view.ascending != BY_NAME[column].ascending
        assert screen.lines == _expected(steps[0], screen.view)


async def test_the_sort_goes_from_column_to_column_and_around(opened, steps):
    names = [one.name for one in columns_for(steps[0].entities(Kind.PROCESS), 120)]
    async with opened(steps[0], view=View(sort=names[0])) as screen:
        seen = []
        for _ in names:
            seen.append(screen.view.sort)
            await screen.press("greater_than_sign")
        await screen.settle()
        assert seen == names
        assert screen.view.sort == names[0]
        await screen.press("less_than_sign")
        assert screen.view.sort == names[-1]


async def test_inverting_turns_the_order_around(opened, steps):
    async with opened(steps[0], view=View(sort="pid", ascending=True)) as screen:
        await screen.press("I")
        assert not screen.view.ascending
        assert screen.lines == _expected(steps[0], screen.view)


async def test_the_cursor_moves_and_stops_at_both_ends(opened, steps):
    state = steps[0]
    async with opened(state) as screen:
        order = _order(state, screen.view)
        for key in KEYS["move(-1)"]:
            await screen.press(key)
            assert screen.view.selected in {"", order[0]}
        for row, key in enumerate(KEYS["move(1)"], 1):
            await screen.press(key)
            assert screen.view.selected == order[row]
        assert len(screen.selected) == 1
        await screen.press("up")
        assert screen.view.selected == order[len(KEYS["move(1)"]) - 1]
        await screen.press("end")
        assert screen.view.selected == order[-1]
        await screen.press("down")
        assert screen.view.selected == order[-1]
        assert screen.lines == _expected(state, screen.view)
        await screen.press("home")
        assert screen.view.selected == order[0]
        await screen.press("end", "g")
        assert screen.view.selected == order[0]


async def test_a_page_is_what_the_table_shows(opened, steps):
    state = steps[0]
    async with opened(state) as screen:
        order = _order(state, screen.view)
        page = screen.app._overview.page
        shown = sum(1 for line in screen.lines if line[:7].strip().isdecimal() and line[7] == " ")
        assert page <= shown
        await screen.press("pagedown")
        assert screen.view.selected == order[page]
        await screen.press("ctrl+f")
        assert screen.view.selected == order[2 * page]
        await screen.press("pageup", "ctrl+b")
        assert screen.view.selected == order[0]


async def test_the_cursor_follows_its_process(opened, steps):
    state = steps[0]
    async with opened(state, view=View(sort="cpu")) as screen:
        await screen.press("down", "down", "down")
        chosen = screen.view.selected
        frame = state.frames[Kind.PROCESS]
        row = frame.catalogue.position["process_cpu_ratio"]
        values = frame.values.copy()
        values[row, frame.entities.position[chosen]] = 0.0
        moved = replace(state, frames={**state.frames, Kind.PROCESS: replace(frame, values=values)})
        await screen.tick(moved)
        assert screen.view.selected == chosen
        assert screen.lines == _expected(moved, screen.view)
        assert len(screen.selected) == 1
        assert frame.entities.get(chosen).index == int(screen.selected[0].split()[0])


async def test_the_cursor_of_a_process_that_ended_is_on_the_first_row(opened, steps, machine):
    async with opened(steps[0]) as screen:
        await screen.press("down", "down")
        await screen.tick(machine.state(1))
        assert len(screen.selected) == 1
        assert screen.lines == _expected(machine.state(1), screen.view)


async def test_command_lines_scroll_to_the_side(opened, steps):
    async with opened(steps[0], size=(80, 24)) as screen:
        await screen.press("right", "right")
        assert screen.view.shift == 32
        assert screen.lines == _expected(steps[0], screen.view, 80, 24)
        await screen.press("left", "left", "left")
        assert screen.view.shift == 0
        assert screen.lines == _expected(steps[0], screen.view, 80, 24)


async def test_a_pause_holds_the_picture_and_keys_go_on(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("Z")
        assert "PAUSED" in screen.text
        await screen.tick(steps[1])
        assert screen.lines == _expected(steps[0], screen.view)
        await screen.press("M", "down")
        assert screen.lines == _expected(steps[0], screen.view)
        await screen.press(KEYS["toggle_pause"][-1])
        await screen.tick(steps[2])
        assert screen.lines == _expected(steps[2], screen.view)


async def test_a_paused_picture_is_drawn_anew_for_another_size(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("Z")
        for width, height in ((160, 48), (80, 24), (50, 10), (100, 30)):
            await screen.resize(width, height)
            assert screen.lines == _expected(steps[0], screen.view, width, height)


async def test_plus_halves_the_interval_and_minus_doubles_it(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("plus")
        assert screen.session.interval == 0.5
        await screen.press("minus", "minus")
        assert screen.session.interval == 2.0


async def test_what_is_in_view_is_told_to_the_session(opened, steps):
    async with opened(steps[0]) as screen:
        order = _order(steps[0], screen.view)
        assert order[0] in screen.session.interest.processes
        assert order[-1] not in screen.session.interest.processes
        await screen.press("end")
        assert order[-1] in screen.session.interest.processes
        assert len(screen.session.interest.processes) < len(order)


@pytest.mark.parametrize("key", KEYS["help"])
async def test_help_opens_scrolls_and_closes(opened, steps, key):
    async with opened(steps[0], size=(80, 24)) as screen:
        before = screen.lines
        await screen.press(key)
        assert isinstance(screen.app.screen, Page)
        assert "Keys" in screen.lines[0]
        await screen.press("pagedown")
        assert "Keys" not in screen.lines[0]
        await screen.press("pagedown", "pagedown", "pagedown", "down")
        last = plain(help_page(legend(COMMANDS), 80)[-1])
        assert screen.lines[-2] == last
        await screen.press("up")
        assert screen.lines[-2] != last
        await screen.press("pageup", "pageup", "pageup", "pageup")
        assert "Keys" in screen.lines[0]
        await screen.press("escape")
        assert screen.lines == before


@pytest.mark.parametrize("key", PAGE_COMMANDS[0].keys.split(","))
async def test_a_page_closes_by_each_of_its_keys(opened, steps, key):
    async with opened(steps[0]) as screen:
        await screen.press("D")
        await screen.press(key)
        assert not isinstance(screen.app.screen, Page)
        assert screen.app.is_running


async def test_the_checks_are_asked_for_each_time_the_page_opens(opened, steps, machine):
    state = machine.ailing(steps[0], "nvml/3", Status.FAILED, "it fell off the bus")
    async with opened(state) as screen:
        await screen.press("D")
        assert screen.session.asked == 1
        assert "it is not loaded" in screen.text
        assert "modprobe nvidia" in screen.text
        assert "it fell off the bus" in screen.text
        await screen.press("escape")
        screen.session.told = [Check("driver", ok=True, text="it is loaded now")]
        await screen.press("D")
        assert "it is loaded now" in screen.text


async def test_states_go_on_after_the_checks_were_opened(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("D", "escape")
        await screen.tick(steps[1])
        assert screen.lines == _expected(steps[1], screen.view)


async def test_ticks_behind_a_page_are_shown_once_it_is_closed(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("h")
        await screen.tick(steps[1])
        assert "Keys" in screen.lines[0]
        await screen.press("escape")
        assert screen.lines == _expected(steps[1], screen.view)


async def test_a_resize_behind_a_page_is_heeded_once_it_is_closed(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.press("h")
        await screen.resize(90, 26)
        assert len(screen.lines[0]) == 90
        await screen.press("escape")
        assert screen.lines == _expected(steps[0], screen.view, 90, 26)


async def test_after_a_storm_of_resizes_the_picture_is_right(opened, steps):
    sizes = [(80, 24), (160, 48), (61, 15), (30, 5), (1, 1), (240, 67), (60, 13), (59, 40), (2, 40)]
    async with opened(steps[0]) as screen:
        for width, height in sizes:
            await screen.pilot.resize_terminal(width, height)
        await screen.settle()
        await screen.resize(120, 36)
        assert screen.lines == _expected(steps[0], screen.view)
        for width, height in sizes:
            await screen.resize(width, height)
            if height > 2:
                assert screen.lines == _expected(steps[0], screen.view, width, height)


async def test_a_screen_that_is_too_small_says_so_and_comes_back(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.resize(40, 10)
        assert "needs more room" in screen.text
        assert "40x10" in screen.text
        await screen.tick(steps[1])
        assert "needs more room" in screen.text
        await screen.resize(80, 24)
        assert screen.lines == _expected(steps[1], screen.view, 80, 24)


@pytest.mark.parametrize("key", KEYS["quit"])
async def test_each_key_for_leaving_leaves_with_0(opened, steps, key):
    async with opened(steps[0]) as screen:
        await screen.press(key)
        await screen.settle()
        assert screen.app._exit
    assert screen.app.return_code == 0


async def test_the_screen_ends_with_the_session(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.tick(None)
        assert screen.app._exit
    assert screen.app.failure is None
    assert screen.app.return_code == 0


async def test_what_ended_the_session_is_kept_for_the_command(opened, steps):
    async with opened(steps[0]) as screen:
        await screen.tick(TuimonError("no GPU 7"))
        assert screen.app._exit
    assert str(screen.app.failure) == "no GPU 7"
    assert screen.app.return_value == 1


async def test_ascii_glyphs_reach_every_page(opened, steps):
    async with opened(steps[0], view=View(glyphs=ASCII)) as screen:
        assert screen.text.isascii()
        await screen.press("h")
        assert screen.text.isascii()
        await screen.press("escape", "D")
        assert screen.text.isascii()


async def test_markup_in_names_is_drawn_as_it_is(opened, machine):
    name = "[bold]x[/bold][@click=app.quit]y[/]"
    state = machine.renamed(machine.state(2), name, Kind.GPU, Kind.PROCESS, Kind.HOST)
    async with opened(state, size=(200, 40)) as screen:
        assert name in screen.text
        await screen.pilot.click("#processes", offset=(195, 3))
        await screen.settle()
        assert screen.app.is_running
        assert not screen.app._exit


async def test_a_machine_without_processes_can_be_looked_at(opened, machine):
    state = machine.without(machine.state(1), Kind.PROCESS, Kind.GPU_PROCESS)
    async with opened(state) as screen:
        await screen.press("down", "end", "pagedown", "greater_than_sign", "I", "G", "right")
        await screen.pilot.click("#processes", offset=(5, 3))
        await screen.settle()
        assert "reading processes" in screen.text


async def test_a_tick_repaints_only_rows_that_differ(opened, steps):
    async with opened(steps[0]) as screen:
        panel = screen.app._overview._panels["processes"]
        before = list(panel._strips)
        await screen.tick(machine_with_other_memory(steps[0]))
        after = panel._strips
        assert sum(old is not new for old, new in zip(before, after, strict=True)) == 1


def machine_with_other_memory(state):
    """Return a state in which only the first process in the table has another value."""
    frame = state.frames[Kind.PROCESS]
    column = int(ordered(state, View())[0])
    values = frame.values.copy()
    values[frame.catalogue.position["process_memory_bytes"], column] = np.float64(123456.0)
    return replace(state, frames={**state.frames, Kind.PROCESS: replace(frame, values=values)})
