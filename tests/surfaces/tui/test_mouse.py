"""The live screen, by its mouse."""

import pytest
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseUp

from tuimon.model.metric import Kind
from tuimon.surfaces.frames.footer import places
from tuimon.surfaces.frames.processes import ordered
from tuimon.surfaces.tui.keys import COMMANDS, PAGE_COMMANDS, hints
from tuimon.surfaces.tui.screens.page import Page


@pytest.fixture(autouse=True)
def _utc(utc):
    """Every picture has a clock in it."""


def _order(state, view):
    frame = state.frames[Kind.PROCESS]
    return [frame.entities[int(at)].id for at in ordered(state, view)]


async def test_a_click_on_a_row_moves_the_cursor_there(opened, steps):
    async with opened(steps[0]) as screen:
        order = _order(steps[0], screen.view)
        await screen.pilot.click("#processes", offset=(10, 4))
        await screen.settle()
        assert screen.view.selected == order[3]
        await screen.pilot.click("#processes", offset=(10, 0))
        await screen.settle()
        assert screen.view.selected == order[3]


@pytest.mark.parametrize("title", [title for _, title in hints(COMMANDS)])
async def test_a_click_on_the_footer_is_its_key(opened, steps, title):
    at = {key: first for first, _, key in places(hints(COMMANDS), 120)}
    key = next(key for key, other in hints(COMMANDS) if other == title)
    async with opened(steps[0]) as screen:
        sort = screen.view.sort
        await screen.pilot.click("#footer", offset=(at[key] + 1, 0))
        await screen.settle()
        done = {
            "Help": isinstance(screen.app.screen, Page),
            "Checks": screen.session.asked == 1,
            "Pause": screen.view.paused,
            "Sort": screen.view.sort != sort,
            "Invert": screen.view.ascending,
            "Faster": screen.session.interval == 0.5,
            "Quit": screen.app.return_value is not None or screen.app._exit,
        }
        assert done[title]
        assert sum(done.values()) == 1 + (title == "Checks")


async def test_the_wheel_moves_the_cursor(opened, steps):
    async with opened(steps[0]) as screen:
        order = _order(steps[0], screen.view)
        await screen.pilot._post_mouse_events([MouseScrollDown], "#processes", offset=(5, 5))
        await screen.settle()
        assert screen.view.selected == order[3]


async def test_the_mouse_on_a_page_moves_nothing_behind_it(opened, steps):
    async with opened(steps[0], size=(80, 24)) as screen:
        await screen.press("down")
        before = screen.view
        await screen.press("h")
        top = screen.lines[0]
        await screen.pilot._post_mouse_events([MouseScrollDown], "#page", offset=(5, 5))
        await screen.settle()
        assert screen.lines[0] != top
        assert screen.view == before


@pytest.mark.parametrize("title", [title for _, title in hints(PAGE_COMMANDS)])
async def test_a_click_on_the_footer_of_a_page_is_its_key(opened, steps, title):
    at = {
        title: first
        for (first, _, _), (_, title) in zip(
            places(hints(PAGE_COMMANDS), 80), hints(PAGE_COMMANDS), strict=True
        )
    }
    async with opened(steps[0], size=(80, 24)) as screen:
        await screen.press("h", "down")
        top = screen.lines[0]
        pages = len(screen.app.screen_stack)
        await screen.pilot.click("#footer", offset=(at[title] + 1, 0))
        await screen.settle()
        if title == "Back":
            assert not isinstance(screen.app.screen, Page)
        elif title == "Quit":
            assert screen.app._exit
        else:
            assert len(screen.app.screen_stack) == pages
            assert screen.lines[0] != top


async def test_a_click_beside_the_keys_does_nothing(opened, steps):
    async with opened(steps[0]) as screen:
        before = screen.lines
        await screen.pilot.click("#footer", offset=(110, 0))
        await screen.settle()
        assert screen.lines == before
        assert screen.app.is_running


async def test_dragging_over_the_screen_selects_nothing(opened, steps):
    async with opened(steps[0]) as screen:
        before = screen.lines
        await screen.pilot._post_mouse_events([MouseDown], "#gpus", offset=(3, 2), button=1)
        await screen.pilot._post_mouse_events([MouseMove], "#host", offset=(30, 2), button=1)
        await screen.settle()
        assert screen.lines == before
        await screen.pilot._post_mouse_events([MouseUp], "#host", offset=(30, 2), button=1)
        await screen.settle()
        assert screen.app.screen.get_selected_text() is None
