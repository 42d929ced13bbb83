"""Every command: its keys, its place in the footer and in the help. The only place for keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuimon.surfaces.frames.footer import Hint, places


@dataclass(frozen=True, slots=True)
class Command:
    """Something the user can do by a key. `name` is the app's action without `action_`."""

    name: str
    keys: str
    """Textual's names of keys, separated by commas; the first one is shown."""
    title: str
    help: str
    shown: str = ""
    """How the first key is written, where that is not its name."""
    footer: int = 0
    """Place in the bottom line, 0 = not there."""

    @property
    def key(self) -> str:
        """The first key as it is written."""
        first = self.keys.split(",", maxsplit=1)[0]
        return self.shown or (
            first.upper() if first.startswith("f") and first[1:].isdigit() else first
        )


# Adding a command is one row here and an action of that name in the app.
# fmt: off
COMMANDS: tuple[Command, ...] = (
    Command("help",               "f1,question_mark,h",   "Help",     "Show this page.", footer=1),
    Command("show_checks",        "D",                    "Checks",   "What was looked for on this machine, what was found, and what to do.", footer=6),
    Command("toggle_pause",       "Z",                    "Pause",    "Hold the picture; sampling goes on.", footer=2),
    Command("quit",               "q,f10,ctrl+c",         "Quit",     "Leave. Nothing is ever signalled by Ctrl-C.", footer=8),
    Command("sort_next",          "greater_than_sign",    "Sort",     "Sort by the next column.", shown=">", footer=3),
    Command("sort_previous",      "less_than_sign",       "Sort",     "Sort by the column before.", shown="<"),
    Command("invert",             "I",                    "Invert",   "Turn the order around.", footer=4),
    Command("sort('gmem')",       "G",                    "GPU mem",  "Sort by GPU memory."),
    Command("sort('sm')",         "B",                    "GPU use",  "Sort by use of the GPU."),
    Command("sort('cpu')",        "P",                    "CPU",      "Sort by CPU use."),
    Command("sort('memory')",     "M",                    "Memory",   "Sort by memory."),
    Command("sort('time')",       "T",                    "Time",     "Sort by CPU time."),
    Command("sort('pid')",        "N",                    "PID",      "Sort by process id."),
    Command("move(-1)",           "up,alt+k",             "Up",       "Move the cursor up.", shown="Up"),
    Command("move(1)",            "down,alt+j",           "Down",     "Move the cursor down.", shown="Down"),
    Command("page(-1)",           "pageup,ctrl+b",        "Page up",  "Move the cursor up by a page.", shown="PgUp"),
    Command("page(1)",            "pagedown,ctrl+f",      "Page down","Move the cursor down by a page.", shown="PgDn"),
    Command("edge(-1)",           "home,g",               "Top",      "Move the cursor to the first process.", shown="Home"),
    Command("edge(1)",            "end",                  "Bottom",   "Move the cursor to the last process.", shown="End"),
    Command("shift(-16)",         "left",                 "Left",     "Scroll command lines to the left.", shown="Left"),
    Command("shift(16)",          "right",                "Right",    "Scroll command lines to the right.", shown="Right"),
    Command("faster",             "plus",                 "Faster",   "Tick more often, down to 0.1 s.", shown="+", footer=5),
    Command("slower",             "minus",                "Slower",   "Tick less often, up to 60 s.", shown="-"),
    Command("redraw",             "ctrl+l",               "Redraw",   "Paint the whole screen anew.", shown="Ctrl-L"),
    Command("suspend_process",    "ctrl+z",               "Suspend",  "Back to the shell; `fg` returns.", shown="Ctrl-Z"),
)
PAGE_COMMANDS: tuple[Command, ...] = (
    Command("close",              "escape,q,f1,question_mark,h,D", "Back", "Go back to the overview.", shown="Esc", footer=1),
    Command("scroll(-1)",         "up,alt+k",             "Up",       "Scroll up.", shown="Up", footer=2),
    Command("scroll(1)",          "down,alt+j",           "Down",     "Scroll down.", shown="Down", footer=3),
    Command("scroll(-10)",        "pageup,ctrl+b",        "Page up",  "Scroll up by ten rows.", shown="PgUp"),
    Command("scroll(10)",         "pagedown,space,ctrl+f","Page down","Scroll down by ten rows.", shown="PgDn"),
    Command("app.redraw",         "ctrl+l",               "Redraw",   "Paint the whole screen anew.", shown="Ctrl-L"),
    Command("app.quit",           "f10,ctrl+c",           "Quit",     "Leave.", shown="F10", footer=4),
)
# fmt: on


def hints(commands: Sequence[Command]) -> list[Hint]:
    """Return what the bottom line says, in its order."""
    shown = sorted((one for one in commands if one.footer), key=lambda one: one.footer)
    return [(one.key, one.title) for one in shown]


def clicked(commands: Sequence[Command], column: int, width: int) -> str:
    """Return the name of the command whose key the bottom line shows there; empty for none."""
    key = next(
        (key for first, end, key in places(hints(commands), width) if first <= column < end), ""
    )
    return next((one.name for one in commands if one.footer and one.key == key), "")


def legend(commands: Sequence[Command]) -> list[tuple[str, str]]:
    """Return keys and what they do, for the help page."""
    names = {"question_mark": "?", "greater_than_sign": ">", "less_than_sign": "<", "f10": "F10"}
    rows: list[tuple[str, str]] = []
    for one in commands:
        others = [names.get(key, _written(key)) for key in one.keys.split(",")[1:]]
        rows.append((" ".join([one.key, *others]), one.help))
    return rows


def _written(key: str) -> str:
    """Return the name of a key as people write it."""
    for prefix, shown in (("ctrl+", "Ctrl-"), ("alt+", "Alt-")):
        if key.startswith(prefix):
            return shown + key.removeprefix(prefix).upper()
    return key
