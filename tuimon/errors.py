"""Every deliberate error, and the typed reasons for a missing value.

TuimonError            one sentence for the user
├── UsageError         the command line or a setting is wrong: exit code 2
├── RecordingError     a recording cannot be read or written
├── ThemeError         a theme file cannot be used
└── ReadError          a reading failed, for a `Reason`
    └── SourceLost     every reader of the source is void: open the source again
"""

from enum import IntEnum


class Reason(IntEnum):
    """Why a value is missing; `KNOWN` when it is not. Recordings hold the numbers, so they stay."""

    KNOWN = 0
    NOT_YET = 1
    """Nothing was read so far, or a rate still lacks its second reading."""
    NOT_SUPPORTED = 2
    """This device has no such thing; remembered until the next inventory."""
    NO_PERMISSION = 3
    DEVICE_LOST = 4
    TIMEOUT = 5
    """The device did not answer within its deadline."""
    FAILED = 6
    """The device answered with an error of its own; health holds its words."""
    ASLEEP = 7
    """The device is suspended and would be woken by asking."""
    HIDDEN = 8
    """It exists outside of the namespace we can see, as a process of another container."""
    GONE = 9
    """The entity ended between two readings."""

    @property
    def label(self) -> str:
        """The reason as exports name it, for example `NotSupported`."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def mark(self) -> str:
        """The reason in at most four cells, for tables."""
        return MARKS[self]


# fmt: off
MARKS: dict[Reason, str] = {
    Reason.KNOWN:         "",
    Reason.NOT_YET:       "…",
    Reason.NOT_SUPPORTED: "n/a",
    Reason.NO_PERMISSION: "perm",
    Reason.DEVICE_LOST:   "lost",
    Reason.TIMEOUT:       "late",
    Reason.FAILED:        "err",
    Reason.ASLEEP:        "slp",
    Reason.HIDDEN:        "hid",
    Reason.GONE:          "gone",
}
# fmt: on


class TuimonError(Exception):
    """What went wrong, to what, and what to do, in one sentence for the user."""


class UsageError(TuimonError):
    """The command line or a setting is wrong."""


class RecordingError(TuimonError):
    """A recording cannot be read or written."""


class ThemeError(TuimonError):
    """A theme file cannot be used."""


class ReadError(TuimonError):
    """A reading failed; `reason` says how the missing cells are marked."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or reason.label)
        self.reason = reason


class SourceLost(ReadError):  # noqa: N818 -- the condition is the name
    """The whole source must be opened again, as after a driver reload."""
