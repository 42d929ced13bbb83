"""Messages between the parts of the screen."""

from dataclasses import dataclass

from textual.message import Message

from tuimon.model.state import State


@dataclass
class Ticked(Message, bubble=False):
    """A new State is there. A newer one replaces it, so a slow screen skips and never lags."""

    state: State

    def can_replace(self, message: Message) -> bool:
        """See `Message.can_replace`."""
        return isinstance(message, Ticked)


@dataclass
class Clicked(Message):
    """A panel was clicked, or the wheel turned over it."""

    panel: str
    row: int
    column: int
    wheel: int = 0
    """Steps down, negative up; 0 = a click."""
