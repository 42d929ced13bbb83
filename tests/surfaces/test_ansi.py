"""Rows as text for terminals of every depth of colour."""

# ruff: noqa: E501 -- its tables are read across

import re

import pytest

from tuimon.surfaces.ansi import Depth, depth_of, painted
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.themes import STYLES, Style, Theme, load, names

# fmt: off
TERMINALS = [
    ({"TERM": "xterm-256color", "COLORTERM": "truecolor"},                   True,  Depth.TRUE),
    ({"TERM": "xterm-256color", "COLORTERM": "24bit"},                       True,  Depth.TRUE),
    ({"TERM": "xterm-256color"},                                             True,  Depth.MANY),
    ({"TERM": "xterm"},                                                      True,  Depth.SIXTEEN),
    ({"TERM": "linux"},                                                      True,  Depth.SIXTEEN),
    ({"TERM": "xterm-256color", "NO_COLOR": "1", "COLORTERM": "truecolor"},  True,  Depth.MONO),
    ({"TERM": "xterm-256color", "NO_COLOR": ""},                             True,  Depth.MANY),
    ({"TERM": "dumb", "COLORTERM": "truecolor"},                             True,  Depth.PLAIN),
    ({},                                                                     True,  Depth.PLAIN),
    ({"TERM": "xterm-256color", "COLORTERM": "truecolor"},                   False, Depth.PLAIN),
]
# fmt: on


@pytest.mark.parametrize(("environ", "tty", "depth"), TERMINALS)
def test_the_depth_is_what_the_terminal_says(environ, tty, depth):
    assert depth_of(environ, tty=tty) is depth


def _theme(**styles):
    return Theme("x", "x", {name: styles.get(name, Style()) for name in STYLES})


# fmt: off
COLOURS = [
    (Depth.TRUE,    Style(fg="#76b900"),                "\x1b[0;38;2;118;185;0mx\x1b[0m"),
    (Depth.TRUE,    Style(bg="#76b900"),                "\x1b[0;48;2;118;185;0mx\x1b[0m"),
    (Depth.TRUE,    Style(fg="red"),                    "\x1b[0;31mx\x1b[0m"),
    (Depth.TRUE,    Style(fg="bright_red", bg="black"), "\x1b[0;91;40mx\x1b[0m"),
    (Depth.MANY,    Style(fg="#ff0000"),                "\x1b[0;38;5;196mx\x1b[0m"),
    (Depth.MANY,    Style(fg="#808080"),                "\x1b[0;38;5;244mx\x1b[0m"),
    (Depth.MANY,    Style(bg="#000000"),                "\x1b[0;48;5;16mx\x1b[0m"),
    (Depth.SIXTEEN, Style(fg="#ff0000"),                "\x1b[0;91mx\x1b[0m"),
    (Depth.SIXTEEN, Style(fg="#00cc00"),                "\x1b[0;32mx\x1b[0m"),
    (Depth.SIXTEEN, Style(bg="#ffffff"),                "\x1b[0;107mx\x1b[0m"),
    (Depth.MONO,    Style(fg="#ff0000", bold=True),     "\x1b[0;1mx\x1b[0m"),
    (Depth.MONO,    Style(bg="#ff0000"),                "\x1b[0;7mx\x1b[0m"),
    (Depth.PLAIN,   Style(fg="#ff0000", bold=True),     "x"),
    (Depth.TRUE,    Style(italic=True, underline=True, dim=True, reverse=True), "\x1b[0;2;3;4;7mx\x1b[0m"),
    (Depth.TRUE,    Style(),                            "x"),
]
# fmt: on


@pytest.mark.parametrize(("depth", "style", "text"), COLOURS)
def test_a_style_is_brought_down_to_what_there_is(depth, style, text):
    assert painted([(("x", "value"),)], _theme(value=style), depth) == [text]


def test_a_style_is_written_where_it_changes_only():
    row = (("a", "warn"), ("b", "warn"), ("c", "text"), ("d", "bad"))
    theme = _theme(warn=Style(fg="red"), bad=Style(bold=True))
    assert painted([row], theme, Depth.TRUE) == ["\x1b[0;31mab\x1b[0mc\x1b[0;1md\x1b[0m"]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("depth", list(Depth))
def test_without_its_escape_sequences_a_picture_is_the_plain_one(machine, utc, name, depth):
    rows = overview(machine.state(8), View(), (), 100, 30)
    lines = painted(rows, load(name), depth)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert [line.rstrip() for line in bare] == [plain(row).rstrip() for row in rows]
    assert {re.findall(r"\x1b\[[0-9;]*m", line)[-1] for line in lines if "\x1b" in line} <= {
        "\x1b[0m"
    }
    if depth is Depth.PLAIN:
        assert "\x1b" not in "".join(lines)
        assert lines == [line.rstrip() for line in lines]
