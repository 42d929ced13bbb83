"""Text from outside made safe to draw, and text cut to a number of cells.

Sources call `safe` once, where a string enters; drawing calls `fit`. Nothing else decides what may
reach the terminal.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

REPLACEMENT = "·"
# Characters that some terminals give another width than others: Hangul vowels and finals that join
# the syllable before them, hexagrams, trigrams and counting rods, which Unicode 16 widened, and the
# letters of flags, which are drawn alone or in pairs.
_DISPUTED = re.compile(
    "[\u1160-\u11ff\u2630-\u2637\u268a-\u268f\u3164\u4dc0-\u4dff\ud7b0-\ud7fb\uffa0"
    "\U0001d300-\U0001d376\U0001f1e6-\U0001f1ff]"
)
# Variation selectors, and skin tones, which join the emoji before them: the same without a loss.
_DROPPED = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_MARKS = 3
"""Most combining marks on one character; no script puts more there."""


def safe(text: str | bytes) -> str:
    """Return *text* without control, escape, bidi, format, surrogate or unassigned characters.

    Each one becomes a middle dot, so that a hostile name stays visibly odd. So does a character
    about whose width terminals disagree: it would shift all that stands behind it; and a combining
    mark behind three others, of which one cell could hold thousands. Bytes are read as UTF-8.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    text = _DISPUTED.sub(REPLACEMENT, _DROPPED.sub("", text))
    text = "".join(char if _drawable(char) else REPLACEMENT for char in text)
    return text if all(map(cells, text)) else _thinned(text)


def _thinned(text: str) -> str:
    """Return *text* with at most `_MARKS` combining marks in a row."""
    found: list[str] = []
    marks = 0
    for char in text:
        marks = 0 if cells(char) else marks + 1
        found.append(char if marks <= _MARKS else REPLACEMENT)
    return "".join(found)


@lru_cache(maxsize=4096)
def _drawable(char: str) -> bool:
    """Return whether every terminal draws a character, and in one width.

    `isprintable` is false for Cc, Cf, Cs, Co, Cn, Zl, Zp and spaces but U+0020; combining marks
    with a width of their own (Mc) get it from some terminals only.
    """
    return char.isprintable() and unicodedata.category(char) != "Mc"


@lru_cache(maxsize=4096)
def cells(char: str) -> int:
    """Return how many cells the terminal gives to one character: 0, 1 or 2."""
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def width(text: str) -> int:
    """Return the width of *text* in cells."""
    return len(text) if text.isascii() else sum(map(cells, text))


def cut(text: str, size: int) -> str:
    """Return the longest head of *text* that is at most *size* cells wide."""
    if text.isascii():
        return text[: max(size, 0)]
    taken = 0
    for position, char in enumerate(text):
        taken += cells(char)
        if taken > size:
            return text[:position]
    return text


def fit(text: str, size: int, *, right: bool = False) -> str:
    """Return *text* exactly *size* cells wide: cut with an ellipsis or padded.

    Args:
        text: Safe text.
        size: Width in cells, 0 or more.
        right: Pad on the left, as numbers are.
    """
    if len(cut(text, size)) < len(text):  # not by its width: a name may be a megabyte long
        text = cut(text, size - 1) + "…" if size > 0 else ""
    pad = " " * (size - width(text))
    return pad + text if right else text + pad


def nearest(name: str, known: Sequence[str]) -> str:
    """Return "did you mean 'x'?" for the known name that is most like *name*, if one is."""
    from difflib import get_close_matches  # only when something is misspelt

    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else ""
