"""What the user looks at: the choices that drawing depends on, besides the State."""

import math
from dataclasses import dataclass, replace

from tuimon.surfaces.frames.glyphs import UNICODE, Glyphs


@dataclass(frozen=True, slots=True)
class View:
    """The state of the eyes, not of the machine. Changed by commands, read by drawing."""

    glyphs: Glyphs = UNICODE
    sort: str = "gmem"
    """Name of the process column that is sorted by."""
    ascending: bool = False
    """Smallest first; `I` inverts."""
    selected: str = ""
    """Id of the process the cursor is on; the first row while empty."""
    cursor: bool = True
    """Whether the cursor is drawn."""
    top: int = 0
    """Number of the first process row in view."""
    shift: int = 0
    """Cells by which command lines are scrolled to the left."""
    charts: bool = True
    """Whether charts of the past are drawn; a single picture has no past."""
    sent: float = math.nan
    """Bytes a second that are sent to the terminal; NaN where they are not counted."""
    paused: bool = False
    ended: bool = False
    """Whether the recording that is shown is over."""
    user: str = ""
    """Name of the user at the keyboard, whose processes are marked."""


def differ_in_table_only(one: View, other: View) -> bool:
    """Whether two views show everything alike but the process table."""
    table = ("sort", "ascending", "selected", "top", "shift")
    return replace(one, **{name: getattr(other, name) for name in table}) == other


DEFAULT = View()
