"""Theme files: every one that comes along, and what is said of wrong ones."""

import os
import re

import pytest

from tuimon.errors import ThemeError, UsageError
from tuimon.surfaces import themes
from tuimon.surfaces.frames.glyphs import ASCII, UNICODE
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.page import checks_page, help_page
from tuimon.surfaces.frames.splash import splash
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.themes import ANSI, STYLES, Style, load, names, parsed
from tuimon.surfaces.tui.keys import COMMANDS, hints, legend

ALL = names()


def test_there_are_themes():
    assert {"tuimon", "terminal", "monochrome"} <= set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_theme_loads_and_has_every_style(name):
    theme = load(name)
    assert theme.title
    assert set(theme.styles) == set(STYLES)
    for style in theme.styles.values():
        for colour in (style.fg, style.bg):
            assert not colour or colour in ANSI or re.fullmatch("#[0-9a-fA-F]{6}", colour)


@pytest.mark.parametrize("name", ALL)
def test_in_every_theme_what_matters_stands_out(name):
    theme = load(name)
    assert theme["selected"] != theme["text"]
    assert theme["bad"] not in {theme["value"], theme["text"], theme["warn"]}
    assert theme["key"] != theme["footer"]
    assert theme["sorted"] != theme["heading"]
    assert theme["unknown"] != theme["value"]


@pytest.mark.parametrize("name", ALL)
def test_without_colours_what_matters_still_stands_out(name):
    theme = load(name).monochrome()
    assert not any(style.fg or style.bg for style in theme.styles.values())
    assert theme["selected"].reverse
    assert theme["warn"].bold
    assert theme["bad"].bold
    assert theme["bad"] != theme["value"]


def test_every_style_that_is_drawn_with_exists(machine):
    drawn = set()
    for glyphs in (UNICODE, ASCII):
        for width, height in ((60, 14), (80, 24), (160, 48)):
            for count in (1, 8):
                view = View(glyphs=glyphs, paused=True, user="alice")
                rows = overview(machine.state(count), view, hints(COMMANDS), width, height)
                drawn |= {style for row in rows for _, style in row}
    rows = [*help_page(legend(COMMANDS), 80), *checks_page([], [("a", "failed", "b")], 80)]
    rows += [*splash("a", (), UNICODE, 0.0, 80, 24), *overview(machine.state(1), View(), (), 9, 9)]
    drawn |= {style for row in rows for _, style in row}
    assert drawn <= set(STYLES)
    assert {"gpu", "cpu", "memory", "power", "selected", "sorted", "mine"} <= drawn


def test_a_style_that_a_theme_leaves_out_is_that_of_its_parent():
    theme = parsed("x", {"styles": {"warn": "red", "text": {"dim": True}}})
    assert theme["bad"] == Style(fg="red")
    assert theme["kernel"] == Style(dim=True)


def test_parents_stand_before_their_children():
    known = {""}
    for style, parent in STYLES.items():
        assert parent in known
        known.add(style)


# A row: a file, and what its error must name besides the theme.
# fmt: off
WRONG = [
    ("styles = 3",                                       ["styles"]),
    ("palette = 3",                                      ["palette"]),
    ("colour = 'red'",                                   ["colour"]),
    ("[styles]\nwarm = 'red'",                           ["'warm'", "did you mean 'warn'?"]),
    ("[styles]\nwarn = 'rde'",                           ["'rde'", "did you mean 'red'?"]),
    ("[styles]\nwarn = '#12345'",                        ["'#12345'"]),
    ("[styles]\nwarn = '#12345g'",                       ["'#12345g'"]),
    ("[styles]\nwarn = 7",                               ["'warn'"]),
    ("[styles]\nwarn = { fg = 7 }",                      ["'warn'", "fg"]),
    ("[styles]\nwarn = { bold = 'yes' }",                ["'warn'", "bold"]),
    ("[styles]\nwarn = { bald = true }",                 ["'bald'", "did you mean 'bold'?"]),
    ("[palette]\nink = 5\n[styles]\nwarn = 'ink'",       ["'ink'"]),
    ("[palette]\nink = 'inky'\n[styles]\nwarn = 'ink'",  ["'ink'"]),
    ("[palette]\ngreen = '#00ff00'\n[styles]\nwarn = 'gren'", ["'gren'", "did you mean 'green'?"]),
    ("[styles",                                          ["table declaration"]),
    ("title = 5",                                        []),
]
# fmt: on


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text for text, _ in WRONG])
def test_an_error_names_the_theme_and_the_entry(tmp_path, text, told):
    (tmp_path / "mine.toml").write_text(text)
    if not told:
        assert load("mine", tmp_path).title == "5"
        return
    with pytest.raises(ThemeError) as caught:
        load("mine", tmp_path)
    sentence = str(caught.value)
    assert "mine" in sentence
    assert "\n" not in sentence
    for part in told:
        assert part in sentence


def test_a_theme_that_is_not_utf8_is_an_error(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(ThemeError, match="mine"):
        load("mine", tmp_path)


@pytest.mark.parametrize("text", ["x = " + "[" * 9000, "x = " + "9" * 5000], ids=["deep", "long"])
def test_a_theme_that_python_cannot_hold_is_an_error(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ThemeError, match="mine"):
        load("mine", tmp_path)


def test_the_title_of_a_theme_is_made_safe():
    assert parsed("x", {"title": "a\x1b[2Jb"}).title == "a·[2Jb"


def test_what_is_no_file_is_no_theme(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "mine.toml").write_text("")
    assert names(tmp_path) == ["mine"]
    with pytest.raises(UsageError, match="no theme called 'pipe'"):
        load("pipe", tmp_path)


def test_a_misspelt_theme_is_told_its_nearest():
    with pytest.raises(UsageError, match="did you mean 'monochrome'"):
        load("monocrome")
    with pytest.raises(UsageError, match=r"there are: .*tuimon"):
        load("zzz")


def test_themes_lie_in_the_package_or_beside_it(tmp_path, monkeypatch):
    assert (themes.folder() / "tuimon.toml").is_file()
    monkeypatch.setattr(themes, "__file__", str(tmp_path / "tuimon" / "surfaces" / "themes.py"))
    assert themes.folder() == tmp_path / "themes"
    (tmp_path / "tuimon" / "themes").mkdir(parents=True)
    assert themes.folder() == tmp_path / "tuimon" / "themes"


@pytest.mark.parametrize("name", sorted(set(ALL) - {"monochrome"}))
def test_no_bar_has_the_colour_of_an_alarm(name):
    theme = load(name)
    for style in ("gpu", "memory", "power", "cpu", "network"):
        assert theme[style].fg not in {theme["warn"].fg, theme["bad"].fg}, style
