"""The bottom line: the keys that matter here, each with one word."""

from collections.abc import Sequence

from tuimon.surfaces.frames.row import Line, Row

Hint = tuple[str, str]
"""A key as it is written, and what it does in one word."""


def footer(hints: Sequence[Hint], size: int) -> Row:
    """Return the bottom line; hints that do not fit whole are left out."""
    line = Line(size)
    for key, title in hints:
        if not line.offer([(f" {key} ", "key"), (title, "footer")], 1, "footer"):
            break
    return line.gap(line.left, "footer").row("footer")


def places(hints: Sequence[Hint], size: int) -> list[tuple[int, int, str]]:
    """Return for each hint that `footer` draws: first cell, one past the last, its key."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for key, title in hints:
        first = at + 1 if found else at
        end = first + len(key) + 2 + len(title)
        if end > size:
            break
        found.append((first, end, key))
        at = end
    return found
