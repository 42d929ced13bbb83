"""Pages of text: help, and the checks that were made on this machine."""

from collections.abc import Sequence

from tuimon.model.check import Check
from tuimon.surfaces.frames.glyphs import ASCII, Glyphs
from tuimon.surfaces.frames.row import Line, Row, fitted
from tuimon.text import cut, width


def help_page(legends: Sequence[tuple[str, str]], size: int) -> list[Row]:
    """Return the help page: keys and what they do."""
    rows = [
        Line(size).put(" Keys", "title").row(),
        Line(size).row(),
    ]
    room = max((width(keys) for keys, _ in legends), default=0) + 2
    for keys, text in legends:
        rows += _wrapped([(f"  {keys}".ljust(room + 2), "key")], text, "text", room + 4, size)
    rows += [Line(size).row(), Line(size).put(" Marks for what is missing", "title").row()]
    rows.append(Line(size).row())
    for mark, text in MISSING:
        rows.append(Line(size).field(f"  {mark}", room + 4, "unknown").put(text).row())
    return rows


# fmt: off
MISSING: tuple[tuple[str, str], ...] = (
    ("…",    "not read yet, or a rate that lacks its second reading"),
    ("n/a",  "this device has no such thing"),
    ("perm", "not allowed for this user"),
    ("lost", "the device is gone"),
    ("late", "the device does not answer"),
    ("err",  "the device answered with an error; see the checks"),
    ("slp",  "the device sleeps and is not woken"),
    ("hid",  "outside of this container or pid namespace"),
    ("gone", "it ended between two readings"),
)
# fmt: on


def checks_page(
    checks: Sequence[Check], lanes: Sequence[tuple[str, str, str]], size: int
) -> list[Row]:
    """Return the page of checks, and of every lane how it is.

    Args:
        checks: What was looked for.
        lanes: Name, status and text of each lane.
        size: Width in cells.
    """
    rows = [Line(size).put(" What was looked for", "title").row(), Line(size).row()]
    if not checks:
        rows.append(Line(size).put("  looking…", "muted").row())
    for check in checks:
        mark, style = ("ok  ", "ok") if check.ok else ("no  ", "warn")
        rows += _wrapped([(f"  {mark}", style), (f"{check.name}  ", "value")], check.text, "text",
                         6, size)  # fmt: skip
        if not check.ok and check.advice:
            rows += _wrapped([("      do: ", "muted")], check.advice, "value", 10, size)
    rows += [Line(size).row(), Line(size).put(" Sources", "title").row(), Line(size).row()]
    for name, status, text in lanes:
        style = "ok" if status == "ok" else "warn"
        head = [(f"  {status:<8}", style), (f"{name}  ", "value")]
        rows += _wrapped(head, text, "text", 10, size)
    return rows


def scrolled_page(
    rows: Sequence[Row], top: int, size: int, height: int, glyphs: Glyphs = ASCII
) -> list[Row]:
    """Return the part of a page that is in view; its last row says if there is more below."""
    shown = fitted(rows[top : top + height], size, height)
    more = f" {glyphs.falling} more "
    if top + height < len(rows) and height > 1 and size >= 2 * len(more):
        line, room = Line(size), size - len(more)
        for text, style in shown[-1]:
            line.put(cut(text, room - (size - line.left)), style)
        shown[-1] = line.right([(more, "muted")]).row()
    return shown


def _wrapped(
    head: Sequence[tuple[str, str]], text: str, style: str, indent: int, size: int
) -> list[Row]:
    """Return *text* behind *head*, broken between words, later rows indented."""
    line = Line(size).extend(head)
    rows: list[Row] = []
    for word in text.split():
        if width(word) + 1 > line.left and line.left < size - indent:
            rows.append(line.row())
            line = Line(size).gap(indent)
        line.put(word + " ", style)
    return [*rows, line.row()]
