"""A check: something that was looked for on this machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be there for a source to work, and whether it is."""

    name: str
    ok: bool
    text: str
    """What was found, in one sentence."""
    advice: str = ""
    """What to do when it is not there."""
