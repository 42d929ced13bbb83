"""Themes: TOML files with the colours of every style name; one style table for all surfaces."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tuimon.errors import ThemeError, UsageError
from tuimon.text import nearest, safe

# What there is to style, and what it falls back to where a theme says nothing of it.
# fmt: off
STYLES: Mapping[str, str] = {
    "text":     "",         # everything else
    "muted":    "text",     # labels and what matters less
    "title":    "text",     # names of panels
    "border":   "muted",    # frames around them
    "value":    "text",     # numbers
    "unknown":  "muted",    # the reason where there is no number
    "ok":       "value",    # as it should be
    "warn":     "value",    # worth a look
    "bad":      "warn",     # act now
    "track":    "muted",    # the empty part of a bar
    "gpu":      "value",    # bars and charts of GPU use
    "memory":   "value",    # ... of memory
    "power":    "value",    # ... of power
    "cpu":      "value",    # ... of processors
    "network":  "value",    # ... of links and disks
    "header":   "text",     # the top line
    "brand":    "header",   # our name in it
    "footer":   "text",     # the bottom line
    "key":      "footer",   # keys in it
    "heading":  "title",    # heads of columns
    "sorted":   "heading",  # the head of the sorted column
    "selected": "text",     # the row the cursor is on
    "mine":     "text",     # processes of the user
    "kernel":   "muted",    # kernel threads
}
# fmt: on
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# The colours of every terminal, by the names that themes use.
ANSI = (
    *("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"),
    *("bright_black", "bright_red", "bright_green", "bright_yellow"),
    *("bright_blue", "bright_magenta", "bright_cyan", "bright_white"),
)


@dataclass(frozen=True, slots=True)
class Style:
    """Colours and attributes of one style name."""

    fg: str = ""
    """`#rrggbb`, a name of `ANSI`, or empty for the terminal's own."""
    bg: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Theme:
    """A style for every name of `STYLES`."""

    name: str
    title: str
    styles: Mapping[str, Style]

    def __getitem__(self, style: str) -> Style:
        return self.styles[style]

    def monochrome(self) -> "Theme":
        """Return this theme without colours, for NO_COLOR: what had a ground is reversed."""
        styles = {
            name: replace(style, fg="", bg="", reverse=style.reverse or bool(style.bg))
            for name, style in self.styles.items()
        }
        for name in ("warn", "bad"):
            styles[name] = replace(styles[name], bold=True)
        return replace(self, styles=styles)


def folder() -> Path:
    """Return where the themes lie: in the package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    packed = package / "themes"
    return packed if packed.is_dir() else package.parent / "themes"


def names(where: Path | None = None) -> list[str]:
    """Return the names of all themes, sorted."""
    return sorted(path.stem for path in (where or folder()).glob("*.toml") if path.is_file())


def load(name: str, where: Path | None = None) -> Theme:
    """Return the theme called *name*.

    Raises:
        UsageError: There is none.
        ThemeError: Its file is wrong; the sentence says where.
    """
    known = names(where)
    if name not in known:
        hint = nearest(name, known) or f"there are: {', '.join(known)}"
        raise UsageError(f"no theme called {name!r}; {hint}")
    path = (where or folder()) / f"{name}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ThemeError(f"theme {name}: it is nested too deeply") from error
    except (ValueError, OSError) as error:  # int() refuses thousands of digits with a ValueError
        raise ThemeError(f"theme {name}: {error}") from error
    return parsed(name, content)


def parsed(name: str, content: Mapping[str, Any]) -> Theme:
    """Return the theme that a TOML document describes.

    Raises:
        ThemeError: It names what does not exist, or a colour that is none.
    """
    for key in content:
        _known(name, "entry", key, ("title", "palette", "styles"))
    palette = _table(name, "palette", content)
    given: dict[str, Style] = {}
    for style, entry in _table(name, "styles", content).items():
        _known(name, "style", style, STYLES)
        given[style] = _style(name, style, entry, palette)
    styles: dict[str, Style] = {}
    for style, parent in STYLES.items():  # parents stand before their children
        styles[style] = given.get(style) or styles.get(parent, Style())
    return Theme(name, safe(str(content.get("title", name))), styles)


def _table(theme: str, key: str, content: Mapping[str, Any]) -> Mapping[str, object]:
    entry = content.get(key, {})
    if not isinstance(entry, dict):
        raise ThemeError(f"theme {theme}: {key} is no table, but {entry!r}")
    return entry


def _style(theme: str, name: str, entry: object, palette: Mapping[str, object]) -> Style:
    if isinstance(entry, str):
        entry = {"fg": entry}
    if not isinstance(entry, dict):
        raise ThemeError(f"theme {theme}: style {name!r} is neither a colour nor a table")
    for key, value in entry.items():
        _known(theme, f"part of style {name!r}", key, [field.name for field in fields(Style)])
        if key in {"fg", "bg"} and not isinstance(value, str):
            raise ThemeError(f"theme {theme}: {key} of {name!r} is no colour: {value!r}")
        if key not in {"fg", "bg"} and not isinstance(value, bool):
            raise ThemeError(f"theme {theme}: {key} of {name!r} is true or false, not {value!r}")
    colours = {key: _colour(theme, entry[key], palette) for key in ("fg", "bg") if key in entry}
    return Style(**{**entry, **colours})


def _colour(theme: str, text: str, palette: Mapping[str, object]) -> str:
    colour = palette.get(text, text)
    if isinstance(colour, str) and (not colour or colour in ANSI or _HEX.fullmatch(colour)):
        return colour
    _known(theme, "colour", text, [*palette, *ANSI])
    raise ThemeError(f"theme {theme}: {text!r} is {colour!r}, which is no colour like #1e90ff")


def _known(theme: str, what: str, name: str, known: Any) -> None:  # noqa: ANN401 -- any collection
    if name not in known:
        hint = nearest(name, list(known))
        tail = f"; {hint}" if hint else ""
        raise ThemeError(f"theme {theme}: no {what} called {name!r}{tail}")
