"""Over every row of the tables of commands."""

import pytest
from textual.app import App

from tuimon.surfaces.frames.page import help_page
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.tui.app import TuimonApp
from tuimon.surfaces.tui.keys import COMMANDS, PAGE_COMMANDS, hints, legend
from tuimon.surfaces.tui.screens.page import Page

ROWS = [pytest.param(TuimonApp, one, id=one.name) for one in COMMANDS]
ROWS += [pytest.param(Page, one, id=f"page {one.name}") for one in PAGE_COMMANDS]
TABLES = pytest.mark.parametrize("commands", [COMMANDS, PAGE_COMMANDS], ids=["overview", "page"])


@pytest.mark.parametrize(("owner", "command"), ROWS)
def test_every_command_has_its_action(owner, command):
    place, _, name = command.name.partition("(")[0].rpartition(".")
    owner = TuimonApp if place == "app" else owner
    action = getattr(owner, f"action_{name}", None)
    assert callable(action)


@pytest.mark.parametrize(("owner", "command"), ROWS)
def test_every_command_explains_itself(owner, command):
    assert command.help.endswith(".")
    assert command.title
    assert command.key


@TABLES
def test_no_key_stands_twice(commands):
    keys = [key for one in commands for key in one.keys.split(",")]
    assert sorted(keys) == sorted(set(keys))


@TABLES
def test_places_in_the_footer_are_taken_once(commands):
    places = [one.footer for one in commands if one.footer]
    assert len(places) == len(set(places))
    assert [title for _, title in hints(commands)][-1:] == ["Quit"]


@TABLES
def test_keys_that_textual_keeps_for_itself_are_not_used(commands):
    taken = {"tab", "shift+tab", "ctrl+q", "ctrl+p"}
    assert not taken & {key for one in commands for key in one.keys.split(",")}


def test_the_help_lists_every_command_and_all_of_its_keys():
    text = "\n".join(plain(row) for row in help_page(legend(COMMANDS), 120))
    for one in COMMANDS:
        assert one.help in text
    shown = [
        row.split("  ")[1] for row in text.splitlines()[2 : 2 + len(COMMANDS) + 1] if row[2] != " "
    ]
    for one, keys in zip(COMMANDS, shown, strict=True):
        assert len(keys.split()) == len(one.keys.split(","))
        assert "+" not in keys.replace("+", "", 1) if one.name == "faster" else "+" not in keys
        assert "_" not in keys


def test_the_palette_and_the_like_are_off():
    assert TuimonApp.ENABLE_COMMAND_PALETTE is False
    assert issubclass(TuimonApp, App)
